from __future__ import annotations

import asyncio
import logging
import re
from typing import Any

import pytest

from steelyard.server.http.metrics import Metrics
from steelyard.server.http.observer import RequestObserver, current_request_id


def observe(metrics: Metrics, *, slow_ms: int, takes_s: float = 0.0) -> list[Any]:
    """What a client is sent by an application behind the observer."""
    sent: list[Any] = []

    async def app(scope: Any, _receive: Any, send: Any) -> None:
        assert current_request_id.get()
        scope["path_template"] = "/things/{id}"
        await asyncio.sleep(takes_s)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def send(message: Any) -> None:
        sent.append(message)

    observer = RequestObserver(app, metrics, slow_ms=slow_ms)
    scope: Any = {"type": "http", "method": "GET", "path": "/things/7"}
    asyncio.run(observer(scope, None, send))  # type: ignore[arg-type]  # nothing is received
    return sent


def test_an_answer_carries_an_id_and_is_counted_by_its_pattern() -> None:
    metrics = Metrics()
    (name, value), *_ = observe(metrics, slow_ms=0)[0]["headers"]
    assert name == b"x-request-id" and re.fullmatch(b"[0-9a-f]{12}", value)
    text = metrics.render({})
    assert 'requests_total{method="GET",route="/things/{id}",status="200"} 1' in text
    assert "/things/7" not in text


def test_a_slow_answer_is_logged_with_its_path(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "steelyard.http"):
        observe(Metrics(), slow_ms=1000)
        assert caplog.records == []
        observe(Metrics(), slow_ms=1, takes_s=0.01)
    assert vars(caplog.records[0])["path"] == "/things/7"
