"""The journals of a run folder as they grow: sizes, whole records, fsync, what is acknowledged.

The sender reads no record; it needs their boundaries only. Paths are text here and in its other
modules: importing pathlib costs half of what the sender's start costs.
"""

from __future__ import annotations

import os

from steelyard.limits import JOURNAL_RECORD_BYTES_MAX, JOURNAL_UPLOAD_BYTES
from steelyard.wire.journal import FINISH, HEADER, HEADER_BYTES

TYPE_CHECKING = False  # as in `typing`, which costs milliseconds to load
if TYPE_CHECKING:
    from typing import Any

SUFFIX = ".journal"
SENDER_SUFFIX = "-s"
FINISH_MARKS = (FINISH, ord("1"))  # second byte of its bodies: msgpack, and JSON's "[12,"


class Journal:
    """One writer's journal. Offsets count from its first byte, over all its files.

    Attributes:
        size: bytes on disk when last looked at, perhaps with a record that is still being written.
        acknowledged: bytes that the server has.
        whole: where the last whole record ends, as far as it is known; at least `acknowledged`.
    """

    __slots__ = (
        *("_has_finish", "_stuck_at", "acknowledged", "segments", "size", "synced", "whole"),
        "writer",
    )

    def __init__(self, writer: str) -> None:
        self.writer = writer
        self.segments: list[tuple[int, str]] = []
        self.size = self.acknowledged = self.whole = self.synced = 0
        self._stuck_at, self._has_finish = -1, False

    @property
    def is_of_sender(self) -> bool:
        return self.writer.endswith(SENDER_SUFFIX)

    @property
    def unsent(self) -> int:
        """Bytes to send; 0 while all there is is the beginning of a record."""
        return 0 if self._stuck_at == self.size else max(0, self.size - self.acknowledged)

    def look(self) -> None:
        """Take the size from the file system."""
        start, path = self.segments[-1]
        self.size = start + os.stat(path).st_size  # noqa: PTH116

    def read(self, limit: int = JOURNAL_UPLOAD_BYTES) -> Chunk:
        """Whole records from `acknowledged`: at most `limit` bytes, but one record at least.

        `limit` is HEADER_BYTES or more. Empty when there is none yet. Raises OSError when the
        files are gone.
        """
        offset = self.acknowledged
        chunk = self._read_at(offset, limit)
        if not chunk.data and chunk.wanted > limit:
            chunk = self._read_at(offset, chunk.wanted)
        self._stuck_at = -1 if chunk.data else self.size
        if chunk.data and offset + len(chunk.data) > self.whole:
            self.whole = offset + len(chunk.data)
            self._has_finish |= chunk.has_finish
        return chunk

    def find_end(self) -> bool:
        """Look for the end of the last whole record; whether one of the records is FINISH.

        It need not be the last: a thread that printed while the run ended may write after it.
        Reads what was not looked at before. Not for a journal that is being sent.
        """
        kept, self.acknowledged = self.acknowledged, self.whole
        while chunk := self.read():
            self.acknowledged += len(chunk.data)
        self.acknowledged = kept
        return self._has_finish

    def _read_at(self, offset: int, limit: int) -> Chunk:
        start, path, end = self._segment_at(offset)
        fd = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
        try:
            data = os.pread(fd, min(limit, end - offset), offset - start)
        finally:
            os.close(fd)
        return whole_records(data)

    def _segment_at(self, offset: int) -> tuple[int, str, int]:
        """(first offset, file, offset of its end) of the segment with that byte, or the last."""
        end = self.size
        for start, path in reversed(self.segments):
            if start <= offset:
                return start, path, end
            end = start
        raise FileNotFoundError(f"the first part of the journal {self.writer} is gone")

    def fsync(self) -> None:
        """Have what was written reach the disk, whoever wrote it."""
        size = self.size
        for start, path in self.segments:
            if start + JOURNAL_RECORD_BYTES_MAX < self.synced and start != self.segments[-1][0]:
                continue  # an older segment, done before
            fd = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
            try:
                os.fsync(fd)
            finally:
                os.close(fd)
        self.synced = size


class Chunk:
    """Whole records; true when there are any.

    `wanted` is the size of the first record in the data, if that was cut off.
    """

    __slots__ = ("data", "has_finish", "last_at", "last_kind", "wanted")

    def __init__(
        self, data: bytes, last_at: int, last_kind: int, wanted: int, has_finish: bool
    ) -> None:
        self.data, self.last_at, self.last_kind, self.wanted = data, last_at, last_kind, wanted
        self.has_finish = has_finish

    def __bool__(self) -> bool:
        return bool(self.data)


