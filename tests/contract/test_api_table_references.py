"""Tables of several files: those that refer to other artifacts, and those that grew."""

from __future__ import annotations

import base64
import hashlib
import json
import uuid
from typing import Any

import pytest

from steelyard.server.rooms.artifacts.names import decode_artifact_id
from steelyard.testing.server import ThrowawayServer
from tests.support.api_project import ApiProject
from tests.support.artifacts import digest_of, manifest_of, md5_of
from tests.support.table_files import make_png, path_of, put_table

CELL = {"_type": "image-file", "path": "media/images/a.png", "format": "png"}
TABLE = json.dumps({"columns": ["image"], "data": [[CELL]]}).encode()


class Owner:
    """Somebody with a key and a project."""

    def __init__(self, server: ThrowawayServer, key: str) -> None:
        self.server, self.key = server, key
        self.project = f"references-{uuid.uuid4().hex[:8]}"

    def send(self, method: str, path: str, content: Any = None, body: bytes | None = None) -> Any:
        answer = self.server.request(
            method, f"/api/v1/{path}", content=content, body=body, key=self.key
        )
        assert answer.status < 300, answer.data
        return json.loads(answer.data)

    def log(
        self, name: str, files: dict[str, bytes], refs: dict[str, str], type: str = "dataset"
    ) -> Any:
        manifest: dict[str, Any] = json.loads(json.dumps(manifest_of(files)))
        for path, ref in refs.items():
            manifest["contents"][path] = {"digest": md5_of(ref.encode()), "ref": ref, "size": 4}
        draft = {"type": type, "collection": name, "digest": digest_of(manifest)}
        draft["client_id"] = f"{name}-{self.project}"
        made = self.send("POST", f"-/{self.project}/artifacts", draft)
        path = f"artifacts/{made['id']}"
        packs = [
            hashlib.md5(content).digest() + len(content).to_bytes(4, "little") + content
            for content in files.values()
        ]
        self.send("POST", f"{path}/contents:pack", body=b"".join(packs))
        self.send("PUT", f"{path}/manifest", body=json.dumps(manifest).encode())
        return self.send("POST", f"{path}/commit")

    def show(self, version: Any, path: str) -> Any:
        place = f"{version['entity']}/{version['project']}/{version['name']}:v0/{path}"
        asked = {"ref": f"artifact:{place}"}
        return self.server.request("POST", "/api/v1/tables:query", content=asked, key=self.key)


def reference_to(version: Any, path: str) -> str:
    return f"wandb-artifact://{base64.b64decode(version['id']).hex()}/{path}"


@pytest.fixture
def owner(shared_server: ThrowawayServer) -> Owner:
    return Owner(shared_server, shared_server.owner_key)


@pytest.fixture
def dataset(owner: Owner) -> Any:
    picture = make_png(3, 3)
    return owner.log("pictures", {"media/images/a.png": picture, "t.table.json": TABLE}, {})


def test_pictures_and_tables_of_another_artifact_are_shown(owner: Owner, dataset: Any) -> None:
    refs = {
        "media/images/a.png": reference_to(dataset, "media/images/a.png"),
        "theirs.table.json": reference_to(dataset, "t.table.json"),
    }
    made = owner.log("evaluation", {"own.table.json": TABLE}, refs)
    again = owner.log(
        "copy", {"own.table.json": TABLE},
        {path: reference_to(made, path) for path in ("media/images/a.png", "theirs.table.json")},
    )  # fmt: skip
    for version in (made, again):
        for path in ("own.table.json", "theirs.table.json"):
            answer = owner.show(version, path)
            assert answer.status == 200, answer.data
            (cell,) = json.loads(answer.data)["rows"][0]
            shown = owner.server.request("GET", path_of(cell["url"]), key="")
            assert shown.data == make_png(3, 3)
            assert cell["thumbnail_url"]


