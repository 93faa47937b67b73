"""The client's connection: what it sends, and how refusals and networks are explained."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from steelyard.errors import (
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    Overloaded,
    SteelyardError,
    Unauthenticated,
    Unavailable,
)
from steelyard.sdk.connection import Connection, connection_facts, find_proxy, open_connection
from steelyard.sdk.settings import ClientSettings


class Answers(BaseHTTPRequestHandler):
    """Answers /STATUS with that status, and /echo with what it was sent."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        sent = self.rfile.read(length).decode()
        kind, body, extra = "application/json", b"", {}
        if self.path.startswith("/echo") or self.path.startswith("http"):
            status = 200
            body = json.dumps(
                {"body": sent, "headers": dict(self.headers), "path": self.path}
            ).encode()
        elif self.path == "/html":
            status, kind, body = 200, "text/html", b"<html>hotel wifi</html>"
        elif self.path == "/302":
            status, extra = 302, {"Location": "https://elsewhere/"}
        elif self.path == "/502":
            status, body = 502, b"<h1>Bad\n gateway</h1>"
        else:
            status = int(self.path[1:])
            body = json.dumps({"code": f"code_{status}", "detail": f"detail {status}"}).encode()
            extra = {"Retry-After": "7"}
        self.send_response(status)
        for name, value in {
            "Content-Type": kind,
            "Content-Length": str(len(body)),
            **extra,
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_PUT = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        return


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def connection(base_url: str) -> Iterator[Connection]:
    settings = ClientSettings(
        base_url=base_url, api_key="k" * 40, x_extra_http_headers={"X-Team": "a"}
    )
    connection = open_connection(settings)
    yield connection
    connection.close()


def test_it_sends_key_headers_and_json(connection: Connection) -> None:
    answer = connection.call("POST", "/echo", content={"a": [1]})
    assert answer["body"] == '{"a": [1]}'
    headers = {name.lower(): value for name, value in answer["headers"].items()}
    assert headers["authorization"] == f"Bearer {'k' * 40}"
    assert headers["x-team"] == "a"
    assert headers["user-agent"].startswith("steelyard/")


def test_facts_are_json_and_open_the_same_connection(base_url: str) -> None:
    facts = json.loads(json.dumps(connection_facts(ClientSettings(base_url=base_url, api_key="k"))))
    connection = open_connection(facts)
    assert connection.call("GET", "/echo")["headers"]["Authorization"] == "Bearer k"
    connection.close()


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Invalid),
        (401, Unauthenticated),
        (403, Forbidden),
        (404, NotFound),
        (409, Conflict),
        (422, Invalid),
        (429, Overloaded),
        (500, Unavailable),
        (503, Unavailable),
    ],
)
def test_refusals_are_errors_with_the_servers_own_words(
    connection: Connection, status: int, kind: type[SteelyardError]
) -> None:
    with pytest.raises(kind, match=f"detail {status}") as caught:
        connection.call("GET", f"/{status}")
    assert caught.value.code == f"code_{status}"
    assert type(caught.value) is kind
    answer = connection.request("GET", f"/{status}")
    assert answer.retry_after_s == 7
    assert answer.is_temporary == (status in (429, 500, 503))


def test_other_servers_are_quoted(connection: Connection) -> None:
    with pytest.raises(Unavailable, match="answered 502: <h1>Bad gateway"):
        connection.call("GET", "/502")
    with pytest.raises(Unavailable, match="Steelyard server"):
        connection.call("GET", "/html")
    with pytest.raises(Invalid, match="points to https://elsewhere/"):
        connection.call("GET", "/302")


def test_a_streamed_answer_comes_in_pieces(connection: Connection) -> None:
    answer = connection.request("GET", "/echo", stream=True)
    assert answer.body == b""
    assert json.loads(b"".join(answer.chunks()))["path"] == "/echo"
    refused = connection.request("GET", "/404", stream=True)
    assert str(refused.error()) == "detail 404"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://127.0.0.1:9", "connection refused"),
        ("http://no-such-host.invalid", "not known here|refused"),
    ],
)
def test_a_server_that_is_not_there_is_explained(url: str, words: str) -> None:
    connection = open_connection({"base_url": url})
    with pytest.raises(Unavailable, match=words):
        connection.call("GET", "/x", timeout_s=5)


def test_without_a_server_there_is_no_connection() -> None:
    with pytest.raises(Invalid, match="WANDB_BASE_URL"):
        open_connection(ClientSettings())


@pytest.mark.parametrize(
    ("no_proxy", "is_used"),
    [
        (None, True),
        ("", True),
        ("ml.example.org", False),
        (".example.org", False),
        ("example.org", False),
        ("ample.org", True),
        ("other, ml.example.org:8080", False),
        ("ml.example.org:9", True),
        ("*", False),
    ],
)
def test_hosts_are_taken_out_of_the_proxy(no_proxy: str | None, is_used: bool) -> None:
    facts = {
        "base_url": "http://ml.example.org:8080",
        "http_proxy": "proxy:3128",
        "https_proxy": "wrong",
        "no_proxy": no_proxy,
    }
    assert find_proxy(facts) == ("http://proxy:3128" if is_used else None)


def test_a_proxy_gets_the_whole_url_and_its_password(base_url: str) -> None:
    proxy = base_url.replace("http://", "http://me:p%40ss@")
    connection = open_connection({"base_url": "http://ml.invalid", "http_proxy": proxy})
    answer = connection.call("GET", "/echo")
    assert answer["path"] == "http://ml.invalid/echo"
    assert answer["headers"]["proxy-authorization"] == "Basic bWU6cEBzcw=="
    connection.close()
