"""Runs through GraphQL, as the official client asks for them."""

from __future__ import annotations

import itertools
import json
from typing import Any
from urllib.parse import urlsplit

import pytest

from steelyard.testing.server import ThrowawayServer

_numbers = itertools.count(1)

UPSERT = """mutation UpsertBucket(
    $id: String, $name: String, $project: String, $entity: String, $config: JSONString,
    $summary: JSONString, $tags: [String!], $state: String, $displayName: String, $notes: String
) {
    upsertBucket(input: {
        id: $id, name: $name, modelName: $project, entityName: $entity, config: $config,
        summaryMetrics: $summary, tags: $tags, state: $state, displayName: $displayName,
        notes: $notes
    }) {
        bucket {
            id name displayName config sweepName historyLineCount projectId tags state notes
            createdAt project { id name entity { id name } }
        }
        inserted
    }
}"""


class Runs:
    """The runs of a project of its own on a shared server."""

    def __init__(self, server: ThrowawayServer) -> None:
        self.server = server
        self.project = f"runs-{next(_numbers)}"
        self.entity = server.graphql("{ viewer { entity } }")["viewer"]["entity"]

    def upsert(self, **variables: Any) -> dict[str, Any]:
        found = self.server.graphql(UPSERT, **{"project": self.project, **variables})
        upserted: dict[str, Any] = found["upsertBucket"]
        return upserted

    def ask(self, fields: str, *, name: str = "r", **variables: Any) -> dict[str, Any]:
        query = f"""query Ask($project: String!, $name: String!) {{
            project(name: $project) {{ run(name: $name) {{ {fields} }} }}
        }}"""
        found = self.server.graphql(query, project=self.project, name=name, **variables)
        run: dict[str, Any] = found["project"]["run"]
        return run

    def post(self, name: str, body: dict[str, Any]) -> None:
        path = f"/files/{self.entity}/{self.project}/{name}/file_stream"
        self.server.call("POST", path, content=body)


def path_of(url: str) -> str:
    """Path and query of an absolute URL."""
    parts = urlsplit(url)
    assert parts.scheme == "http" and parts.netloc, url
    return f"{parts.path}?{parts.query}"


@pytest.fixture
def runs(shared_server: ThrowawayServer) -> Runs:
    return Runs(shared_server)


def test_the_answer_says_where_the_run_is(runs: Runs) -> None:
    answer = runs.upsert(name="r", entity="")
    bucket = answer["bucket"]
    assert answer["inserted"] is True
    assert bucket["name"] == "r"
    assert bucket["project"]["name"] == runs.project
    assert bucket["project"]["entity"]["name"] == runs.entity
    assert bucket["displayName"].endswith("-1")
    assert bucket["sweepName"] is None
    assert bucket["historyLineCount"] == 0
    assert int(bucket["projectId"]) > 0
    assert bucket["createdAt"].endswith("Z") and "T" in bucket["createdAt"]


def test_a_run_without_a_project_is_uncategorized(runs: Runs) -> None:
    name = f"lost-{next(_numbers)}"
    bucket = runs.upsert(name=name, project=None)["bucket"]
    assert bucket["project"]["name"] == "uncategorized"


def test_nulls_change_nothing_and_ids_name_the_same_run(runs: Runs) -> None:
    first = runs.upsert(name="r", tags=["a"], notes="n", config='{"a":{"value":1}}')["bucket"]
    second = runs.upsert(id=first["id"])
    assert second["inserted"] is False
    assert second["bucket"] == first


@pytest.mark.parametrize("name", ["a/b", "../x", "x" * 129, "a\nb", "a#b"])
def test_an_id_no_run_may_have_is_refused_with_a_reason(runs: Runs, name: str) -> None:
    content = {"query": UPSERT, "variables": {"name": name, "project": runs.project}}
    answer = runs.server.call("POST", "/graphql", content=content)
    assert answer["errors"][0]["extensions"]["code"] == "invalid"
    assert "the id of a run" in answer["errors"][0]["message"]


