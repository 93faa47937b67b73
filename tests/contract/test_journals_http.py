"""Journals over HTTP: statuses, encodings and limits, the resume point, and run files."""

from __future__ import annotations

import gzip
import json
import socket
import time
import uuid
import zlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
import urllib3

from steelyard import limits
from steelyard.testing.server import ThrowawayServer
from steelyard.wire import journal
from tests.support.journals import JournalBytes, without_times
from tests.support.run_reader import RunReader


class Client:
    """Sends journals of one run to a server."""

    def __init__(self, server: ThrowawayServer, run: str, *, entity: str = "-") -> None:
        self.server = server
        self.run = run
        self.project = "journals-http"
        self.path = f"/api/v1/runs/{entity}/{self.project}/{quote(run, safe='')}"
        self.reader = RunReader(server, self.project)

    def post(
        self,
        body: bytes,
        *,
        offset: int | str = 0,
        writer: str = "writer000001",
        headers: Mapping[str, str] | None = None,
        key: str | None = None,
    ) -> urllib3.BaseHTTPResponse:
        path = f"{self.path}/journals/{writer}?offset={offset}"
        sent = {"Content-Type": "application/octet-stream", **(headers or {})}
        return self.server.request("POST", path, body=body, headers=sent, key=key)

    def send(self, sent: JournalBytes, *, first: int = 0) -> dict[str, Any]:
        answer = self.post(sent.data[first:], offset=first, writer=sent.writer)
        assert answer.status == 200, answer.data
        assert answer.headers["content-type"] == "application/json"
        told: dict[str, Any] = json.loads(answer.data)
        return told

    def refusal(self, answer: urllib3.BaseHTTPResponse) -> tuple[int, str]:
        assert answer.headers["content-type"] == "application/problem+json"
        problem = json.loads(answer.data)
        assert problem["detail"]
        return answer.status, problem["code"]

    def resume_point(self) -> dict[str, Any]:
        point: dict[str, Any] = self.server.call("GET", f"{self.path}/resume")
        return point


@pytest.fixture
def client(shared_server: ThrowawayServer) -> Client:
    return Client(shared_server, f"run-{uuid.uuid4().hex[:12]}")


