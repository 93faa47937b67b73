"""Prices, what runs and sweeps cost, and agents of several sweeps, against a real server."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import pytest
import urllib3

from steelyard.testing.server import ThrowawayServer
from tests.support.sdk_user import SdkUser
from tests.support.training import wait_until

SWEEP = """
method: random
metric: {name: loss, goal: minimize}
run_cap: 4
priority: PRIORITY
budget: {usd: 100}
parameters:
  x: {min: 0.0, max: 1.0}
"""


@pytest.fixture
def user(tmp_path: Path, shared_server: ThrowawayServer) -> SdkUser:
    return SdkUser(
        tmp_path / "home",
        WANDB_BASE_URL=shared_server.base_url,
        WANDB_API_KEY=shared_server.owner_key,
    )


def call(server: ThrowawayServer, method: str, path: str, content: Any = None) -> Any:
    answer = urllib3.request(
        method,
        f"{server.base_url}{path}",
        json=content,
        headers={"Authorization": f"Bearer {server.owner_key}"},
        timeout=60,
    )
    assert answer.status < 300, answer.data
    return answer.json() if answer.data else None


def test_a_run_is_charged_and_its_cost_estimates_a_sweep(
    shared_server: ThrowawayServer, user: SdkUser, tmp_path: Path
) -> None:
    project = f"costs-{uuid.uuid4().hex[:8]}"
    host = f"node-{project}"
    said = user.command("prices", "set", "host", host, "3.6", "--source", "a test").stdout
    assert f"host {host}: 3.6 USD per hour" in said
    listed = json.loads(user.command("prices", "--json").stdout)
    [price] = [each for each in listed if each["name"] == host]
    assert (price["usd_per_hour"], price["source"]) == (3.6, "a test")
    entity = call(shared_server, "GET", "/api/v1/me")["default_entity"]
    mutation = (
        "mutation M($name: String!, $project: String!, $host: String, $config: JSONString, "
        "$summary: JSONString) { upsertBucket(input: {name: $name, modelName: $project, "
        "host: $host, config: $config, summaryMetrics: $summary}) { bucket { id } } }"
    )
    facts = {"host": host, "gpu": "NVIDIA H100 80GB HBM3", "gpu_count": 2}
    call(
        shared_server,
        "POST",
        "/graphql",
        {
            "query": mutation,
            "variables": {
                "name": "one",
                "project": project,
                "host": host,
                "config": json.dumps({"_wandb": {"value": {"e": {"w": facts}}}}),
                "summary": json.dumps({"loss": 1.0, "tokens": 7, "_wandb": {"runtime": 7200}}),
            },
        },
    )
    ended = {"complete": True, "exitcode": 0}
    call(shared_server, "POST", f"/files/{entity}/{project}/one/file_stream", ended)
    place = f"/api/v1/{entity}/{project}"

    def summary() -> dict[str, Any]:
        run: dict[str, Any] = call(shared_server, "GET", f"{place}/runs/one")
        return run["summary"] if isinstance(run["summary"], dict) else json.loads(run["summary"])

    wait_until(lambda: "cost.usd" in summary(), timeout_s=60)
    assert {key: value for key, value in summary().items() if key.startswith("cost.")} == {
        "cost.gpu_hours": 4.0, "cost.tokens": 7.0, "cost.usd": 7.2
    }  # fmt: skip
    config = tmp_path / "sweep.yaml"
    config.write_text(SWEEP.replace("PRIORITY", "0"))
    told = user.command("sweep", "--estimate", "--project", project, str(config)).stdout
    assert "runs: 4 at most" in told
    assert "one run: 2 hours, 4 GPU hours, 7.20 USD (mean of the latest 1 finished runs" in told
    assert "all runs: 8 hours, 16 GPU hours, 28.80 USD" in told
    assert "budget: 100 USD are enough for all of them" in told
    assert call(shared_server, "GET", f"{place}/sweeps")["items"] == []  # nothing was made
    given = user.command(
        *("sweep", "--estimate", "--project", "nothing-yet", str(config)),
        *("--run-minutes", "30", "--run-usd", "40"),
    ).stdout
    assert "one run: 30 minutes, 40.00 USD (as given" in given
    assert "budget: 100 USD end it after 2 runs" in given
    user.command("prices", "remove", "host", host)


def test_an_agent_of_two_sweeps_is_served_by_priority_over_http(
    shared_server: ThrowawayServer,
) -> None:
    project = f"several-{uuid.uuid4().hex[:8]}"
    entity = call(shared_server, "GET", "/api/v1/me")["default_entity"]
    place = f"/api/v1/{entity}/{project}/sweeps"
    agents = []
    for priority in ("1", "9"):
        config = {"config": SWEEP.replace("PRIORITY", priority)}
        sweep = call(shared_server, "POST", place, config)["name"]
        agent = call(shared_server, "POST", f"{place}/{sweep}/agents", {"host": "h"})["name"]
        agents.append({"entity": entity, "project": project, "sweep": sweep, "agent": agent})
    low, high = call(shared_server, "POST", "/api/v1/sweeps:next", {"agents": agents})["work"]
    assert (low["commands"], [each["type"] for each in high["commands"]]) == ([], ["run"])
    queue = call(shared_server, "GET", f"{place}/{agents[1]['sweep']}/queue?max=2")
    assert (queue["running"], queue["depth"], queue["suggested_replicas"]) == (1, 3, 2)
    budget = call(shared_server, "GET", f"{place}/{agents[1]['sweep']}/budget")
    assert (budget["limits"]["usd"], budget["spent"]["runs"], budget["state"]) == (100, 1, "waits")
    idle = call(shared_server, "POST", f"{place}/{agents[1]['sweep']}/agents", {})["name"]
    told = call(shared_server, "POST", f"{place}/{agents[1]['sweep']}/agents/{idle}/next", {})
    assert (told["commands"], "what a run costs is not known yet" in told["waits"]) == ([], True)
    quota = f"/api/v1/entities/{entity}/sweep-quota"
    assert call(shared_server, "GET", quota) == {"runs_max": None}
