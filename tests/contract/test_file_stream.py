"""The file stream: statuses decide whether the official client goes on or gives up."""

from __future__ import annotations

import gzip
import json
import socket
import time
from collections.abc import Iterator
from urllib.parse import quote, urlsplit

import pytest

from steelyard import limits
from steelyard.testing.server import ThrowawayServer
from tests.support.file_stream import FATAL_STATUSES, FileStreamClient, create_run, open_stream

HISTORY = "wandb-history.jsonl"
MIB = 1024 * 1024


@pytest.fixture
def stream(shared_server: ThrowawayServer, request: pytest.FixtureRequest) -> FileStreamClient:
    """A client of a new run."""
    return open_stream(shared_server, unique(request), project="file-stream")


def unique(request: pytest.FixtureRequest) -> str:
    return f"r{abs(hash(request.node.nodeid)):x}-{time.time_ns():x}"[:64]


def test_a_heartbeat_is_answered_with_an_empty_object(stream: FileStreamClient) -> None:
    answer = stream.send_once(b"{}")
    assert (answer.status, answer.data) == (200, b"{}")
    assert answer.headers["Content-Type"] == "application/json"


def test_a_stop_request_reaches_the_process(
    shared_server: ThrowawayServer, request: pytest.FixtureRequest
) -> None:
    name = unique(request)
    client = open_stream(shared_server, name, project="file-stream")
    assert client.send({}) == {}
    data = shared_server.graphql(
        "query Run($project: String!, $name: String!) "
        "{ project(name: $project) { run(name: $name) { id } } }",
        project="file-stream",
        name=name,
    )
    stop = "mutation StopRun($id: ID!) { stopRun(input: {id: $id}) { success } }"
    shared_server.graphql(stop, id=data["project"]["run"]["id"])
    assert client.send({}) == {"stopped": True}
    assert client.send({"complete": True, "exitcode": 255}) == {"stopped": True}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b'{"files": {"wandb-history.jsonl": {"offset": 0, "content": ["{}"',
        b'{"complete": tru',
        b"\xff\xfe{}",
        b'{"files": {"output.log": {"content": ["\xc3"]}}}',
    ],
    ids=["nothing", "text", "cut", "cut token", "not UTF-8", "cut character"],
)
def test_a_body_damaged_on_its_way_is_asked_for_again(
    stream: FileStreamClient, body: bytes
) -> None:
    answer = stream.send_once(body)
    assert answer.status == 408
    assert answer.status not in FATAL_STATUSES
    assert "send it again" in json.loads(answer.data)["error"]


@pytest.mark.parametrize(
    "body",
    [
        [],
        {"files": 5},
        {"files": {HISTORY: []}},
        {"files": {HISTORY: {"offset": "zero", "content": []}}},
        {"files": {HISTORY: {"offset": 0, "content": [1]}}},
        {"files": {HISTORY: {"offset": -1, "content": ["{}"]}}},
        {"complete": True, "exitcode": "none"},
    ],
)
def test_what_can_never_work_is_refused_for_good(stream: FileStreamClient, body: object) -> None:
    answer = stream.send_once(json.dumps(body).encode())
    assert answer.status == 400
    assert json.loads(answer.data)["error"]


def test_fields_and_files_that_we_do_not_know_stop_nothing(stream: FileStreamClient) -> None:
    stream.send(
        {
            "files": {
                "new-kind.jsonl": {"offset": 0, "content": ["{}"]},
                HISTORY: {"offset": 0, "content": ['{"_step": 0, "a": 1}']},
            },
            "uploaded": ["media/a.png"],
            "dropped": 3,
            "something": {"new": True},
            "preempting": None,
        }
    )


def test_halves_of_surrogate_pairs_from_old_clients_are_taken(stream: FileStreamClient) -> None:
    body = b'{"files": {"output.log": {"offset": 0, "content": ["half \\ud83d of a smile"]}}}'
    assert stream.send_once(body).status == 200


def test_a_gzipped_body_is_unpacked(stream: FileStreamClient) -> None:
    files = {HISTORY: {"offset": 0, "content": ['{"_step": 0, "loss": NaN}']}}
    body = gzip.compress(json.dumps({"files": files}).encode())
    headers = {"Content-Encoding": "gzip"}
    assert stream.send_once(body, headers=headers).status == 200
    assert stream.send_once(body[:-9], headers=headers).status == 408
    assert stream.send_once(b"no gzip", headers=headers).status == 408


