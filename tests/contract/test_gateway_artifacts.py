"""Artifacts through GraphQL, call by call as the official client makes them."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from typing import Any

import pytest

from steelyard.testing.server import ThrowawayServer
from tests.support.gateway_artifacts import (
    COMMIT,
    CREATE,
    FILES,
    GatewayArtifacts,
    digest_of,
    md5_of,
)

SOME = {"a.txt": b"first", "b/c.bin": b"\x00" * 5000}
BY_NAME = """query ByName($entity: String, $project: String!, $name: String!) {
    project(entityName: $entity, name: $project) {
        artifactCollectionMembership(name: $name) {
            versionIndex
            aliases { alias }
            artifactCollection { __typename name }
            artifact {
                id digest state size fileCount versionIndex metadata description
                ttlDurationSeconds ttlIsInherited tags { name } aliases { alias }
                artifactType { name } artifactSequence { name project { name entity { name } } }
                currentManifest { file { directUrl } }
                files { totalCount edges { node {
                    name displayName sizeBytes digest md5 mimetype storagePath directUrl
                } } }
                createdBy { __typename ... on User { username } ... on Run { name } }
            }
        }
    }
}"""
ALIASES = """mutation M($input: AddAliasesInput!) { addAliases(input: $input) { success } }"""
UPDATE = """mutation U($input: UpdateArtifactInput!) {
    updateArtifact(input: $input) {
        artifact { description metadata ttlDurationSeconds ttlIsInherited tags { name } }
    }
}"""


@pytest.fixture
def place(shared_server: ThrowawayServer) -> GatewayArtifacts:
    return GatewayArtifacts(shared_server)


@pytest.fixture
def stranger(shared_server: ThrowawayServer) -> GatewayArtifacts:
    """Somebody else, who may see nothing of the owner's."""
    name = f"stranger-{secrets.token_hex(4)}"
    key = f"local-{secrets.token_hex(20)}"
    shared_server.call(
        "POST", "/api/v1/admin/users", content={"username": name, "email": f"{name}@x.y"}
    )
    shared_server.call("PATCH", f"/api/v1/admin/users/{name}", content={"api_key": key})
    return GatewayArtifacts(shared_server, key=key)


def by_name(place: GatewayArtifacts, name: str, **more: Any) -> dict[str, Any] | None:
    asked = {"entity": place.entity, "project": place.project, "name": name, **more}
    project = place.ask(BY_NAME, **asked)["project"]
    found: dict[str, Any] | None = project and project["artifactCollectionMembership"]
    return found


def test_what_was_logged_is_read_back_by_name_alias_and_number(place: GatewayArtifacts) -> None:
    logged = place.log(
        "data",
        SOME,
        metadata='{"a": 1}',
        description="what it is",
        aliases=[{"artifactCollectionName": "data", "alias": "best"}],
        tags=[{"tagName": "clean"}],
        ttlDurationSeconds=3600,
    )
    assert logged["state"] == "COMMITTED"
    for name in ("data", "data:latest", "data:v0", "data:best"):
        found = by_name(place, name)
        assert found is not None, name
        member = found
        assert member["versionIndex"] == 0
        assert sorted(each["alias"] for each in member["aliases"]) == ["best", "latest"]
        assert member["artifactCollection"] == {"__typename": "ArtifactSequence", "name": "data"}
    artifact = member["artifact"]
    assert artifact["digest"] == digest_of(SOME)
    assert (artifact["size"], artifact["fileCount"]) == (5005, 2)
    assert json.loads(artifact["metadata"]) == {"a": 1}
    assert (artifact["ttlDurationSeconds"], artifact["ttlIsInherited"]) == (3600, False)
    assert artifact["tags"] == [{"name": "clean"}]
    assert artifact["createdBy"] == {"__typename": "User", "username": place.entity}
    files = [edge["node"] for edge in artifact["files"]["edges"]]
    assert [file["name"] for file in files] == ["a.txt", "b/c.bin"]
    assert artifact["files"]["totalCount"] == 2
    for file in files:
        content = SOME[file["name"]]
        assert file["md5"] == file["digest"] == md5_of(content)
        assert file["storagePath"].startswith("wandb_artifacts/")
        assert "/wandb_artifacts/" in file["directUrl"]
        assert place.get(file["directUrl"]).data == content
    manifest_url = artifact["currentManifest"]["file"]["directUrl"]
    assert "/wandb_manifest.json?" in manifest_url
    assert sorted(json.loads(place.get(manifest_url).data)["contents"]) == sorted(SOME)