def test_a_client_that_resumes_learns_exactly_where_to_go_on(runs: Runs) -> None:
    config = {"lr": {"value": 1}, "_wandb": {"value": {"t": {"1": [1]}, "m": []}}}
    runs.upsert(name="r", config=json.dumps(config))
    lines = [json.dumps({"_step": n, "_runtime": n, "loss": n}) for n in range(7)]
    runs.post(
        "r",
        {
            "files": {
                "wandb-history.jsonl": {"offset": 0, "content": lines},
                "wandb-events.jsonl": {"offset": 0, "content": ['{"_runtime":3,"system.cpu":1}']},
                "output.log": {"offset": 0, "content": ["one", "two"]},
                "wandb-summary.json": {"offset": 0, "content": ['{"_step":6,"x":NaN}']},
            }
        },
    )
    query = """query RunResumeStatus($project: String, $entity: String, $name: String!) {
        model(name: $project, entityName: $entity) {
            name entity { name }
            bucket(name: $name, missingOk: true) {
                name summaryMetrics logLineCount historyLineCount eventsLineCount
                historyTail eventsTail wandbConfig(keys: ["t"])
            }
        }
    }"""
    found = runs.server.graphql(query, project=runs.project, entity=runs.entity, name="r")
    bucket = found["model"]["bucket"]
    counts = [bucket[f"{stream}LineCount"] for stream in ("history", "events", "log")]
    assert counts == [7, 1, 2]
    (tail,) = json.loads(bucket["historyTail"])
    assert json.loads(tail)["_step"] == 6
    (event,) = json.loads(bucket["eventsTail"])
    assert json.loads(event)["_runtime"] == 3
    assert json.loads(bucket["wandbConfig"]) == {"t": {"1": [1]}}
    assert "NaN" in bucket["summaryMetrics"]
    missing = runs.server.graphql(query, project=runs.project, entity=runs.entity, name="none")
    assert missing["model"]["bucket"] is None
    assert runs.server.graphql(query, project="none", name="none") == {"model": None}


def test_rows_are_read_by_page_by_key_and_by_sample(runs: Runs) -> None:
    runs.upsert(name="r")
    rows = [{"_step": n, "loss": n / 2, "in": {"x": n}} for n in range(20)]
    rows[3]["loss"] = float("nan")
    content = [json.dumps(row) for row in rows]
    runs.post("r", {"files": {"wandb-history.jsonl": {"offset": 0, "content": content}}})
    spec = json.dumps(json.dumps({"keys": ["_step", "in.x"], "samples": 100}))
    bounded = json.dumps(
        json.dumps({"keys": ["_step", "loss"], "samples": 5, "minStep": 2, "maxStep": 4})
    )
    found = runs.ask(
        f"""page: history(minStep: 5, maxStep: 8, samples: 10)
            few: history(samples: 4)
            sampled: sampledHistory(specs: [{spec}, {bounded}])
            historyKeys parquetHistory(liveKeys: ["_step"]) {{ parquetUrls liveData }}"""
    )
    assert [json.loads(row)["_step"] for row in found["page"]] == [5, 6, 7]
    assert [json.loads(row)["_step"] for row in found["few"]][0::3] == [0, 19]
    by_key, by_step = found["sampled"]
    assert by_key[1] == {"_step": 1, "in.x": 1}
    assert by_step == [
        {"_step": 2, "loss": 1.0},
        {"_step": 3, "loss": "NaN"},
        {"_step": 4, "loss": 2.0},
    ]
    assert found["historyKeys"]["lastStep"] == 19
    assert found["historyKeys"]["keys"]["in.x"]["previousValue"] == 19
    assert found["parquetHistory"] == {"parquetUrls": [], "liveData": []}


def test_pages_of_runs_miss_none_while_others_begin(runs: Runs) -> None:
    for number in range(7):
        runs.upsert(name=f"r{number}")
    query = """query Runs($project: String!, $cursor: String, $order: String) {
        project(name: $project) {
            runCount
            runs(after: $cursor, first: 3, order: $order) {
                edges { node { name } cursor } pageInfo { endCursor hasNextPage }
            }
        }
    }"""
    seen: list[str] = []
    cursor = None
    while True:
        found = runs.server.graphql(
            query, project=runs.project, cursor=cursor, order="-created_at"
        )["project"]
        page = found["runs"]
        seen += [edge["node"]["name"] for edge in page["edges"]]
        runs.upsert(name=f"new-{len(seen)}")
        if not page["pageInfo"]["hasNextPage"]:
            break
        cursor = page["pageInfo"]["endCursor"]
    assert seen == [f"r{number}" for number in reversed(range(7))]


