"""Signed URLs of small pictures and of pages in a sandbox. As in `file_urls`, the URL alone is the
permission, and it names the file, not its content: a copied URL of a deleted file leads nowhere.
"""

from __future__ import annotations

from typing import Literal
from urllib.parse import urlencode

import msgspec

from steelyard.errors import Forbidden, Invalid
from steelyard.limits import SIGNED_URL_HOURS
from steelyard.server.http.signing import Signer

HOUR_US = 3_600_000_000
THUMBNAIL_PATH = "/api/v1/previews/thumbnail"
PAGE_PATH = "/api/v1/previews/page"
THUMBNAIL_SIZES = (64, 256, 1024)
View = Literal["thumbnail", "page"]


class Target(msgspec.Struct, frozen=True):
    """A file of a run, or a content of a collection of artifacts under one of its names."""

    name: str
    run_id: int | None = None
    collection_id: int | None = None
    md5: str | None = None

    def query(self) -> dict[str, str | int]:
        """The parameters that name it in a URL."""
        if self.run_id is not None:
            return {"run": self.run_id, "name": self.name}
        assert self.collection_id is not None and self.md5 is not None
        return {"collection": self.collection_id, "md5": self.md5, "name": self.name}


def make_target(name: str, run: int | None, collection: int | None, md5: str | None) -> Target:
    """The target of a URL's parameters. Raises Invalid."""
    if run is not None and collection is None and md5 is None:
        return Target(name, run_id=run)
    if run is None and collection is not None and md5 is not None and len(md5) == 32:
        return Target(name, collection_id=collection, md5=md5)
    raise Invalid("a preview names a run and a name, or a collection, an md5 and a name")


def thumbnail_url(signer: Signer, base_url: str, target: Target, *, now_us: int) -> str:
    """URL of the picture, 256 pixels large; `&size=64` or `&size=1024` may be put behind it."""
    return _signed_url(signer, base_url, "thumbnail", THUMBNAIL_PATH, target, now_us)


def page_url(signer: Signer, base_url: str, target: Target, *, now_us: int) -> str:
    """URL of HTML or SVG to be shown in a frame."""
    return _signed_url(signer, base_url, "page", PAGE_PATH, target, now_us)


def check_view(
    signer: Signer, view: View, target: Target, *, expires: int, signature: str, now_us: int
) -> None:
    """Raises Forbidden for a URL that we did not sign for this, or that has expired."""
    if not signer.verify(
        f"preview {view}", _payload(target), expires * HOUR_US, signature, now_us=now_us
    ):
        raise Forbidden(
            f"the link to the {view} of {target.name!r} has expired or was changed; "
            "ask the server for a new one"
        )


def _signed_url(
    signer: Signer, base_url: str, view: View, path: str, target: Target, now_us: int
) -> str:
    expires = now_us // HOUR_US + 1 + SIGNED_URL_HOURS
    signature = signer.sign(f"preview {view}", _payload(target), expires * HOUR_US)
    query = urlencode(target.query() | {"expires": expires, "signature": signature})
    return f"{base_url.rstrip('/')}{path}?{query}"


def _payload(target: Target) -> str:
    return msgspec.json.encode(target).decode()
