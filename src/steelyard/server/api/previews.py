"""Looks into files: small pictures, and pages in a sandbox. The signed URL is the permission.

Previews of tables are in `tables`: they need a caller.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Literal

import msgspec
from litestar import HttpMethod, Request, Response, get, route
from sqlalchemy.engine import Connection

from steelyard.errors import FileMissing, Invalid
from steelyard.server.blobs.interface import BlobStore
from steelyard.server.db.interface import Database
from steelyard.server.http.downloads import Download, answer_download
from steelyard.server.http.preview_urls import (
    PAGE_PATH,
    THUMBNAIL_PATH,
    THUMBNAIL_SIZES,
    Target,
    check_view,
    make_target,
)
from steelyard.server.http.signing import Signer
from steelyard.server.rooms.artifacts.files import find_content
from steelyard.server.rooms.files.model import guess_mimetype
from steelyard.server.rooms.files.queries import get_file
from steelyard.server.rooms.media.thumbnails import Thumbnails

#: A page of a user runs its scripts, but as nobody: in an origin of its own, without our cookies,
#: and without any connection, so that it can neither read from here nor tell anybody.
HTML_POLICY = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'unsafe-inline'; img-src data: blob:; media-src data: blob:; font-src data:; "
    "base-uri 'none'; form-action 'none'"
)
#: A drawing runs nothing.
SVG_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:"
POLICIES = {"text/html": HTML_POLICY, "image/svg+xml": SVG_POLICY}


class FileContent(msgspec.Struct, frozen=True):
    """The stored content behind a target."""

    sha256: bytes
    size_bytes: int
    updated_at_us: int


@get(THUMBNAIL_PATH, media_type="image/webp")
async def show_thumbnail(
    request: Request[Any, Any, Any],
    db: Database,
    thumbnails: Thumbnails,
    signer: Signer,
    now_us: Callable[[], int],
    name: str,
    run: int | None = None,
    collection: int | None = None,
    md5: str | None = None,
    size: Literal[64, 256, 1024] = 256,
    expires: int = 0,
    signature: str = "",
) -> Response[bytes]:
    """A picture of at most that many pixels on a side, as WebP; never enlarged, never of SVG."""
    assert size in THUMBNAIL_SIZES
    target = make_target(name, run, collection, md5)
    check_view(signer, "thumbnail", target, expires=expires, signature=signature, now_us=now_us())
    content = await db.read(find_target, target)
    etag = f'"{content.sha256.hex()}-{size}"'
    headers = {
        "Cache-Control": "private, no-cache",
        "ETag": etag,
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "sandbox; default-src 'none'",
    }
    if request.headers.get("if-none-match") == etag:
        return Response(b"", status_code=304, headers=headers, media_type="image/webp")
    made = await asyncio.to_thread(thumbnails.get, content.sha256, content.size_bytes, size=size)
    return Response(made, headers=headers, media_type="image/webp")


@route(PAGE_PATH, http_method=[HttpMethod.GET, HttpMethod.HEAD], status_code=200)
async def show_page(
    request: Request[Any, Any, Any],
    db: Database,
    blobs: BlobStore,
    signer: Signer,
    now_us: Callable[[], int],
    name: str,
    run: int | None = None,
    collection: int | None = None,
    md5: str | None = None,
    expires: int = 0,
    signature: str = "",
) -> Response[Any]:
    """HTML or SVG that a user logged, to be shown in a frame; see the policies above."""
    target = make_target(name, run, collection, md5)
    check_view(signer, "page", target, expires=expires, signature=signature, now_us=now_us())
    mimetype = guess_mimetype(name)
    policy = POLICIES.get(mimetype)
    if policy is None:
        raise Invalid(f"{name!r} is neither HTML nor SVG; download it instead")
    content = await db.read(find_target, target)
    download = Download(
        name=name,
        sha256=content.sha256,
        size_bytes=content.size_bytes,
        mimetype=mimetype,
        updated_at_us=content.updated_at_us,
    )
    answer = await answer_download(request, blobs, download)
    answer.headers["Content-Security-Policy"] = policy
    answer.headers["Content-Disposition"] = "inline"
    answer.headers["Referrer-Policy"] = "no-referrer"
    return answer


def find_target(conn: Connection, target: Target) -> FileContent:
    """The content that a signed URL leads to now. Raises FileMissing."""
    if target.run_id is not None:
        file = get_file(conn, target.run_id, target.name)
        return FileContent(file.sha256, file.size_bytes, file.updated_at_us)
    assert target.collection_id is not None and target.md5 is not None
    try:
        md5 = bytes.fromhex(target.md5)
    except ValueError as error:
        raise FileMissing(target.name) from error
    found = find_content(conn, target.collection_id, md5)
    if found is None:
        raise FileMissing(target.name)
    return FileContent(found.sha256, found.size_bytes, 0)


handlers = [show_thumbnail, show_page]
