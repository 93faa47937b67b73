"""Sweeps in a directory, worked for with either client, and brought to a server."""

from __future__ import annotations

import sys
from pathlib import Path

from steelyard.testing.server import ThrowawayServer
from tests.support.sdk_user import SdkUser

SWEEP = """
program: train.py
method: random
metric: {name: loss, goal: minimize}
parameters: {a: {values: [1, 2]}}
run_cap: 1
"""
OFFICIAL = """
import wandb
with wandb.init() as run:
    for step in range(3):
        run.log({"loss": run.config["a"] / (step + 1)})
"""


def test_runs_of_the_official_client_teach_the_search_and_are_synced(
    tmp_path: Path, shared_server: ThrowawayServer, user: SdkUser, project: str
) -> None:
    path = f"{Path(sys.executable).parent}:{user.environ['PATH']}"
    offline = SdkUser(user.home, PATH=path, WANDB_SILENT="true", WANDB_ERROR_REPORTING="false")
    (user.home / "sweep.yaml").write_text(SWEEP)
    (user.home / "train.py").write_text(OFFICIAL)
    offline.command("sweep", "--directory", "shared", "-p", project, "sweep.yaml")
    offline.command("agent", "shared")
    assert "1 finished" in offline.command("sweep", "--show", "shared").stdout
    assert "1 run: 1 on the server" in user.command("sync", "shared").stdout
    place = f"/api/v1/-/{project}/sweeps"
    [sweep] = shared_server.call("GET", place)["items"]
    assert (sweep["state"], sweep["trial_count"]) == ("finished", 1)
    trials = shared_server.call("GET", f"{place}/{sweep['name']}/trials")["items"]
    for trial in trials:
        assert trial["values"] == [trial["config"]["a"] / 3]
    assert shared_server.call("GET", f"{place}/{sweep['name']}")["run_count"] == 1
