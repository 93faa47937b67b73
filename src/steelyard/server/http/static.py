"""The web UI: built files from the package, and the page itself for every deep link."""

from __future__ import annotations

import asyncio
import base64
import functools
import gzip
import hashlib
import mimetypes
import re
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
HTML_FRAME_POLICY = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'unsafe-inline'; img-src data: blob:; font-src data:; media-src data: blob:; "
    "form-action 'none'; frame-ancestors 'self'"
)
#: The page in which Plotly draws figures that users logged. It runs its own script, known by its
#: digest, and the program that the page around hands over as a blob; nothing is ever evaluated.
FIGURE_FRAME_POLICY = (
    "sandbox allow-scripts; default-src 'none'; script-src SCRIPT blob:; "
    "style-src 'unsafe-inline'; img-src data: blob:; font-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
FRAME_POLICIES = {"frame.html": HTML_FRAME_POLICY, "plotly-frame.html": FIGURE_FRAME_POLICY}
_INLINE_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)
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
async def send_asset(path: Path, request: Request[Any, Any, Any]) -> File | Response[bytes]:
    """A built file with a hash in its name, compressed when the client takes it so.

    Of the largest files there is a compressed one only, which keeps the wheel small; it is unpacked
    for the rare client that takes nothing else.
    """
    name = f"assets/{str(path).lstrip('/')}"
    headers = ASSET_HEADERS | {"Vary": "Accept-Encoding"}
    packed = _find(f"{name}.gz")
    if packed is not None and "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
        return _file(f"{name}.gz", headers, media_type=_media_type(name))
    if packed is not None and _find(name) is None:
        content = await asyncio.to_thread(lambda: gzip.decompress(packed.read_bytes()))
        return Response(content, media_type=_media_type(name), headers=headers)
    return _file(name, headers)


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
        return _file(name, _headers_of(name))
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


def frame_policy(name: str, static_dir: Path = STATIC_DIR) -> str | None:
    """The Content-Security-Policy of a page that is made for a frame; None for others."""
    policy = FRAME_POLICIES.get(name)
    if policy is None:
        return None
    page = static_dir / name
    return policy.replace("SCRIPT", _script_digests(page, page.stat().st_mtime_ns))


@functools.lru_cache(maxsize=4)
def _script_digests(page: Path, _modified_ns: int) -> str:
    # Source: CSP level 3, sec. 2.3.1: digests are of exactly what stands between the tags.
    digests = [
        base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        for script in _INLINE_SCRIPT.findall(page.read_text())
    ]
    return " ".join(f"'sha256-{digest}'" for digest in digests)


def _headers_of(name: str) -> dict[str, str]:
    policy = frame_policy(name)
    return PAGE_HEADERS if policy is None else PAGE_HEADERS | {"Content-Security-Policy": policy}


def _find(name: str) -> Path | None:
    found = (STATIC_DIR / name).resolve()
    return found if found.is_relative_to(STATIC_DIR.resolve()) and found.is_file() else None


def _file(name: str, headers: dict[str, str], *, media_type: str | None = None) -> File:
    found = _find(name)
    if found is None:
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