@pytest.mark.parametrize(
    "name", ["other", "data:v1", "data:nothing", "data:v", "data:v" + "9" * 40]
)
def test_what_is_not_there_is_null(place: GatewayArtifacts, name: str) -> None:
    place.log("data", SOME)
    assert by_name(place, name) is None


def test_files_are_answered_in_the_order_asked_for(place: GatewayArtifacts) -> None:
    contents = {f"{number}.txt": str(number).encode() for number in reversed(range(50))}
    draft = place.create("data", contents)
    files = place.ask_files(draft["id"], contents)
    assert [file["name"] for file in files] == list(contents)
    assert all(file["artifact"]["id"] == draft["id"] for file in files)


def test_content_of_the_project_is_not_sent_again(place: GatewayArtifacts) -> None:
    first = place.log("data", SOME)
    changed = {**SOME, "a.txt": b"second"}
    draft = place.create("data", changed)
    assert draft["artifactSequence"]["latestArtifact"]["id"] == first["id"]
    new, known = place.ask_files(draft["id"], changed)
    assert new["uploadUrl"] is not None
    assert new["artifact"]["id"] == draft["id"]
    assert known["uploadUrl"] is None
    assert known["artifact"]["id"] == first["id"]
    other = place.create("other", SOME)
    assert [file["uploadUrl"] for file in place.ask_files(other["id"], SOME)] == [None, None]


def test_nobody_learns_what_another_project_holds(
    place: GatewayArtifacts, shared_server: ThrowawayServer
) -> None:
    place.log("data", SOME)
    elsewhere = GatewayArtifacts(shared_server)
    draft = elsewhere.create("data", SOME)
    assert draft["state"] == "PENDING"
    assert all(file["uploadUrl"] for file in elsewhere.ask_files(draft["id"], SOME))


def test_the_same_content_is_the_same_version(place: GatewayArtifacts) -> None:
    first = place.log("data", SOME)
    again = place.create("data", SOME, tags=[{"tagName": "twice"}])
    assert (again["state"], again["id"]) == ("COMMITTED", first["id"])
    member = by_name(place, "data:v0")
    assert member is not None
    assert member["artifact"]["tags"] == [{"name": "twice"}]
    not_deduplicated = place.create("data", SOME, enableDigestDeduplication=False)
    assert not_deduplicated["state"] == "PENDING"


def test_a_repeated_call_makes_no_second_draft(place: GatewayArtifacts) -> None:
    given = place.input("data", SOME)
    made = [place.ask(CREATE, input=given)["createArtifact"]["artifact"]["id"] for _ in range(2)]
    assert made[0] == made[1]
    committed = [place.log("data", SOME, clientID=given["clientID"])["id"] for _ in range(2)]
    assert committed == [made[0], made[0]]
    again = place.ask(COMMIT, id=made[0])["commitArtifact"]["artifact"]
    assert (again["id"], again["versionIndex"]) == (made[0], 0)


