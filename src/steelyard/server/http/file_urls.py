"""Signed, absolute URLs of run files, for both directions.

The URL alone is the permission, because clients send no key with it: an HMAC over what may be done
(`upload` or `download`), the run, the name and the hour it expires. Making one asks no database, so
a page of 5,000 files costs milliseconds. URLs start with the configured public address, never with
the Host header of a request: that one belongs to whichever proxy stands in front.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

from steelyard.limits import SIGNED_URL_HOURS

if TYPE_CHECKING:
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


def signed_payload(run_id: int, name: str) -> str:
    """What the signature covers besides purpose and expiry."""
    return f"{run_id}/{name}"


def _signed_url(
    signer: Signer, base_url: str, purpose: Purpose, run_id: int, name: str, now_us: int
) -> str:
    expires_at_us = (now_us // HOUR_US + 1 + SIGNED_URL_HOURS) * HOUR_US
    signature = signer.sign(purpose, signed_payload(run_id, name), expires_at_us)
    path = f"{STORAGE_PREFIX}{run_id}/{quote(name, safe='/')}"
    # Hours, not microseconds: the URL stays short and shows nothing of the second it was made in.
    return f"{base_url.rstrip('/')}{path}?expires={expires_at_us // HOUR_US}&signature={signature}"
