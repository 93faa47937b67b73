"""Artifacts over HTTP: logged and read back, in parts and in packs, and what goes wrong."""

from __future__ import annotations

import gzip
import hashlib
import itertools
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import urllib3

from steelyard.limits import ARTIFACT_PART_URLS_PER_CALL_MAX, SIGNED_URL_HOURS, UPLOAD_BYTES_MAX
from steelyard.server.http.artifact_urls import ArtifactUrls
from steelyard.server.rooms.accounts.commands import create_api_key
from steelyard.server.rooms.artifacts.drafts import create_manifest
from steelyard.server.rooms.artifacts.names import decode_artifact_id
from steelyard.server.rooms.artifacts.queries import get_artifact
from steelyard.server.rooms.artifacts.uploads import begin_upload
from tests.support.accounts import make_caller, make_run
from tests.support.app_server import AppServer
from tests.support.artifacts import digest_of, manifest_of, md5_of
from tests.support.databases import DatabaseMaker, Kind

HOUR_US = 3_600_000_000


class Client:
    """Somebody with a key, and a project of their own for each test."""

    numbers = itertools.count(1)

    def __init__(self, server: AppServer) -> None:
        self.server = server
        self.caller = server.db.write_now(make_caller)
        key = server.db.write_now(
            create_api_key, user_id=self.caller.user_id, name="test", now_us=1
        )
        self.key = key.key
        self.project = f"p{next(self.numbers)}"
        self.root = f"/api/v1/{self.caller.username}/{self.project}"
        self.http = urllib3.PoolManager(retries=False, timeout=30)

    def ask(
        self, method: str, path: str, content: Any = None, *, status: int = 200, **options: Any
    ) -> Any:
        answer = self.server.request(method, path, key=self.key, content=content, **options)
        assert answer.status == status, (answer.status, answer.data[:500])
        return json.loads(answer.data) if answer.data else None

    def create(self, name: str = "data", **changes: Any) -> Any:
        draft = {
            "type": "dataset",
            "collection": name,
            "digest": "",
            "client_id": f"client{next(self.numbers)}",
        } | changes
        return self.ask("POST", f"{self.root}/artifacts", draft)

    def put(self, url: str, body: bytes, **headers: str) -> urllib3.BaseHTTPResponse:
        return self.http.request("PUT", url, body=body, headers=headers)

    def send(self, draft: Any, files: dict[str, bytes]) -> None:
        """What the draft's project has not."""
        wanted = [{"md5": md5_of(c), "size_bytes": len(c)} for c in files.values()]
        path = f"/api/v1/artifacts/{draft['id']}/contents"
        for answer, content in zip(
            self.ask("POST", path, {"files": wanted})["files"], files.values(), strict=True
        ):
            if not answer["is_here"]:
                assert self.put(answer["url"], content).status == 200

    def log(self, files: dict[str, bytes], name: str = "data", **changes: Any) -> Any:
        manifest = manifest_of(files)
        draft = self.create(name, digest=digest_of(manifest), **changes)
        if draft["state"] == "COMMITTED":
            return self.ask("GET", f"/api/v1/artifacts/{draft['id']}")
        self.send(draft, files)
        path = f"/api/v1/artifacts/{draft['id']}"
        self.ask("PUT", f"{path}/manifest", body=json.dumps(manifest).encode())
        return self.ask("POST", f"{path}/commit")


@pytest.fixture(scope="module", params=("sqlite", "postgresql"))
def server(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    database_maker: DatabaseMaker,
) -> Iterator[AppServer]:
    kind: Kind = request.param
    url, remove = database_maker.make_with_schema(kind)
    directory: Path = tmp_path_factory.mktemp("artifacts")
    with AppServer(directory / "data", url) as running:
        yield running
    remove()


@pytest.fixture
def client(server: AppServer) -> Client:
    return Client(server)