def test_files_are_listed_with_links_and_deleted(runs: Runs) -> None:
    runs.upsert(name="r")
    create = """mutation C($entity: String!, $project: String!, $files: [String!]!) {
        createRunFiles(input: {
            entityName: $entity, projectName: $project, runName: "r", files: $files
        }) { runID uploadHeaders files { name uploadUrl } }
    }"""
    names = ["a b%20.txt", "media/ü.json", "c.log"]
    made = runs.server.graphql(create, entity=runs.entity, project=runs.project, files=names)[
        "createRunFiles"
    ]
    assert [file["name"] for file in made["files"]] == names
    for file in made["files"][:2]:
        path = path_of(file["uploadUrl"])
        assert runs.server.request("PUT", path, body=b"abc", key="").status == 200
    found = runs.ask("fileCount files { edges { node { id name sizeBytes directUrl md5 } } }")
    assert found["fileCount"] == 2
    nodes = [edge["node"] for edge in found["files"]["edges"]]
    assert sorted(node["name"] for node in nodes) == sorted(names[:2])
    assert nodes[0]["md5"] == "kAFQmDzST7DWlj99KOF/cg=="
    link = path_of(nodes[0]["directUrl"])
    assert runs.server.request("GET", link, key="").data == b"abc"
    absent = runs.ask('files(names: ["none.h5"]) { edges { node { name updatedAt sizeBytes } } }')
    assert absent["files"]["edges"] == [
        {"node": {"name": "none.h5", "updatedAt": None, "sizeBytes": 0}}
    ]
    like = runs.ask('files(pattern: "%.json") { edges { node { name } } }')
    assert [edge["node"]["name"] for edge in like["files"]["edges"]] == ["media/ü.json"]
    delete = "mutation D($files: [ID!]!) { deleteFiles(input: {files: $files}) { success } }"
    runs.server.graphql(delete, files=[nodes[0]["id"]])
    assert runs.ask("fileCount") == {"fileCount": 1}


def test_console_lines_are_read_in_pages_and_from_the_end(runs: Runs) -> None:
    runs.upsert(name="r")
    content = [f"line {number}" for number in range(10)]
    runs.post("r", {"files": {"output.log": {"offset": 0, "content": content}}})
    found = runs.ask(
        """logLineCount
           logLines(first: 4) { edges { node { number line } } pageInfo { endCursor hasNextPage } }
           tail: logLines(last: 2) { edges { node { number line } } }"""
    )
    assert found["logLineCount"] == 10
    assert [edge["node"]["number"] for edge in found["logLines"]["edges"]] == [0, 1, 2, 3]
    assert [edge["node"]["line"] for edge in found["tail"]["edges"]] == ["line 8", "line 9"]
    cursor = json.dumps(found["logLines"]["pageInfo"]["endCursor"])
    rest = runs.ask(f"logLines(first: 100, after: {cursor}) {{ edges {{ node {{ number }} }} }}")
    assert [edge["node"]["number"] for edge in rest["logLines"]["edges"]] == [4, 5, 6, 7, 8, 9]


def test_a_run_that_is_deleted_twice_is_gone_once(runs: Runs) -> None:
    bucket = runs.upsert(name="r")["bucket"]
    delete = "mutation D($id: ID!) { deleteRun(input: {id: $id}) { success } }"
    answers = [runs.server.graphql(delete, id=bucket["id"])["deleteRun"] for _ in range(2)]
    assert [answer["success"] for answer in answers] == [True, False]
    assert runs.server.graphql(
        'query Q($p: String) { project(name: $p) { run(name: "r") { id } } }', p=runs.project
    ) == {"project": {"run": None}}


def test_unknown_and_foreign_projects_get_the_same_answer(runs: Runs) -> None:
    runs.upsert(name="r")
    name = f"stranger-{next(_numbers)}-{runs.project}"
    key = name + "-" + "0" * 40
    runs.server.call(
        "POST",
        "/api/v1/admin/users",
        content={"username": name, "email": "", "password": None, "admin": False, "api_key": key},
    )
    query = "query Q($e: String, $p: String) { project(name: $p, entityName: $e) { id } }"
    answers = [
        runs.server.graphql(query, key=key, e=runs.entity, p=project)
        for project in (runs.project, "no-such-project")
    ]
    assert answers == [{"project": None}, {"project": None}]
    content = {
        "query": UPSERT,
        "variables": {"name": "r", "project": runs.project, "entity": runs.entity},
    }
    refused = runs.server.call("POST", "/graphql", content=content, key=key)
    assert refused["errors"][0]["extensions"]["code"] == "entity_not_found"
