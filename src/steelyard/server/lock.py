"""One server per data directory: a lock that ends with the process, however that ends."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import IO

import msgspec

from steelyard.errors import CannotStart

try:
    import fcntl
except ImportError:  # Windows: nothing hinders a second server there
    fcntl = None  # type: ignore[assignment]

LOCK_FILE = "lock"


class LockHolder(msgspec.Struct, frozen=True):
    """Who uses a data directory, as the lock file says."""

    pid: int
    url: str


class DataDirLock:
    """The data directory is ours from `acquire` to `release` or the end of the process."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._file: IO[str] | None = None

    def acquire(self) -> None:
        """Take the lock; CannotStart names the server that has it."""
        file = (self._data_dir / LOCK_FILE).open("a+")
        try:
            if fcntl is not None:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.close()
            holder = read_holder(self._data_dir)
            who = f"(pid {holder.pid}, {holder.url})" if holder else "(just starting)"
            raise CannotStart(
                f"another server {who} uses {self._data_dir}; stop it or choose another --data-dir"
            ) from error
        self._file = file

    def describe(self, url: str) -> None:
        """Write down who we are, for those who find the lock taken."""
        assert self._file is not None
        self._file.seek(0)
        self._file.truncate()
        self._file.write(msgspec.json.encode(LockHolder(os.getpid(), url)).decode() + "\n")
        self._file.flush()

    def release(self) -> None:
        """Let another server in. Idempotent."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.truncate(0)
            self._file.close()
            self._file = None


def find_running_server(data_dir: Path) -> LockHolder | None:
    """The server that uses the data directory now, if one does."""
    path = data_dir / LOCK_FILE
    if fcntl is None or not path.exists():
        return None
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return read_holder(data_dir) or LockHolder(0, "")
    return None


def read_holder(data_dir: Path) -> LockHolder | None:
    """What the lock file says; None when its server has not come so far yet."""
    try:
        return msgspec.json.decode((data_dir / LOCK_FILE).read_bytes(), type=LockHolder)
    except (OSError, msgspec.DecodeError):
        return None