def test_what_was_logged_can_be_read_back(client: Client) -> None:
    files = {"a.txt": b"one", "dir/b 100%.json": b"{}", "dir/sub/c": b"", "ü/ä.bin": b"\x00" * 10}
    version = client.log(files, aliases=["best"], tags=["t"], metadata={"x": 1}, description="d")
    assert version["version"] == "v0"
    assert (version["aliases"], version["tags"]) == (["best", "latest"], ["t"])
    assert (version["metadata"], version["description"]) == ({"x": 1}, "d")
    listed = client.ask("GET", f"{client.root}/artifacts/data/versions/best/files")
    assert [item["path"] for item in listed["items"]] == sorted(files)
    for item in listed["items"]:
        answer = client.http.request("GET", item["url"])
        assert (answer.status, answer.data) == (200, files[item["path"]])
        assert answer.headers["etag"]
    manifest = json.loads(client.http.request("GET", version["manifest_url"]).data)
    assert sorted(manifest["contents"]) == sorted(files)
    top = client.ask("GET", f"{client.root}/artifacts/data/versions/v0/tree?limit=2")
    assert [(i["name"], i["is_dir"], i["file_count"]) for i in top["items"]] == [
        ("a.txt", False, None),
        ("dir", True, 2),
    ]
    rest = client.ask(
        "GET", f"{client.root}/artifacts/data/versions/v0/tree?cursor={top['next_cursor']}"
    )
    assert [i["name"] for i in rest["items"]] == ["ü"]
    inside = client.ask("GET", f"{client.root}/artifacts/data/versions/v0/tree?path=dir")
    assert [i["path"] for i in inside["items"]] == ["dir/b 100%.json", "dir/sub"]


def test_a_part_of_a_content_can_be_asked_for(client: Client) -> None:
    client.log({"a.bin": b"0123456789"})
    item = client.ask("GET", f"{client.root}/artifacts/data/versions/v0/files")["items"][0]
    answer = client.http.request("GET", item["url"], headers={"Range": "bytes=2-4"})
    assert (answer.status, answer.data) == (206, b"234")
    head = client.http.request("HEAD", item["url"])
    assert (head.status, head.headers["content-length"]) == (200, "10")
    unchanged = {"If-None-Match": head.headers["etag"]}
    assert client.http.request("GET", item["url"], headers=unchanged).status == 304


def test_a_content_that_is_not_what_was_announced_leaves_nothing(client: Client) -> None:
    draft = client.create()
    path = f"/api/v1/artifacts/{draft['id']}/contents"
    wanted = {"files": [{"md5": md5_of(b"right"), "size_bytes": 5}]}
    answer = client.ask("POST", path, wanted)["files"][0]
    refused = client.put(answer["url"], b"wrong")
    assert refused.status == 400
    assert b"not what was announced" in refused.data
    assert client.ask("POST", path, wanted)["files"][0]["is_here"] is False
    stored = client.put(answer["url"], b"right")
    assert stored.headers["etag"] == f'"{hashlib.md5(b"right").hexdigest()}"'
    assert client.ask("POST", path, wanted)["files"][0]["is_here"] is True


def test_a_signed_url_is_for_one_thing_until_it_expires(client: Client) -> None:
    client.log({"a.bin": b"secret", "b.bin": b"other"})
    items = client.ask("GET", f"{client.root}/artifacts/data/versions/v0/files")["items"]
    url, other = items[0]["url"], items[1]["url"]
    assert client.http.request("GET", url.replace("a.bin", "b.bin")).status == 403
    swapped = url.split("?")[0] + "?" + other.split("?")[1]
    assert client.http.request("GET", swapped).status == 403
    services = client.server.services
    now_us = services.now_us() - (SIGNED_URL_HOURS + 2) * HOUR_US
    old = ArtifactUrls(services.signer, client.server.base_url, now_us)
    collection_id = int(url.split("/contents/")[1].split("/")[0])
    expired = old.content(collection_id, hashlib.md5(b"secret").digest(), "a.bin")
    answer = client.http.request("GET", expired)
    assert answer.status == 403
    assert b"expired" in answer.data


def test_others_find_nothing_by_id_name_or_legacy_path(client: Client) -> None:
    version = client.log({"a.bin": b"mine"})
    md5 = hashlib.md5(b"mine").hexdigest()
    entity = client.caller.username
    paths = [
        f"/artifacts/{entity}/{md5}",
        f"/artifactsV2/default/{entity}/{client.project}/data/{version['id']}/{md5}/a.bin",
        f"/artifactsV2/default/{entity}/{client.project}/data/{version['id']}/{version['id']}"
        f"/{md5}/a.bin",
    ]
    stranger = Client(client.server)
    for path in paths:
        answer = client.server.request("GET", path, key=client.key)
        assert (answer.status, answer.data) == (200, b"mine"), path
        assert client.server.request("GET", path, key=stranger.key).status == 404, path
        assert client.server.request("GET", path).status == 401, path
    stranger.ask("GET", f"/api/v1/artifacts/{version['id']}", status=404)
    stranger.ask("GET", f"{client.root}/artifacts/data/versions/latest", status=404)
    theirs = stranger.create()
    path = f"/api/v1/artifacts/{theirs['id']}/contents"
    asked = {"files": [{"md5": md5_of(b"mine"), "size_bytes": 4}]}
    assert stranger.ask("POST", path, asked)["files"][0]["is_here"] is False


