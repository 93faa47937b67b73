"""Receiving a manifest: JSON of up to a gigabyte, plain or packed, never whole in memory."""

from __future__ import annotations

import asyncio
import zlib
from typing import Any

from litestar import Request
from litestar.exceptions import InternalServerException

from steelyard.errors import Invalid, TooLarge, Torn
from steelyard.limits import MANIFEST_BYTES_MAX, MIB
from steelyard.server.blobs.interface import BlobStore, BlobWriter, StoredBlob
from steelyard.server.http.bodies import WINDOW_BITS
from steelyard.server.http.uploads import SizeLimit, finish_blob, receive_blob

UNPACKED_AT_ONCE = MIB


async def receive_manifest(
    request: Request[Any, Any, Any], blobs: BlobStore, *, md5: bytes | None = None
) -> StoredBlob:
    """Store the body, unpacked; durable on return.

    Raises Torn, TooLarge above MANIFEST_BYTES_MAX, Invalid when its MD5 is not `md5` or for an
    encoding that we do not know.
    """
    announced_bytes = int(request.headers.get("content-length") or 0)
    _check_size(announced_bytes)
    encoding = request.headers.get("content-encoding", "identity").lower()
    if encoding == "identity":
        limit = SizeLimit(MANIFEST_BYTES_MAX, "MANIFEST_BYTES_MAX")
        return await receive_blob(request, blobs, name="the manifest", md5=md5, limit=limit)
    if encoding not in WINDOW_BITS:
        raise Invalid(f"the manifest is encoded as {encoding!r}; send it plain or as gzip")
    writer = await asyncio.to_thread(blobs.create_writer)
    try:
        await _unpack(request, writer, encoding)
        return await asyncio.to_thread(finish_blob, writer, [md5] if md5 else [], "the manifest")
    except BaseException:  # also when the request is cancelled
        writer.abort()
        raise


async def _unpack(request: Request[Any, Any, Any], writer: BlobWriter, encoding: str) -> None:
    unpacker = zlib.decompressobj(WINDOW_BITS[encoding])
    size_bytes = 0
    try:
        async for piece in request.stream():
            waiting = bytes(piece)
            while waiting:
                part = await asyncio.to_thread(unpacker.decompress, waiting, UNPACKED_AT_ONCE)
                size_bytes += len(part)
                _check_size(size_bytes)
                await asyncio.to_thread(writer.write, part)
                waiting = unpacker.unconsumed_tail
    except InternalServerException as error:  # litestar 2.25 says so when the client has gone
        raise Torn("the manifest broke off; send it again") from error
    except zlib.error as error:
        raise Torn(f"the manifest is damaged {encoding} ({error}); send it again") from error
    if not unpacker.eof:
        raise Torn(f"the {encoding} manifest is cut off; send it again")


def _check_size(size_bytes: int) -> None:
    if size_bytes > MANIFEST_BYTES_MAX:
        raise TooLarge(
            "the manifest",
            size=size_bytes,
            limit=MANIFEST_BYTES_MAX,
            limit_name="MANIFEST_BYTES_MAX",
        )
