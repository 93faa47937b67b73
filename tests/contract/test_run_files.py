"""Run files over HTTP: signed uploads and downloads, names, ranges, and what goes wrong."""

from __future__ import annotations

import base64
import hashlib
import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

import pytest
import urllib3

from steelyard.testing.server import ThrowawayServer
from tests.support.file_stream import create_run

NAMES = [
    "output.log",
    "media/images/loss_3_0ab.png",
    "test with_special-characters.txt",
    "100%/a%2Fb.txt",
    "what? #1 & 2+2=4;.json",
    "日本語/ünïcode ✓.md",
    "double//slash.txt",
    "quote\"s'.txt",
    "back\\slash.txt",
    "a" * 1000 + ".bin",
]
CREATE_FILES = """
mutation CreateRunFiles($entity: String!, $project: String!, $run: String!, $files: [String!]!) {
  createRunFiles(
    input: {entityName: $entity, projectName: $project, runName: $run, files: $files}
  ) { files { name uploadUrl } }
}
"""
LIST_FILES = """
query RunFiles($entity: String!, $project: String!, $run: String!, $names: [String]) {
  project(entityName: $entity, name: $project) { run(name: $run) {
    files(names: $names, first: 100) { edges { node { name sizeBytes md5 directUrl url } } }
  } }
}
"""


@dataclass
class RunFiles:
    """The files of one run as the official client handles them."""

    server: ThrowawayServer
    path: str

    @property
    def variables(self) -> dict[str, str]:
        entity, project, run = self.path.split("/")
        return {"entity": entity, "project": project, "run": run}

    def upload_path(self, name: str) -> str:
        data = self.server.graphql(CREATE_FILES, **self.variables, files=[name])
        (file,) = data["createRunFiles"]["files"]
        assert file["name"] == name
        return self.relative(file["uploadUrl"])

    def put(
        self, name: str, content: bytes, headers: dict[str, str] | None = None
    ) -> urllib3.BaseHTTPResponse:
        return self.server.request(
            "PUT", self.upload_path(name), body=content, key="", headers=headers
        )

    def node(self, name: str) -> dict[str, str]:
        data = self.server.graphql(LIST_FILES, **self.variables, names=[name])
        (edge,) = data["project"]["run"]["files"]["edges"]
        node: dict[str, str] = edge["node"]
        return node

    def get(self, name: str, **headers: str) -> urllib3.BaseHTTPResponse:
        path = self.relative(self.node(name)["directUrl"])
        return self.server.request("GET", path, key="", headers=headers)

    def relative(self, url: str) -> str:
        parts = urlsplit(url)
        assert parts.scheme and parts.netloc, "the URL must be absolute"
        return f"{parts.path}?{parts.query}"


