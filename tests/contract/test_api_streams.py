"""Logs, files and live updates over the REST API of a real server."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import urllib3

from steelyard.testing.server import ThrowawayServer
from tests.support.api_project import ApiProject


@pytest.fixture
def project(shared_server: ThrowawayServer) -> ApiProject:
    return ApiProject(shared_server)


def test_log_lines_are_read_from_either_end_searched_and_sent_raw(project: ApiProject) -> None:
    lines = [f"2026-01-01T00:00:0{i}.000000 line {i}" for i in range(5)] + ["ERROR trouble"]
    project.add_run("a", log=lines)
    first = project.call("GET", "runs/a/logs?limit=2")
    assert first["total"] == 6
    assert [(line["number"], line["text"]) for line in first["items"]] == [
        (0, "line 0"),
        (1, "line 1"),
    ]
    last = project.call("GET", "runs/a/logs?from_line=-2")
    assert [line["number"] for line in last["items"]] == [4, 5]
    assert project.call("GET", "runs/a/logs:search?re=line%20[13]")["items"] == [1, 3]
    raw = project.server.request("GET", f"{project.path}/runs/a/logs:raw")
    assert raw.headers["content-type"] == "text/plain; charset=utf-8"
    assert raw.data.decode().splitlines()[0] == "line 0"
    assert len(raw.data.decode().splitlines()) == 6
    assert project.refusal("GET", "runs/a/logs?limit=2001")[0] == 400
    assert project.refusal("GET", "runs/a/logs:search?re=(")[0] == 400


def test_files_are_listed_with_urls_that_need_no_key(project: ApiProject) -> None:
    project.add_run("a")
    uploads = project.server.graphql(
        "mutation M($e: String!, $p: String!, $r: String!, $f: [String!]!) { createRunFiles(input: "
        "{entityName: $e, projectName: $p, runName: $r, files: $f}) { files { name uploadUrl } } }",
        e=project.entity, p=project.name, r="a", f=["x.txt", "media/y.png"],
    )["createRunFiles"]["files"]  # fmt: skip
    http = urllib3.PoolManager()
    for upload in uploads:
        path = upload["uploadUrl"].split("/storage/", 1)[1]
        url = f"{project.server.base_url}/storage/{path}"
        assert http.request("PUT", url, body=b"hello").status == 200
    page = project.call("GET", "runs/a/files?limit=1")
    assert [file["name"] for file in page["items"]] == ["media/y.png"]
    assert page["total"] == 2
    (rest,) = project.call("GET", f"runs/a/files?cursor={page['next_cursor']}")["items"]
    assert (rest["name"], rest["size_bytes"]) == ("x.txt", 5)
    path = rest["url"].split("/storage/", 1)[1]
    assert http.request("GET", f"{project.server.base_url}/storage/{path}").data == b"hello"
    below = project.call("GET", "runs/a/files?prefix=media/")
    assert [file["name"] for file in below["items"]] == ["media/y.png"]


@contextmanager
def followed(project: ApiProject, query: str = "") -> Iterator[Iterator[dict[str, Any]]]:
    """The events of a live connection, from when it stands."""
    answer = urllib3.PoolManager().request(
        "GET",
        f"{project.server.base_url}{project.path}/live{query}",
        headers={"Authorization": f"Bearer {project.server.owner_key}"},
        preload_content=False,
        timeout=30,
    )
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/event-stream")
    lines = iter_lines(answer)
    assert next(lines) == ": connected"
    time.sleep(0.3)  # the first look, from which changes count
    try:
        yield (json.loads(line[6:]) for line in lines if line.startswith("data: "))
    finally:
        answer.close()


def iter_lines(answer: Any) -> Iterator[str]:
    held = b""
    while part := answer.read1():
        *whole, held = (held + part).split(b"\n")
        yield from (line.decode() for line in whole)


def test_followers_hear_of_changes_within_seconds_and_once_a_second(project: ApiProject) -> None:
    project.add_run("a")
    project.add_run("b")
    with followed(project) as all_runs, followed(project, "?run=b") as only_b:
        started = time.monotonic()
        for step in range(20):
            project.send("a", [{"_step": step, "loss": 1.0}], offset=step)
        assert next(all_runs)["runs"] == ["a"]
        assert time.monotonic() - started < 5
        project.send("b", [{"_step": 0, "loss": 1.0}])
        assert next(only_b)["runs"] == ["b"]
        assert "b" in next(all_runs)["runs"]
        project.call("DELETE", "runs/a")
        assert next(all_runs)["runs"] is None


def test_followers_are_let_go_when_the_server_stops(server: ThrowawayServer) -> None:
    project = ApiProject(server)
    project.add_run("a")
    with followed(project) as events:
        started = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - started < 5
        assert list(events) == []


def test_the_api_describes_itself(shared_server: ThrowawayServer) -> None:
    document = shared_server.call("GET", "/api/openapi.json")
    described = document["paths"]["/api/v1/{entity}/{project}/runs:query"]["post"]
    assert described["description"].startswith("List runs of a project")
    assert "RunRow" in str(document["components"]["schemas"].keys())