def test_a_client_finds_an_artifact_by_the_ids_it_made_up(place: GatewayArtifacts) -> None:
    mapping = "query C($id: ID!) { clientIDMapping(clientID: $id) { serverID } }"
    given = place.input("data", SOME)
    assert place.ask(mapping, id=given["clientID"]) == {"clientIDMapping": None}
    logged = place.log(
        "data", SOME, clientID=given["clientID"], sequenceClientID=given["sequenceClientID"]
    )
    for id in (given["clientID"], given["sequenceClientID"]):
        assert place.ask(mapping, id=id) == {"clientIDMapping": {"serverID": logged["id"]}}
    assert base64.b64decode(logged["id"], validate=True), "clients write it in hexadecimal"


def test_a_commit_without_its_files_says_what_is_missing(place: GatewayArtifacts) -> None:
    draft = place.create("data", SOME)
    assert "manifest" in place.refuse(COMMIT, id=draft["id"])
    entries = {path: {"digest": md5_of(SOME[path]), "size": len(SOME[path])} for path in SOME}
    manifest = json.dumps({"version": 1, "contents": entries}).encode()
    announced = place.announce(draft["id"], md5_of(manifest))
    assert place.put(announced["file"]["uploadUrl"], manifest).status == 200
    assert "a.txt" in place.refuse(COMMIT, id=draft["id"])


def test_a_content_that_is_another_than_announced_is_refused(place: GatewayArtifacts) -> None:
    draft = place.create("data", {"a": b"right"})
    [file] = place.ask_files(draft["id"], {"a": b"right"})
    assert place.put(file["uploadUrl"], b"wrong").status >= 400
    [file] = place.ask_files(draft["id"], {"a": b"right"})
    assert file["uploadUrl"] is not None


def test_a_large_file_is_sent_in_parts(place: GatewayArtifacts) -> None:
    part_bytes = 100 * 1024 * 1024  # of wandb 0.28.2 core
    first, last = b"\x07" * part_bytes, b"the end"
    whole = hashlib.md5(first + last)
    md5 = base64.b64encode(whole.digest()).decode()
    digest = hashlib.md5(f"wandb-artifact-manifest-v1\nbig:{md5}\n".encode()).hexdigest()
    draft = place.create("big", {}, digest=digest)
    spec = {
        "artifactID": draft["id"],
        "name": "big",
        "md5": md5,
        "uploadPartsInput": [
            {"partNumber": number, "hexMD5": hashlib.md5(part).hexdigest()}
            for number, part in enumerate((first, last), 1)
        ],
    }
    asked = place.ask(FILES, input={"artifactFiles": [spec]})["createArtifactFiles"]
    [file] = [edge["node"] for edge in asked["files"]["edges"]]
    parts = file["uploadMultipartUrls"]["uploadUrlParts"]
    assert [part["partNumber"] for part in parts] == [1, 2]
    etags = []
    for part, content in zip(parts, (first, last), strict=True):
        answer = place.put(part["uploadUrl"], content)
        assert answer.status == 200, answer.data
        etags.append({"partNumber": part["partNumber"], "hexMD5": answer.headers["ETag"]})
    done = place.ask(
        """mutation Complete($input: CompleteMultipartUploadArtifactInput!) {
            completeMultipartUploadArtifact(input: $input) { digest }
        }""",
        input={
            "completeMultipartAction": "Complete",
            "completedParts": etags,
            "artifactID": file["artifact"]["id"],
            "storagePath": file["storagePath"],
            "uploadID": file["uploadMultipartUrls"]["uploadID"],
        },
    )
    assert done["completeMultipartUploadArtifact"]["digest"] == md5
    [known] = place.ask(FILES, input={"artifactFiles": [spec]})["createArtifactFiles"]["files"][
        "edges"
    ]
    assert known["node"]["uploadUrl"] is None


