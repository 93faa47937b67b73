"""`make demo`: thirty trainings and a pipeline to look at, with a server and without one."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

from steelyard.testing.server import ThrowawayServer
from tests.support.installed_wheel import ROOT
from tests.support.official_client import clean_environ
from tests.support.run_reader import RunReader

PIPELINE = {
    f"{step}-{data}"
    for step in ("prepare", "train-on", "evaluate-on")
    for data in ("raw", "corrected")
}
DEMO = [sys.executable, str(ROOT / "examples/demo.py")]


def test_the_demo_fills_a_server_with_runs_of_every_kind(tmp_path: Path) -> None:
    with ThrowawayServer(tmp_path / "server") as server:
        environ = clean_environ(
            tmp_path / "home", base_url=server.base_url, api_key=server.owner_key
        )
        done = subprocess.run(
            DEMO, cwd=tmp_path, env=environ, check=True, capture_output=True, text=True
        )
        runs = RunReader(server, "demo")
        assert done.stdout.splitlines()[-1].endswith(f"{server.base_url}/{runs.entity}/demo")
        by_name = {run["display_name"]: run["name"] for run in runs.list_runs()}
        assert len(by_name) == 30 + len(PIPELINE)
        assert by_name.keys() >= PIPELINE
        killed = runs.wait_for(by_name["mlp-killed"], lambda run: run["state"] == "crashed")
        assert killed["history_row_count"] == 16
        states = Counter(run["state"] for run in runs.list_runs())
        assert states == {"finished": 27 + len(PIPELINE), "failed": 2, "crashed": 1}
        diverged = runs.list_history(by_name["descent-step-5"])
        assert diverged[-1]["train/loss"] == "NaN"
        lineage = server.call(
            "GET",
            f"/api/v1/{runs.entity}/demo/artifacts/digits-model/versions/v1/lineage",
        )
        assert {node["label"] for node in lineage["nodes"]} >= {"digits:v1", "released-models:v0"}
        assert "█" in "\n".join(runs.list_logs(by_name["mlp-64-adam"]))


def test_without_a_server_the_demo_rests_in_a_folder(tmp_path: Path) -> None:
    """Two trainings and the first step of the pipeline; the next one needs a server.

    `steelyard up` in that directory shows it; see tests/compat and tests/fault."""
    command = [*DEMO, "--runs", "2", "--epochs", "2", "--workers", "1"]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env=clean_environ(tmp_path / "home") | {"WANDB_DIR": ""},
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.splitlines()[-1].endswith("steelyard up")
    assert len(list((tmp_path / "steelyard").glob("*run-*/run.json"))) == 2 + 1
