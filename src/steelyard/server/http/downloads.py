"""Sending a file: ranges, conditions and the headers that keep user content harmless.

What users upload is never trusted by a browser: no sniffing, no scripts, no access to our pages.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import quote

import msgspec
from litestar import Request, Response
from litestar.response import Stream

from steelyard.errors import BlobMissing
from steelyard.limits import MIB, S3_REDIRECT_FROM_BYTES
from steelyard.server.blobs.interface import BlobReader, BlobStore

PART_BYTES = 1 * MIB
#: Types that a browser shows without running anything in them.
SHOWN_TYPES = re.compile(r"(image/(?!svg)|audio/|video/|text/plain$|application/json$)")
CONTENT_POLICY = "sandbox; default-src 'none'; img-src 'self' data:; style-src 'unsafe-inline'"

#: Requests with one of these are never redirected to the store. Conditions name our ETag and our
#: times, which the store does not know. Browsers stay with the headers that make content harmless.
STAY_HEADERS = (
    *("cookie", "origin", "sec-fetch-mode"),
    *("if-match", "if-none-match", "if-range", "if-modified-since", "if-unmodified-since"),
)

CORS_HEADERS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "Accept-Ranges, Content-Length, Content-Range, ETag",
}
PREFLIGHT_HEADERS = CORS_HEADERS | {
    "Access-Control-Allow-Methods": "GET, HEAD, OPTIONS, PUT",
    # "*" does not stand for Authorization.
    "Access-Control-Allow-Headers": "Authorization, Content-MD5, Content-Type, Range, *",
    "Access-Control-Max-Age": "3600",
}


class Download(msgspec.Struct, frozen=True):
    """What there is to send. `name` is the path of the file; browsers save its last part."""

    name: str
    sha256: bytes
    size_bytes: int
    mimetype: str
    updated_at_us: int


async def answer_download(
    request: Request[Any, Any, Any],
    blobs: BlobStore,
    download: Download,
    *,
    may_redirect: bool = False,
) -> Response[Any]:
    """The file, the part of it that was asked for, or 304 and 416 where they are due.

    With `may_redirect`, a large one is answered with the address where the store itself sends it,
    when clients reach the store. That is for signed links: a key of the request must not travel on
    to another host, as some clients let it. Raises BlobMissing when the store has lost the content.
    """
    headers = _describe(download)
    etag = headers["ETag"]
    if _matches(request.headers.get("if-none-match"), etag):
        return Response(None, status_code=304, headers=headers)
    status, first, size_bytes = 200, 0, download.size_bytes
    asked = request.headers.get("range")
    if asked and request.headers.get("if-range", etag) == etag:
        span = parse_range(asked, download.size_bytes)
        if span is not None:
            first, size_bytes = span
            status = 206 if size_bytes else 416
    if status == 416:
        headers = CORS_HEADERS | {"Content-Range": f"bytes */{download.size_bytes}"}
        return Response(b"", status_code=416, headers=headers, media_type="text/plain")
    if status == 206:
        last = first + size_bytes - 1
        headers["Content-Range"] = f"bytes {first}-{last}/{download.size_bytes}"
    headers["Content-Length"] = str(size_bytes)
    if request.method == "HEAD":
        return Stream([], status_code=status, headers=headers, media_type=download.mimetype)
    if may_redirect and _is_redirectable(request, download.size_bytes):
        link = await asyncio.to_thread(_find_link, blobs, download)
        if link is not None:
            return _redirect(link)
    reader = await asyncio.to_thread(
        blobs.open_range, download.sha256, first=first, size_bytes=size_bytes
    )
    return Stream(
        _read_parts(reader), status_code=status, headers=headers, media_type=download.mimetype
    )


def parse_range(text: str, size_bytes: int) -> tuple[int, int] | None:
    """(first byte, count) of a Range header; count 0 when no byte lies in it.

    None means that the header does not count (several ranges, another unit, nonsense): the whole
    file is the answer then. Source: RFC 9110 sec. 14.
    """
    found = re.fullmatch(r"bytes=\s*(\d*)-(\d*)\s*", text, re.IGNORECASE | re.ASCII)
    if found is None or found.groups() == ("", ""):
        return None
    if not found[1]:  # the last n bytes
        count = min(int(found[2]), size_bytes)
        return size_bytes - count, count
    first = int(found[1])
    last = min(int(found[2]), size_bytes - 1) if found[2] else size_bytes - 1
    if found[2] and int(found[2]) < first:
        return None
    return first, max(last - first + 1, 0)


def describe_disposition(name: str, mimetype: str) -> str:
    """Content-Disposition that is safe for any name. Source: RFC 6266, RFC 8187."""
    if SHOWN_TYPES.match(mimetype):
        return _attachment(name).replace("attachment", "inline", 1)
    return _attachment(name)


def _attachment(name: str) -> str:
    last = name.rsplit("/", 1)[-1]
    plain = re.sub(r"[^ !#$&+.\-0-9A-Z^_`a-z|~()@=,\[\]{}]", "_", last)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(last, safe='')}"


def _is_redirectable(request: Request[Any, Any, Any], size_bytes: int) -> bool:
    return size_bytes >= S3_REDIRECT_FROM_BYTES and not any(
        name in request.headers for name in STAY_HEADERS
    )


def _find_link(blobs: BlobStore, download: Download) -> str | None:
    """Where the store sends it: always as a file to be saved, whatever is in it."""
    headers = {
        "Cache-Control": "private, no-cache",
        "Content-Disposition": _attachment(download.name),
        "Content-Type": "application/octet-stream",
    }
    link = blobs.make_link(download.sha256, headers=headers)
    if link is not None and blobs.find_size(download.sha256) is None:
        raise BlobMissing(download.sha256)
    return link


def _redirect(link: str) -> Response[Any]:
    headers = {"Location": link, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    return Response(b"", status_code=307, headers=CORS_HEADERS | headers, media_type="text/plain")


async def _read_parts(reader: BlobReader) -> AsyncIterator[bytes]:
    try:
        while part := await asyncio.to_thread(reader.read, PART_BYTES):
            yield part
    finally:
        reader.close()


def _describe(download: Download) -> dict[str, str]:
    updated_at = datetime.fromtimestamp(download.updated_at_us // 1_000_000, UTC)
    return CORS_HEADERS | {
        "Accept-Ranges": "bytes",
        # The same name may hold something else in a second: keep a copy, but ask.
        "Cache-Control": "private, no-cache",
        "Content-Disposition": describe_disposition(download.name, download.mimetype),
        "Content-Security-Policy": CONTENT_POLICY,
        "ETag": f'"{download.sha256.hex()}"',
        "Last-Modified": format_datetime(updated_at, usegmt=True),
        "X-Content-Type-Options": "nosniff",
    }


def _matches(header: str | None, etag: str) -> bool:
    if header is None:
        return False
    return header.strip() == "*" or etag in (
        tag.strip().removeprefix("W/") for tag in header.split(",")
    )
