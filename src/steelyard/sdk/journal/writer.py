"""Writing a journal: one record, one `write(2)`, and nothing between the caller and the disk.

A record is in the operating system when `append` returns, so the death of the process loses
nothing. The sender makes it safe against a power cut, a second later.
"""

from __future__ import annotations

import errno
import os
import sys
import threading
import zlib
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from time import time_ns
from typing import Any, Final

from steelyard.errors import Invalid, UsageError
from steelyard.limits import (
    JOURNAL_FD_MIN,
    JOURNAL_RECORD_BYTES_MAX,
    JOURNAL_SEGMENT_BYTES,
    JOURNAL_WAITING_BYTES_MAX,
)
from steelyard.sdk.fork import tell_of_forks
from steelyard.sdk.journal.folder import make_writer_name
from steelyard.sdk.journal.reader import segment_name
from steelyard.sdk.sender.process import describe_start
from steelyard.sdk.values import encode_msgpack, name_biggest, plain, plain_row
from steelyard.wire.journal import HISTORY, START, pack_header

_FLAGS: Final = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)
# What msgspec says of values it has no msgpack for; `plain` knows what to do with most of them.
_NOT_PLAIN: Final = (
    TypeError,
    OverflowError,
    UnicodeEncodeError,
    RecursionError,
    NotImplementedError,
)
_LOST_FILE: Final = {errno.EBADF, errno.ESTALE}