def test_many_small_files_travel_in_one_pack(client: Client) -> None:
    files = {f"{i:03}.txt": str(i).encode() for i in range(300)}
    manifest = manifest_of(files)
    draft = client.create(digest=digest_of(manifest))
    path = f"/api/v1/artifacts/{draft['id']}"
    pack = b"".join(
        hashlib.md5(c).digest() + len(c).to_bytes(4, "little") + c for c in files.values()
    )
    for broken in (pack[:-1], pack[:10], b"\x00" * 16 + pack[16:]):
        answer = client.server.request("POST", f"{path}/contents:pack", key=client.key, body=broken)
        assert answer.status == 400
    assert client.ask("POST", f"{path}/contents:pack", body=pack) == {"stored": 300}
    packed = gzip.compress(json.dumps(manifest).encode())
    client.ask("PUT", f"{path}/manifest", body=packed, headers={"Content-Encoding": "gzip"})
    assert client.ask("POST", f"{path}/commit")["file_count"] == 300


@pytest.mark.parametrize("cut", [True, False])
def test_a_packed_manifest_that_is_damaged_is_refused(client: Client, cut: bool) -> None:
    packed = gzip.compress(b'{"contents": {}}' * 1000)
    broken = packed[:-5] if cut else b"no gzip at all"
    draft = client.create()
    answer = client.server.request(
        "PUT",
        f"/api/v1/artifacts/{draft['id']}/manifest",
        key=client.key,
        body=broken,
        headers={"Content-Encoding": "gzip"},
    )
    assert answer.status == 408


def test_addresses_of_more_parts_than_an_answer_holds_are_had_one_upload_at_a_time(
    client: Client,
) -> None:
    draft = client.create()
    path = f"/api/v1/artifacts/{draft['id']}"
    wanted = [{"md5": md5_of(b"%d" % i), "size_bytes": UPLOAD_BYTES_MAX} for i in range(3)]
    answers = client.ask("POST", f"{path}/contents", {"files": wanted})["files"]
    listed = [len(answer["part_urls"]) for answer in answers]
    assert 0 < listed[0] <= ARTIFACT_PART_URLS_PER_CALL_MAX
    assert listed[1:] == [0, 0]
    state = client.ask("GET", f"{path}/uploads/{answers[2]['upload_id']}")
    assert len(state["part_urls"]) == listed[0]


def test_a_large_file_arrives_in_parts_that_can_be_resumed(client: Client) -> None:
    content = b"".join(bytes([i]) * 1000 for i in range(3))
    draft = client.create()
    number = decode_artifact_id(draft["id"])
    assert number is not None
    md5 = hashlib.md5(content).digest()
    upload = begin_upload(
        client.server.db,
        client.server.services.blobs,
        number,
        md5=md5,
        size_bytes=len(content),
        part_bytes=1024,
        now_us=client.server.services.now_us(),
    )
    path = f"/api/v1/artifacts/{draft['id']}"
    state = client.ask("GET", f"{path}/uploads/{upload.upload_id}")
    assert (state["parts"], len(state["part_urls"])) == ([], 3)
    pieces = [content[:1024], content[1024:2048], content[2048:]]

    def send(i: int) -> dict[str, Any]:
        answer = client.put(state["part_urls"][i], pieces[i])
        assert answer.status == 200
        return {"number": i + 1, "etag": answer.headers["etag"].strip('"')}

    last, first = send(2), send(0)
    there = client.ask("GET", f"{path}/uploads/{upload.upload_id}")["parts"]
    assert there == [first, last]
    parts = [first, {"number": 2, "etag": hashlib.md5(pieces[1]).hexdigest()}, last]
    complete = {"md5": md5_of(content), "upload_id": upload.upload_id, "parts": parts}
    client.ask("POST", f"{path}/contents:complete", complete, status=400)
    parts[1] = send(1)
    stored = {"md5": md5_of(content), "size_bytes": len(content)}
    assert client.ask("POST", f"{path}/contents:complete", complete) == stored
    assert client.ask("POST", f"{path}/contents:complete", complete) == stored