def test_an_encoding_we_do_not_know_is_refused(stream: FileStreamClient) -> None:
    assert stream.send_once(b"{}", headers={"Content-Encoding": "br"}).status == 400


def test_a_line_of_10_mb_and_a_body_beyond_10_mib_work(
    shared_server: ThrowawayServer, request: pytest.FixtureRequest
) -> None:
    name = unique(request)
    client = open_stream(shared_server, name, project="file-stream")
    text = "long " * 2_000_000
    lines = [json.dumps({"_step": 0, "text": text}), json.dumps({"_step": 1, "text": text[:MIB]})]
    body = json.dumps({"files": {HISTORY: {"offset": 0, "content": lines}}}).encode()
    assert len(body) > 10 * MIB
    assert client.send_once(body).status == 200
    entity_path = client.url.split("/files/")[1].removesuffix("/file_stream")
    rows = shared_server.call("GET", history_path(entity_path, "keys=text&limit=2"))
    assert [len(row["text"]) for row in rows["items"]] == [len(text), MIB]


def history_path(path: str, query: str) -> str:
    entity, project, run = path.split("/")
    return f"/api/v1/{entity}/{project}/runs/{run}/history?{query}"


def test_a_body_beyond_the_limit_is_refused_with_the_limit(stream: FileStreamClient) -> None:
    answer = raw_request(
        stream, headers=f"Content-Length: {limits.FILE_STREAM_BODY_BYTES_MAX + 1}\r\n"
    )
    assert b" 413 " in answer
    assert b"FILE_STREAM_BODY_BYTES_MAX" in answer


def test_a_gzip_bomb_is_refused_with_the_limit(stream: FileStreamClient) -> None:
    bomb = gzip.compress(bytes(limits.FILE_STREAM_BODY_BYTES_MAX + 1))
    answer = stream.send_once(bomb, headers={"Content-Encoding": "gzip"})
    assert answer.status == 413


def test_a_request_without_a_known_key_is_refused_at_once(
    stream: FileStreamClient, shared_server: ThrowawayServer
) -> None:
    path = urlsplit(stream.url).path
    for key in ("", "0" * 40):
        started = time.monotonic()
        answer = shared_server.request("POST", path, body=b"{}", key=key)
        assert answer.status == 401
        assert time.monotonic() - started < 2


def unknown_paths() -> Iterator[str]:
    yield "nobody/file-stream/some-run"
    yield "root/no-such-project/some-run"
    yield "root/file-stream/no-such-run"
    yield "root/file-stream/%E2%9C%93%20%C3%BC"
    yield "root/file-stream/" + "x" * 128
    yield "root/file-stream/..%2F..%2Fetc"


@pytest.mark.parametrize("path", [*unknown_paths()])
def test_an_unknown_place_is_not_found(shared_server: ThrowawayServer, path: str) -> None:
    answer = shared_server.request("POST", f"/files/{path}/file_stream", body=b"{}")
    assert answer.status in (404, 405)
    assert json.loads(answer.data)["error"]


@pytest.mark.parametrize("name", ["x" * 128, "üñí-✓", "a.b-c_d", "with space"])
def test_unusual_run_names_work(
    shared_server: ThrowawayServer, name: str, request: pytest.FixtureRequest
) -> None:

    path = create_run(shared_server, name, project="unusual")
    entity, project, _ = path.split("/", 2)
    client = FileStreamClient(
        shared_server.base_url, shared_server.owner_key, f"{entity}/{project}/{quote(name)}"
    )
    client.send_history(0, ['{"_step": 0, "a": 1}'])


def test_a_request_cut_on_its_way_changes_nothing_and_the_server_goes_on(
    stream: FileStreamClient,
) -> None:
    raw_request(stream, headers="Content-Length: 1000\r\n", body=b'{"files": {"wandb-', wait=False)
    assert stream.send_once(b"{}").status == 200


def raw_request(
    stream: FileStreamClient, *, headers: str, body: bytes = b"", wait: bool = True
) -> bytes:
    """Send bytes as they are; the answer, or nothing when the client leaves at once."""
    parts = urlsplit(stream.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as connection:
        authorization = stream.headers["Authorization"]
        head = (
            f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
            f"Authorization: {authorization}\r\nConnection: close\r\n{headers}\r\n"
        )
        connection.sendall(head.encode() + body)
        answer = b""
        while wait and (part := connection.recv(65536)):
            answer += part
        return answer
