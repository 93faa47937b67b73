"""The sender's own connections: kept open, opened anew, shared by threads, and explained."""

from __future__ import annotations

import io
import json
import select
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from steelyard.errors import Invalid, Unavailable
from steelyard.sdk.sender.direct import DirectConnection
from steelyard.sdk.sender.link import Link, Refused


class Echo(BaseHTTPRequestHandler):
    """Says what it was sent and over which connection; /leave closes after its answer without a
    word of it, /small refuses a body before it has read it."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        if self.path == "/small":
            self.send_response(413)
            self.send_header("Content-Length", "0")
            self.end_headers()
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_WR)
            while self.rfile.read(65536):  # else the system would take the answer back
                pass
            self.close_connection = True
            return
        sent = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        said = {
            "size": len(sent),
            "path": self.path,
            "peer": self.client_address[1],
            "key": self.headers.get("Authorization"),
            "team": self.headers.get("X-Team"),
        }
        body = json.dumps(said).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()
        if self.path.endswith("/leave"):
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        return


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


Opened = Callable[..., DirectConnection]


@pytest.fixture
def opened() -> Iterator[Opened]:
    """Connections that are closed with their test."""
    with ExitStack() as stack:

        def open_it(base_url: str, **facts: Any) -> DirectConnection:
            return stack.enter_context(closing(DirectConnection({"base_url": base_url, **facts})))

        yield open_it


def post(connection: DirectConnection, path: str, body: Any = b"x", **headers: str) -> Any:
    answer = connection.request("POST", path, body=body, headers=headers, timeout_s=20)
    assert answer.is_ok, answer.status
    return answer.json()


def test_it_sends_key_prefix_and_headers_and_stays_open(base_url: str, opened: Opened) -> None:
    connection = opened(f"{base_url}/ml", api_key="k", x_extra_http_headers={"X-Team": "a"})
    first = post(connection, "/x")
    assert (first["key"], first["team"], first["path"]) == ("Bearer k", "a", "/ml/x")
    assert post(connection, "/x")["peer"] == first["peer"]
    connection.close()
    assert post(connection, "/x")["peer"] != first["peer"]


def test_what_the_server_closed_is_opened_anew(base_url: str, opened: Opened) -> None:
    connection = opened(base_url)
    first = post(connection, "/leave")
    assert select.select([connection._idle[0].sock], [], [], 20)[0]
    assert post(connection, "/x")["peer"] != first["peer"]


def test_files_are_sent_as_they_are_read(base_url: str, opened: Opened) -> None:
    connection = opened(base_url)
    size = 3_000_000
    sent = post(connection, "/x", io.BytesIO(bytes(size)), **{"Content-Length": str(size)})
    assert sent["size"] == size


def test_a_refusal_before_the_end_of_the_body_is_heard(base_url: str, opened: Opened) -> None:
    connection = opened(base_url)
    for _ in range(5):
        answer = connection.request(
            "POST", "/small", body=bytes(5_000_000), headers={}, timeout_s=20
        )
        assert answer.status == 413
    assert post(connection, "/x")["size"] == 1


def test_threads_share_it(base_url: str, opened: Opened) -> None:
    connection = opened(base_url)
    together = threading.Barrier(4)

    def send(size: int) -> set[int]:
        together.wait()
        said = [post(connection, "/x", b"y" * size) for _ in range(50)]
        assert {each["size"] for each in said} == {size}
        return {each["peer"] for each in said}

    with ThreadPoolExecutor(4) as threads:
        peers = set().union(*threads.map(send, (1, 10, 100, 1000)))
    assert len(peers) <= 4


def test_what_went_wrong_is_explained(opened: Opened) -> None:
    with pytest.raises(Unavailable, match="connection refused"):
        post(opened("http://127.0.0.1:9"), "/x")
    with pytest.raises(Unavailable, match=r"not known here|refused"):
        post(opened("http://no-such-host.invalid"), "/x")
    with pytest.raises(Invalid, match="nonnumeric port"):
        opened("http://host:port")


def test_headers_that_cannot_be_sent_are_named(base_url: str, opened: Opened) -> None:
    connection = opened(base_url, x_extra_http_headers={"X-Team": "a\nb"})
    with pytest.raises(Invalid, match="header"):
        post(connection, "/x")


def test_silence_ends_with_the_timeout(opened: Opened) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        connection = opened(f"http://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(Unavailable, match="no answer in time"):
            connection.request("POST", "/x", body=b"", headers={}, timeout_s=0.2)


def test_a_proxy_is_left_to_who_knows_proxies(base_url: str) -> None:
    facts = {"base_url": "http://ml.invalid", "http_proxy": base_url}
    with closing(Link(facts)) as link:
        answer = link.request("POST", "/x", body=b"x", headers={})
    assert answer.json()["path"] == "http://ml.invalid/x"
    with pytest.raises(Refused, match="WANDB_BASE_URL"):
        Link({}).request("POST", "/x", body=b"x", headers={})
