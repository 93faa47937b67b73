"""The journal: what a training process says of its run, as bytes on disk and on the network.

A journal is a sequence of records of one writer. Offsets count bytes from its first record, over
all its files. A record is

    length of the body (uint32, little-endian) · CRC-32 of the body (uint32) · body

and a body is the msgpack array `[kind, number, time, payload]`: one of the kinds below, the
record's place in its journal from 0, and microseconds since 1970 by the writer's clock. A body
that begins with `[` is the same array in JSON: the sender writes those, because it gets by without
a msgpack library.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

TYPE_CHECKING = False  # as in `typing`, which costs milliseconds to load
if TYPE_CHECKING:
    from typing import Any

#: Format version, in START.
VERSION = 1

# Kinds of records, with their payloads.
START = 1
"""Always first. Map, see `docs/concepts/journal.md`."""
CONFIG = 2
"""{"set": {key: value}, "delete": [key]}: keys of the top level, values as the user gave them."""
HISTORY = 3
"""[step, is_automatic, {key: value}]: part of the row of that step; parts merge by key."""
SUMMARY = 4
"""{"set": {key: value}, "delete": [key]}: keys of the top level."""
METRIC = 5
"""What `define_metric` said: {"name", "step_metric"?, "step_sync"?, "hidden"?, "summary"?: [rule],
"goal"?: "minimize" | "maximize", "overwrite"?}. A name with * is a glob."""
SYSTEM = 6
"""{key: number}: one sample of the machine, "system.cpu" and the like."""
CONSOLE = 7
"""[stream, text]: "stdout" or "stderr", and what was written there, escapes and \\r included."""
METADATA = 8
"""Map: facts of the process (host, program, git, …). Later ones are merged over earlier ones."""
ALERT = 9
"""{"title", "text", "level": "INFO" | "WARN" | "ERROR", "wait_duration_ms"}."""
RUN = 10
"""Changed properties: {"display_name"?, "notes"?, "tags"?: [tag], "group"?, "job_type"?}."""
PREEMPTING = 11
"""{}: the machine is about to be taken away."""
FINISH = 12
"""{"exit_code": int, "writer"?: name, "is_crash"?: bool}: the process has ended. `writer` names
another writer than this one: the sender reports a process that died without a word."""

HEADER = struct.Struct("<II")
pack_header = HEADER.pack
HEADER_BYTES = HEADER.size


class DamagedJournal(Exception):
    """A whole record whose checksum is wrong; `offset` is where it begins in the bytes given."""

    def __init__(self, offset: int) -> None:
        super().__init__(f"the record at byte {offset} does not match its checksum")
        self.offset = offset


def frame(body: bytes) -> bytes:
    """The record of a body."""
    return pack_header(len(body), zlib.crc32(body)) + body


def split_bodies(data: bytes | memoryview) -> Iterator[tuple[int, memoryview]]:
    """(offset of the record's end, body) of each whole record in `data`, which starts with one.

    Stops silently at a record that is cut off. Raises DamagedJournal for a wrong checksum.
    """
    view = memoryview(data)
    at, end = 0, len(view)
    while at + HEADER_BYTES <= end:
        length, crc = HEADER.unpack_from(view, at)
        start = at + HEADER_BYTES
        if start + length > end:
            return
        body = view[start : start + length]
        if length == 0 or zlib.crc32(body) != crc:  # zeros, as a power cut leaves them, match
            raise DamagedJournal(at)
        at = start + length
        yield at, body


def encode_json_record(kind: int, number: int, time_us: int, payload: Any) -> bytes:
    """A record with a JSON body, for writers without a msgpack library."""
    import json  # not loaded by those who only frame and split

    text = json.dumps([kind, number, time_us, payload], separators=(",", ":"))
    return frame(text.encode())