@pytest.fixture
def sent() -> JournalBytes:
    journal_bytes = JournalBytes(at_us=time.time_ns() // 1000 - 10_000_000)
    journal_bytes.log({"loss": 1.5})
    return journal_bytes


def test_the_answer_says_how_far_the_journal_is_kept_and_what_the_run_is_called(
    client: Client, sent: JournalBytes
) -> None:
    answer = client.send(sent)
    name = client.reader.get_run(client.run)["display_name"]
    assert answer.pop("server") == client.server.call("GET", "/api/v1/me")["server"]["id"]
    assert answer == {
        "acknowledged": len(sent.data),
        "stop": False,
        "entity": client.reader.entity,
        "project": client.project,
        "run": client.run,
        "display_name": name,
        "had_rows": False,
    }
    sent.add(77, None)
    assert client.send(sent)["skipped"] == 1
    assert client.send(JournalBytes("second"))["had_rows"]


def test_an_empty_body_is_a_sign_of_life(client: Client, sent: JournalBytes) -> None:
    client.send(sent)
    before = client.reader.get_run(client.run)["heartbeat_at_us"]
    assert client.send(sent, first=len(sent.data))["acknowledged"] == len(sent.data)
    assert client.reader.get_run(client.run)["heartbeat_at_us"] > before


def test_a_stop_request_reaches_the_process(client: Client, sent: JournalBytes) -> None:
    client.send(sent)
    client.reader.stop(client.run)
    assert client.send(sent, first=len(sent.data))["stop"]


@pytest.mark.parametrize(
    ("encoding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)]
)
def test_a_compressed_body_is_unpacked(
    client: Client, sent: JournalBytes, encoding: str, pack: Any
) -> None:
    headers = {"Content-Encoding": encoding}
    packed = pack(sent.data)
    assert client.post(packed[:-5], headers=headers).status == 408
    assert client.post(b"nothing of the kind", headers=headers).status == 408
    answer = client.post(packed, headers=headers)
    assert json.loads(answer.data)["acknowledged"] == len(sent.data)
    bomb = pack(bytes(limits.JOURNAL_BODY_BYTES_MAX + 1))
    assert client.refusal(client.post(bomb, headers=headers)) == (413, "too_large")
    assert client.post(packed, headers={"Content-Encoding": "br"}).status == 400


def test_a_body_beyond_the_limit_is_refused_before_it_comes(client: Client) -> None:
    parts = urlsplit(client.server.base_url)
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as connection:
        head = (
            f"POST {client.path}/journals/w?offset=0 HTTP/1.1\r\nHost: {parts.netloc}\r\n"
            f"Authorization: Bearer {client.server.owner_key}\r\nConnection: close\r\n"
            f"Content-Length: {limits.JOURNAL_BODY_BYTES_MAX + 1}\r\n\r\n"
        )
        connection.sendall(head.encode())
        answer = b""
        while part := connection.recv(65536):
            answer += part
    assert b" 413 " in answer
    assert b"JOURNAL_BODY_BYTES_MAX" in answer


def test_a_record_of_many_megabytes_is_kept(client: Client, sent: JournalBytes) -> None:
    sent.log({"text": "x" * (limits.JOURNAL_RECORD_BYTES_MAX - 200)})
    assert client.send(sent)["acknowledged"] == len(sent.data)


@pytest.mark.parametrize("offset", ["-1", "x", "", "1.5", str(2**80)])
def test_an_offset_is_a_number_from_zero(client: Client, sent: JournalBytes, offset: str) -> None:
    client.send(sent)
    answer = client.post(b"", offset=offset)
    if offset == str(2**80):  # a gap like any other
        assert json.loads(answer.data)["acknowledged"] == len(sent.data)
    else:
        assert answer.status == 400


def test_refusals_say_what_can_never_work(client: Client, sent: JournalBytes) -> None:
    assert client.refusal(client.post(sent.data, key="0" * 40)) == (401, "unauthenticated")
    assert client.refusal(client.post(b"", offset=99)) == (404, "run_not_found")
    must = JournalBytes(resume="must")
    assert client.refusal(client.post(must.data)) == (404, "run_not_found")
    assert client.refusal(client.post(sent.data, writer="a b")) == (400, "invalid")
    client.send(sent)
    never = JournalBytes("second", resume="never")
    assert client.refusal(client.post(never.data, writer="second")) == (409, "run_exists")
    damaged = sent.data[:-1] + b"\x00"
    assert client.post(damaged, offset=0).status == 200  # it was kept before
    sent.log({"a": 1})
    offset = sent.ends[-2]
    damaged = sent.data[offset:-1] + b"\x99"
    assert client.refusal(client.post(damaged, offset=offset)) == (422, "damaged_journal")
    foreign = Client(client.server, "run", entity="nobody-here")
    assert client.refusal(foreign.post(sent.data)) == (404, "entity_not_found")


@pytest.mark.parametrize("name", ["x" * 128, "üñí-✓", "a.b-c_d", "with space"])
def test_unusual_run_names_work(client: Client, sent: JournalBytes, name: str) -> None:
    unusual = Client(client.server, name)
    answer = unusual.send(JournalBytes(f"w{uuid.uuid4().hex[:8]}"))
    assert answer["run"] == name


def test_journals_are_counted(client: Client, sent: JournalBytes) -> None:
    client.send(sent)
    text = client.server.request("GET", "/metrics").data.decode()
    for name in ("requests", "records", "bytes"):
        line = next(x for x in text.splitlines() if x.startswith(f"steelyard_journal_{name}_total"))
        assert float(line.split()[1]) > 0


def test_live_pages_hear_of_what_a_journal_brings(client: Client, sent: JournalBytes) -> None:
    client.send(sent)
    url = f"{client.server.base_url}/api/v1/{client.reader.entity}/{client.project}/live"
    headers = {"Authorization": f"Bearer {client.server.owner_key}"}
    answer = urllib3.request(
        "GET", url, headers=headers, preload_content=False, retries=False, timeout=30
    )
    try:
        heard, deadline = b"", time.monotonic() + 60
        while client.run.encode() not in heard and time.monotonic() < deadline:
            client.send(sent, first=len(sent.data))
            heard = b""
            while not heard.endswith(b"\n\n"):  # one event, or a ping
                heard += answer.read(1)
        assert client.run.encode() in heard
    finally:
        answer.close()


# ---- the resume point


def test_the_resume_point_says_where_a_run_stands(client: Client, sent: JournalBytes) -> None:
    entity = client.reader.entity
    assert client.resume_point() == {
        "entity": entity,
        "project": client.project,
        "run": client.run,
        "exists": False,
        "last_step": None,
        "runtime_s": 0.0,
        "display_name": None,
        "config": {},
        "summary": {},
        "tags": [],
        "notes": None,
        "state": None,
    }
    sent.config(lr=0.5, nan=float("nan"))
    sent.log({"loss": 0.5}, step=41)
    sent.add(journal.RUN, {"tags": ["t"], "notes": "n", "display_name": "shown"})
    client.send(sent)
    point = client.resume_point()
    summary = point.pop("summary")
    assert (summary["loss"], summary["_step"]) == (0.5, 41)
    assert point == {
        "entity": entity,
        "project": client.project,
        "run": client.run,
        "exists": True,
        "last_step": 41,
        "runtime_s": 3.0,
        "display_name": "shown",
        "config": {"lr": 0.5, "nan": "NaN"},
        "tags": ["t"],
        "notes": "n",
        "state": "running",
    }


def test_a_foreign_entity_has_no_resume_point(client: Client) -> None:
    answer = client.server.request("GET", "/api/v1/runs/nobody-here/p/r/resume")
    assert client.refusal(answer) == (404, "entity_not_found")


# ---- files


@pytest.mark.parametrize(
    "name", ["model.bin", "media/images/a b_1.png", "100%/a%2Fb.txt", "日本語/✓.md", "a//b"]
)
def test_a_file_of_a_run_comes_back(client: Client, sent: JournalBytes, name: str) -> None:
    client.send(sent)
    path = f"{client.path}/files/{quote(name)}"
    stored = client.server.request("PUT", path, body=b"content" * 1000)
    assert stored.status == 200, stored.data
    assert json.loads(stored.data)["size_bytes"] == 7000
    assert client.server.request("GET", path).data == b"content" * 1000
    assert client.server.request("PUT", path, body=b"").status == 200
    assert client.server.request("GET", path).data == b""
    assert client.reader.list_files(client.run)[name] == 0


@pytest.mark.parametrize("name", ["..%2Fa", "a/%2E%2E/b", "a%0Ab", "/etc/passwd", "a/"])
def test_a_bad_file_name_is_refused(client: Client, sent: JournalBytes, name: str) -> None:
    client.send(sent)
    answer = client.server.request("PUT", f"{client.path}/files/{name}", body=b"x")
    assert client.refusal(answer) == (400, "invalid")


def test_files_need_their_run(client: Client) -> None:
    path = f"{client.path}/files/a.txt"
    assert client.server.request("PUT", path, body=b"x").status == 404
    assert client.server.request("GET", path).status == 404
    assert client.server.request("PUT", path, body=b"x", key="").status == 401


def test_metadata_is_a_file_of_the_run(client: Client, sent: JournalBytes) -> None:
    sent.add(journal.METADATA, {"os": "Linux", "args": ["--lr", "1"]})
    first = sent.ends[-1]
    client.send(sent)
    sent.add(journal.METADATA, "nonsense")
    sent.add(journal.METADATA, {"host": "node", "os": "Linux 6"})
    client.send(sent)
    client.send(sent, first=first)
    other = JournalBytes("helper", is_primary=False)
    other.add(journal.METADATA, {"host": "other"})
    client.send(other)
    answer = client.server.request("GET", f"{client.path}/files/wandb-metadata.json")
    assert json.loads(answer.data) == {"os": "Linux 6", "args": ["--lr", "1"], "host": "node"}
    assert client.reader.get_run(client.run)["metadata"]["host"] == "node"


def test_metadata_of_a_journal_with_a_gap_is_not_kept(client: Client, sent: JournalBytes) -> None:
    client.send(sent)
    kept = len(sent.data)
    sent.log({"a": 1})
    gap = len(sent.data)
    sent.add(journal.METADATA, {"os": "Linux"})
    assert client.send(sent, first=gap)["acknowledged"] == kept
    path = f"{client.path}/files/wandb-metadata.json"
    assert client.server.request("GET", path).status == 404


# ---- the same run by the other way


def test_a_run_reads_the_same_by_the_file_stream_and_by_a_journal(client: Client) -> None:
    """One logical run, sent as the official client sends it and as ours does."""
    rows: list[dict[str, Any]] = [
        {"loss": 2.0, "n": {"x": 1}, "text": "a"},
        {
            "loss": float("nan"),
            "n": {"x": 2, "y": 3},
            "hist": {"_type": "histogram", "values": [1]},
        },
        {"loss": 0.5, "acc": 0.75},
    ]
    config = {"lr": 0.1, "model": {"depth": 3}}
    server, entity = client.server, client.reader.entity
    sent = JournalBytes(display_name="same", tags=["t"], group="g", job_type="j")
    sent.config(**config)
    sent.metric("acc", summary=["max"])
    for row in rows:
        sent.log(row)
    sent.add(journal.SYSTEM, {"system.cpu": 1.5})
    sent.print("hello\nworld\n")
    sent.finish(3)
    client.send(sent)

    official = f"{client.run}-official"
    server.graphql(
        """mutation U($name: String, $project: String, $config: JSONString) { upsertBucket(input: {
        name: $name, modelName: $project, config: $config, displayName: "same", tags: ["t"],
        groupName: "g", jobType: "j"}) { bucket { id } } }""",
        name=official,
        project=client.project,
        config=json.dumps({key: {"value": value} for key, value in config.items()}),
    )
    lines = [json.dumps({**row, "_step": step}) for step, row in enumerate(rows)]
    summary = {"text": "a", "loss": 0.5, "n": {"x": 2, "y": 3}, "hist": rows[1]["hist"]}
    summary |= {"acc": {"max": 0.75}, "_step": 2}
    files = {
        "wandb-history.jsonl": {"offset": 0, "content": lines},
        "wandb-events.jsonl": {
            "offset": 0,
            "content": [json.dumps({"system.cpu": 1.5, "_wandb": True})],
        },
        "output.log": {"offset": 0, "content": ["hello", "world"]},
        "wandb-summary.json": {"offset": 0, "content": [json.dumps(summary)]},
    }
    path = f"/files/{entity}/{client.project}/{official}/file_stream"
    server.call("POST", path, content={"files": files, "complete": True, "exitcode": 3})

    ours, theirs = (client.reader.export_by_rest(name) for name in (client.run, official))
    assert ours == theirs
    systems = [
        [without_times(row) for row in client.reader.list_history(name, stream="system")]
        for name in (client.run, official)
    ]
    assert systems[0] == systems[1]
