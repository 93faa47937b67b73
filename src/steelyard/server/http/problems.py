"""Errors to responses: problem+json (RFC 9457) at our edges, `{"error": …}` at W&B's.

The one place that knows which error is which status. Status codes are protocol for the official
client: 4xx on a file stream ends the upload of that run, 5xx makes it wait for minutes.
"""

from __future__ import annotations

import logging
import secrets
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.enums import ScopeType
from litestar.exceptions import HTTPException, ValidationException

from steelyard import errors
from steelyard.limits import RETRY_AFTER_S

log = logging.getLogger("steelyard.http")

STATUS: dict[type[Exception], int] = {
    errors.TooLarge: 413,
    errors.DamagedRecord: 422,
    errors.Invalid: 400,
    errors.Torn: 408,  # the official client sends again after 408, and gives up after 400
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.Overloaded: 429,
    errors.Unavailable: 503,
    errors.MissingExtra: 501,
}
TITLES = {
    400: "Bad request",
    401: "Not signed in",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    408: "Torn on its way",
    409: "Conflict",
    413: "Too large",
    422: "Damaged",
    429: "Slow down",
    500: "Our fault",
    501: "Not installed",
    503: "Try again later",
}
#: Paths of W&B's protocol: their clients read {"error": text}.
GATEWAY_PREFIXES = ("/graphql", "/files/", "/storage/", "/api/v1/admin/", "/artifacts")
RETRYABLE = frozenset({408, 429, 500, 502, 503, 504})
#: litestar 2.25 connection/request.py: the only sign of a body that broke off.
DISCONNECTED = "client disconnected prematurely"

AnyRequest = Request[Any, Any, Any]


def status_of(error: Exception) -> int:
    """HTTP status of one of our errors; 500 for one that is not in the tree."""
    for kind in type(error).__mro__:
        if status := STATUS.get(kind):
            return status
    return 500


def problem_response(
    path: str, *, status: int, code: str, detail: str, extra: dict[str, Any] | None = None
) -> Response[bytes]:
    """The response for an error at `path`, in the form that its clients read."""
    headers = {"Retry-After": str(RETRY_AFTER_S)} if status in (429, 503) else {}
    is_gateway = path.startswith(GATEWAY_PREFIXES)
    if status == 401:
        # Browsers answer a Basic challenge with a window of their own and keep the page waiting
        # for it; ours has a login page. Both schemes are accepted everywhere.
        headers["WWW-Authenticate"] = f'{"Basic" if is_gateway else "Bearer"} realm="Steelyard"'
    if is_gateway:
        # wandb 0.31.0: of a refused GraphQL request `init` shows errors[].message only, else
        # "<no message>"; its other parts read `error`.
        body: dict[str, Any] = {"error": detail, "errors": [{"message": detail}]}
        media_type = "application/json"
    else:
        body = {
            "type": f"urn:steelyard:{code}",
            "title": TITLES.get(status, "Error"),
            "status": status,
            "code": code,
            "detail": detail,
            "retryable": status in RETRYABLE,
        }
        media_type = "application/problem+json"
    return Response(
        msgspec.json.encode(body | (extra or {})),
        status_code=status,
        media_type=media_type,
        headers=headers,
    )


def answer_our_error(request: AnyRequest, error: errors.SteelyardError) -> Response[bytes]:
    """An error of the tree: its own message."""
    status = status_of(error)
    if status == 500:
        return answer_any_error(request, error)
    extra = {"diagnostics": error.diagnostics} if isinstance(error, errors.SweepInvalid) else None
    return problem_response(
        request.scope["path"], status=status, code=error.code, detail=str(error), extra=extra
    )


def answer_http_error(request: AnyRequest, error: HTTPException) -> Response[bytes]:
    """An error of the framework: unknown path, wrong method, body that does not fit."""
    if error.detail == DISCONNECTED:  # nobody reads the answer; no mistake of the server either
        return problem_response(
            request.scope["path"], status=400, code="torn", detail="the body broke off"
        )
    if error.status_code >= 500:
        return answer_any_error(request, error)
    detail = error.detail
    if isinstance(error, ValidationException) and isinstance(error.extra, list):
        detail = "; ".join(
            ": ".join(filter(None, (item.get("key"), item.get("message"))))
            for item in error.extra
            if isinstance(item, dict)
        )
    elif error.status_code == 404:
        detail = f"there is nothing at {request.scope['path']}"
    code = {404: "not_found", 405: "method_not_allowed", 413: "too_large"}.get(
        error.status_code, "invalid"
    )
    response = problem_response(
        request.scope["path"], status=error.status_code, code=code, detail=detail
    )
    response.headers.update(error.headers or {})
    return response


def answer_any_error(request: AnyRequest, error: Exception) -> Response[bytes]:
    """A bug of ours: an incident id for the caller, the traceback for the log only."""
    incident = secrets.token_hex(6)
    scope = request.scope
    log.error(
        "request failed",
        extra={
            "incident": incident,
            "method": scope["method"] if scope["type"] == ScopeType.HTTP else "-",
            "path": scope["path"],
        },
        exc_info=error,
    )
    return problem_response(
        scope["path"],
        status=500,
        code="internal",
        detail=f"the server made a mistake; its log has the details under incident {incident}",
        extra={"incident": incident},
    )


def answer_too_deep(request: AnyRequest, error: RecursionError) -> Response[bytes]:
    """A body of brackets within brackets, which JSON decoders give up on; anything else is ours."""
    if "deserializing" not in str(error):  # the words of msgspec
        return answer_any_error(request, error)
    detail = "the body is nested too deeply; send it with fewer levels"
    return problem_response(request.scope["path"], status=400, code="invalid", detail=detail)


exception_handlers: dict[Any, Any] = {
    RecursionError: answer_too_deep,
    errors.SteelyardError: answer_our_error,
    HTTPException: answer_http_error,
    Exception: answer_any_error,
}
