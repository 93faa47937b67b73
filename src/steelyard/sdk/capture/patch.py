"""`diff.patch`: what was changed since the commit, bounded, and so that `git apply` takes it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator

from steelyard import limits
from steelyard.sdk.capture import git_commands
from steelyard.sdk.capture.git import WorkTree

TYPE_CHECKING = False  # as in `typing`, which costs milliseconds to load
if TYPE_CHECKING:
    from typing import BinaryIO

NAMES_SHOWN_MAX = 200
SECTION_STARTS = (b"diff --git ", b"Submodule ")  # no line within a change begins like this


def write_patch(tree: WorkTree, target: str | os.PathLike[str]) -> bool:
    """Write the changes of tracked files to `target`; False, and no file, if there are none.

    Changes of binary files and those beyond DIFF_FILE_BYTES_MAX or DIFF_BYTES_MAX are left out
    and named in a comment at the top. Raises OSError.
    """
    body_file = f"{os.fspath(target)}.part"
    left_out: list[str] = []
    written = 0
    diff = git_commands.start_diff(tree)
    try:
        with open(body_file, "wb") as body:
            with diff as output:
                last = b""
                for name, section in _split_sections(output, left_out):
                    if written + len(section) > limits.DIFF_BYTES_MAX:
                        left_out.append(f"{name} (the patch would be too large)")
                        continue
                    # One section is held back: the last one of a killed git is cut off.
                    written += body.write(last)
                    last = section
            if diff.is_whole:
                written += body.write(last)
            elif last or left_out:
                left_out.append("more files (git took too long, or was stopped)")
        if not written and not left_out:
            return False
        with open(target, "wb") as file, open(body_file, "rb") as body:
            file.writelines(_notes(left_out))
            shutil.copyfileobj(body, file)
        return True
    finally:
        if os.path.exists(body_file):
            os.unlink(body_file)


def _split_sections(output: BinaryIO, left_out: list[str]) -> Iterator[tuple[str, bytes]]:
    """(name, text) of each file's changes that are worth storing; the others' names are noted."""
    kept: list[bytes] | None = None
    name, size, read = "", 0, 0
    is_line_start = True
    while line := output.readline(limits.DIFF_FILE_BYTES_MAX):
        read += len(line)
        if is_line_start and line.startswith(SECTION_STARTS):
            if kept:
                yield name, b"".join(kept)
            kept, size, name = [], 0, _name_section(line)
        is_line_start = line.endswith(b"\n")
        if read > limits.DIFF_BYTES_READ_MAX:
            kept = None
            left_out.append(f"{name} and what follows (git says too much)")
            break
        if kept is None:
            continue
        size += len(line)
        is_binary = line.startswith(b"Binary files ")
        if is_binary or size > limits.DIFF_FILE_BYTES_MAX:
            left_out.append(f"{name} ({'binary' if is_binary else 'its changes are too large'})")
            kept = None
        else:
            kept.append(line)
    if kept:
        yield name, b"".join(kept)


def _name_section(line: bytes) -> str:
    """`diff --git a/NAME b/NAME` → NAME; with two different names, both."""
    text = line.decode("utf-8", "replace").strip().removeprefix("diff --git ")
    half = len(text) // 2
    old, new = text[:half], text[half + 1 :]
    return new[2:] if old[2:] == new[2:] else text


def _notes(left_out: Iterable[str]) -> Iterator[bytes]:
    names = list(left_out)
    if names:
        yield b"# Not in this patch:\n"
    for name in names[:NAMES_SHOWN_MAX]:
        yield f"#   {name}\n".encode()
    if len(names) > NAMES_SHOWN_MAX:
        yield f"#   and {len(names) - NAMES_SHOWN_MAX} more\n".encode()
