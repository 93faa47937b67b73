"""Where the files of media are: a directory of this process, a run, an artifact."""

from __future__ import annotations

import atexit
import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from steelyard.errors import Invalid, NoSuchFile, WrongType
from steelyard.limits import FILE_PATH_BYTES_MAX, MEDIA_NAME_BYTES_MAX
from steelyard.sdk.journal.folder import append_to_files_list, make_writer_name

if TYPE_CHECKING:
    from steelyard.sdk.run import Run

_REFERENCE: Final = re.compile(r"(gs|s3|https?)://")


class EntryLike(Protocol):
    """What media need of an entry of an artifact."""

    path: Any
    digest: Any

    def download(self) -> Any:
        """Fetch the file; its path on this machine."""


class ArtifactLike(Protocol):
    """What media need of an artifact."""

    def add_file(self, local_path: Any, name: Any = None, is_tmp: bool | None = False) -> Any:
        """Take a file in."""

    def add_reference(self, uri: Any, name: Any = None) -> Any:
        """Take an address in."""

    def add(self, obj: Any, name: Any) -> Any:
        """Take a value in."""

    def get_entry(self, name: Any) -> Any:
        """The entry of that name."""

    def get(self, name: str) -> Any:
        """The value of that name."""


_scratch: str | None = None
_scratch_pid = 0


def new_scratch_file(extension: str) -> str:
    """A path for a file that nobody else writes, gone when the process ends."""
    global _scratch, _scratch_pid
    if _scratch is None or _scratch_pid != os.getpid() or not os.path.isdir(_scratch):  # noqa: PTH112
        _scratch = tempfile.mkdtemp(prefix="steelyard-media-")
        _scratch_pid = os.getpid()
        atexit.register(_remove, _scratch, _scratch_pid)
    return f"{_scratch}/{make_writer_name()}{extension}"


def _remove(path: str, pid: int) -> None:
    if os.getpid() == pid:  # a forked child leaves what its parent has
        shutil.rmtree(path, ignore_errors=True)


def is_reference(path: object) -> bool:
    """Whether it is the address of something that stays where it is."""
    return isinstance(path, str) and _REFERENCE.match(path) is not None


def check_file(path: str, what: str) -> None:
    """Raises NoSuchFile or Invalid for what is no file that can be read."""
    found = Path(path)
    if not found.exists():
        raise NoSuchFile(path, what)
    if found.is_dir():
        raise Invalid(f"{what} takes one file, and {path!r} is a directory; name a file in it")
    if not found.is_file():
        raise Invalid(f"{what} takes a file, and {path!r} is a pipe, a socket or a device")


def name_in_run(key: object, step: object, hash_: str, extension: str) -> str:
    """The name of a media file below its directory: `key_step_hash.png`.

    Slashes of the key are directories. Where it would lead outside of the run, or be longer than
    file systems take, it is changed; the JSON of the value names the file, so nobody guesses.
    Source: wandb 0.31.0 sdk/data_types/base_types/media.py _wb_filename.
    """
    text = str(key).encode("utf-8", "backslashreplace").decode().lstrip("/")
    text = "".join(char if ord(char) >= 32 and ord(char) != 127 else "_" for char in text)
    parts = [part.replace(".", "_") if part in (".", "..") else part for part in text.split("/")]
    parts = [cut_name(part) for part in parts]
    name = f"{'/'.join(parts)}_{step}_{hash_}{extension}"
    if len(name.encode()) > FILE_PATH_BYTES_MAX // 2:
        name = f"{cut_name(parts[-1])}_{step}_{hash_}{extension}"
    return name


def cut_name(part: str) -> str:
    """The part of a path, as long as a file system takes it with what comes after it."""
    data = part.encode()
    return (
        part
        if len(data) <= MEDIA_NAME_BYTES_MAX
        else data[:MEDIA_NAME_BYTES_MAX].decode("utf-8", "ignore")
    )


def put_into_run(run: Run, path: str, name: str, *, is_ours: bool) -> str:
    """Put a file among those of the run and ask for its upload. Returns where it is then.

    `is_ours`: it may be moved. Raises OSError when the disk takes no more.
    """
    assert run.folder is not None
    target = run.folder.files_dir.absolute() / name
    if is_ours:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.replace(path, target)  # noqa: PTH105
        except OSError:  # another file system
            shutil.move(path, target)
        append_to_files_list(run.folder, name, source=None, policy="now")
    else:
        from steelyard.sdk.files import save_as

        save_as(run.folder, path, name)
    return str(target)


def is_run(target: object) -> bool:
    """Whether a value is written into a run, and not into an artifact."""
    from steelyard.sdk.run import Run

    if isinstance(target, Run):
        return True
    if hasattr(target, "add_file") and hasattr(target, "add_reference"):
        return False
    raise WrongType(f"media are written into a run or an artifact, not a {type(target).__name__}")
