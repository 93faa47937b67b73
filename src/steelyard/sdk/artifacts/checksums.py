"""Digests of files that were hashed before, so that logging them again reads nothing.

A file is taken for the same as long as its device, inode, size, and times of change are. What
was written in the clock tick of the hashing is never remembered: a change in the same tick would
not show. (Neither does one through a writable mapping of the file that was never flushed.)
The database is a cache: where it cannot be read or written, files are hashed.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from typing import TYPE_CHECKING, Final

from steelyard.limits import ARTIFACT_CHECKSUMS_KEPT_MAX

if TYPE_CHECKING:
    import sqlite3

TICK_NS: Final = 50_000_000  # more than the 10 ms of the coarsest clock of Linux
COARSE_NS: Final = 2_100_000_000  # of file systems that keep whole or even seconds
PENDING_MAX: Final = 1000
BUSY_S: Final = 1.0
_SCHEMA: Final = (
    "CREATE TABLE IF NOT EXISTS checksums "
    "(path TEXT PRIMARY KEY, identity TEXT NOT NULL, digest TEXT NOT NULL) WITHOUT ROWID"
)


def identity_of(stat: os.stat_result) -> str:
    """What stays the same as long as nobody writes to the file."""
    return f"{stat.st_dev}:{stat.st_ino}:{stat.st_size}:{stat.st_mtime_ns}:{stat.st_ctime_ns}"


def is_settled(stat: os.stat_result, now_ns: int) -> bool:
    """Whether a later change of the file would show in its times."""
    newest = max(stat.st_mtime_ns, stat.st_ctime_ns)
    is_coarse = stat.st_mtime_ns % 1_000_000_000 == 0
    return 0 <= newest <= now_ns - (COARSE_NS if is_coarse else TICK_NS)


class Checksums:
    """MD5 digests by absolute path. Threads and processes may share the file."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._pending: dict[str, tuple[str, str]] = {}
        self._database: sqlite3.Connection | None = None
        self._is_broken = False
        self._pid = os.getpid()

    def find(self, path: str, stat: os.stat_result) -> str | None:
        """The digest of the file, if it is the same as when that was computed."""
        identity = identity_of(stat)
        with self._lock:
            known = self._pending.get(path)
            if known is None:
                known = self._select(path)
        return known[1] if known is not None and known[0] == identity else None

    def note(self, path: str, stat: os.stat_result, digest: str) -> None:
        """Remember the digest; `stat` is of before the file was read."""
        if not is_settled(stat, time.time_ns()):
            return
        with self._lock:
            self._pending[path] = (identity_of(stat), digest)
            if len(self._pending) >= PENDING_MAX:
                self._write()

    def flush(self) -> None:
        """Let other processes know."""
        with self._lock:
            self._write()

    def forget_all(self) -> None:
        """Remove the database."""
        with self._lock:
            self._pending.clear()
            if self._database is not None:
                self._database.close()
                self._database = None
            for suffix in ("", "-journal"):
                with contextlib.suppress(OSError):
                    os.unlink(self._path + suffix)  # noqa: PTH108

    def _open(self) -> sqlite3.Connection | None:
        if self._pid != os.getpid():  # SQLite does not survive a fork
            self._database, self._pid = None, os.getpid()
        if self._database is not None or self._is_broken:
            return self._database
        import sqlite3

        try:
            os.makedirs(os.path.dirname(self._path), mode=0o700, exist_ok=True)  # noqa: PTH103, PTH120
            database = sqlite3.connect(self._path, timeout=BUSY_S, check_same_thread=False)
            database.execute("PRAGMA synchronous=OFF")
            database.execute(_SCHEMA)
        except (sqlite3.Error, OSError):
            self._is_broken = True
            return None
        self._database = database
        return database

    def _select(self, path: str) -> tuple[str, str] | None:
        database = self._open()
        if database is None:
            return None
        import sqlite3

        try:
            found: tuple[str, str] | None = database.execute(
                "SELECT identity, digest FROM checksums WHERE path = ?", (path,)
            ).fetchone()
        except (sqlite3.Error, UnicodeEncodeError):
            return None
        return found

    def _write(self) -> None:
        if not self._pending:
            return
        rows = [(path, *known) for path, known in self._pending.items() if path.isprintable()]
        self._pending = {}
        database = self._open()
        if database is None:
            return
        import sqlite3

        with contextlib.suppress(sqlite3.Error), database:
            database.executemany("INSERT OR REPLACE INTO checksums VALUES (?, ?, ?)", rows)
            (count,) = database.execute("SELECT count(*) FROM checksums").fetchone()
            if count > ARTIFACT_CHECKSUMS_KEPT_MAX:  # rare: begin anew
                database.execute("DELETE FROM checksums")