def test_a_mistaken_digest_is_refused_with_a_reason(place: GatewayArtifacts) -> None:
    draft = place.create("data", SOME)
    spec = {"artifactID": draft["id"], "name": "a", "md5": "no digest"}
    assert "no MD5" in place.refuse(FILES, input={"artifactFiles": [spec]})


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"artifactTypeName": "model"}, "already exists with type 'dataset'"),
        ({"storageRegion": "coreweave-us"}, "coreweave-us"),
        ({"tags": [{"tagName": "a!b"}]}, "Invalid tag"),
        ({"aliases": [{"artifactCollectionName": "data", "alias": "v3"}]}, "'v3'"),
        ({"artifactCollectionName": "a/b"}, "'a/b'"),
        ({"artifactCollectionName": ""}, "needs a name"),
        ({"runName": "nobody"}, "nobody"),
        ({"metadata": "[1]"}, "metadata"),
        ({"digestAlgorithm": "MANIFEST_XXH128"}, "MANIFEST_MD5"),
    ],
)
def test_what_no_version_may_have_is_refused_with_a_reason(
    place: GatewayArtifacts, change: dict[str, Any], reason: str
) -> None:
    place.log("data", SOME)
    given = place.input("data", {"a": b"new"}, **change)
    assert reason in place.refuse(CREATE, input=given)


def test_null_leaves_as_it_is_and_a_ttl_can_be_given_and_taken(place: GatewayArtifacts) -> None:
    id = place.log("data", SOME, description="kept", metadata='{"a": 1}')["id"]

    def update(**change: Any) -> dict[str, Any]:
        changed = place.ask(UPDATE, input={"artifactID": id, **change})
        artifact: dict[str, Any] = changed["updateArtifact"]["artifact"]
        return artifact

    nothing = dict.fromkeys(("description", "metadata", "ttlDurationSeconds", "tagsToAdd"))
    assert update(**nothing)["description"] == "kept"
    assert update(description="new", metadata=None)["metadata"] == '{"a":1}'
    added = update(tagsToAdd=[{"tagName": "x"}, {"tagName": "y"}])
    assert added["tags"] == [{"name": "x"}, {"name": "y"}]
    assert update(tagsToDelete=[{"tagName": "x"}])["tags"] == [{"name": "y"}]
    for written, read, is_inherited in ((86400, 86400, False), (-2, -2, False), (-1, -1, True)):
        changed = update(ttlDurationSeconds=written)
        assert changed["ttlDurationSeconds"] == read
        assert changed["ttlIsInherited"] is is_inherited


def test_an_alias_moves_to_the_version_that_it_is_given_to(place: GatewayArtifacts) -> None:
    first = place.log("data", SOME, aliases=[{"artifactCollectionName": "data", "alias": "best"}])
    place.log("data", {"a": b"2"}, aliases=[{"artifactCollectionName": "data", "alias": "best"}])
    alias = {
        "entityName": place.entity,
        "projectName": place.project,
        "artifactCollectionName": "data",
        "alias": "best",
    }
    moved = place.ask(ALIASES, input={"artifactID": first["id"], "aliases": [alias]})
    assert moved == {"addAliases": {"success": True}}
    best, newest = by_name(place, "data:best"), by_name(place, "data:v1")
    assert best is not None and best["versionIndex"] == 0
    assert newest is not None and newest["aliases"] == [{"alias": "latest"}]
    elsewhere = {**alias, "artifactCollectionName": "other"}
    assert "other" in place.refuse(
        ALIASES, input={"artifactID": first["id"], "aliases": [elsewhere]}
    )


