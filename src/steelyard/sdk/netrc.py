"""API keys in the netrc file, beside those of other tools, whose bytes are left as they are.

The standard library's reader gives up at one malformed entry of somebody else, and cannot write.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from steelyard.errors import UsageError
from steelyard.sdk.settings_files import find_home

# A word, a quoted word, or a comment. A quote that is never closed is part of a plain word.
TOKEN = re.compile(r'"(?:[^"\\\n]|\\.)*"(?=\s|$)|#[^\n]*|\S+')
MACRO_END = re.compile(r"\n[ \t]*\n|\Z")
USER = "user"


class Entry:
    """One `machine` of a netrc file: where it stands in the text, and its key."""

    __slots__ = ("begin", "end", "machine", "password")

    def __init__(self, machine: str, begin: int, end: int) -> None:
        self.machine: str = machine
        self.begin: int = begin
        self.end: int = end
        self.password: str | None = None


def netrc_path(environ: Mapping[str, str], named: str | None = None) -> Path | None:
    """The netrc file that is used, which need not exist; None for a user without home."""
    if named := named or environ.get("NETRC"):
        return Path(named).expanduser()
    home = find_home(environ)
    if home is None:
        return None
    on_windows = home / "_netrc"
    if on_windows.exists() and not (home / ".netrc").exists():
        return on_windows
    return on_windows if sys.platform == "win32" else home / ".netrc"


def read_netrc_key(path: Path, machine: str) -> str | None:
    """The API key of that machine (host, with its port if one is named); None without one."""
    try:
        text = path.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return None
    found = None
    for entry in parse_entries(text):
        if entry.machine == machine and entry.password:
            found = entry.password  # the last one, as the standard library has it
    return found


def write_netrc_key(path: Path, machine: str, key: str) -> None:
    """Keep the key of that machine; its older entries go, all others stay byte by byte.

    The file is replaced in one step and readable by its owner only.
    """
    _rewrite(path, machine, f"machine {machine}\n  login {USER}\n  password {key}\n")


def remove_netrc_key(path: Path, machine: str) -> bool:
    """Forget the key of that machine; whether there was one."""
    return path.exists() and _rewrite(path, machine, "")


def parse_entries(text: str) -> Iterator[Entry]:
    """The machines of a netrc file. What makes no sense belongs to the entry it stands in."""
    entry: Entry | None = None
    at = 0
    while match := TOKEN.search(text, at):
        word, at = match[0], match.end()
        if word.startswith("#") and _is_first_of_line(text, match.start()):
            continue
        if word not in ("machine", "default", "macdef"):
            if entry is not None:
                at = _read_pair(text, match, entry)
            continue
        if entry is not None:
            yield entry
            entry = None
        if word == "macdef":
            # Runs to an empty line, whatever it holds.
            end = MACRO_END.search(text, at)
            at = end.end() if end else len(text)
        elif word == "machine" and (name := TOKEN.search(text, at)):
            entry = Entry(_unquote(name[0]), match.start(), name.end())
            at = name.end()
    if entry is not None:
        yield entry


def _read_pair(text: str, name: re.Match[str], entry: Entry) -> int:
    """Take `login X`, `password X` or `account X` into the entry; where reading goes on."""
    if name[0] not in ("login", "user", "account", "password"):
        return name.end()
    value = TOKEN.search(text, name.end())
    if value is None:
        return name.end()
    if name[0] == "password":
        entry.password = _unquote(value[0])
    entry.end = value.end()
    return value.end()


def _is_first_of_line(text: str, at: int) -> bool:
    return not text[text.rfind("\n", 0, at) + 1 : at].strip()


def _unquote(word: str) -> str:
    if len(word) >= 2 and word[0] == word[-1] == '"':
        return re.sub(r"\\(.)", r"\1", word[1:-1])
    return word


def _rewrite(path: Path, machine: str, block: str) -> bool:
    """Put `block` where that machine has entries, else at the end; whether it had any."""
    try:
        target = path.resolve()  # a link to a file elsewhere stays a link
        raw = target.read_bytes() if target.exists() else b""
        text = raw.decode("utf-8", "surrogateescape")
        mine = [entry for entry in parse_entries(text) if entry.machine == machine]
        changed = _splice(text, mine, block)
        if block and not any(entry.machine == machine for entry in parse_entries(changed)):
            changed = block + text  # the end of the file swallows what comes after it
        _replace(target, changed.encode("utf-8", "surrogateescape"))
    except OSError as error:
        raise UsageError(
            f"cannot write the API key to {path} ({error.strerror}); set WANDB_API_KEY instead, "
            "or name another file in NETRC"
        ) from error
    return bool(mine)


def _splice(text: str, mine: list[Entry], block: str) -> str:
    parts = []
    at = 0
    for number, entry in enumerate(mine):
        parts.append(text[at : entry.begin])
        end = entry.end
        if text[end : end + 2] == "\r\n":
            end += 2
        elif text[end : end + 1] == "\n":
            end += 1
        if number == 0:
            parts.append(block)
        at = end
    parts.append(text[at:])
    joined = "".join(parts)
    if mine or not block:
        return joined
    return joined + ("\n" if joined and not joined.endswith("\n") else "") + block


def _replace(path: Path, content: bytes) -> None:
    # A home directory that is not there is not made: in containers it is often a wrong name.
    temporary = path.with_name(f".{path.name}-{os.getpid()}")
    with contextlib.suppress(FileNotFoundError):
        temporary.unlink()
    file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(file, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(file)
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
