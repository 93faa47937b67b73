"""Sweeps over REST and GraphQL: what a page, a script and an agent of ours ask."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from steelyard.server.rooms.accounts.commands import create_api_key
from tests.support.accounts import NOW_US, make_caller
from tests.support.app_server import AppServer
from tests.support.sweeps import GRID, RANDOM

SWEEPS = "/api/v1/-/works/sweeps"


class Caller:
    """Somebody with a key."""

    def __init__(self, server: AppServer) -> None:
        self.server = server
        made = server.db.write_now(make_caller)
        self.key = server.db.write_now(
            create_api_key, user_id=made.user_id, name="test", now_us=NOW_US
        ).key

    def ask(self, method: str, path: str, content: Any = None, *, status: int = 200) -> Any:
        answer = self.server.request(method, path, key=self.key, content=content)
        assert answer.status == status, answer.data
        return msgspec.json.decode(answer.data) if answer.data else None

    def create(self, config: Any = GRID, **more: Any) -> dict[str, Any]:
        made: dict[str, Any] = self.ask("POST", SWEEPS, {"config": config} | more, status=201)
        return made

    def graphql(self, query: str, **variables: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self.ask(
            "POST", "/graphql", {"query": query, "variables": variables}
        )
        return answer


@pytest.fixture
def caller(tmp_path: Path, database_url: str) -> Iterator[Caller]:
    with AppServer(tmp_path / "data", database_url) as server:
        yield Caller(server)


def test_a_sweep_is_made_worked_for_and_read(caller: Caller) -> None:
    made = caller.create(GRID, display_name="nine", description="all of them")
    assert (made["state"], made["method"], made["run_count_expected"]) == ("pending", "grid", 9)
    assert made["metrics"] == [{"name": "loss", "goal": "minimize", "target": None, "best": None}]
    place = f"{SWEEPS}/{made['name']}"
    agent = caller.ask("POST", f"{place}/agents", {"host": "here"}, status=201)
    ask = f"{place}/agents/{agent['name']}/next"
    [command] = caller.ask("POST", ask, {})["commands"]
    assert (command["type"], sorted(command["args"])) == ("run", ["x", "y"])
    assert caller.ask("POST", ask, {"running": [command["run_id"]]}) == {"commands": []}
    page = caller.ask("GET", f"{place}/trials")
    assert page["total"] == 1
    [trial] = page["items"]
    assert (trial["run"], trial["state"]) == (command["run_id"], "running")
    assert trial["agent"] == agent["name"]
    assert trial["reason"]
    [row] = caller.ask("GET", f"{place}/agents")["items"]
    assert (row["host"], row["state"], row["run_count"]) == ("here", "running", 1)
    shown = caller.ask("GET", place)
    assert (shown["state"], shown["trial_counts"]) == ("running", {"running": 1})
    paused = caller.ask("PATCH", place, {"state": "paused"})
    assert (paused["state"], paused["display_name"]) == ("paused", "nine")
    edited = caller.ask(
        "PATCH",
        place,
        {"config": {"method": "random", "parameters": {"x": {"min": 0.5, "max": 1.5}}}},
    )
    assert (edited["method"], edited["config_version"]) == ("random", 2)
    versions = caller.ask("GET", f"{place}/configs")["items"]
    assert [each["version"] for each in versions] == [1, 2]
    caller.ask("DELETE", place, status=204)
    caller.ask("GET", place, status=404)
    caller.ask("POST", ask, {}, status=404)


def test_a_configuration_that_cannot_be_searched_is_refused_with_places(caller: Caller) -> None:
    text = "method: grid\nparameters:\n  lr:\n    min: 3\n    max: 1\n    distribution: uniform\n"
    problem = caller.ask("POST", SWEEPS, {"config": text}, status=400)
    assert problem["code"] == "sweep_invalid"
    places = [(each["severity"], each["path"], each["line"]) for each in problem["diagnostics"]]
    assert any(severity == "error" and "lr" in path and line for severity, path, line in places)
    caller.ask("GET", SWEEPS, status=404)  # not even the project was made


def test_lists_are_paged_newest_first_and_chosen_by_state(caller: Caller) -> None:
    names = [caller.create(RANDOM)["name"] for _ in range(5)]
    caller.ask("PATCH", f"{SWEEPS}/{names[1]}", {"state": "canceled"})
    found, cursor = [], ""
    while True:
        page = caller.ask("GET", f"{SWEEPS}?limit=2{cursor}")
        found += [each["name"] for each in page["items"]]
        assert page["total"] == 5
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert found == names[::-1]
    chosen = caller.ask("GET", f"{SWEEPS}?state=canceled&state=finished")
    assert ([each["name"] for each in chosen["items"]], chosen["total"]) == ([names[1]], 1)
    filtered = caller.graphql(
        'query Q($filters: JSONString) { project(name: "works") { totalSweeps '
        "sweeps(first: 9, filters: $filters) { edges { node { name state runCount } } } } }",
        filters='{"state": "CANCELED"}',
    )["data"]["project"]
    assert filtered["totalSweeps"] == 5
    assert [each["node"] for each in filtered["sweeps"]["edges"]] == [
        {"name": names[1], "state": "CANCELED", "runCount": 0}
    ]


def test_trials_are_paged_in_the_order_of_suggestion(caller: Caller) -> None:
    place = f"{SWEEPS}/{caller.create(RANDOM)['name']}"
    for _ in range(5):
        agent = caller.ask("POST", f"{place}/agents", {}, status=201)["name"]
        caller.ask("POST", f"{place}/agents/{agent}/next", {})
    first = caller.ask("GET", f"{place}/trials?limit=3")
    rest = caller.ask("GET", f"{place}/trials?limit=3&cursor={first['next_cursor']}")
    assert [each["index"] for each in first["items"] + rest["items"]] == [0, 1, 2, 3, 4]
    assert rest["next_cursor"] is None


def test_an_agent_whose_sweep_is_gone_is_answered_404_as_the_official_client_expects(
    caller: Caller,
) -> None:
    name = caller.create(RANDOM)["name"]
    made = caller.graphql(
        'mutation M($s: String!) { createAgent(input: {host: "h", projectName: "works", '
        "sweep: $s}) { agent { id } } }",
        s=name,
    )
    agent = made["data"]["createAgent"]["agent"]["id"]
    beat = "mutation M($id: ID!) { agentHeartbeat(input: {id: $id}) { commands } }"
    assert "run_id" in caller.graphql(beat, id=agent)["data"]["agentHeartbeat"]["commands"]
    caller.ask("DELETE", f"{SWEEPS}/{name}", status=204)
    caller.ask("POST", "/graphql", {"query": beat, "variables": {"id": agent}}, status=404)


def test_odd_documents_of_a_controller_are_refused_and_nothing_is_kept(caller: Caller) -> None:
    name = caller.create({"method": "custom", "parameters": {"x": {"values": [1, 2]}}})["name"]
    read = 'query Q($n: String!) { project(name: "works") { sweep(sweepName: $n) { id } } }'
    sweep = caller.graphql(read, n=name)["data"]["project"]["sweep"]["id"]
    write = (
        "mutation M($id: ID, $c: JSONString) { upsertSweep(input: {id: $id, controller: $c}) "
        "{ sweep { scheduler } } }"
    )
    for text in ("[]", '{"schedule": 1}', '{"schedule": [{}]}', "{"):
        answer = caller.graphql(write, id=sweep, c=text)
        assert answer["errors"][0]["extensions"]["code"] == "invalid"
    good = '{"schedule": [{"id": "a", "data": {"args": {"x": {"value": 2}}}}]}'
    for _ in range(2):  # the second time it is known
        answer = caller.graphql(write, id=sweep, c=good)
        scheduled = msgspec.json.decode(answer["data"]["upsertSweep"]["sweep"]["scheduler"])
        assert [each["id"] for each in scheduled["scheduled"]] == ["a"]


def test_filters_of_sweeps_name_the_fields_there_are(caller: Caller) -> None:
    caller.create(RANDOM)
    answer = caller.graphql(
        'query Q($f: JSONString) { project(name: "works") { sweeps(filters: $f) '
        "{ edges { node { name } } } } }",
        f='{"colour": "red"}',
    )
    assert "sweeps have no field 'colour'" in answer["errors"][0]["message"]
