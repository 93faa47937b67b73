"""http:// and https:// references: what their server says of size and ETag."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from steelyard._version import __version__
from steelyard.errors import ContentDamaged, Invalid, ReferenceMissing, Unavailable
from steelyard.sdk.artifacts.digest import CHUNK_BYTES
from steelyard.sdk.artifacts.entry import ArtifactManifestEntry
from steelyard.sdk.artifacts.references import without_checksum

if TYPE_CHECKING:
    import urllib3

TIMEOUT_S: Final = 30.0
HEADERS: Final = {"User-Agent": f"steelyard/{__version__}", "Accept-Encoding": "identity"}
REDIRECTS_MAX: Final = 5
_NO_HEAD: Final = (403, 405, 501)  # signed addresses and simple servers only know GET
_NOT_ALLOWED: Final = (401, 403, 407)


def describe(
    uri: str, name: str | None, *, checksum: bool, max_objects: int, artifact: Any
) -> list[ArtifactManifestEntry]:
    """One entry. Its digest is the ETag without quotation marks, or the address where the server
    gives none. Source: wandb 0.31.0 storage_handlers/http_handler.py _HttpEntryInfo."""
    name = name or os.path.basename(urlsplit(uri).path) or urlsplit(uri).netloc  # noqa: PTH119
    if not checksum:
        return [ArtifactManifestEntry(path=name, ref=uri, digest=uri)]
    try:
        headers = _look(uri)
    except Unavailable as error:
        return without_checksum(uri, name, str(error))
    tag, size = headers.get("ETag"), headers.get("Content-Length", "")
    return [
        ArtifactManifestEntry(
            path=name,
            ref=uri,
            digest=tag.strip('"') if tag else uri,
            size=int(size) if size.isdigit() else None,
            extra={"etag": tag} if tag else {},
        )
    ]


def fetch(entry: ArtifactManifestEntry, target: str, *, remote: Any) -> None:
    """Download what the address has, if it still is the same. Raises ReferenceMissing."""
    assert entry.ref is not None
    response = _ask("GET", entry.ref)
    try:
        if response.status >= 400:
            raise ReferenceMissing(
                f"{entry.path!r} refers to {entry.ref}, which answers {response.status}"
            )
        tag = response.headers.get("ETag")
        found = tag.strip('"') if tag else entry.ref
        if found != entry.digest and entry.digest != entry.ref:
            raise ContentDamaged(
                entry.path,
                f"the reference {entry.ref} has another content now",
                expected=entry.digest,
                found=found,
            )
        _write(response, entry, target)
    finally:
        response.release_conn()


def _write(response: urllib3.BaseHTTPResponse, entry: ArtifactManifestEntry, target: str) -> None:
    from urllib3.exceptions import HTTPError

    size = 0
    try:
        with open(target, "wb") as file:  # noqa: PTH123
            for chunk in response.stream(CHUNK_BYTES):
                file.write(chunk)
                size += len(chunk)
    except HTTPError as error:
        raise Unavailable(f"{entry.ref} broke off after {size:,} bytes: {error}") from error
    announced = response.headers.get("Content-Length", "")
    if announced.isdigit() and int(announced) != size:
        raise Unavailable(f"{entry.ref} broke off after {size:,} of {announced} bytes")


def _look(uri: str) -> Any:
    """The headers of what is there. Raises Unavailable when nobody says, Invalid for nothing."""
    response = _ask("HEAD", uri)
    response.release_conn()
    if response.status in _NO_HEAD:
        response = _ask("GET", uri)
        response.close()  # its headers are enough
    if response.status in _NOT_ALLOWED:
        raise Unavailable(f"it answers {response.status}: it is not for everybody to read")
    if 400 <= response.status < 500 and response.status not in (408, 425, 429):
        raise Invalid(f"the reference {uri} leads to nothing: it answers {response.status}")
    if response.status >= 300:
        raise Unavailable(f"it answers {response.status}")
    return response.headers


def _ask(method: str, uri: str) -> urllib3.BaseHTTPResponse:
    import urllib3
    from urllib3.exceptions import HTTPError

    from steelyard.sdk.artifacts.context import current_settings
    from steelyard.sdk.connection import connection_facts, find_proxy

    facts = {**connection_facts(current_settings()), "base_url": uri}
    proxy = find_proxy(facts)
    options: dict[str, Any] = {"timeout": urllib3.Timeout(TIMEOUT_S), "headers": HEADERS}
    pool = urllib3.ProxyManager(proxy, **options) if proxy else urllib3.PoolManager(**options)
    retries = urllib3.Retry(connect=1, read=0, redirect=REDIRECTS_MAX, status=0)
    try:
        return pool.request(method, uri, preload_content=False, retries=retries)
    except (HTTPError, ValueError) as error:
        raise Unavailable(f"nobody answers at {urlsplit(uri).netloc} ({error})") from error
