"""Receiving a file: from the socket to the blob store without ever holding it whole."""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import AsyncIterator
from typing import Any, Protocol, TypeVar

import msgspec
from litestar import Request
from litestar.exceptions import InternalServerException

from steelyard.errors import Invalid, TooLarge, Torn
from steelyard.limits import MIB, UPLOAD_BYTES_MAX
from steelyard.server.blobs.interface import BlobStore, StoredBlob, StoredPart

AnyRequest = Request[Any, Any, Any]
Stored = TypeVar("Stored")
Stored_co = TypeVar("Stored_co", covariant=True)

PART_BYTES = 1 * MIB  # handed to a worker thread at a time: hashing and writing take 3 ms


class Writer(Protocol[Stored_co]):
    """BlobWriter and PartWriter alike."""

    def write(self, part: bytes | bytearray | memoryview) -> None: ...
    def md5(self) -> bytes: ...
    def commit(self) -> Stored_co: ...
    def abort(self) -> None: ...


class SizeLimit(msgspec.Struct, frozen=True):
    """How large a body may be, and what that limit is called."""

    bytes_max: int
    name: str


FILE_LIMIT = SizeLimit(UPLOAD_BYTES_MAX, "UPLOAD_BYTES_MAX")


async def receive_blob(
    request: AnyRequest,
    blobs: BlobStore,
    *,
    name: str,
    md5: bytes | None = None,
    limit: SizeLimit = FILE_LIMIT,
) -> StoredBlob:
    """Store the body of the request; durable on return. `name` is for messages.

    A body that breaks off leaves nothing. Raises Torn for one shorter than its Content-Length,
    Invalid when its MD5 is not `md5` or what its Content-MD5 says, TooLarge, StorageFull.
    """
    writer = await asyncio.to_thread(blobs.create_writer)
    return await _receive(request, writer, name, md5, limit)


async def receive_part(
    request: AnyRequest, blobs: BlobStore, upload_id: str, number: int, *, name: str
) -> StoredPart:
    """Store the body as a part of an upload; durable on return. Refuses as `receive_blob` does.

    Raises UploadMissing, Conflict when the part is being sent again meanwhile.
    """
    writer = await asyncio.to_thread(
        blobs.create_part_writer,
        upload_id,
        number,
        is_hashed=_announced_md5(request, name) is not None,
    )
    return await _receive(request, writer, name, None, FILE_LIMIT)


async def _receive(
    request: AnyRequest, writer: Writer[Stored], name: str, md5: bytes | None, limit: SizeLimit
) -> Stored:
    try:
        announced_bytes = _announced_bytes(request, name, limit)
        announced = [digest for digest in (_announced_md5(request, name), md5) if digest]
        received_bytes = 0
        async for part in _parts(request, name):
            received_bytes += len(part)
            if received_bytes > limit.bytes_max:  # a chunked body announces nothing
                raise _too_large(name, received_bytes, limit)
            await asyncio.to_thread(writer.write, part)
        if announced_bytes is not None and received_bytes != announced_bytes:
            raise Torn(
                f"the upload of {name!r} broke off after {received_bytes:,} of "
                f"{announced_bytes:,} bytes; send it again"
            )
        return await asyncio.to_thread(finish_blob, writer, announced, name)
    except BaseException:  # also when the request is cancelled
        writer.abort()
        raise


async def _parts(request: AnyRequest, name: str) -> AsyncIterator[bytearray]:
    """The body in parts of about `PART_BYTES`."""
    waiting = bytearray()
    try:
        async for piece in request.stream():
            waiting += piece
            if len(waiting) >= PART_BYTES:
                yield waiting
                waiting = bytearray()
    except InternalServerException as error:  # litestar 2.25 says so when the client has gone
        raise Torn(f"the upload of {name!r} broke off; send it again") from error
    if waiting:
        yield waiting


def finish_blob(writer: Writer[Stored], announced: list[bytes], name: str) -> Stored:
    """Keep what was written. Raises Invalid when its MD5 is not what was announced."""
    for md5 in announced:
        if writer.md5() != md5:
            raise Invalid(
                f"the content of {name!r} is not what was announced: its MD5 is "
                f"{_base64(writer.md5())}, not {_base64(md5)}; it changed, or was damaged on its "
                "way: upload it again"
            )
    return writer.commit()


def _announced_bytes(request: AnyRequest, name: str, limit: SizeLimit) -> int | None:
    text = request.headers.get("content-length")
    if text is None:
        return None
    size_bytes = int(text)  # the HTTP parser lets only digits through
    if size_bytes > limit.bytes_max:
        raise _too_large(name, size_bytes, limit)
    return size_bytes


def _announced_md5(request: AnyRequest, name: str) -> bytes | None:
    text = request.headers.get("content-md5")
    if text is None:
        return None
    try:
        digest = base64.b64decode(text, validate=True)
    except binascii.Error:
        digest = b""
    if len(digest) != 16:
        raise Invalid(f"Content-MD5 of {name!r} is {text!r}; it must be 16 bytes in base64")
    return digest


def _too_large(name: str, size_bytes: int, limit: SizeLimit) -> TooLarge:
    return TooLarge(
        f"the file {name!r}", size=size_bytes, limit=limit.bytes_max, limit_name=limit.name
    )


def _base64(digest: bytes) -> str:
    return base64.b64encode(digest).decode()
