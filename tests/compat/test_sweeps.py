"""The official client's sweeps, unmodified: `wandb.sweep`, `wandb.agent`, and its commands."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from steelyard.limits import SWEEP_LEASE_S
from steelyard.server.app import clock_us
from steelyard.server.rooms.accounts.commands import create_api_key
from steelyard.server.rooms.accounts.model import Caller
from steelyard.testing.server import ThrowawayServer
from tests.support.accounts import make_caller
from tests.support.app_server import AppServer
from tests.support.official_client import OfficialClient, clean_environ, kill_group

PATIENCE_S = 600  # far above what a busy machine takes: what hangs longer hangs
#: The agent asks every 5 s; for functions that end at once that is all the time there is.
FUNCTION_AGENT = """
import json, sys
import wandb
from wandb.agents import pyagent

pyagent.Agent.HEARTBEAT_SLEEP_SECONDS = 0.2
config, count = json.loads(sys.argv[1]), int(sys.argv[2])
seen = []

def train():
    with wandb.init() as run:
        run.log({"score": run.config["x"] * 2})
        seen.append([run.id, run.sweep_id, dict(run.config)])

sweep_id = wandb.sweep(config)
wandb.agent(sweep_id, function=train, count=count)
api = wandb.Api()
sweep = api.sweep(f"{wandb.env.get_project()}/{sweep_id}")
best = sweep.best_run()
[agent] = sweep.agents()
with open("seen.json", "w") as file:
    json.dump({
        "sweep": sweep_id,
        "seen": seen,
        "expected": sweep.expected_run_count,
        "name": sweep.name,
        "runs": sorted(run.id for run in sweep.runs),
        "states": sorted({run.state for run in sweep.runs}),
        "best": best.id,
        "of_agent": sorted(run.id for run in agent.runs(per_page=2)),
        "listed": [each.id for each in api.project(wandb.env.get_project()).sweeps()],
        "running": [each.id for each in api.project(wandb.env.get_project()).sweeps(
            filters={"name": sweep_id})],
    }, file)
"""
PROGRAM = """
import os, sys, time
from pathlib import Path
import wandb

with wandb.init() as run:
    Path("pid.txt").write_text(str(os.getpid()))
    Path("runs.txt").open("a").write(f"{run.id} {run.config['x']} {sys.argv[1:]}\\n")
    if "--wait=True" in sys.argv:
        while Path("runs.txt").exists():
            time.sleep(0.2)
    run.log({"loss": run.config["x"]})
