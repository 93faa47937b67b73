"""Reading journals from a run folder: by the sender, by `steelyard sync`, by `steelyard up`.

A journal is the files `<writer>.<offset of its first byte>.journal` one after another. They only
grow, and a new one starts where a record ends, so any prefix of whole records is a journal.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from steelyard.limits import JOURNAL_SEGMENT_BYTES
from steelyard.wire import journal as wire

SUFFIX = ".journal"
_OFFSET_DIGITS = 16


def segment_name(writer: str, offset: int) -> str:
    """The file of a journal whose first byte is at `offset`."""
    return f"{writer}.{offset:0{_OFFSET_DIGITS}d}{SUFFIX}"


def list_segments(run_dir: Path, writer: str | None = None) -> list[tuple[str, int, Path]]:
    """(writer, offset of the first byte, file) of each segment, by writer and offset."""
    found = []
    try:
        with os.scandir(run_dir / "journal") as entries:
            for entry in entries:
                name, _, digits = entry.name.removesuffix(SUFFIX).rpartition(".")
                if not (entry.name.endswith(SUFFIX) and name and digits.isdecimal()):
                    continue
                if writer is None or name == writer:
                    found.append((name, int(digits), Path(entry.path)))
    except FileNotFoundError:
        return []
    return sorted(found)


def list_writers(run_dir: Path) -> list[str]:
    """The writers of a run folder; the journals of processes before those of senders (`…-s`)."""
    names = {name for name, _, _ in list_segments(run_dir)}
    return sorted(names, key=lambda name: (name.endswith("-s"), name))


def journal_size(run_dir: Path, writer: str) -> int:
    """Bytes written, a torn last record included. 0 for a journal that is not there."""
    segments = list_segments(run_dir, writer)
    if not segments:
        return 0
    _, offset, path = segments[-1]
    return offset + path.stat().st_size


def read_journal(run_dir: Path, writer: str, offset: int, size: int) -> bytes:
    """At most `size` bytes from `offset`; fewer at the end of what is written."""
    assert offset >= 0
    assert size >= 0
    parts = []
    segments = list_segments(run_dir, writer)
    for place, (_, start, path) in enumerate(segments):
        if place + 1 < len(segments) and segments[place + 1][1] <= offset:
            continue
        if size <= 0 or start > offset:
            break  # a start beyond the offset is a gap: somebody removed a segment
        with path.open("rb") as file:
            file.seek(offset - start)
            part = file.read(size)
        parts.append(part)
        offset += len(part)
        size -= len(part)
    return b"".join(parts)


def iter_records(run_dir: Path, writer: str) -> Iterator[tuple[int, int, int, Any]]:
    """(kind, number, time in µs, payload) of each whole record, in order.

    A torn last record is left out. Raises wire.DamagedJournal, with the offset in the journal.
    """
    for _, start, path in list_segments(run_dir, writer):
        try:
            for _, body in wire.split_bodies(path.read_bytes()):
                kind, number, time_us, payload = decode_body(body)
                yield kind, number, time_us, payload
        except wire.DamagedJournal as damage:
            raise wire.DamagedJournal(start + damage.offset) from None


def decode_body(body: bytes | memoryview) -> Any:
    """The array in a record's body, which is msgpack, or JSON if it begins with `[`."""
    if body[0] == ord("["):
        import json

        return json.loads(bytes(body))
    import msgspec  # the sender does not have it loaded, and does not decode

    return msgspec.msgpack.decode(body)


def cut_torn_tail(run_dir: Path, writer: str) -> int:
    """Cut off what a dying writer, or a power cut, left after the last whole record.

    Only for a journal whose writer is dead. Returns the bytes cut. Damage that has readable
    records after it is no torn tail, and stays as it is: raises wire.DamagedJournal.
    """
    segments = list_segments(run_dir, writer)
    if not segments:
        return 0
    _, start, path = segments[-1]
    content = path.read_bytes()
    end = 0
    try:
        for end, _ in wire.split_bodies(content):  # noqa: B007  the last one is what we want
            pass
    except wire.DamagedJournal as damage:
        end = damage.offset
        # A file system may have made the file longer before it wrote what is in it.
        is_empty = not content[end:].strip(b"\0")
        if not is_empty and _is_readable_after(content, end):
            raise wire.DamagedJournal(start + end) from None
    if end < len(content):
        os.truncate(path, end)
    return len(content) - end


def _is_readable_after(content: bytes, damaged_at: int) -> bool:
    """Whether the record after the damaged one, where its length says it starts, is a good one."""
    at = damaged_at
    while at + wire.HEADER_BYTES <= len(content):
        length, _ = wire.HEADER.unpack_from(content, at)
        at += wire.HEADER_BYTES + length
        try:
            for _ in wire.split_bodies(content[at : at + JOURNAL_SEGMENT_BYTES]):
                return True
        except wire.DamagedJournal:
            continue
        return False
    return False
