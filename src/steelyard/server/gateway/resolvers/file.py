"""Files of runs, with signed links."""

from __future__ import annotations

import base64

from steelyard.server.gateway.context import Context, Fields
from steelyard.server.gateway.ids import encode_id
from steelyard.server.http.file_urls import download_url, upload_url
from steelyard.server.rooms.files.model import RunFile, guess_mimetype


def missing_file(run_id: int, name: str) -> RunFile:
    """A name that has no content yet: number 0 and no time."""
    return RunFile(
        id=0,
        run_id=run_id,
        name=name,
        size_bytes=0,
        md5=b"",
        sha256=b"",
        mimetype=guess_mimetype(name),
        updated_at_us=0,
    )


def file_id(file: RunFile, _context: Context) -> str:
    return encode_id("File", file.id)


def url(file: RunFile, context: Context, upload: bool | None = None) -> str:
    return file_upload_url(file, context) if upload else direct_url(file, context)


def direct_url(file: RunFile, context: Context) -> str:
    return download_url(
        context.signer,
        context.base_url,
        run_id=file.run_id,
        name=file.name,
        now_us=context.now_us,
    )


def file_upload_url(file: RunFile, context: Context) -> str:
    return upload_url(
        context.signer,
        context.base_url,
        run_id=file.run_id,
        name=file.name,
        now_us=context.now_us,
    )


def updated_at(file: RunFile, _context: Context) -> int | None:
    return file.updated_at_us or None


def md5(file: RunFile, _context: Context) -> str | None:
    return base64.b64encode(file.md5).decode() if file.md5 else None


def name(file: RunFile, _context: Context) -> str:
    return file.name


def size_bytes(file: RunFile, _context: Context) -> int:
    return file.size_bytes


def mimetype(file: RunFile, _context: Context) -> str:
    return file.mimetype


def no_headers(_file: RunFile, _context: Context) -> list[str]:
    return []


def nothing(_file: RunFile, _context: Context) -> None:
    return None


FILE: Fields = {
    "id": file_id,
    "name": name,
    "displayName": name,
    "url": url,
    "directUrl": direct_url,
    "uploadUrl": file_upload_url,
    "uploadHeaders": no_headers,
    "uploadMultipartUrls": nothing,
    "sizeBytes": size_bytes,
    "mimetype": mimetype,
    "updatedAt": updated_at,
    "md5": md5,
    "digest": md5,
    "storagePath": nothing,
    "artifact": nothing,
}
