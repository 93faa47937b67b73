"""The example of four files, as its readers would use it."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from steelyard.testing.server import ThrowawayServer
from tests.support.databases import Kind
from tests.support.sdk_user import SdkUser

EXAMPLE = Path(__file__).parents[2] / "examples" / "sweep_on_slurm"


@pytest.fixture(params=["sqlite"])
def database_kind(request: pytest.FixtureRequest) -> Kind:
    kind: Kind = request.param
    return kind


def test_the_example_trains_a_run_for_each_learning_rate(
    user: SdkUser, shared_server: ThrowawayServer, project: str
) -> None:
    home = user.home / "example"
    shutil.copytree(EXAMPLE, home)
    made = user.command("sweep", "--project", project, "example/sweep_config.yaml")
    path = made.stdout.split("agent ")[-1].strip()
    # What the tasks of the array run, one after the other; the third finds nothing left.
    said = [user.command("agent", "--count", "1", path).stderr for _ in range(3)]
    assert "no more work" in said[2]
    entity, _, sweep = path.split("/")
    trials = shared_server.call("GET", f"/api/v1/{entity}/{project}/sweeps/{sweep}/trials")["items"]
    assert [trial["config"] for trial in trials] == [
        {"learning_rate": 0.1},
        {"learning_rate": 0.01},
    ]
    assert all(trial["state"] == "finished" and trial["values"][0] > 0.7 for trial in trials)
    config = user.config(user.folders(user.home)[0])
    assert (config["learning_rate"], config["epochs"]) == (0.1, 20)


def test_the_script_says_what_the_readers_are_told() -> None:
    script = (EXAMPLE / "sweep_submission.slrm").read_text()
    assert re.search(r"^#SBATCH --array=1-12%2$", script, re.MULTILINE)
    assert "exec steelyard agent --count 1" in script
    assert subprocess.run(["bash", "-n"], input=script, text=True, check=False).returncode == 0