def whole_records(data: bytes) -> Chunk:
    """The whole records that `data` begins with. Zeros, which a power cut may leave, are none."""
    from steelyard.sdk.sender.unpack import kind_of

    at = last_at = wanted = 0
    has_finish = False
    size, unpack = len(data), HEADER.unpack_from
    while at + HEADER_BYTES <= size:
        length, _ = unpack(data, at)
        end = at + HEADER_BYTES + length
        if end > size or not length:
            if length <= JOURNAL_RECORD_BYTES_MAX:
                wanted = HEADER_BYTES + length
            break
        body_at = at + HEADER_BYTES
        if length > 1 and data[body_at + 1] in FINISH_MARKS:
            has_finish |= kind_of(data[body_at : body_at + 8]) == FINISH
        last_at, at = at, end
    body_at = last_at + HEADER_BYTES
    kind = kind_of(data[body_at : body_at + 8]) if at else 0
    return Chunk(data[:at], last_at, kind, 0 if at else wanted, has_finish)


class RunTail:
    """All journals of one run folder."""

    def __init__(self, run_dir: str) -> None:
        self.run_dir = run_dir
        self.journal_dir = os.path.join(run_dir, "journal")  # noqa: PTH118
        self.journals: dict[str, Journal] = {}

    @property
    def total(self) -> int:
        return sum(journal.size for journal in self.journals.values())

    @property
    def acknowledged(self) -> int:
        return sum(journal.acknowledged for journal in self.journals.values())

    @property
    def unsent(self) -> int:
        return sum(journal.unsent for journal in self.journals.values())

    def refresh(self, *, list_too: bool = True) -> bool:
        """Look at the sizes, and with `list_too` for new files; whether anything grew.

        Raises OSError when the folder is gone.
        """
        before = self.total
        if list_too:
            self._list()
        for journal in self.journals.values():
            journal.look()
        return self.total != before

    def _list(self) -> None:
        found: dict[str, list[tuple[int, str]]] = {}
        with os.scandir(self.journal_dir) as entries:
            for entry in entries:
                if not entry.name.endswith(SUFFIX):
                    continue
                writer, _, digits = entry.name[: -len(SUFFIX)].rpartition(".")
                if writer and digits.isdecimal():
                    found.setdefault(writer, []).append((int(digits), entry.path))
        for writer, segments in found.items():
            journal = self.journals.get(writer)
            if journal is None:
                journal = self.journals[writer] = Journal(writer)
            if len(segments) != len(journal.segments):
                journal.segments = sorted(segments)

    def fsync(self) -> None:
        for journal in self.journals.values():
            if journal.synced != journal.size:
                journal.fsync()

    def read_acknowledged(self, place: str | None, server_id: str | None = None) -> None:
        """Take over what this machine remembers of the server `place`; None: of any.

        `server_id`: of the server that is there now, if known. What another one had is nothing.
        """
        for journal in self.journals.values():
            kept = read_json(self._ack_path(journal.writer))
            if kept is None or not is_same_server(kept, server_id):
                continue
            if place in (None, kept.get("place") or kept.get("base_url")):
                count = kept.get("acknowledged")
                if isinstance(count, int) and 0 <= count <= journal.size:
                    journal.acknowledged = journal.whole = count

    def write_acknowledged(
        self, journal: Journal, base_url: str, place: str, server_id: str | None = None
    ) -> None:
        """Remember it. A cache: the server knows better."""
        write_json(
            self._ack_path(journal.writer),
            {
                "base_url": base_url,
                "place": place,
                "server": server_id,
                "acknowledged": journal.acknowledged,
            },
        )

    def _ack_path(self, writer: str) -> str:
        return os.path.join(self.journal_dir, f"{writer}.ack")  # noqa: PTH118


def is_same_server(kept: dict[str, Any], server_id: str | None) -> bool:
    """Whether what was remembered is of this server; where either is not known, it counts so."""
    return server_id is None or kept.get("server") in (None, server_id)


def read_json(path: str) -> dict[str, Any] | None:
    """The object in a small JSON file; None when it is missing or damaged."""
    import json

    try:
        with open(path, "rb") as file:  # noqa: PTH123
            value = json.loads(file.read())
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def write_json(path: str, value: Any) -> None:
    """Replace a small JSON file: a reader sees the old content or the new. Raises OSError."""
    import json

    temporary = f"{path}.{os.getpid()}.new"
    with open(temporary, "wb") as file:  # noqa: PTH123
        file.write(json.dumps(value).encode())
    os.replace(temporary, path)  # noqa: PTH105
