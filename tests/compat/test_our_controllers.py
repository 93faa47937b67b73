"""Controllers of our client, runs asked for by hand, and agents of functions told to go."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from steelyard.testing.server import ThrowawayServer
from tests.compat.test_our_sweeps import PATIENCE_S, wait_for
from tests.support.databases import Kind
from tests.support.official_client import kill_group
from tests.support.sdk_user import SdkUser


@pytest.fixture(params=["sqlite"])
def database_kind(request: pytest.FixtureRequest) -> Kind:
    kind: Kind = request.param
    return kind


CONTROLLER = """
import sys
import steelyard as wandb
from steelyard.sdk.sweeps import controller
from steelyard.sdk.sweeps.controller_runs import SweepRun

controller.STEP_S = 0.05
wishes = [3, 1]

def search(config, runs):
    return SweepRun(config={"x": {"value": wishes.pop(0)}}) if wishes else None

tuner = wandb.controller(project=sys.argv[1])
tuner.configure_search(search)
tuner.configure_metric("loss", goal="minimize")
tuner.configure_parameter("x", values=[1, 2, 3])
path = f"{sys.argv[1]}/{tuner.create()}"
seen = []

def train():
    with wandb.init() as run:
        seen.append(run.config.x)
        run.log({"loss": run.config.x})

for _ in range(3):
    tuner.step()
    wandb.agent(path, function=train, count=1)
print("SEEN", *seen, tuner.done(), wandb.Api().sweep(path).best_run().config["x"])
"""
ENGINE = """
import sys
import steelyard as wandb

config = {"method": "grid", "controller": {"type": "local"}, "metric": {"name": "loss"},
          "parameters": {"x": {"values": [1, 2]}}}
tuner = wandb.controller(config, project=sys.argv[1])
path = f"{sys.argv[1]}/{tuner.sweep_id}"
seen = []

def train():
    with wandb.init() as run:
        seen.append(run.config.x)
        run.log({"loss": run.config.x})

while not tuner.done():
    tuner.step()
    wandb.agent(path, function=train, count=1)
print("SEEN", *sorted(seen))
"""
BY_HAND = """
import sys
import steelyard as wandb

sweep_id = wandb.sweep({"method": "random", "metric": {"name": "loss", "goal": "minimize"},
                        "parameters": {"x": {"min": 0.0, "max": 1.0}}}, project=sys.argv[1])
sweep = wandb.Api().sweep(f"{sys.argv[1]}/{sweep_id}")
wanted = sweep.enqueue_run({"x": 0.125})

def train():
    with wandb.init() as run:
        print("RUN", run.id == wanted, run.config.x)
        run.log({"loss": run.config.x})

wandb.agent(sweep_id, function=train, count=1)
"""


def test_a_controller_with_a_search_of_its_own_chooses_what_is_run(
    user: SdkUser, shared_server: ThrowawayServer, project: str
) -> None:
    done = user.run(CONTROLLER, project)
    assert "SEEN 3 1 True 1" in done.stdout, done.stderr


def test_a_controller_without_one_searches_with_the_servers_engine(
    user: SdkUser, shared_server: ThrowawayServer, project: str
) -> None:
    done = user.run(ENGINE, project)
    assert "SEEN 1 2" in done.stdout, done.stderr


def test_a_run_that_is_asked_for_by_hand_comes_next(
    user: SdkUser, shared_server: ThrowawayServer, project: str
) -> None:
    done = user.run(BY_HAND, project)
    assert "RUN True 0.125" in done.stdout, done.stderr


TOLD_TO_GO = """
import sys, time
from pathlib import Path
import steelyard as wandb

path = sys.argv[1]

def train():
    with wandb.init() as run:
        with Path("begun.txt").open("a") as file:
            file.write(run.id + "\\n")
        while Path("wait").exists():
            time.sleep(0.05)
        run.log({"loss": run.config.x})

wandb.agent(path, function=train)
print("AFTER THE AGENT")
"""


@pytest.fixture
def scripts() -> Iterator[list[subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []
    yield started
    for process in started:
        kill_group(process)
        process.communicate()


def test_an_agent_of_functions_that_gets_sigterm_gives_its_run_back(
    user: SdkUser,
    shared_server: ThrowawayServer,
    project: str,
    scripts: list[subprocess.Popen[str]],
) -> None:
    config = "method: grid\nmetric: {name: loss, goal: minimize}\nparameters: {x: {values: [5]}}\n"
    place = f"/api/v1/-/{project}/sweeps"
    sweep = shared_server.call("POST", place, content={"config": config})["name"]
    begun, wait = user.home / "begun.txt", user.home / "wait"
    wait.touch()

    def start() -> subprocess.Popen[str]:
        started = subprocess.Popen(
            [sys.executable, "-c", TOLD_TO_GO, f"{project}/{sweep}"],
            cwd=user.home,
            env=user.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        scripts.append(started)
        return started

    first = start()
    wait_for(begun.exists, what="the run")
    os.kill(first.pid, signal.SIGTERM)
    said, _ = first.communicate(timeout=PATIENCE_S)
    assert "AFTER THE AGENT" in said
    wait.unlink()
    said, _ = start().communicate(timeout=PATIENCE_S)
    assert "no more work" in said
    runs = Path(begun).read_text().split()
    assert len(runs) == 2 and runs[0] == runs[1], said
    [trial] = shared_server.call("GET", f"{place}/{sweep}/trials")["items"]
    assert (trial["state"], trial["values"]) == ("finished", [5.0])
