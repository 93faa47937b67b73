"""Where a run keeps its things on this machine until a server has them.

    <root>/steelyard/run-20260131_095959-3kf0a9zq/
      run.json            who the run is; makes it a run folder, never changed, no secrets
      journal/            what the processes wrote: `reader.py` reads it, `writer.py` writes it
      files/              files of the run, `run.dir`
      files.jsonl         which files to upload, one JSON object per line
      status.json         what the sender did last
      logs/sender.log
      lock                held by whoever uploads this folder

The sender imports this module in a process of its own that starts without msgspec, so nothing
here is heavier than `json`, and that only where it is used.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from steelyard.errors import Invalid, NotFound
from steelyard.limits import RUN_FOLDER_NAMES_TRIED_MAX
from steelyard.sdk.sender.process import describe_start

#: Version of `run.json`.
VERSION = 1

BASE_NAME = "steelyard"
_UNSAFE_CHARS = frozenset('/\\#?%:*"<>|\0')


class RunFolder:
    """The paths of one run folder. Knows names only; nothing is read or made."""

    __slots__ = ("path",)

    def __init__(self, path: Path) -> None:
        self.path: Path = path

    def __repr__(self) -> str:
        return f"RunFolder({str(self.path)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RunFolder) and other.path == self.path

    def __hash__(self) -> int:
        return hash(self.path)

    @property
    def run_json(self) -> Path:
        return self.path / "run.json"

    @property
    def journal_dir(self) -> Path:
        return self.path / "journal"

    @property
    def files_dir(self) -> Path:
        return self.path / "files"

    @property
    def files_list(self) -> Path:
        return self.path / "files.jsonl"

    @property
    def status_path(self) -> Path:
        return self.path / "status.json"

    @property
    def lock_path(self) -> Path:
        return self.path / "lock"

    @property
    def logs_dir(self) -> Path:
        return self.path / "logs"

    @property
    def sender_log(self) -> Path:
        return self.logs_dir / "sender.log"

    def ack_path(self, writer: str) -> Path:
        return self.journal_dir / f"{writer}.ack"


def make_writer_name() -> str:
    """Twelve characters of [a-z0-9], at random: enough that no two writers of a run meet."""
    alphabet = "abcdefghijklmnopqrstuvwxyz0123456789"
    # 256 is no multiple of 36; the small preference for the first letters does not matter here.
    return "".join(alphabet[byte % 36] for byte in os.urandom(12))


def base_folder(root: Path) -> Path:
    """Where the run folders of a root directory are."""
    return root / BASE_NAME


def create_run_folder(
    root: Path,
    *,
    run: str,
    entity: str | None,
    project: str,
    base_url: str | None,
    mode: str,
    writer: str,
    started_at_us: int,
    program: str | None = None,
    warn: Callable[[str], None] | None = None,
) -> RunFolder:
    """Make the folder of a run, with `run.json` in it; no other process has the same one.

    Where `root` takes no folder, it is made below the machine's temporary directory, and `warn`
    is told. Raises Invalid for a run id that is no file name; OSError when nothing can be written.
    """
    if not run or run.startswith(".") or _UNSAFE_CHARS.intersection(run):
        raise Invalid(
            f"the run id {run!r} is no file name; use letters, digits, '-', '_' and '.', "
            "or leave the id out to get one"
        )
    now = time.localtime(started_at_us // 1_000_000)
    kind = "offline-run" if mode == "offline" else "run"
    name = f"{kind}-{time.strftime('%Y%m%d_%H%M%S', now)}-{run}"
    facts = {
        "version": VERSION,
        "run": run,
        "entity": entity,
        "project": project,
        "base_url": base_url,
        "mode": mode,
        "writer": writer,
        "pid": os.getpid(),
        "pid_started": describe_start(os.getpid()),
        "started_at_us": started_at_us,
        "program": program,
    }
    folder = _make_folder(root, name, facts, warn)
    _point_latest_at(folder)
    return folder


def _make_folder(
    root: Path, name: str, facts: dict[str, Any], warn: Callable[[str], None] | None
) -> RunFolder:
    try:
        base = base_folder(root)
        base.mkdir(parents=True, exist_ok=True)
        return _fill(_make_exclusively(base, name), facts)
    except OSError as problem:
        base = _fallback_base()
        folder = _fill(_make_exclusively(base, name), facts)
        if warn is not None:
            reason = problem.strerror or str(problem)
            warn(
                f"cannot write to {base_folder(root)} ({reason}), so this run is kept in {base}; "
                "set WANDB_DIR to choose another directory"
            )
        return folder


def _fill(folder: RunFolder, facts: dict[str, Any]) -> RunFolder:
    """Put in what a run folder begins with, or remove it. Raises OSError: a full disk takes the
    name of a folder, and nothing in it."""
    try:
        for path in (folder.journal_dir, folder.files_dir, folder.logs_dir):
            path.mkdir()
        write_json(folder.run_json, facts)
    except OSError:
        import shutil

        shutil.rmtree(folder.path, ignore_errors=True)
        raise
    return folder


def _make_exclusively(base: Path, name: str) -> RunFolder:
    """The folder `name`, or `name-2` and so on where somebody was first."""
    for count in range(1, RUN_FOLDER_NAMES_TRIED_MAX + 1):
        path = base / (name if count == 1 else f"{name}-{count}")
        try:
            path.mkdir(mode=0o700)
        except FileExistsError:
            continue
        return RunFolder(path)
    raise FileExistsError(errno.EEXIST, "too many run folders of that name", str(base / name))


def _fallback_base() -> Path:
    """`$TMPDIR/steelyard-<uid>`, if it is ours alone; else a new directory nobody else can know."""
    import tempfile

    path = Path(tempfile.gettempdir()) / f"steelyard-{_user()}"
    try:
        path.mkdir(mode=0o700, exist_ok=True)
        found = path.lstat()
        # Anybody may have made a directory of that name in /tmp, or a link to somewhere else.
        is_ours = not path.is_symlink() and (os.name == "nt" or found.st_uid == os.getuid())
        if is_ours and os.access(path, os.W_OK) and not found.st_mode & 0o022:
            return path
    except OSError:
        pass
    return Path(tempfile.mkdtemp(prefix=f"steelyard-{_user()}-"))


def _user() -> str:
    return str(os.getuid()) if hasattr(os, "getuid") else "user"


def _point_latest_at(folder: RunFolder) -> None:
    """`latest-run` is for people; a file system without links goes without it."""
    link = folder.path.parent / "latest-run"
    temporary = folder.path.parent / f".latest-{os.getpid()}-{make_writer_name()}"
    try:
        temporary.symlink_to(folder.path.name)
        temporary.replace(link)
    except OSError:
        return


def find_run_folders(path: Path) -> list[RunFolder]:
    """The run folders at `path`, oldest first by name.

    `path` is a run folder itself, or holds run folders, or holds a `steelyard` that does. A folder
    without `run.json` is one whose process died while it made it: there is nothing in it yet.
    """
    if (path / "run.json").is_file():
        return [RunFolder(path)]
    for base in (path, base_folder(path)):
        found = []
        try:
            with os.scandir(base) as entries:
                found = [
                    RunFolder(base / entry.name)
                    for entry in entries
                    if entry.name.startswith(("run-", "offline-run-"))
                    and (base / entry.name / "run.json").is_file()
                ]
        except (FileNotFoundError, NotADirectoryError):
            continue
        if found:
            return sorted(found, key=_by_time)
    return []


def _by_time(folder: RunFolder) -> str:
    return folder.path.name.removeprefix("offline-")


def read_run_json(folder: RunFolder) -> dict[str, Any]:
    """What `run.json` says. Raises NotFound where there is none, Invalid where it is no such."""
    import json

    try:
        text = folder.run_json.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotFound(f"{folder.path} is no run folder: it has no run.json") from None
    try:
        facts = json.loads(text)
        if not (isinstance(facts, dict) and isinstance(facts["run"], str)):
            raise TypeError
        if facts["version"] > VERSION:
            raise Invalid(
                f"{folder.path} was written by a newer Steelyard; upgrade: pip install -U steelyard"
            )
    except Invalid:
        raise
    except (ValueError, KeyError, TypeError):
        raise Invalid(f"{folder.run_json} is damaged: {text[:100]!r}") from None
    return facts


def write_atomically(path: Path, content: bytes) -> None:
    """Replace the file: a reader sees the old content or the new, never a part."""
    temporary = path.with_name(f".{path.name}-{os.getpid()}-{make_writer_name()}")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_json(path: Path, value: Any) -> None:
    """`write_atomically` of JSON."""
    import json

    write_atomically(path, json.dumps(value).encode())


def read_ack(folder: RunFolder, writer: str, base_url: str | None) -> int:
    """Bytes of the journal that server acknowledged, as far as this machine remembers; 0 if not."""
    import json

    try:
        kept = json.loads(folder.ack_path(writer).read_bytes())
        count = kept["acknowledged"] if kept["base_url"] == base_url else 0
        return count if isinstance(count, int) and count > 0 else 0
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def write_ack(folder: RunFolder, writer: str, base_url: str | None, acknowledged: int) -> None:
    """Remember what the server acknowledged. A cache: the server knows better."""
    write_json(folder.ack_path(writer), {"base_url": base_url, "acknowledged": acknowledged})


def append_to_files_list(folder: RunFolder, path: str, *, source: str | None, policy: str) -> None:
    """Ask for the upload of a file of the run: one line, in one write.

    `path` is the name in the run, relative to `files/`; `source` an absolute path elsewhere;
    `policy` is "now", "live" or "end".
    """
    import json

    line = json.dumps({"path": path, "source": source, "policy": policy}) + "\n"
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)
    file = os.open(folder.files_list, flags, 0o600)
    try:
        os.write(file, line.encode())
    finally:
        os.close(file)
