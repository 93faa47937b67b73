"""The sender's own journal in a run folder: samples of the machine, facts, and crashes.

Whoever holds it open is the sender of that folder: the lock on its file says so.
"""

from __future__ import annotations

import fcntl
import os
import time

from steelyard.sdk.sender.tail import SENDER_SUFFIX, SUFFIX, whole_records
from steelyard.wire.journal import (
    FINISH,
    HEADER,
    HEADER_BYTES,
    METADATA,
    START,
    VERSION,
    encode_json_record,
)

TYPE_CHECKING = False  # as in `typing`, which costs milliseconds to load
if TYPE_CHECKING:
    from typing import Any

#: What START of a sender repeats from START of its process.
REPEATED = (
    *("run", "entity", "project", "mode", "group", "job_type", "label"),
    *("is_primary", "updates_finish_state", "client", "python", "started_at_us"),
)
CRASHED_EXIT_CODE = 255
LOST_FIRST_MAX = 100  # samples that wait for space on the disk


class OwnJournal:
    """Append-only. Raises BlockingIOError when another process has it."""

    def __init__(self, run_dir: str, process_writer: str, start: dict[str, Any]) -> None:
        self.writer = process_writer + SENDER_SUFFIX
        path = os.path.join(run_dir, "journal", f"{self.writer}.{0:016d}{SUFFIX}")  # noqa: PTH118
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)
        self._fd = os.open(path, flags, 0o600)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._fd)
            raise
        self._waiting: list[tuple[int, int, Any]] = []
        self._size, self._number, self.has_finish = self._read_back()
        if not self._number:
            repeated = {key: start[key] for key in REPEATED if start.get(key) is not None}
            role = {"v": VERSION, "role": "sender", "writer": self.writer, "pid": os.getpid()}
            self.append(START, repeated | role)

    def append(self, kind: int, payload: Any, *, at_us: int | None = None) -> None:
        """Add a record. With a full disk it waits for a later call."""
        self._waiting.append((kind, at_us or time.time_ns() // 1000, payload))
        self.has_finish |= kind == FINISH
        while self._waiting:
            waiting_kind, time_us, waiting_payload = self._waiting[0]
            record = encode_json_record(waiting_kind, self._number, time_us, waiting_payload)
            try:
                written = os.write(self._fd, record)
            except OSError:
                written = 0
            if written < len(record):
                if written:
                    os.ftruncate(self._fd, self._size)
                self._forget_some()
                return
            self._size += written
            self._number += 1
            self._waiting.pop(0)

    def append_crash(self, process_writer: str, *, at_us: int | None = None) -> None:
        """Report that the process of that writer died without a word, now or then. Once."""
        if not self.has_finish:
            report = {"writer": process_writer, "exit_code": CRASHED_EXIT_CODE, "is_crash": True}
            self.append(FINISH, report, at_us=at_us)

    def close(self) -> None:
        os.close(self._fd)

    def _forget_some(self) -> None:
        """While the disk is full: samples go, facts and endings stay."""
        if len(self._waiting) > LOST_FIRST_MAX:
            kept = (START, METADATA, FINISH)
            self._waiting = [one for one in self._waiting if one[0] in kept]

    def _read_back(self) -> tuple[int, int, bool]:
        """(bytes, records, whether FINISH is there) of what an earlier sender wrote."""
        data = b""
        while part := os.pread(self._fd, 1 << 20, len(data)):
            data += part
        chunk = whole_records(data)
        if len(chunk.data) < len(data):
            os.ftruncate(self._fd, len(chunk.data))
        count = at = 0
        while at < len(chunk.data):
            at += HEADER_BYTES + HEADER.unpack_from(chunk.data, at)[0]
            count += 1
        return len(chunk.data), count, chunk.has_finish


def is_held(run_dir: str, process_writer: str) -> bool:
    """A sender lives that looks after that folder."""
    name = f"{process_writer}{SENDER_SUFFIX}.{0:016d}{SUFFIX}"
    path = os.path.join(run_dir, "journal", name)  # noqa: PTH118
    try:
        fd = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(fd)
    return False
