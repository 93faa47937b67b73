"""The sealing process: takes jobs on its standard input, answers packed segments on its output.

It holds no database, so it needs neither credentials nor SQLAlchemy: 33 MB at rest instead of 59.
It is stateless; killed at any moment, nothing is lost, and the server starts another. It ends with
the server, whose death closes its input.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import IO

import msgspec

from steelyard.server.columns import blocks, pyramid, seal
from steelyard.server.columns.interface import Stream

_LENGTH_BYTES = 8
NICENESS = 5  # requests come first


class SealJob(msgspec.Struct, frozen=True, tag="seal"):
    """Pack the rows of a tail. `last_steps`: the step before the first row, by writer."""

    stream: Stream
    rows: list[blocks.TailRow]
    last_steps: dict[str, int]


class MergeJob(msgspec.Struct, frozen=True, tag="merge"):
    """Pack segments into one, in the order given."""

    segments: list[seal.PackedSegment]


Job = SealJob | MergeJob
_JOBS = msgspec.msgpack.Decoder(SealJob | MergeJob)
_SEGMENTS = msgspec.msgpack.Decoder(seal.PackedSegment)


def run_job(job: Job) -> seal.PackedSegment:
    if isinstance(job, MergeJob):
        return pyramid.add_pyramids(
            seal.pack_blocks([seal.unpack_segment(segment) for segment in job.segments])
        )
    parsed = blocks.parse_tail_rows(job.rows, job.stream)
    return seal.pack_blocks(blocks.make_blocks(parsed, job.stream, job.last_steps))


def encode_job(job: Job) -> bytes:
    return msgspec.msgpack.encode(job)


def decode_segment(data: bytes) -> seal.PackedSegment:
    return _SEGMENTS.decode(data)


def write_message(stream: IO[bytes], message: bytes) -> None:
    stream.write(len(message).to_bytes(_LENGTH_BYTES, "little"))
    stream.write(message)
    stream.flush()


def read_message(stream: IO[bytes]) -> bytes | None:
    """The next message; None at the end, also in the middle of a message."""
    head = stream.read(_LENGTH_BYTES)
    length = int.from_bytes(head, "little")
    if len(head) < _LENGTH_BYTES:
        return None
    message = stream.read(length)
    return message if len(message) == length else None


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the server tells us when to end
    os.nice(NICENESS)
    while (message := read_message(sys.stdin.buffer)) is not None:
        segment = run_job(_JOBS.decode(message))
        del message
        write_message(sys.stdout.buffer, msgspec.msgpack.encode(segment))


if __name__ == "__main__":
    main()
