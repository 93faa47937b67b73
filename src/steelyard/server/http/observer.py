"""Around every request: an id, a measurement, a line in the log when it was slow."""

from __future__ import annotations

import logging
import secrets
import time
from contextvars import ContextVar

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from steelyard.server.http.metrics import Metrics

log = logging.getLogger("steelyard.http")

#: Of the request that is being answered; log lines carry it.
current_request_id: ContextVar[str] = ContextVar("current_request_id", default="")


class RequestObserver:
    """ASGI application around another. Time is counted until the answer begins.

    So a stream of hours counts as fast as its first byte.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, *, slow_ms: int) -> None:
        self._app = app
        self._metrics = metrics
        self._slow_s = slow_ms / 1000 if slow_ms > 0 else float("inf")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        request_id = secrets.token_hex(6)
        current_request_id.set(request_id)
        started = time.perf_counter()

        async def observing_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *message["headers"],
                    (b"x-request-id", request_id.encode()),
                ]
                self._observe(scope, message["status"], time.perf_counter() - started)
            await send(message)

        await self._app(scope, receive, observing_send)

    def _observe(self, scope: Scope, status: int, seconds: float) -> None:
        # The router puts the pattern there; without one, paths of strangers must not become labels.
        route = str(scope.get("path_template") or "unmatched")
        method = str(scope["method"])  # type: ignore[typeddict-item]  # http scopes have it
        self._metrics.observe_request(method, route, status, seconds)
        if seconds > self._slow_s:
            log.warning(
                "slow request",
                extra={
                    "method": method,
                    "path": scope["path"],
                    "status": status,
                    "ms": round(seconds * 1000),
                },
            )
