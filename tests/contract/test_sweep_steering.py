"""Weightings, leaderboards, phases, events and wanted runs over REST and GraphQL."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.contract.test_sweep_api import SWEEPS, Caller
from tests.support.app_server import AppServer

FOLDS = """
method: random
metrics: [{name: accuracy, goal: maximize}, {name: latency, goal: minimize}]
parameters: {x: {min: 0.0, max: 1.0}}
cross_validation: {folds: 2}
run_cap: 4
"""
PHASES = """
method: random
metric: {name: loss, goal: minimize}
parameters: {x: {min: 0.0, max: 1.0}}
phases: {broad: {fraction: 0.5, runs: 1}, full: {gate: approval, top: 1, runs: 1}}
"""
UPSERT = """mutation M($project: String, $entity: String, $name: String, $config: JSONString,
    $sweep: String, $summary: JSONString, $state: String) {
  upsertBucket(input: {modelName: $project, entityName: $entity, name: $name, config: $config,
    sweep: $sweep, summaryMetrics: $summary, state: $state}) { bucket { id name } } }"""


@pytest.fixture
def caller(tmp_path: Path, database_url: str) -> Iterator[Caller]:
    with AppServer(tmp_path / "data", database_url) as server:
        yield Caller(server)


class Agent:
    """Runs what it is told to, and logs what the test says."""

    def __init__(self, caller: Caller, sweep: str) -> None:
        self.caller, self.sweep = caller, sweep
        made = caller.ask("POST", f"{SWEEPS}/{sweep}/agents", {}, status=201)
        self.next = f"{SWEEPS}/{sweep}/agents/{made['name']}/next"

    def run(self, **summary: Any) -> dict[str, Any]:
        [command] = self.caller.ask("POST", self.next, {})["commands"]
        assert command["type"] == "run", command
        self.caller.graphql(
            UPSERT,
            project="works",
            name=command["run_id"],
            sweep=self.sweep,
            config=json.dumps(command["args"]),
            summary=json.dumps(summary),
        )
        path = f"/files/{self.entity}/works/{command['run_id']}/file_stream"
        self.caller.ask("POST", path, {"complete": True, "exitcode": 0})
        args: dict[str, Any] = command["args"]
        return {key: entry["value"] for key, entry in args.items()}

    @property
    def entity(self) -> str:
        entity: str = self.caller.ask("GET", f"{SWEEPS}/{self.sweep}")["entity"]
        return entity

    def told(self) -> list[str]:
        return [each["type"] for each in self.caller.ask("POST", self.next, {})["commands"]]


def test_folds_are_weighed_ranked_and_their_end_is_an_event(caller: Caller) -> None:
    name = caller.create(FOLDS)["name"]
    place, agent = f"{SWEEPS}/{name}", Agent(caller, name)
    for accuracy, latency in ((0.9, 9.0), (0.7, 9.0), (0.5, 1.0), (0.5, 2.0)):
        agent.run(accuracy=accuracy, latency=latency)
    assert agent.told() == ["exit"]
    rows = caller.ask("GET", f"{place}/trials")["items"]
    assert [row["trial_index"] for row in rows] == [0, 0, 2, 2]
    assert rows[0]["score"]["mean"] == pytest.approx(0.8)
    assert rows[0]["score"]["std"] == pytest.approx(0.02**0.5)
    assert rows[0]["score"]["n"] == rows[0]["score"]["expected"] == 2
    assert rows[1]["score"] is None
    board = caller.ask("GET", f"{place}/leaderboard")
    assert (board["metric"], [row["index"] for row in board["rows"]]) == ("accuracy", [0, 2])
    body = {"weights": {"accuracy": 0.1, "latency": 0.9}}
    put = caller.ask("PUT", f"{place}/weightings/fast", body)
    assert (put["is_default"], put["goal"]) == (False, "maximize")
    assert put["formula"] == "0.1*zscore(`accuracy`) + -0.9*zscore(`latency`)"
    fast = caller.ask("GET", f"{place}/leaderboard?weighting=fast")
    assert [row["index"] for row in fast["rows"]] == [2, 0]
    assert caller.ask("GET", place)["objective"]["name"] == "accuracy"
    caller.ask("PUT", f"{place}/weightings/fast", body | {"is_default": True})
    detail = caller.ask("GET", place)
    assert (detail["weighting"], detail["objective"]["name"]) == ("fast", "fast")
    assert [metric["name"] for metric in detail["metrics"]] == ["accuracy", "latency"]
    [listed] = caller.ask("GET", f"{place}/weightings")["items"]
    assert listed["is_default"]
    events = caller.ask("GET", f"{place}/events")["items"]
    assert [event["kind"] for event in events] == ["finished", "weighting"]
    assert events[0]["details"]["runs"] == 4
    assert {"index", "run", "value"} == events[0]["best"].keys()
    caller.ask("DELETE", f"{place}/weightings/fast", status=204)
    caller.ask("GET", f"{place}/weightings/fast", status=404)
    refused = caller.ask("PUT", f"{place}/weightings/odd", {"weights": {"recall": 1}}, status=400)
    assert "there are 'accuracy', 'latency'" in refused["detail"]


def test_a_phase_is_approved_and_a_run_is_wanted(caller: Caller) -> None:
    name = caller.create(PHASES)["name"]
    place, agent = f"{SWEEPS}/{name}", Agent(caller, name)
    broad = agent.run(loss=1.0)
    assert broad["fraction"] == 0.5
    assert agent.told() == []
    first, second = caller.ask("GET", f"{place}/phases")["items"]
    assert (first["state"], second["state"], second["gate"]) == ("finished", "waiting", "approval")
    assert (second["parents"], caller.ask("GET", place)["phase"]) == ([0], "full")
    approved = caller.ask("POST", f"{place}/phases/approval", {"approved": True})
    assert approved["items"][1]["state"] == "running"
    wanted = {"config": {"x": 0.25, "note": "mine"}, "display_name": "by hand"}
    queued = caller.ask("POST", f"{place}/trials", wanted, status=201)["run"]
    assert agent.run(loss=0.5) == {"x": 0.25, "note": "mine"}
    assert agent.told() == ["exit"]
    found = caller.graphql(
        'query Q($e: String, $n: String!) { project(name: "works", entityName: $e) '
        "{ run(name: $n) { displayName } } }",
        e=agent.entity,
        n=queued,
    )
    assert found["data"]["project"]["run"]["displayName"] == "by hand"
    caller.ask("POST", f"{place}/phases/approval", {"approved": True}, status=409)
    caller.ask("POST", f"{place}/trials", wanted, status=409)


def test_a_run_is_enqueued_as_the_official_client_does_it(caller: Caller) -> None:
    made = caller.create("{method: grid, parameters: {x: {values: [1]}}}")
    place = f"{SWEEPS}/{made['name']}"
    [node] = caller.graphql(
        'query Q($e: String) { project(name: "works", entityName: $e) '
        "{ sweeps { edges { node { id } } } } }",
        e=made["entity"],
    )["data"]["project"]["sweeps"]["edges"]
    mutation = (
        "mutation EnqueueSweepRun($id: ID!, $config: JSONString!, $displayName: String) {"
        " enqueueSweepRun(input: {id: $id, config: $config, displayName: $displayName})"
        " { id runQueueItemId } }"
    )
    answer = caller.graphql(mutation, id=node["node"]["id"], config='{"x": {"value": 7}}')
    queued = answer["data"]["enqueueSweepRun"]
    assert queued["runQueueItemId"] is None
    [row] = caller.ask("GET", f"{place}/trials")["items"]
    assert (row["run"], row["config"], row["kind"]) == (queued["id"], {"x": 7}, "enqueued")
    refused = caller.graphql(mutation, id=node["node"]["id"], config='{"x": 7}')
    assert "must be" in refused["errors"][0]["message"]
