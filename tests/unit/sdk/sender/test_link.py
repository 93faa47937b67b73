"""What the sender makes of answers."""

from __future__ import annotations

import json
import threading
import zlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from steelyard.limits import SENDER_RETRY_S_MAX
from steelyard.sdk.sender.link import Backoff, Later, Link, Refused


class Answering(BaseHTTPRequestHandler):
    """Answers with what the test put into `answer`; keeps what it got."""

    answer: tuple[int, dict[str, str], bytes] = (200, {}, b"")
    got: list[tuple[dict[str, str], bytes]] = []  # noqa: RUF012  one server a test

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        type(self).got.append((dict(self.headers), body))
        status, headers, answer = self.answer
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:
        return


@pytest.fixture
def link() -> Iterator[Link]:
    server = HTTPServer(("127.0.0.1", 0), Answering)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    Answering.got = []
    made = Link(
        {"base_url": f"http://127.0.0.1:{server.server_address[1]}", "api_key": "k" * 40},
        key_source="the environment variable WANDB_API_KEY",
    )
    yield made
    made.close()
    server.shutdown()
    thread.join()
    server.server_close()


def problem(code: str, detail: str) -> bytes:
    return json.dumps({"code": code, "detail": detail}).encode()


def test_an_answer_is_what_the_server_acknowledged(link: Link) -> None:
    Answering.answer = (200, {}, b'{"acknowledged": 7, "stop": false}')
    assert link.post_journal("/x", b"1234567")["acknowledged"] == 7
    headers, body = Answering.got[0]
    assert body == b"1234567"
    assert headers["Authorization"] == "Bearer " + "k" * 40


def test_a_long_body_goes_in_pieces_under_one_length(link: Link) -> None:
    Answering.answer = (200, {}, b'{"acknowledged": 7}')
    data = b"x" * 500_000
    link.post_journal("/x", data)
    headers, body = Answering.got[0]
    assert body == data
    assert headers["Content-Length"] == "500000"
    assert "Transfer-Encoding" not in headers


@pytest.mark.parametrize(("status", "wait_s"), [(429, 3.0), (503, 3.0), (500, None), (408, None)])
def test_a_busy_or_broken_server_is_asked_again(
    link: Link, status: int, wait_s: float | None
) -> None:
    headers = {"Retry-After": "3"} if wait_s else {}
    Answering.answer = (status, headers, problem("overloaded", "later"))
    with pytest.raises(Later) as caught:
        link.post_journal("/x", b"1")
    assert caught.value.wait_s == wait_s


@pytest.mark.parametrize(
    ("status", "code", "is_mendable"),
    [
        (401, "unauthenticated", True),
        (403, "forbidden", True),
        (404, "entity_not_found", True),
        (404, "run_not_found", False),
        (409, "run_exists", False),
        (413, "too_large", False),
        (422, "damaged_journal", False),
    ],
)
def test_a_refusal_says_the_words_of_the_server_and_whether_waiting_helps(
    link: Link, status: int, code: str, is_mendable: bool
) -> None:
    Answering.answer = (status, {}, problem(code, "because"))
    with pytest.raises(Refused, match="because") as caught:
        link.post_journal("/x", b"1")
    assert (caught.value.code, caught.value.is_mendable) == (code, is_mendable)
    assert ("WANDB_API_KEY" in str(caught.value)) == (status in (401, 403))


def test_something_that_is_no_steelyard_is_named(link: Link) -> None:
    for answer in (
        (200, {}, b"<html>"),
        (404, {}, b"<html>not here"),
        (302, {"Location": "/"}, b""),
    ):
        Answering.answer = answer
        with pytest.raises(Refused):
            link.post_journal("/x", b"1")


def test_an_address_where_nobody_listens_is_for_later() -> None:
    link = Link({"base_url": "http://127.0.0.1:9", "api_key": "k"})
    with pytest.raises(Later, match="nobody listens"):
        link.post_journal("/x", b"1")
    link.close()


def test_bodies_for_far_servers_are_deflated() -> None:
    far = Link({"base_url": "http://far.example.org", "api_key": "k"})
    data = b"a" * 5000
    body, headers = far.encode(data)
    assert zlib.decompress(body) == data
    assert headers["Content-Encoding"] == "deflate"
    near = Link({"base_url": "http://localhost:8080", "api_key": "k"})
    assert near.encode(data)[0] == data


def test_waiting_grows_to_a_bound_and_differs_by_chance() -> None:
    backoff = Backoff()
    waits = []
    for _ in range(12):
        backoff.fail(1000.0)
        waits.append(backoff.not_before - 1000.0)
    assert 0.7 < waits[0] < 1.3
    assert all(wait <= SENDER_RETRY_S_MAX * 1.26 for wait in waits)
    assert waits[-1] > SENDER_RETRY_S_MAX * 0.7
    firsts = set()
    for _ in range(20):
        other = Backoff()
        other.fail(0.0)
        firsts.add(other.not_before)
    assert len(firsts) > 5
    backoff.fail(1000.0, wait_s=500.0)
    assert backoff.not_before >= 1500.0, "what the server asks for is a lower bound"
    assert not backoff.is_over(1499.0)
    backoff.succeed()
    assert backoff.is_over(0.0)
