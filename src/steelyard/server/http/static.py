"""The web UI: built files from the package, and the page itself for every deep link."""

from __future__ import annotations

import functools
import mimetypes
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from litestar import Request, Response, get, route
from litestar.exceptions import NotFoundException
from litestar.response import File

from steelyard.server.settings import ServerSettings

STATIC_DIR = Path(__file__).parent.parent / "static"
SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
PAGE_HEADERS = SECURITY_HEADERS | {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": (
        "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; object-src 'none'; base-uri 'self'; form-action 'self'; "
        "frame-ancestors 'none'"
    ),
}
#: The page in which HTML that users logged runs: without an origin, cookies or a network, and only
#: inside a page of ours. What is written into it stays under this policy.
FRAME_NAME = "frame.html"
FRAME_HEADERS = SECURITY_HEADERS | {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": (
        "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; "
        "style-src 'unsafe-inline'; img-src data: blob:; font-src data:; media-src data: blob:; "
        "form-action 'none'; frame-ancestors 'self'"
    ),
}
#: Vite puts a hash of the content into the names below assets/, so they never change.
ASSET_HEADERS = SECURITY_HEADERS | {"Cache-Control": "public, max-age=31536000, immutable"}
#: First segments that belong to programs: a wrong path there is no page.
PROGRAM_SEGMENTS = frozenset(
    {"api", "graphql", "files", "storage", "assets", "artifacts", "artifactsV2", "otel", "traces"}
)
_NOT_BUILT = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Steelyard</title>
<h1>The server works; its web pages are not built</h1>
<p>This copy of Steelyard comes from source. Build the pages once, then reload:</p>
<pre>make web</pre>
<p>Scripts can log to this server already.</p></html>"""


@get("/assets/{path:path}", include_in_schema=False)
async def send_asset(path: Path, request: Request[Any, Any, Any]) -> File:
    """A built file with a hash in its name, compressed when the client takes it so."""
    name = f"assets/{str(path).lstrip('/')}"
    if (
        "gzip" in request.headers.get("accept-encoding", "")
        and (STATIC_DIR / f"{name}.gz").is_file()
    ):
        packed = ASSET_HEADERS | {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
        return _file(f"{name}.gz", packed, media_type=_media_type(name))
    return _file(name, ASSET_HEADERS | {"Vary": "Accept-Encoding"})


@route(
    ["/", "/login", "/settings", "/{path:path}"],
    http_method=["GET", "HEAD"],
    include_in_schema=False,
)
async def send_page(settings: ServerSettings, path: Path = Path()) -> File | Response[str]:
    """The page, or a file next to it (the icon); the page finds out itself what to show."""
    name = str(path).lstrip("/")
    if name.split("/")[0] in PROGRAM_SEGMENTS:
        raise NotFoundException
    if name and name != "index.html" and "/" not in name and (STATIC_DIR / name).is_file():
        return _file(name, FRAME_HEADERS if name == FRAME_NAME else PAGE_HEADERS)
    html = page_html(urlsplit(settings.public_url).path)
    if html is None:
        return Response(_NOT_BUILT, status_code=503, media_type="text/html", headers=PAGE_HEADERS)
    return Response(html, media_type="text/html", headers=PAGE_HEADERS)


def page_html(base_path: str, static_dir: Path = STATIC_DIR) -> str | None:
    """The page for a server at `base_path`; None when the UI is not built."""
    index = static_dir / "index.html"
    try:
        return _page_html(index, index.stat().st_mtime_ns, base_path.rstrip("/") + "/")
    except FileNotFoundError:
        return None


@functools.lru_cache(maxsize=4)
def _page_html(index: Path, _modified_ns: int, base: str) -> str:
    # Links in the page are relative to <base>, so one build serves at / and below a prefix.
    return index.read_text().replace('<base href="/" />', f'<base href="{base}" />', 1)


def _file(name: str, headers: dict[str, str], *, media_type: str | None = None) -> File:
    found = (STATIC_DIR / name).resolve()
    if not found.is_relative_to(STATIC_DIR.resolve()) or not found.is_file():
        raise NotFoundException
    return File(
        path=found,
        media_type=media_type or _media_type(name),
        headers=headers,
        content_disposition_type="inline",
    )


def _media_type(name: str) -> str:
    return mimetypes.guess_type(name)[0] or "application/octet-stream"


handlers = [send_asset, send_page]
