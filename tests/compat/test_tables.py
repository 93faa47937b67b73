"""Tables that the official client logs, asked through our REST API."""

from __future__ import annotations

from typing import Any

import pytest

from steelyard.testing.server import ThrowawayServer
from tests.support.official_client import OfficialClient
from tests.support.table_files import ask, path_of

SCRIPT = """
import datetime
import numpy as np
import wandb

run = wandb.init(project="tables", id="{run}")
image = wandb.Image(
    np.full((8, 8, 3), 200, np.uint8),
    masks={{"truth": {{"mask_data": np.ones((8, 8), np.uint8), "class_labels": {{1: "cat"}}}}}},
    classes=wandb.Classes([{{"id": 1, "name": "cat"}}]),
)
table = wandb.Table(columns=["id", "image", "score", "when", "array"])
for i in range(3):
    score = float("nan") if i == 2 else i / 2
    when = datetime.datetime(2026, 1, 1 + i, tzinfo=datetime.timezone.utc)
    table.add_data(f"q{{i}}", image, score, when, np.full((2, 300), i))
run.log({{"eval/predictions": table, "pic": wandb.Image(np.zeros((4, 4, 3), np.uint8))}})
artifact = wandb.Artifact("parts", "dataset")
for part in range(2):
    artifact.add(wandb.Table(columns=["id", "x"], data=[[f"{{part}}{{i}}", i] for i in range(2)]),
                 f"parts/{{part}}")
artifact.add(wandb.data_types.PartitionedTable("parts"), "all")
one = wandb.Table(columns=["id", "a"], data=[["x", 1], ["y", 2]])
two = wandb.Table(columns=["id", "b"], data=[["y", 3], ["z", 4]])
artifact.add(wandb.JoinedTable(one, two, "id"), "joined")
run.log_artifact(artifact).wait()
run.finish()
"""


@pytest.fixture
def run_name(client: OfficialClient) -> str:
    name = "tables-run"
    client.run_script(SCRIPT.format(run=name))
    return name


def test_tables_of_the_official_client_are_shown_whole(
    client: OfficialClient, run_name: str, shared_server: ThrowawayServer
) -> None:
    server = shared_server
    entity = server.call("GET", "/api/v1/me")["default_entity"]
    at = {"key": "eval/predictions", "step": 0, "runs": [run_name]}
    found = server.call("POST", f"/api/v1/{entity}/tables/media:at", content=at)
    refs = found["runs"][0]["items"][0]["table_refs"]
    assert [ref.partition(":")[0] for ref in refs] == ["artifact", "run"]
    page = query(server, refs[0])
    assert [column["type"] for column in page["columns"]] == [
        "string", "media", "number", "datetime", "json",
    ]  # fmt: skip
    first, last = page["rows"][0], page["rows"][2]
    assert (first[0], first[2], first[3]) == ("q0", 0, "2026-01-01T00:00:00Z")
    # wandb 0.31.0 util.py json_friendly: NaN becomes null on its way into an artifact.
    assert last[2] is None and last[4] == [[2] * 300] * 2
    for link in (first[1]["url"], first[1]["thumbnail_url"], first[1]["masks"]["truth"]["url"]):
        assert server.request("GET", path_of(link), key="").status == 200
    plain = query(server, refs[1])
    assert [row[0] for row in plain["rows"]] == ["q0", "q1", "q2"]
    keys = server.call("POST", f"/api/v1/{entity}/tables/media:query", content={"runs": [run_name]})
    assert [key["key"] for key in keys["items"]] == ["eval/predictions", "pic"]
    base = f"artifact:{entity}/tables/parts:latest"
    parts = query(server, f"{base}/all.partitioned-table.json")
    assert [row[0] for row in parts["rows"]] == ["00", "01", "10", "11"]
    joined = query(server, f"{base}/joined.joined-table.json")
    assert [column["name"] for column in joined["columns"]] == ["0.id", "a", "1.id", "b"]
    assert joined["rows"] == [["x", 1, None, None], ["y", 2, "y", 3], [None, None, "z", 4]]


def query(server: ThrowawayServer, ref: str) -> Any:
    return ask(server, "POST", "tables:query", {"ref": ref})