@pytest.fixture
def files(shared_server: ThrowawayServer) -> RunFiles:
    """A new run without files."""
    return RunFiles(
        shared_server, create_run(shared_server, f"f{time.time_ns():x}", project="files")
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_file_of_any_name_comes_back_by_every_way(files: RunFiles, name: str) -> None:
    content = os.urandom(3000)
    assert files.put(name, content).status == 200
    node = files.node(name)
    assert int(node["sizeBytes"]) == len(content)
    assert base64.b64decode(node["md5"]) == hashlib.md5(content).digest()
    assert files.get(name).data == content
    with_key = files.server.request("GET", f"/files/{files.path}/{quote(name)}")
    assert with_key.data == content
    by_url = files.server.request("GET", files.relative(node["url"]))
    assert by_url.data == content


@pytest.mark.parametrize("size_bytes", [0, 1, 65_536, 1_048_576, 5_000_001])
def test_a_file_of_any_size_comes_back(files: RunFiles, size_bytes: int) -> None:
    content = os.urandom(size_bytes)
    assert files.put("some.bin", content).status == 200
    answer = files.get("some.bin")
    assert answer.data == content
    assert answer.headers["Content-Length"] == str(size_bytes)


def test_an_upload_replaces_the_file_and_its_etag(files: RunFiles) -> None:
    files.put("a.txt", b"old")
    old = files.get("a.txt")
    files.put("a.txt", b"new one")
    new = files.get("a.txt")
    assert (old.data, new.data) == (b"old", b"new one")
    assert old.headers["ETag"] != new.headers["ETag"]


def test_what_has_not_changed_is_not_sent_again(files: RunFiles) -> None:
    files.put("a.txt", b"same")
    etag = files.get("a.txt").headers["ETag"]
    answer = files.get("a.txt", **{"If-None-Match": etag})
    assert (answer.status, answer.data) == (304, b"")
    assert files.get("a.txt", **{"If-None-Match": '"other"'}).status == 200


@pytest.mark.parametrize(
    ("asked", "status", "first", "stop"),
    [
        ("bytes=0-0", 206, 0, 1),
        ("bytes=2-5", 206, 2, 6),
        ("bytes=7-", 206, 7, 10),
        ("bytes=-3", 206, 7, 10),
        ("bytes=-99", 206, 0, 10),
        ("bytes=5-99", 206, 5, 10),
        ("bytes=10-", 416, 0, 0),
        ("bytes=-0", 416, 0, 0),
        ("bytes=5-2", 200, 0, 10),
        ("bytes=0-1,4-5", 200, 0, 10),
        ("lines=1-2", 200, 0, 10),
    ],
)
def test_ranges_follow_the_standard(
    files: RunFiles, asked: str, status: int, first: int, stop: int
) -> None:
    content = b"0123456789"
    files.put("digits", content)
    answer = files.get("digits", Range=asked)
    assert answer.status == status
    assert answer.data == content[first:stop]
    if status == 206:
        assert answer.headers["Content-Range"] == f"bytes {first}-{stop - 1}/10"
    if status == 416:
        assert answer.headers["Content-Range"] == "bytes */10"


def test_a_head_request_tells_everything_but_the_content(files: RunFiles) -> None:
    files.put("a.json", b"{}")
    path = files.relative(files.node("a.json")["directUrl"])
    answer = files.server.request("HEAD", path, key="")
    assert (answer.status, answer.data) == (200, b"")
    assert answer.headers["Content-Length"] == "2"
    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.headers["Accept-Ranges"] == "bytes"


@pytest.mark.parametrize("name", ["page.html", "drawing.svg", "a.js", "x.xml", "unknown"])
def test_content_that_could_run_in_a_browser_is_defused(files: RunFiles, name: str) -> None:
    files.put(name, b"<script>alert(1)</script>")
    headers = files.get(name).headers
    assert headers["Content-Disposition"].startswith("attachment")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in headers["Content-Security-Policy"]
    assert "allow-scripts" not in headers["Content-Security-Policy"]


def test_a_name_cannot_break_out_of_its_header(files: RunFiles) -> None:
    files.put('a";x=y ü.txt', b"1")
    disposition = files.get('a";x=y ü.txt').headers["Content-Disposition"]
    assert disposition == (
        "inline; filename=\"a__x=y _.txt\"; filename*=UTF-8''a%22%3Bx%3Dy%20%C3%BC.txt"
    )


def test_pages_of_other_origins_may_read_files(files: RunFiles) -> None:
    files.put("a.txt", b"1")
    for path in (
        files.relative(files.node("a.txt")["directUrl"]),
        f"/files/{files.path}/a.txt",
    ):
        for key in ("", None):
            headers = {"Origin": "https://example.org", "Access-Control-Request-Method": "GET"}
            answer = files.server.request("OPTIONS", path, key=key, headers=headers)
            assert answer.status == 204
            assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert files.get("a.txt").headers["Access-Control-Allow-Origin"] == "*"


# ---- permission


@pytest.mark.parametrize(
    "change",
    [
        lambda path: path.replace("signature=", "signature=x"),
        lambda path: path.split("?")[0],
        lambda path: path.replace("a.txt", "b.txt"),
        lambda path: path.replace("expires=", "expires=9"),
        lambda path: path.replace("/storage/runs/", "/storage/runs/1"),
    ],
    ids=["signature", "none", "name", "expiry", "run"],
)
def test_a_changed_link_opens_nothing(files: RunFiles, change: Callable[[str], str]) -> None:
    assert files.put("a.txt", b"1").status == 200
    upload = files.upload_path("a.txt")
    download = files.relative(files.node("a.txt")["directUrl"])
    for method, path in (("PUT", change(upload)), ("GET", change(download))):
        answer = files.server.request(method, path, body=b"2" if method == "PUT" else None, key="")
        assert answer.status in (400, 403), answer.data
    assert files.get("a.txt").data == b"1"


def test_a_link_for_one_direction_does_not_open_the_other(files: RunFiles) -> None:
    files.put("a.txt", b"1")
    download = files.relative(files.node("a.txt")["directUrl"])
    assert files.server.request("PUT", download, body=b"2", key="").status == 403
    assert files.server.request("GET", files.upload_path("a.txt"), key="").status == 403
    assert files.get("a.txt").data == b"1"


def test_downloads_by_path_need_a_key_and_a_run_of_ones_own(files: RunFiles) -> None:
    files.put("a.txt", b"1")
    path = f"/files/{files.path}/a.txt"
    assert files.server.request("GET", path, key="").status == 401
    assert files.server.request("GET", path, key="0" * 40).status == 401
    entity, project, _ = files.path.split("/")
    for wrong in (
        f"/files/{files.path}/absent.txt",
        f"/files/{entity}/{project}/absent/a.txt",
        f"/files/{entity}/absent/run/a.txt",
        f"/files/absent/{project}/run/a.txt",
    ):
        assert files.server.request("GET", wrong).status == 404


# ---- what goes wrong


@pytest.mark.parametrize(
    "name", ["", "../a", "a/../../b", "/etc/passwd", "a/", "./a", "a\nb", "a\x00b", "x" * 5000]
)
def test_a_bad_name_is_refused_with_the_reason(files: RunFiles, name: str) -> None:
    answer = files.server.request(
        "POST",
        "/graphql",
        content={"query": CREATE_FILES, "variables": {**files.variables, "files": [name]}},
    )
    assert b"file name" in answer.data


def test_content_that_changed_on_its_way_is_refused_by_name(files: RunFiles) -> None:
    right = base64.b64encode(hashlib.md5(b"content").digest()).decode()
    assert files.put("model.bin", b"content", {"Content-MD5": right}).status == 200
    refused = files.put("model.bin", b"c0ntent", {"Content-MD5": right})
    assert refused.status == 400
    assert b"model.bin" in refused.data
    assert files.put("model.bin", b"content", {"Content-MD5": "nonsense"}).status == 400
    assert files.get("model.bin").data == b"content"


def test_an_upload_that_breaks_off_keeps_the_old_file_and_leaves_nothing(files: RunFiles) -> None:
    files.put("model.bin", b"old")
    path = files.upload_path("model.bin")
    parts = urlsplit(files.server.base_url)
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as connection:
        head = f"PUT {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Length: 9000000\r\n\r\n"
        connection.sendall(head.encode() + bytes(3_000_000))
        deadline = time.monotonic() + 10
        while not incoming(files.server) and time.monotonic() < deadline:
            time.sleep(0.01)
    deadline = time.monotonic() + 10
    while incoming(files.server) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert incoming(files.server) == []
    assert files.get("model.bin").data == b"old"


def test_an_upload_for_a_deleted_run_is_not_found(files: RunFiles) -> None:
    path = files.upload_path("a.txt")
    find = (
        "query Run($entity: String!, $project: String!, $run: String!) "
        "{ project(entityName: $entity, name: $project) { run(name: $run) { id } } }"
    )
    run_id = files.server.graphql(find, **files.variables)["project"]["run"]["id"]
    delete = "mutation DeleteRun($id: ID!) { deleteRun(input: {id: $id}) { clientMutationId } }"
    files.server.graphql(delete, id=run_id)
    assert files.server.request("PUT", path, body=b"1", key="").status == 404


def incoming(server: ThrowawayServer) -> list[str]:
    """Uploads on their way."""
    return [path.name for path in (server.data_dir / "blobs" / "incoming").iterdir()]
