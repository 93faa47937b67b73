"""Reading request bodies whole: bounded, and unpacked when they are compressed."""

from __future__ import annotations

import zlib
from typing import Any

from litestar import Request
from litestar.exceptions import InternalServerException

from steelyard.errors import Invalid, TooLarge, Torn

#: zlib's way to say: with this header, largest window. RFC 9110 sec. 8.4.1: `deflate` is zlib's.
WINDOW_BITS = {"gzip": 31, "deflate": 15}


async def read_body(
    request: Request[Any, Any, Any], *, size_bytes_max: int, limit_name: str
) -> bytes:
    """The body, unpacked. The limit counts before and after unpacking.

    Raises TooLarge, Torn when it broke off, Invalid for an encoding that we do not know. The
    handler must be declared with `request_max_body_size=None`.
    """
    announced = request.headers.get("content-length")
    if announced is not None and int(announced) > size_bytes_max:
        raise _too_large(int(announced), size_bytes_max, limit_name)
    parts: list[bytes] = []
    size_bytes = 0
    try:
        async for part in request.stream():
            size_bytes += len(part)
            if size_bytes > size_bytes_max:
                raise _too_large(size_bytes, size_bytes_max, limit_name)
            parts.append(part)
    except InternalServerException as error:  # litestar 2.25 says so when the client has gone
        raise Torn("the request broke off; send it again") from error
    body = b"".join(parts)
    encoding = request.headers.get("content-encoding", "identity").lower()
    if encoding == "identity":
        return body
    if encoding not in WINDOW_BITS:
        raise Invalid(f"the body is encoded as {encoding!r}; send it plain or as gzip")
    return unpack(body, encoding, size_bytes_max=size_bytes_max, limit_name=limit_name)


def unpack(packed: bytes, encoding: str, *, size_bytes_max: int, limit_name: str) -> bytes:
    """The content of a gzip or zlib stream. Raises Torn when it is cut or damaged, TooLarge."""
    unpacker = zlib.decompressobj(WINDOW_BITS[encoding])
    try:
        body = unpacker.decompress(packed, size_bytes_max + 1)
    except zlib.error as error:
        raise Torn(f"the body is damaged {encoding} ({error}); send it again") from error
    if len(body) > size_bytes_max:
        raise _too_large(len(body), size_bytes_max, limit_name)
    if not unpacker.eof:
        raise Torn(f"the {encoding} body is cut off; send it again")
    return body


def _too_large(size_bytes: int, size_bytes_max: int, limit_name: str) -> TooLarge:
    return TooLarge(
        "the request body", size=size_bytes, limit=size_bytes_max, limit_name=limit_name
    )