"""


def seen_by(client: OfficialClient, config: dict[str, Any], count: int) -> dict[str, Any]:
    client.run_script(FUNCTION_AGENT, json.dumps(config), str(count), timeout_s=PATIENCE_S)
    found: dict[str, Any] = json.loads((client.home / "seen.json").read_text())
    return found


def wait_for(happened: Callable[[], Any], *, what: str) -> Any:
    """What `happened` gives once it is true."""
    deadline = time.monotonic() + PATIENCE_S
    while not (result := happened()):
        assert time.monotonic() < deadline, f"still waiting for {what}"
        time.sleep(0.2)
    return result


def test_a_function_is_run_once_for_every_point_of_a_grid(
    client: OfficialClient, project: str
) -> None:
    config = {
        "name": "four points",
        "method": "grid",
        "metric": {"name": "score", "goal": "maximize"},
        "parameters": {"x": {"values": [1, 2]}, "y": {"values": ["a", "b"]}},
    }
    found = seen_by(client, config, 4)
    assert sorted((c["x"], c["y"]) for _, _, c in found["seen"]) == [
        (1, "a"),
        (1, "b"),
        (2, "a"),
        (2, "b"),
    ]
    names = sorted(run for run, _, _ in found["seen"])
    assert {sweep for _, sweep, _ in found["seen"]} == {found["sweep"]}
    assert (found["runs"], found["of_agent"]) == (names, names)
    assert (found["expected"], found["name"]) == (4, "four points")
    assert found["states"] == ["finished"]
    assert found["best"] in [run for run, _, config in found["seen"] if config["x"] == 2]
    assert (found["listed"], found["running"]) == ([found["sweep"]], [found["sweep"]])


@pytest.mark.parametrize("method", ["random", "bayes"])
def test_a_search_without_an_end_runs_as_often_as_was_asked(
    client: OfficialClient, method: str
) -> None:
    config = {
        "method": method,
        "metric": {"name": "score", "goal": "minimize"},
        "parameters": {"x": {"min": 0.0, "max": 1.0}, "y": {"values": [16, 32, 64]}},
    }
    found = seen_by(client, config, 3)
    values = [config["x"] for _, _, config in found["seen"]]
    assert len(set(values)) == 3
    assert all(0 <= value <= 1 for value in values)
    assert found["expected"] is None


class Commands:
    """`wandb sweep` and `wandb agent` as a user types them."""

    def __init__(self, client: OfficialClient, server: ThrowawayServer, project: str) -> None:
        self.client, self.server, self.project = client, server, project
        (client.home / "train.py").write_text(PROGRAM)

    def create(self, **more: Any) -> str:
        config = {
            "program": "train.py",
            "method": "grid",
            "metric": {"name": "loss", "goal": "minimize"},
            "parameters": {"x": {"values": [1, 2, 3]}},
        } | more
        (self.client.home / "conf.yaml").write_text(json.dumps(config))
        done = self.run("sweep", "conf.yaml")
        lines = [line for line in done.splitlines() if line.strip()]
        found = re.search(r"wandb agent (\S+)", lines[-1])
        assert found is not None, done
        entity, _, sweep = found[1].split("/")
        assert len(lines) == 4, done
        assert f"{self.server.base_url}/{entity}/{self.project}/sweeps/{sweep}" in lines[2]
        return sweep

    def run(self, *arguments: str) -> str:
        done = self.client.command(*arguments, timeout_s=PATIENCE_S, WANDB_SILENT="false")
        return re.sub(r"\x1b\[[0-9;]*m", "", done.stdout)

    def sweep(self, name: str) -> dict[str, Any]:
        return self._get(name)

    def trials(self, name: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._get(f"{name}/trials")["items"]
        return found

    def _get(self, path: str) -> dict[str, Any]:
        import urllib3

        answer = urllib3.request(
            "GET",
            f"{self.server.base_url}/api/v1/-/{self.project}/sweeps/{path}",
            headers={"Authorization": f"Bearer {self.server.owner_key}"},
        )
        assert answer.status == 200, answer.data
        found: dict[str, Any] = msgspec.json.decode(answer.data)
        return found


@pytest.fixture
def commands(client: OfficialClient, shared_server: ThrowawayServer, project: str) -> Commands:
    return Commands(client, shared_server, project)


def test_the_commands_make_a_sweep_work_for_it_and_change_its_state(commands: Commands) -> None:
    sweep = commands.create()
    commands.run("agent", "--count", "1", sweep)
    [trial] = commands.trials(sweep)
    line = (commands.client.home / "runs.txt").read_text()
    assert line == f"{trial['run']} 1 ['--x=1']\n"
    for option, state in (("pause", "paused"), ("resume", "running"), ("stop", "finished")):
        commands.run("sweep", f"--{option}", sweep)
        assert commands.sweep(sweep)["state"] == state
    commands.run("agent", sweep)  # there is nothing to do, so it ends
    [trial] = wait_for(
        lambda: [t for t in commands.trials(sweep) if t["state"] == "finished"], what="the end"
    )
    assert trial["values"] == [1.0]


def test_a_canceled_sweep_ends_the_program_that_its_agent_runs(commands: Commands) -> None:
    sweep = commands.create(
        parameters={"x": {"values": [1, 2]}, "wait": {"value": True}},
    )
    agent = commands.client.start_command("agent", sweep)
    try:
        wait_for((commands.client.home / "runs.txt").exists, what="the run")
        commands.run("sweep", "--cancel", sweep)
        assert commands.sweep(sweep)["state"] == "canceled"
        output, _ = agent.communicate(timeout=PATIENCE_S)
        assert agent.returncode == 0, output
    finally:
        kill_group(agent)
    [trial] = wait_for(
        lambda: [t for t in commands.trials(sweep) if t["ended_at_us"]], what="the end"
    )
    assert (trial["state"], trial["stop_reason"]) == ("stopped", "the sweep was canceled")


CONTROLLER = """
import json
import wandb
from wandb.apis.public.sweeps import (
    _agent_heartbeat, _register_agent, _sweep_with_runs, _upsert_sweep,
)

api = wandb.Api()
config = {"method": "custom", "controller": {"type": "local"}, "metric": {"name": "score"},
          "parameters": {"x": {"values": [1, 2]}}}
