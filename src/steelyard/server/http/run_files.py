"""Run files in URLs and in answers, for the edges that have them."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from litestar import Request

from steelyard.errors import Invalid
from steelyard.server.http.downloads import Download
from steelyard.server.rooms.files.model import RunFile


def name_in_url(request: Request[Any, Any, Any], *, segments_before: int) -> str:
    """The file name at the end of the path, byte for byte as the client wrote it.

    Litestar's own path parameter drops doubled slashes, which are part of a name.
    """
    raw: bytes = request.scope["raw_path"]
    encoded = raw.split(b"/", segments_before + 1)[-1]
    try:
        return unquote(encoded, errors="strict")
    except UnicodeDecodeError as error:
        raise Invalid(f"the file name {encoded.decode('latin-1')!r} is not UTF-8") from error


def describe_file(file: RunFile) -> Download:
    """A run file as something to send."""
    return Download(
        name=file.name,
        sha256=file.sha256,
        size_bytes=file.size_bytes,
        mimetype=file.mimetype,
        updated_at_us=file.updated_at_us,
    )
