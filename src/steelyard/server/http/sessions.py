"""The cookie of a browser session, and the guard against requests forged by other sites."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from litestar import Request
from litestar.datastructures import Cookie

from steelyard.errors import Forbidden
from steelyard.limits import SESSION_DAYS
from steelyard.server.settings import ServerSettings

COOKIE_NAME = "steelyard_session"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

AnyRequest = Request[Any, Any, Any]


def read_session_cookie(request: AnyRequest) -> str | None:
    """The session token of the browser; None without one."""
    return request.cookies.get(COOKIE_NAME) or None


def session_cookie(settings: ServerSettings, token: str) -> Cookie:
    """The cookie that signs a browser in: out of reach of scripts and of other sites."""
    return _cookie(settings, token, SESSION_DAYS * 24 * 3600)


def expired_cookie(settings: ServerSettings) -> Cookie:
    """The cookie that signs a browser out."""
    return _cookie(settings, "", 0)


def refuse_foreign_origin(request: AnyRequest, settings: ServerSettings) -> None:
    """Forbidden when a page of another site makes a browser write here with the user's cookie.

    Browsers put `Origin` on every request that writes, and scripts cannot change it. Clients that
    are no browsers send none, and have no cookie that somebody else could borrow.
    """
    if request.method in SAFE_METHODS:
        return
    origin = request.headers.get("origin")
    if origin is None:
        if request.headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none"):
            return
    elif _is_own_origin(origin, request.headers.get("host", ""), settings):
        return
    raise Forbidden(
        f"refused a request that the site {origin or 'unknown'} made your browser send; if that is "
        "this server's own address, set base_url (STEELYARD_BASE_URL) to it"
    )


def _is_own_origin(origin: str, host: str, settings: ServerSettings) -> bool:
    own = urlsplit(settings.public_url)
    sent = urlsplit(origin)
    if not sent.netloc:  # "null": a sandboxed page
        return False
    return sent.netloc == host or (sent.scheme, sent.netloc) == (own.scheme, own.netloc)


def _cookie(settings: ServerSettings, token: str, max_age_s: int) -> Cookie:
    return Cookie(
        key=COOKIE_NAME,
        value=token,
        path="/",
        httponly=True,
        samesite="lax",
        secure=settings.public_url.startswith("https://"),
        max_age=max_age_s,
    )
