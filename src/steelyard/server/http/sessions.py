"""The cookie of a browser session, and the guard against requests forged by other sites."""

from __future__ import annotations

from typing import Any

from litestar import Request
from litestar.datastructures import Cookie

from steelyard.limits import SESSION_DAYS
from steelyard.server.settings import ServerSettings

COOKIE_NAME = "steelyard_session"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def read_session_cookie(request: Request[Any, Any, Any]) -> str | None:
    """The session token of the browser; None without one."""
    return request.cookies.get(COOKIE_NAME) or None


def session_cookie(settings: ServerSettings, token: str) -> Cookie:
    """The cookie that signs a browser in; out of reach of scripts and of other sites."""
    return Cookie(
        key=COOKIE_NAME,
        value=token,
        path="/",
        httponly=True,
        samesite="lax",
        secure=settings.public_url.startswith("https://"),
        max_age=SESSION_DAYS * 24 * 3600,
    )


def expired_cookie(settings: ServerSettings) -> Cookie:
    """The cookie that signs a browser out."""
    return Cookie(
        key=COOKIE_NAME,
        value="",
        path="/",
        httponly=True,
        samesite="lax",
        secure=settings.public_url.startswith("https://"),
        max_age=0,
    )
