"""A proxy in front of a server that spoils chosen requests, as a bad network or a balancer does."""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Literal

import urllib3

Fault = Literal["none", "500", "503", "cut", "answer lost", "slow"]
# Chooses the fault from (method, path, how many requests of that path came before).
Chooser = Callable[[str, str, int], Fault]

SLOW_S = 8.0
HOP_HEADERS = {"connection", "transfer-encoding", "content-length", "host", "date", "server"}


class FaultyNetwork:
    """Listens on a port of its own and hands requests on to `target`.

    Faults: an error status without asking the server; `cut`: the connection ends and the server
    sees nothing; `answer lost`: the server gets the request, the client no answer; `slow`: the
    answer comes after `SLOW_S`. `seen` lists (method, path, fault).
    """

    def __init__(self, target: str, choose: Chooser) -> None:
        self.seen: list[tuple[str, str, Fault]] = []
        self._target, self._choose = target, choose
        self._pool = urllib3.PoolManager(retries=False, timeout=60, maxsize=8)
        self._lock = threading.Lock()
        self._released = threading.Event()
        network = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: object) -> None:
                return

            def handle_any(self) -> None:
                network.handle(self)

            do_GET = do_POST = do_PUT = do_HEAD = do_OPTIONS = do_DELETE = handle_any

        self._listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._listener.daemon_threads = True
        self._thread = threading.Thread(target=self._listener.serve_forever, daemon=True)
        self.base_url = f"http://127.0.0.1:{self._listener.server_address[1]}"

    def __enter__(self) -> FaultyNetwork:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._released.set()
        self._listener.shutdown()
        self._listener.server_close()
        self._thread.join()
        self._pool.clear()

    def count(self, fault: Fault) -> int:
        return sum(seen[2] == fault for seen in self.seen)

    def handle(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        with self._lock:
            before = sum(path == request.path for _, path, _ in self.seen)
            fault = self._choose(request.command, request.path, before)
            self.seen.append((request.command, request.path, fault))
        if fault in ("500", "503"):
            self._answer(request, int(fault), {}, b'{"error": "made by the test"}')
            return
        if fault == "cut":
            request.close_connection = True
            return
        if fault == "slow":
            self._released.wait(SLOW_S)
        headers = {k: v for k, v in request.headers.items() if k.lower() not in HOP_HEADERS}
        try:
            answer = self._pool.request(
                request.command,
                self._target + request.path,
                body=body or None,
                headers=headers,
                redirect=False,
                decode_content=False,
            )
        except urllib3.exceptions.HTTPError:
            self._answer(request, 502, {}, b'{"error": "the server is gone"}')
            return
        if fault == "answer lost":
            request.close_connection = True
            return
        kept = {k: v for k, v in answer.headers.items() if k.lower() not in HOP_HEADERS}
        self._answer(request, answer.status, kept, answer.data)

    @staticmethod
    def _answer(
        request: BaseHTTPRequestHandler, status: int, headers: dict[str, str], body: bytes
    ) -> None:
        try:
            request.send_response(status)
            for name, value in headers.items():
                request.send_header(name, value)
            request.send_header("Content-Length", str(len(body)))
            request.end_headers()
            if request.command != "HEAD":
                request.wfile.write(body)
        except ConnectionError:
            request.close_connection = True
