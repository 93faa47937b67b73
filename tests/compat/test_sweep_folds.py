"""Folds with the official client's agents: each is a run like any other."""

from __future__ import annotations

import json

from steelyard.testing.server import ThrowawayServer
from tests.compat.test_sweeps import PATIENCE_S, Commands
from tests.support.official_client import OfficialClient

FOLDS = """
import json, sys
import wandb
from wandb.agents import pyagent

pyagent.Agent.HEARTBEAT_SLEEP_SECONDS = 0.2
seen = []

def train():
    with wandb.init() as run:
        config = dict(run.config)
        run.log({"score": config["x"] + config["fold"]})
        seen.append(config)

sweep_id = wandb.sweep({
    "method": "grid",
    "metric": {"name": "score", "goal": "maximize"},
    "parameters": {"x": {"values": [1, 2]}},
    "cross_validation": {"folds": 2, "penalty": 1.0},
})
wandb.agent(sweep_id, function=train, count=1)
wandb.agent(sweep_id, function=train)
api = wandb.Api()
project = wandb.env.get_project()
with open("seen.json", "w") as file:
    json.dump({
        "sweep": sweep_id,
        "seen": seen,
        "grouped": len(api.runs(project, filters={"group": f"{sweep_id}-2"})),
        "expected": api.sweep(f"{project}/{sweep_id}").expected_run_count,
    }, file)
"""


def test_folds_go_to_agents_of_the_official_client_and_are_judged_together(
    client: OfficialClient, shared_server: ThrowawayServer, project: str
) -> None:
    client.run_script(FOLDS, timeout_s=PATIENCE_S)
    found = json.loads((client.home / "seen.json").read_text())
    assert found["seen"] == [{"x": x, "fold": fold, "folds": 2} for x in (1, 2) for fold in (0, 1)]
    assert (found["expected"], found["grouped"]) == (4, 2)
    trials = Commands(client, shared_server, project).trials(found["sweep"])
    assert trials[0]["agent"] != trials[1]["agent"]
    means = [trial["score"]["mean"] for trial in trials if trial["score"]]
    assert means == [1.5, 2.5]
    assert [round(trial["value"], 6) for trial in trials if trial["score"]] == [0.792893, 1.792893]
