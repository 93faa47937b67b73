"""From manifests as they were uploaded to the rows of a version: parsed, checked, merged, packed.

A pure function over bytes, as a stream of messages. A long manifest is packed in a process of its
own: decoding JSON holds Python's lock, and half a gigabyte of entries would not be given back.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import IO

import msgspec

from steelyard.errors import Invalid, SteelyardError, TooLarge, Unavailable
from steelyard.limits import MIB
from steelyard.server.rooms.artifacts.manifest import (
    ManifestDocument,
    ManifestEntry,
    SortedManifest,
    encode_manifest,
    measure,
    merge_manifests,
    parse_packed,
)
from steelyard.server.rooms.artifacts.names import parse_md5
from steelyard.server.rooms.artifacts.pages import PackedPage, pack_pages

#: Manifests together up to here are packed in the server's own process: 30 ms of Python's lock.
INLINE_BYTES_MAX = 2 * MIB
NICENESS = 5  # requests come first
WANTED_AT_ONCE = 20_000
JSON_PIECE_BYTES = MIB
_LENGTH_BYTES = 8


class PackJob(msgspec.Struct, frozen=True):
    """What is to be done with the manifests that follow it: `base` first, if there is one."""

    has_base: bool
    is_base_trusted: bool
    """The collection has the contents of the base."""
    digest: str | None
    """That the merged manifest must have."""
    wants_json: bool


class Head(msgspec.Struct, frozen=True, tag="head"):
    """First: the whole."""

    digest: str
    size_bytes: int
    file_count: int


class Wanted(msgspec.Struct, frozen=True, tag="wanted"):
    """Then: contents that must be here, with paths for messages. Several of these."""

    md5s: list[bytes]
    sizes: list[int]
    paths: list[str]


class Row(msgspec.Struct, frozen=True, tag="row"):
    """Then: the rows."""

    page: PackedPage


class Text(msgspec.Struct, frozen=True, tag="text"):
    """Last, when asked for: the merged manifest as JSON, in pieces."""

    data: bytes


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """Instead of everything else."""

    message: str
    is_too_large: bool


Message = Head | Wanted | Row | Text | Failed
_MESSAGES = msgspec.msgpack.Decoder(Head | Wanted | Row | Text | Failed)


def pack(job: PackJob, manifests: Sequence[bytes]) -> Iterator[Message]:
    """The messages of a job. Raises Invalid, TooLarge."""
    documents = [parse_packed(data) for data in manifests]
    base = documents[0] if job.has_base else None
    layers = documents[1:] if job.has_base else documents
    merged = merge_manifests(base, layers)
    digest, size_bytes = measure(merged)
    if job.digest is not None and job.digest != digest:
        raise Invalid(
            f"the digest {job.digest!r} of the artifact is not that of its manifest, {digest!r}: "
            "the manifest is incomplete or was changed; log the artifact again"
        )
    yield Head(digest=digest, size_bytes=size_bytes, file_count=len(merged.paths))
    yield from _wanted(merged, base if job.is_base_trusted else None)
    for page in pack_pages(merged):
        yield Row(page)
    if job.wants_json:
        waiting = bytearray()
        for piece in encode_manifest(merged):
            waiting += piece
            if len(waiting) >= JSON_PIECE_BYTES:
                yield Text(bytes(waiting))
                waiting.clear()
        yield Text(bytes(waiting))


def _wanted(merged: SortedManifest, base: ManifestDocument | None) -> Iterator[Wanted]:
    known: Mapping[str, ManifestEntry] = {} if base is None else base.contents
    md5s: list[bytes] = []
    sizes: list[int] = []
    paths: list[str] = []
    for path in merged.paths:
        entry = merged.document.contents[path]
        before = known.get(path)
        if entry.ref is not None or (
            before is not None and (before.digest, before.size) == (entry.digest, entry.size)
        ):
            continue
        md5s.append(parse_md5(entry.digest))
        sizes.append(entry.size or 0)
        paths.append(path)
        if len(md5s) >= WANTED_AT_ONCE:
            yield Wanted(md5s, sizes, paths)
            md5s, sizes, paths = [], [], []
    if md5s:
        yield Wanted(md5s, sizes, paths)


# ---- in a process of its own


def pack_apart(job: PackJob, manifests: Sequence[tuple[int, Iterable[bytes]]]) -> Iterator[Message]:
    """The same in another process; each manifest is its size and its bytes in pieces.

    Raises what `pack` raises, Unavailable when the process was killed (out of memory).
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "steelyard.server.rooms.artifacts.packer"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None and process.stdout is not None
    problems: list[SteelyardError] = []
    feeder = threading.Thread(
        target=_feed,
        args=(process.stdin, job, manifests, problems),
        name="manifest-feeder",
        daemon=True,
    )
    feeder.start()
    try:
        is_whole = False
        while (data := _read_message(process.stdout)) is not None:
            if not data:
                is_whole = True
                break
            message = _MESSAGES.decode(data)
            if isinstance(message, Failed):
                raise (
                    TooLargeManifest(message.message)
                    if message.is_too_large
                    else Invalid(message.message)
                )
            yield message
        if problems:
            raise problems[0]
        if not is_whole:
            raise Unavailable(
                "the manifest could not be packed: the process was killed, probably for lack of "
                "memory; nothing was changed, try again"
            )
    finally:
        process.kill()
        feeder.join()
        process.stdout.close()
        process.wait()


class TooLargeManifest(TooLarge):
    """What the packing process found too large; its message says all."""

    def __init__(self, message: str) -> None:
        Invalid.__init__(self, message)


def _feed(
    stream: IO[bytes],
    job: PackJob,
    manifests: Sequence[tuple[int, Iterable[bytes]]],
    problems: list[SteelyardError],
) -> None:
    """Hand the manifests over. The other process says nothing to an input that is cut."""
    try:
        with stream:
            _write_message(stream, msgspec.msgpack.encode(job))
            stream.write(len(manifests).to_bytes(_LENGTH_BYTES, "little"))
            for size_bytes, pieces in manifests:
                stream.write(size_bytes.to_bytes(_LENGTH_BYTES, "little"))
                for piece in pieces:
                    stream.write(piece)
    except BrokenPipeError:  # it has ended; the reader notices
        return
    except SteelyardError as error:  # content of the store is gone or cannot be reached
        problems.append(error)


def _write_message(stream: IO[bytes], message: bytes) -> None:
    stream.write(len(message).to_bytes(_LENGTH_BYTES, "little"))
    stream.write(message)


def _read_message(stream: IO[bytes]) -> bytes | None:
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
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    head = _read_message(source)
    if head is None:
        return
    job = msgspec.msgpack.decode(head, type=PackJob)
    manifests = []
    for _ in range(int.from_bytes(source.read(_LENGTH_BYTES), "little")):
        data = _read_message(source)
        if data is None:
            return
        manifests.append(data)
    try:
        for message in pack(job, manifests):
            manifests.clear()
            _write_message(sink, msgspec.msgpack.encode(message))
    except Invalid as error:
        failed = Failed(str(error), isinstance(error, TooLarge))
        _write_message(sink, msgspec.msgpack.encode(failed))
    _write_message(sink, b"")
    sink.flush()


if __name__ == "__main__":
    main()