def test_a_commit_says_what_is_missing_and_works_after_it_came(client: Client) -> None:
    manifest = manifest_of({"a": b"1"})
    draft = client.create(digest=digest_of(manifest))
    path = f"/api/v1/artifacts/{draft['id']}"
    problem = client.ask("POST", f"{path}/commit", status=409)
    assert "manifest" in problem["detail"]
    client.ask("PUT", f"{path}/manifest", body=json.dumps(manifest).encode())
    problem = client.ask("POST", f"{path}/commit", status=409)
    assert problem["code"] == "contents_missing"
    client.send(draft, {"a": b"1"})
    assert client.ask("POST", f"{path}/commit")["version"] == "v0"
    client.ask("PUT", f"{path}/manifest", body=b"{}", status=409)


@pytest.mark.parametrize("entity", ["named", "-"])
def test_versions_are_edited_linked_deleted_and_restored(client: Client, entity: str) -> None:
    owner = client.caller.username if entity == "named" else "-"
    client.root = f"/api/v1/{owner}/{client.project}"
    client.log({"a": b"1"})
    client.log({"a": b"2"})
    version = f"{client.root}/artifacts/data/versions/v0"
    changes = {"aliases_add": ["prod"], "tags_add": ["x"], "metadata": {"k": [1]}, "ttl_s": 60}
    edited = client.ask("PATCH", version, changes)
    assert (edited["aliases"], edited["tags"], edited["ttl_s"]) == (["prod"], ["x"], 60)
    client.ask("PATCH", version, {"aliases_add": ["v9"]}, status=400)
    link = {"source": f"{owner}/{client.project}/data:prod", "aliases": ["s"]}
    links = f"{client.root}/artifacts/shown/links"
    assert client.ask("POST", links, link, status=201) == {"version": "v0"}
    shown = client.ask("GET", f"{client.root}/artifacts/shown/versions/s")
    assert (shown["kind"], shown["source"]["name"]) == ("portfolio", "data")
    dependents = client.ask("GET", f"{version}/dependents")
    assert dependents["aliases"] == ["latest", "prod", "s"]
    assert [each["name"] for each in dependents["links"]] == ["shown"]
    client.ask("DELETE", version, status=409)
    gone = client.ask("DELETE", f"{version}?delete_aliases=true")
    assert gone["freed_bytes"] == 1
    client.ask("GET", version, status=404)
    trash = client.ask("GET", f"{client.root}/artifact-trash")
    assert [item["version"]["version"] for item in trash["items"]] == ["v0"]
    assert trash["items"][0]["deleted_by"] == client.caller.username
    back = client.ask("POST", f"{version}:restore")
    assert (back["version"], back["aliases"]) == ("v0", ["prod"])
    events = client.ask("GET", f"{client.root}/artifacts/data/events")["items"]
    assert {"version_logged", "version_deleted", "version_restored"} <= {e["kind"] for e in events}
    client.ask("DELETE", f"{links}/v0", status=204)
    used = {"run": {"entity": "-", "project": client.project, "name": "r"}}
    client.server.db.write_now(make_run, caller=client.caller, project=client.project, name="r")
    client.ask("POST", f"{version}/uses", used)
    collection = f"{client.root}/artifacts/data"
    assert client.ask("PATCH", collection, {"tags": ["t"]})["tags"] == ["t"]
    assert client.ask("DELETE", collection)["version_count"] == 2


