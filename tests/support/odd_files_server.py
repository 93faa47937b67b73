"""A server of files that breaks off, lies, or knows no ranges, as it is told."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType


class OddFilesServer:
    """`files`: path → bytes. `cuts`: how many bytes each of the next answers sends. `refusals`:
    statuses of the next answers. `asked`: (method, path, Range) of every request."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.cuts: list[int] = []
        self.refusals: list[int] = []
        self.asked: list[tuple[str, str, str | None]] = []
        self.knows_ranges = True
        self.knows_head = True
        self.redirects: dict[str, str] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._make_handler())
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> OddFilesServer:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _make_handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_HEAD(self) -> None:
                self._answer(is_head=True)

            def do_GET(self) -> None:
                self._answer(is_head=False)

            def _answer(self, *, is_head: bool) -> None:
                path = self.path.partition("?")[0]
                wanted = self.headers.get("Range")
                server.asked.append((self.command, path, wanted))
                status = server.refusals.pop(0) if server.refusals and not is_head else 200
                if is_head and not server.knows_head:
                    status = 405
                content = server.files.get(path)
                if path in server.redirects:
                    self.send_response(302)
                    self.send_header("Location", server.redirects[path])
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                if content is None or status != 200:
                    self.send_response(status if status != 200 else 404)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                start = 0
                if wanted and server.knows_ranges:
                    start = int(wanted.removeprefix("bytes=").rstrip("-"))
                self.send_response(206 if start else 200)
                self.send_header("Content-Length", str(len(content) - start))
                self.send_header("ETag", f'"etag-{len(content)}"')
                self.end_headers()
                if is_head:
                    return
                rest = content[start:]
                if server.cuts:
                    rest = rest[: server.cuts.pop(0)]
                    self.close_connection = True
                self.wfile.write(rest)

            def log_message(self, format: str, *args: object) -> None:
                """Nothing is printed."""

        return Handler


@contextmanager
def odd_files_server() -> Iterator[OddFilesServer]:
    """A running one."""
    with OddFilesServer() as server:
        yield server