def test_a_stranger_sees_and_changes_nothing(
    place: GatewayArtifacts, stranger: GatewayArtifacts
) -> None:
    client_id = secrets.token_hex(16)
    logged = place.log("data", SOME, clientID=client_id)
    assert by_name(stranger, "data", entity=place.entity, project=place.project) is None
    reads = (
        "query A($id: ID!) { artifact(id: $id) { id } clientIDMapping(clientID: $id) { serverID } }"
    )
    assert stranger.ask(reads, id=logged["id"]) == {"artifact": None, "clientIDMapping": None}
    assert stranger.ask(reads, id=client_id)["clientIDMapping"] is None
    collection = place.ask(
        """query C($project: String!) {
            project(name: $project) { artifactCollection(name: "data") { id } }
        }""",
        project=place.project,
    )["project"]["artifactCollection"]["id"]
    found = stranger.ask("query C($id: ID!) { artifactCollection(id: $id) { id } }", id=collection)
    assert found == {"artifactCollection": None}
    spec = {"artifactID": logged["id"], "name": "a", "md5": md5_of(b"")}
    for document, given in (
        (UPDATE, {"artifactID": logged["id"], "description": "mine"}),
        (FILES, {"artifactFiles": [spec]}),
        (CREATE, {**place.input("data", {"x": b"y"})}),
        ("mutation D($input: DeleteArtifactInput!) {"
         " deleteArtifact(input: $input) { artifact { id } } }",
         {"artifactID": logged["id"], "deleteAliases": True}),
        ("mutation D($input: DeleteArtifactSequenceInput!) {"
         " deleteArtifactSequence(input: $input) { artifactCollection { id } } }",
         {"artifactSequenceID": collection}),
        ("mutation L($input: LinkArtifactInput!) { linkArtifact(input: $input) { versionIndex } }",
         {"artifactID": logged["id"], "artifactPortfolioName": "p", "projectName": "mine"}),
        (ALIASES, {"artifactID": logged["id"], "aliases": []}),
    ):  # fmt: skip
        assert stranger.refuse(document, input=given)
    assert "not" in stranger.refuse(COMMIT, id=logged["id"])


def test_a_link_lends_a_version_and_its_aliases_stay_apart(place: GatewayArtifacts) -> None:
    logged = place.log("data", SOME)
    link = """mutation L($input: LinkArtifactInput!) {
        linkArtifact(input: $input) {
            versionIndex
            artifactMembership { artifactCollection { __typename id name } artifact { id } }
        }
    }"""
    given = {
        "artifactID": logged["id"],
        "artifactPortfolioName": "chosen",
        "entityName": place.entity,
        "projectName": place.project,
        "aliases": [{"artifactCollectionName": "chosen", "alias": "good"}],
    }
    linked = place.ask(link, input=given)["linkArtifact"]
    assert linked["versionIndex"] == 0
    portfolio = linked["artifactMembership"]["artifactCollection"]
    assert portfolio["__typename"] == "ArtifactPortfolio"
    assert linked["artifactMembership"]["artifact"]["id"] == logged["id"]
    own, lent = by_name(place, "data:v0"), by_name(place, "chosen:good")
    assert own is not None and own["aliases"] == [{"alias": "latest"}]
    assert lent is not None
    assert sorted(each["alias"] for each in lent["aliases"]) == ["good", "latest"]
    unlink = (
        "mutation U($input: UnlinkArtifactInput!) { unlinkArtifact(input: $input) { success } }"
    )
    place.ask(unlink, input={"artifactID": logged["id"], "artifactPortfolioID": portfolio["id"]})
    assert by_name(place, "chosen:v0") is None
    assert by_name(place, "data:v0") is not None


def test_a_deleted_collection_is_gone_and_its_name_is_free(place: GatewayArtifacts) -> None:
    first = place.log("data", SOME)
    found = place.ask(
        """query C($project: String!) { project(name: $project) {
            artifactType(name: "dataset") { artifactCollection(name: "data") { id } }
        } }""",
        project=place.project,
    )
    id = found["project"]["artifactType"]["artifactCollection"]["id"]
    gone = place.ask(
        """mutation D($id: ID!) { deleteArtifactSequence(input: {artifactSequenceID: $id}) {
            artifactCollection { __typename state }
        } }""",
        id=id,
    )["deleteArtifactSequence"]["artifactCollection"]
    assert gone == {"__typename": "ArtifactSequence", "state": "DELETED"}
    assert by_name(place, "data:v0") is None
    again = place.log("data", SOME, artifactTypeName="model")
    assert again["id"] != first["id"]
    assert again["versionIndex"] == 0
