"""Signed, absolute URLs of run files, for both directions.

The URL alone is the permission, because clients send no key with it: an HMAC over what may be done
(`upload` or `download`), the run, the name and the hour it expires. Making one asks no database, so
a page of 5,000 files costs milliseconds. URLs start with the configured public address, never with
the Host header of a request: that one belongs to whichever proxy stands in front.
"""

from __future__ import annotations

from typing import Literal
from urllib.parse import quote

import msgspec

from steelyard.errors import Forbidden
from steelyard.limits import SIGNED_URL_HOURS
from steelyard.server.http.signing import Signer

Purpose = Literal["upload", "download"]

HOUR_US = 3_600_000_000
STORAGE_PREFIX = "/storage/runs/"


def upload_url(signer: Signer, base_url: str, *, run_id: int, name: str, now_us: int) -> str:
    """URL that takes a PUT of the file `name` (not checked here) of the run, again and again."""
    return _signed_url(signer, base_url, "upload", run_id, name, now_us)


def download_url(signer: Signer, base_url: str, *, run_id: int, name: str, now_us: int) -> str:
    """URL that answers GET and HEAD with the newest content of the file `name` of the run.

    The same within an hour, so that browsers find what they cached.
    """
    return _signed_url(signer, base_url, "download", run_id, name, now_us)


class SignedLink(msgspec.Struct, frozen=True):
    """The query of a signed URL."""

    expires: int
    """Hours since 1970: the URL stays short, and the same for an hour."""
    signature: str


def check_link(
    signer: Signer, purpose: Purpose, link: SignedLink, *, run_id: int, name: str, now_us: int
) -> None:
    """Raises Forbidden for a URL that we did not sign for this, or that has expired."""
    is_ours = signer.verify(
        _signed_purpose(purpose),
        _payload(run_id, name),
        link.expires * HOUR_US,
        link.signature,
        now_us=now_us,
    )
    if not is_ours:
        raise Forbidden(
            f"the link to {purpose} {name!r} has expired or was changed; "
            "ask the server for a new one"
        )


def _signed_url(
    signer: Signer, base_url: str, purpose: Purpose, run_id: int, name: str, now_us: int
) -> str:
    expires = now_us // HOUR_US + 1 + SIGNED_URL_HOURS
    signature = signer.sign(_signed_purpose(purpose), _payload(run_id, name), expires * HOUR_US)
    path = f"{STORAGE_PREFIX}{run_id}/{quote(name, safe='/')}"
    return f"{base_url.rstrip('/')}{path}?expires={expires}&signature={signature}"


def _signed_purpose(purpose: Purpose) -> str:
    return f"run file {purpose}"


def _payload(run_id: int, name: str) -> str:
    return f"{run_id}/{name}"