sweep, _ = _upsert_sweep(api, config)
read = lambda: _sweep_with_runs(api, sweep["name"], '{"keys": ["_step", "score"], "samples": 9}')
found = read()
controller = {"schedule": [{"id": "first", "data": {"args": {"x": {"value": 2}}}}]}
_upsert_sweep(api, found and config, controller=json.dumps(controller), obj_id=found["id"])
agent = _register_agent(api, "here", sweep_id=sweep["name"])
[command] = _agent_heartbeat(api, agent["id"], {}, {})
with wandb.init(id=command["run_id"], settings={"sweep_id": sweep["name"]}) as run:
    run.log({"score": 0.5})
after = read()
controller = {"schedule": [{"id": "last", "data": {"args": None}}]}
_upsert_sweep(api, config, controller=json.dumps(controller), obj_id=found["id"])
[last] = _agent_heartbeat(api, agent["id"], {}, {})
print("RESULT", json.dumps({
    "args": command["args"],
    "scheduled": [[each["id"], each["runid"] == command["run_id"]]
                  for each in json.loads(after["scheduler"])["scheduled"]],
    "kept": json.loads(after["controller"])["schedule"][0]["id"],
    "history": after["runs"][0]["sampledHistory"],
    "last": last["type"],
    "state": read()["state"],
}))
"""


def test_a_controller_of_the_client_chooses_what_is_run(client: OfficialClient) -> None:
    done = client.run_script(CONTROLLER, timeout_s=PATIENCE_S)
    said = json.loads(done.stdout.split("RESULT ")[1].splitlines()[0])
    assert said == {
        "args": {"x": {"value": 2}},
        "scheduled": [["first", True]],
        "kept": "first",
        "history": [[{"_step": 0, "score": 0.5}]],
        "last": "exit",
        "state": "FINISHED",
    }


class Clock:
    """The time, which a test can put forward."""

    def __init__(self) -> None:
        self.ahead_us = 0

    def __call__(self) -> int:
        return clock_us() + self.ahead_us


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def own_server(tmp_path: Path, clock: Clock) -> Iterator[AppServer]:
    data_dir = tmp_path / "server"
    data_dir.mkdir()
    url = f"sqlite:///{data_dir / 'steelyard.db'}"
    with AppServer(data_dir, url, now_us=clock) as server:
        yield server


def test_the_run_of_a_killed_agent_goes_to_the_next_one(
    own_server: AppServer, clock: Clock, tmp_path: Path
) -> None:
    caller: Caller = own_server.db.write_now(make_caller)
    key = own_server.db.write_now(
        create_api_key, user_id=caller.user_id, name="test", now_us=clock()
    ).key
    home = tmp_path / "home"
    environ = clean_environ(home, base_url=own_server.base_url, api_key=key, project="works")
    client = OfficialClient(home, environ | {"WANDB__FILE_STREAM_TRANSMIT_INTERVAL": "1"})

    def trials() -> list[dict[str, Any]]:
        path = f"/api/v1/-/works/sweeps/{sweep}/trials"
        items: list[dict[str, Any]] = msgspec.json.decode(
            own_server.request("GET", path, key=key).data
        )["items"]
        return items

    config = "method: grid\nprogram: train.py\nparameters: {x: {values: [1]}}\n"
    made = own_server.request("POST", "/api/v1/-/works/sweeps", key=key, content={"config": config})
    sweep = msgspec.json.decode(made.data)["name"]
    (home / "train.py").write_text(PROGRAM.replace('"--wait=True" in sys.argv', "True"))
    killed = client.start_command("agent", sweep)
    try:
        wait_for((home / "runs.txt").exists, what="the run")
    finally:
        kill_group(killed)
    # Programs have process groups of their own. wandb 0.31.0 wandb_agent.py AgentProcess
    os.kill(int((home / "pid.txt").read_text()), signal.SIGKILL)
    killed.wait(PATIENCE_S)
    assert killed.stdout is not None
    killed.stdout.close()
    (home / "train.py").write_text(PROGRAM)
    clock.ahead_us = (SWEEP_LEASE_S + 60) * 1_000_000
    client.command("agent", sweep, timeout_s=PATIENCE_S)
    [trial] = wait_for(
        lambda: [t for t in trials() if t["state"] == "finished"], what="the second run"
    )
    first, second = (line.split()[0] for line in (home / "runs.txt").read_text().splitlines())
    assert first != second
    assert (trial["earlier_runs"], trial["run"], trial["attempts"]) == ([first], second, 2)