def test_what_a_whole_collection_holds_up_is_said_before_it_goes(client: Client) -> None:
    first = client.log({"a": b"1"}, aliases=["prod"])
    client.log({"a": b"1", "b": b"22"})
    client.log({"c": b"333"}, "other")
    for version, run in (("v0", "r1"), ("v1", "r1"), ("v0", "r2")):
        made = client.server.db.write_now(
            make_run, caller=client.caller, project=client.project, name=run
        )
        use = {"run": {"entity": "-", "project": client.project, "name": made.name}}
        client.ask("POST", f"{client.root}/artifacts/data/versions/{version}/uses", use)
    link = {"source": first["id"], "aliases": ["s"]}
    client.ask("POST", f"{client.root}/artifacts/shown/links", link, status=201)
    found = client.ask("GET", f"{client.root}/artifacts/data/dependents")
    assert (found["version_count"], found["freed_bytes"]) == (2, 3)
    assert (found["aliases"], found["alias_count"]) == (["latest", "prod", "s"], 3)
    assert [(each["name"], each["aliases"]) for each in found["links"]] == [
        ("shown", ["latest", "s"])
    ]
    assert (found["link_count"], found["used_by_count"]) == (1, 2)
    assert [run["name"] for run in found["used_by"]] == ["r2", "r1"]
    shown = client.ask("GET", f"{client.root}/artifacts/shown/dependents")
    assert (shown["version_count"], shown["aliases"]) == (1, ["latest", "s"])
    assert (shown["freed_bytes"], shown["used_by_count"], shown["links"]) == (0, 0, [])
    nothing = client.ask("GET", f"{client.root}/artifacts/other/dependents")
    assert (nothing["aliases"], nothing["used_by"]) == (["latest"], [])
    client.ask("GET", f"{client.root}/artifacts/nope/dependents", status=404)


def test_a_search_among_versions_counts_what_it_finds(client: Client) -> None:
    for number in range(12):
        made = client.log(
            {"a": b"%d" % number}, aliases=[f"{'Odd' if number % 2 else 'even'}{number}"]
        )
    path = f"{client.root}/artifacts/data/versions"
    client.ask("PATCH", f"{path}/v3", {"description": "The Golden one", "tags_add": ["seen"]})
    page = client.ask("GET", f"{path}?q=oDD&limit=4")
    assert [item["version"] for item in page["items"]] == ["v11", "v9", "v7", "v5"]
    assert page["total"] == 6
    rest = client.ask("GET", f"{path}?q=oDD&limit=4&cursor={page['next_cursor']}")
    assert [item["version"] for item in rest["items"]] == ["v3", "v1"]
    assert (rest["total"], rest["next_cursor"]) == (6, None)
    for q, versions in (("golden", ["v3"]), ("SEEN", ["v3"]), ("v1", ["v1"]), ("100%", [])):
        page = client.ask("GET", f"{path}?q={quote(q)}")
        assert [item["version"] for item in page["items"]] == versions
        assert page["total"] == len(versions)
    assert client.ask("GET", f"{path}?q=late")["items"][0]["id"] == made["id"]
    assert client.ask("GET", path)["total"] == 12


def test_collections_are_listed_by_page_and_changed(client: Client) -> None:
    for i in range(5):
        client.log({"a": b"1"}, f"data-{i}")
    client.log({"m": b"1"}, "model", type="model")
    names: list[str] = []
    cursor = ""
    while True:
        page = client.ask("GET", f"{client.root}/artifacts?sort=name&limit=2{cursor}")
        names += [item["name"] for item in page["items"]]
        assert page["total"] == 6
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert names == [*(f"data-{i}" for i in range(5)), "model"]
    found = client.ask("GET", f"{client.root}/artifacts?q=DATA-3&type=dataset")
    assert [item["name"] for item in found["items"]] == ["data-3"]
    assert found["items"][0]["latest"]["version"] == "v0"
    client.ask("GET", f"{client.root}/artifacts?sort=colour", status=400)
    types = client.ask("GET", f"{client.root}/artifact-types")["items"]
    assert [(t["name"], t["collection_count"]) for t in types] == [("dataset", 5), ("model", 1)]
    path = f"{client.root}/artifacts/data-0"
    changed = client.ask("PATCH", path, {"name": "renamed", "tags": ["x"], "description": "d"})
    assert (changed["name"], changed["tags"], changed["description"]) == ("renamed", ["x"], "d")
    deleted = client.ask("DELETE", f"{client.root}/artifacts/renamed")
    assert deleted["version_count"] == 1
    assert client.ask("GET", f"{client.root}/artifacts?type=dataset")["total"] == 4