def test_nothing_is_shown_of_an_artifact_that_is_not_the_readers(
    owner: Owner, dataset: Any
) -> None:
    name = f"stranger-{owner.project}"
    made = owner.server.call("POST", "/api/v1/admin/users", content={"username": name})
    stranger = Owner(owner.server, made["api_key"])
    refs = {
        "media/images/a.png": reference_to(dataset, "media/images/a.png"),
        "theirs.table.json": reference_to(dataset, "t.table.json"),
        "absent.table.json": f"wandb-artifact://{b'Artifact:99999999'.hex()}/t.table.json",
    }
    version = stranger.log("evaluation", {"own.table.json": TABLE}, refs)
    (cell,) = json.loads(stranger.show(version, "own.table.json").data)["rows"][0]
    assert cell["url"] is None
    theirs, absent = (stranger.show(version, f"{n}.table.json") for n in ("theirs", "absent"))
    assert theirs.status == absent.status == 400
    said, same = (json.loads(answer.data)["detail"] for answer in (theirs, absent))
    assert (
        said.partition(" refers to ")[2].partition(", which")[2]
        == (same.partition(" refers to ")[2].partition(", which")[2])
    )


def test_a_saved_table_takes_along_what_it_refers_to(owner: Owner, dataset: Any) -> None:
    elsewhere = {"_type": "image-file", "path": "media/images/b.png", "format": "png"}
    table = json.dumps({"columns": ["image"], "data": [[CELL], [elsewhere]]}).encode()
    refs = {
        "media/images/a.png": reference_to(dataset, "media/images/a.png"),
        "media/images/b.png": "https://pictures.example/b.png",
    }
    made = owner.log("evaluation", {"own.table.json": table}, refs)
    place = f"artifact:{made['entity']}/{made['project']}/evaluation:v0/own.table.json"
    target = {"entity": "-", "project": owner.project, "collection": "kept"}
    saved = owner.send("POST", "tables:save", {"ref": place} | target)
    assert saved["file_count"] == 3
    own = f"{dataset['entity']}/{dataset['project']}/artifacts"
    for name in ("evaluation", "pictures"):
        owner.server.call("DELETE", f"/api/v1/{own}/{name}")
    kept = owner.show(dataset | {"name": "kept"}, "table.table.json")
    (theirs,), (outside,) = json.loads(kept.data)["rows"]
    assert owner.server.request("GET", path_of(theirs["url"]), key="").data == make_png(3, 3)
    assert outside["url"] == "https://pictures.example/b.png"


def test_a_cell_that_says_in_which_artifact_its_file_is_is_shown_from_there(
    shared_server: ThrowawayServer, owner: Owner, dataset: Any
) -> None:
    project = ApiProject(shared_server)
    project.add_run("r1")
    digits = base64.b64decode(dataset["id"]).hex()
    client_id = f"pictures-{owner.project}"
    refs = [
        f"wandb-artifact://{digits}/media/images/a.png",
        f"wandb-client-artifact://{client_id}/media/images/a.png",
        "wandb-client-artifact://nobody/media/images/a.png",
    ]
    rows = [[CELL | {"path": "media/images/elsewhere.png", "artifact_path": ref}] for ref in refs]
    ref = put_table(project, "r1", "t.table.json", ["image"], rows)
    answer = shared_server.request("POST", "/api/v1/tables:query", content={"ref": ref})
    cells = [row[0] for row in json.loads(answer.data)["rows"]]
    for cell in cells[:2]:
        shown = shared_server.request("GET", path_of(cell["url"]), key="")
        assert shown.data == make_png(3, 3) and cell["thumbnail_url"]
    assert "elsewhere.png" in cells[2]["url"]  # perhaps it is with the run, then


def test_a_reference_that_leads_to_itself_ends(owner: Owner) -> None:
    first = owner.log("circle", {"x.txt": b"x"}, {})
    number = decode_artifact_id(first["id"])
    assert number is not None
    itself = f"Artifact:{number + 1}".encode().hex()
    refs = {"t.table.json": f"wandb-artifact://{itself}/t.table.json"}
    version = owner.log("circle-2", {}, refs)
    answer = owner.show(version, "t.table.json")
    assert answer.status == 400 and b"refers to" in answer.data


def test_an_incremental_table_of_either_client_has_all_its_rows(owner: Owner) -> None:
    def table(row: int) -> bytes:
        return json.dumps({"columns": ["a"], "data": [[row]]}).encode()

    for first in ("None-1000.k.table.json", "0-1000.k.table.json"):
        files = {"10-3000.k.table.json": table(3), first: table(1), "1-2000.k.table.json": table(2)}
        version = owner.log(f"grown-{first[0]}", files, {}, "wandb-run-incremental-table")
        rows = json.loads(owner.show(version, "1-2000.k.table.json").data)["rows"]
        assert rows == [[1], [2], [3]]
