"""The application in a thread of the test, so that a test can reach its stores and its clock."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec
import urllib3
import uvicorn

from steelyard.server.app import clock_us, create_app, observe_requests, open_services
from steelyard.server.settings import ServerSettings


class AppServer:
    """Real sockets, real stores; only the process is the test's."""

    def __init__(
        self,
        data_dir: Path,
        database_url: str,
        *,
        now_us: Callable[[], int] = clock_us,
        **settings: Any,
    ) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        port = self._listener.getsockname()[1]
        self.settings = ServerSettings(
            data_dir=data_dir, database_url=database_url, port=port, **settings
        )
        data_dir.mkdir(parents=True, exist_ok=True)
        self.services = open_services(self.settings, now_us=now_us)
        self.db = self.services.db
        try:
            self.app = create_app(self.services)
        except BaseException:
            self.services.close()
            self._listener.close()
            raise
        self.base_url = f"http://127.0.0.1:{port}"
        config = uvicorn.Config(
            observe_requests(self.app, self.services),
            loop="asyncio",
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=2,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._listener]}
        )
        self._pool = urllib3.PoolManager(retries=False, timeout=30, maxsize=8)

    def __enter__(self) -> AppServer:
        self._thread.start()
        deadline = time.monotonic() + 30
        while not self._server.started:
            assert self._thread.is_alive() and time.monotonic() < deadline
            time.sleep(0.01)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pool.clear()
        self._server.should_exit = True
        self._thread.join(30)
        assert not self._thread.is_alive()

    def request(
        self,
        method: str,
        path: str,
        *,
        key: str | None = None,
        content: Any = None,
        headers: dict[str, str] | None = None,
        body: bytes | None = None,
    ) -> urllib3.BaseHTTPResponse:
        """One request, as whoever has `key`; redirects are not followed."""
        merged = dict(headers or {})
        if key is not None:
            merged["Authorization"] = f"Bearer {key}"
        if content is not None:
            body = msgspec.json.encode(content)
            merged["Content-Type"] = "application/json"
        return self._pool.request(
            method, self.base_url + path, body=body, headers=merged, redirect=False
        )