def test_runs_know_what_they_read_and_logged_and_why_versions_differ(client: Client) -> None:
    db = client.server.db
    first = db.write_now(make_run, client.caller, project=client.project)
    second = db.write_now(make_run, client.caller, project=client.project)
    client.log({"d": b"1"})
    client.log({"d": b"2"})
    for run, ref in ((first, "v0"), (second, "v1")):
        path = {"entity": "-", "project": client.project, "name": run.name}
        used = f"{client.root}/artifacts/data/versions/{ref}/uses"
        client.ask("POST", used, {"run": path, "use_as": "train"})
    client.log({"m": b"1"}, "model", type="model", run=first.name, metadata={"lr": {"a": 1}})
    client.log({"m": b"22"}, "model", type="model", run=second.name, metadata={"lr": {"a": 2}})
    artifacts = client.ask("GET", f"{client.root}/runs/{second.name}/artifacts")
    assert [(a["name"], a["version"], a["use_as"]) for a in artifacts["inputs"]] == [
        ("data", "v1", "train")
    ]
    assert [(a["name"], a["version"]) for a in artifacts["outputs"]] == [("model", "v1")]
    diff = client.ask("GET", f"{client.root}/artifacts/model/versions/v0/diff?to=latest")
    assert (diff["from"]["version"], diff["to"]["version"]) == ("v0", "v1")
    assert diff["files"]["changed"] == [{"path": "m", "size_before": 1, "size_after": 2}]
    assert diff["metadata"] == [{"key": "lr.a", "before": 1, "after": 2}]
    assert [(c["before"], c["after"]) for c in diff["causes"]["inputs"]] == [("v0", "v1")]
    lineage = client.ask("GET", f"{client.root}/artifacts/model/versions/v1/lineage")
    labels = {node["label"] for node in lineage["nodes"]}
    assert {"model:v1", "data:v1"} <= labels
    assert "data:v0" not in labels
    users = client.ask("GET", f"{client.root}/artifacts/data/versions/v1/used-by")
    assert [run["name"] for run in users["items"]] == [second.name]


def test_a_client_id_leads_to_the_version(client: Client) -> None:
    draft = client.create(client_id="told")
    assert client.ask("GET", "/api/v1/artifact-clients/told") == {"id": draft["id"]}
    assert client.ask("GET", "/api/v1/artifact-clients/untold") == {"id": None}
    assert Client(client.server).ask("GET", "/api/v1/artifact-clients/told") == {"id": None}


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
@pytest.mark.parametrize("is_signed", [False, True])
def test_a_manifest_in_chunks_is_cut_off_at_the_limit(
    client: Client, encoding: str, is_signed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A chunked body says no length beforehand."""
    monkeypatch.setattr("steelyard.server.http.manifests.MANIFEST_BYTES_MAX", 100_000)
    draft = client.create()
    path = f"/api/v1/artifacts/{draft['id']}/manifest"
    url, headers = client.server.base_url + path, {"Authorization": f"Bearer {client.key}"}
    if is_signed:
        artifact_id = decode_artifact_id(draft["id"])
        assert artifact_id is not None
        artifact = client.server.db.read_now(get_artifact, artifact_id)
        announced: dict[str, Any] = {"kind": "full", "base_id": None, "digest": "", "now_us": 1}
        manifest = client.server.db.write_now(create_manifest, artifact, **announced)
        signer, now_us = client.server.services.signer, time.time_ns() // 1000
        url = ArtifactUrls(signer, client.server.base_url, now_us).manifest_upload(manifest.id)
        headers = {}

    def send(count: int) -> urllib3.BaseHTTPResponse:
        text = json.dumps(manifest_of({f"{number:0100}": b"" for number in range(count)})).encode()
        body = gzip.compress(text) if encoding == "gzip" else text
        pieces = iter([body[at : at + 5_000] for at in range(0, len(body), 5_000)])
        return client.http.request(
            "PUT", url, body=pieces, headers={**headers, "Content-Encoding": encoding}, chunked=True
        )

    try:
        refused = send(1_000)
    except urllib3.exceptions.ProtocolError:  # refused while we were still sending
        refused = None
    if refused is not None:
        assert refused.status == 413, refused.data
        assert b"MANIFEST_BYTES_MAX" in refused.data
    assert client.ask("POST", f"/api/v1/artifacts/{draft['id']}/commit", status=409)
    assert send(100).status == 200


def test_a_file_that_is_a_directory_too_is_refused_at_commit(client: Client) -> None:
    files = {"a": b"one", "a/b": b"two"}
    manifest = manifest_of(files)
    draft = client.create(digest=digest_of(manifest))
    client.send(draft, files)
    path = f"/api/v1/artifacts/{draft['id']}"
    client.ask("PUT", f"{path}/manifest", body=json.dumps(manifest).encode())
    refused = client.ask("POST", f"{path}/commit", status=400)
    assert "a file 'a' and a file 'a/b' below it" in refused["detail"]