class JournalWriter:
    """One writer's journal. Any thread may append; a forked child goes on in a journal of its own.

    While the disk takes nothing, records wait in memory, in order, up to
    JOURNAL_WAITING_BYTES_MAX; the next append and `close` try again.

    Attributes:
        writer: the name of the journal; another one in a forked child, from its first append.
        refused_count: records that found neither disk nor memory.
        history_at_us: when the last row was added, in µs since 1970; 0 before the first.
    """

    __slots__ = (
        "__weakref__",
        "_base_offset",
        "_fd",
        "_is_closed",
        "_is_forked",
        "_is_slow",
        "_lock",
        "_number",
        "_path",
        "_problem",
        "_segment_bytes",
        "_start",
        "_started_at_us",
        "_waiting",
        "_waiting_bytes",
        "_was_warned",
        "folder",
        "history_at_us",
        "refused_count",
        "warn",
        "writer",
    )

    def __init__(
        self,
        folder: Path,
        *,
        writer: str,
        start: dict[str, Any],
        warn: Callable[[str], None] | None,
        started_at_us: int | None = None,
    ) -> None:
        self.folder: Path = folder
        self.writer: str = writer
        self.warn: Callable[[str], None] | None = warn
        self.refused_count: int = 0
        self.history_at_us: int = 0
        self._start = start
        self._lock = threading.RLock()  # of the same thread: a signal handler may log, too
        self._is_closed = self._is_forked = self._was_warned = False
        self._begin(time_ns() // 1000 if started_at_us is None else started_at_us)

    @classmethod
    def create(
        cls,
        folder: Path,
        *,
        writer: str,
        start: dict[str, Any],
        warn: Callable[[str], None] | None = None,
        started_at_us: int | None = None,
    ) -> JournalWriter:
        """Begin the journal `writer` in a run folder, with the record START.

        `warn` is told, once, when the disk takes no more; it must not raise. `started_at_us` is
        the time of START, from which the server counts the run time of rows; default: now.
        """
        self = cls(folder, writer=writer, start=dict(start), warn=warn, started_at_us=started_at_us)
        self.append(START, self._start)
        tell_of_forks(self)
        return self

    def _begin(self, started_at_us: int) -> None:
        self._fd = -1
        self._path = self.folder / "journal" / segment_name(self.writer, 0)
        self._base_offset = self._segment_bytes = self._number = 0
        self._started_at_us = started_at_us
        self._problem: OSError | None = None
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        # Anything out of the ordinary: no file yet, closed, forked, records waiting.
        self._is_slow = True

    @property
    def size_bytes(self) -> int:
        """Bytes of the journal on disk."""
        return self._base_offset + self._segment_bytes

    @property
    def count(self) -> int:
        """Records so far, those that wait included."""
        return self._number

    @property
    def is_untouched(self) -> bool:
        """In a forked child: nothing was added there."""
        return self._is_forked

    @property
    def waiting_count(self) -> int:
        """Records in memory that the disk did not take yet."""
        return len(self._waiting)

    def append(self, kind: int, payload: Any) -> None:
        """Add a record. Raises Invalid for a payload that cannot be one; never for a full disk."""
        with self._lock:
            if self._is_slow:
                self._prepare()
            now_us = self._started_at_us if kind == START else time_ns() // 1000
            try:
                body = encode_msgpack((kind, self._number, now_us, payload))
            except _NOT_PLAIN:
                payload = plain(payload, key="the record", use="config")
                body = encode_msgpack((kind, self._number, now_us, payload))
            self._write(body, payload)

    def append_history(self, step: int, is_automatic: bool, data: Mapping[str, Any]) -> None:
        """Add part of a row: `append(HISTORY, [step, is_automatic, data])`, only sooner.

        `data` should hold plain values (`values.plain_row`) under keys of text.
        """
        with self._lock:
            if self._is_slow:
                self._prepare()
            now_us = self.history_at_us = time_ns() // 1000
            try:
                body = encode_msgpack((HISTORY, self._number, now_us, (step, is_automatic, data)))
            except _NOT_PLAIN:
                data = plain_row(data)
                body = encode_msgpack((HISTORY, self._number, now_us, (step, is_automatic, data)))
            self._write(body, data)

    def _write(self, body: bytes, payload: Any) -> None:
        """Frame the record and put it behind the others, on disk or in memory."""
        record = pack_header(len(body), zlib.crc32(body)) + body
        size = len(record)
        if size > JOURNAL_RECORD_BYTES_MAX:
            raise _too_large(payload, size)
        if self._is_slow:  # it still is, after `_prepare`: others wait before us
            self._wait(record)
            return
        try:
            written = os.write(self._fd, record)
            self._number += 1
            self._segment_bytes += written
        except OSError as problem:
            self._write_again(record, problem)
            return
        except BaseException:  # Ctrl-C just here: what is in the file counts
            self._look_what_was_written(size)
            raise
        if written < size:
            self._number -= 1
            self._wait(record[written:])
        elif self._segment_bytes >= JOURNAL_SEGMENT_BYTES:
            self._begin_segment()

    def _write_again(self, record: bytes, problem: OSError) -> None:
        """Once more where somebody closed our file, as a daemon does; else the record waits."""
        if problem.errno in _LOST_FILE:
            self._fd = -1  # whatever has that number now is not ours
        if self._fd < 0 and self._open(self._path):
            try:
                written = os.write(self._fd, record)
            except OSError as again:
                problem = again
            else:
                self._segment_bytes += written
                if written == len(record):
                    self._number += 1
                    return
                record = record[written:]
        self._wait(record, problem)

    def _wait(self, record: bytes, problem: OSError | None = None) -> None:
        """Keep the record, or the rest of it, until the disk takes it."""
        self._is_slow = True
        self._problem = problem or self._problem
        if self._waiting_bytes + len(record) > JOURNAL_WAITING_BYTES_MAX:
            self.refused_count += 1
            return
        self._waiting.append(record)
        self._waiting_bytes += len(record)
        self._number += 1
        if not self._was_warned and self.warn is not None:
            self._was_warned = True
            reason = self._problem.strerror if self._problem else "the disk is full"
            self.warn(
                f"cannot write to {self._path} ({reason}); what you log waits in memory, up to "
                f"{JOURNAL_WAITING_BYTES_MAX >> 20} MiB, and is written when there is space again"
            )

    def _prepare(self) -> None:
        """Get from any unusual state as near to the usual one as it goes."""
        if self._is_closed:
            raise UsageError(f"the journal {self._path} is closed; start a new run with init()")
        if self._is_forked:
            self._begin_in_child()
        if self._fd < 0 and not self._open(self._path):
            return
        while self._waiting:
            record = self._waiting[0]
            try:
                written = os.write(self._fd, record)
            except OSError as problem:
                if problem.errno in _LOST_FILE:
                    self._fd = -1
                return
            self._segment_bytes += written
            self._waiting_bytes -= written
            if written < len(record):
                self._waiting[0] = record[written:]
                return
            self._waiting.popleft()
            if self._segment_bytes >= JOURNAL_SEGMENT_BYTES:
                self._begin_segment()
        self._is_slow = False

    def _open(self, path: Path) -> bool:
        """Whether the file of the segment is open now; if not, records wait."""
        try:
            opened = _move_up(os.open(path, _FLAGS, 0o600))
        except OSError as problem:
            self._problem = problem
            return False
        self._fd, self._path = opened, path
        return True

    def _begin_segment(self) -> None:
        """Go on in a new file, if one can be made; else in the old one, until it can."""
        offset = self.size_bytes
        old = self._fd
        if self._open(self.folder / "journal" / segment_name(self.writer, offset)):
            self._base_offset, self._segment_bytes = offset, 0
            os.close(old)

    def _look_what_was_written(self, size: int) -> None:
        """Bring the counters in line with the file after an interrupted write of `size` bytes."""
        added = os.fstat(self._fd).st_size - self._segment_bytes
        if added == size:
            self._segment_bytes += added
            self._number += 1
        elif added:  # a part: the caller does not hear that it was logged, so it may go
            os.ftruncate(self._fd, self._segment_bytes)

    def become_child(self) -> None:
        """In a forked child, before anything else runs there: the parent's file is not ours."""
        self._lock = threading.RLock()  # another thread of the parent may have held the old one
        self._is_slow = True
        self._is_forked = not self._is_closed

    def _begin_in_child(self) -> None:
        """A journal of its own, whose START has the parent's time, so that run times agree."""
        self._is_forked = False
        if self._fd >= 0:
            os.close(self._fd)
        self._start = self.describe_fork()
        self.writer = self._start["writer"]
        self._begin(self._started_at_us)
        self.append(START, self._start)

    def describe_fork(self) -> dict[str, Any]:
        """START of another journal of the same run and time, by the process that asks."""
        start = {key: value for key, value in self._start.items() if key not in _START_OF_RUN}
        return {
            **start,
            "role": "fork",
            "writer": make_writer_name(),
            "forked_from": self.writer,
            "pid": os.getpid(),
            "pid_started": describe_start(os.getpid()),
            "is_primary": False,
            "updates_finish_state": False,
        }

    def close(self) -> int:
        """Write what waits, if the disk takes it, and close. Returns how many records are lost."""
        with self._lock:
            if self._is_closed:
                return 0
            if self._is_forked:  # never used in this process: nothing of ours to close
                self._is_closed = True
                return 0
            if self._is_slow:
                self._prepare()
            self._is_closed = self._is_slow = True
            if self._fd >= 0:
                os.close(self._fd)
                self._fd = -1
            lost = self.refused_count + len(self._waiting)
            self._waiting.clear()
            return lost


def _move_up(fd: int) -> int:
    """The file under a number that new files do not get.

    A program that closes all files and opens its own would have us write into one of them.
    """
    if sys.platform == "win32":
        return fd
    import fcntl

    try:
        moved = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, JOURNAL_FD_MIN)
    except OSError:  # the limit of open files is lower
        return fd
    os.close(fd)
    return moved


#: What START says of the run rather than of the writer: said once, by the first.
_START_OF_RUN: Final = frozenset(
    {"resume", "fork_from", "resume_from", "display_name", "notes", "tags", "group", "job_type"}
)


def _too_large(payload: Any, size: int) -> Invalid:
    hint = ""
    if isinstance(payload, Mapping) and payload:
        key, key_bytes = name_biggest(payload)
        hint = f"; {key!r} alone takes {key_bytes:,}, save it as a file instead"
    return Invalid(
        f"one call would write {size:,} bytes, and the limit is {JOURNAL_RECORD_BYTES_MAX:,}{hint}"
    )
