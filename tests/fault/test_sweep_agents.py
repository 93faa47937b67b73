"""Agents whose server dies, comes back, or loses the sweep: the training goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from steelyard.testing.server import ThrowawayServer
from tests.support.official_client import kill_group

PATIENCE_S = 600
PROGRAM = """
import time
from pathlib import Path
import steelyard

with steelyard.init() as run:
    with Path("begun.txt").open("a") as file:
        file.write(run.id + "\\n")
    while Path("wait").exists():
        time.sleep(0.05)
    run.log({"loss": run.config.x})
"""
CONFIG = (
    "program: train.py\nmethod: grid\nmetric: {name: loss, goal: minimize}\n"
    "parameters: {x: {values: [1, 2]}}\n"
)


def wait_for(happened: Callable[[], Any], *, what: str) -> Any:
    """What `happened` gives once it is true."""
    deadline = time.monotonic() + PATIENCE_S
    while not (result := happened()):
        assert time.monotonic() < deadline, f"still waiting for {what}"
        time.sleep(0.05)
    return result


class Field:
    """A sweep on a server of its own, and an agent at work on its first run."""

    def __init__(self, home: Path, server: ThrowawayServer) -> None:
        home.mkdir()
        (home / "train.py").write_text(PROGRAM)
        (home / "wait").touch()
        self.home, self.server = home, server
        made = server.call("POST", "/api/v1/-/works/sweeps", content={"config": CONFIG})
        self.path = f"{made['entity']}/works/{made['name']}"
        self.place = f"/api/v1/{made['entity']}/works/sweeps/{made['name']}"
        self.log = home / "agent.log"
        self.agent = self.start_agent()
        wait_for(self.begun, what="the run")

    def start_agent(self) -> subprocess.Popen[bytes]:
        environ = {
            "HOME": str(self.home),
            "PATH": os.environ["PATH"],
            "WANDB_BASE_URL": self.server.base_url,
            "WANDB_API_KEY": self.server.owner_key,
            "PYTHONUNBUFFERED": "1",
        }
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "steelyard", "agent", self.path],
                cwd=self.home,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def begun(self) -> list[str]:
        file = self.home / "begun.txt"
        return file.read_text().split() if file.exists() else []

    def said(self, text: str) -> bool:
        return text in self.log.read_text()

    def go_on(self) -> None:
        """Let the program come to its end."""
        (self.home / "wait").unlink()

    def close(self) -> None:
        (self.home / "wait").unlink(missing_ok=True)
        kill_group(self.agent)
        self.agent.wait()


@pytest.fixture
def field(tmp_path: Path, server: ThrowawayServer) -> Iterator[Field]:
    made = Field(tmp_path / "home", server)
    yield made
    made.close()


def test_a_server_that_is_killed_and_comes_back_finds_every_run_done_once(field: Field) -> None:
    field.server.kill()
    wait_for(lambda: field.said("the sweep cannot be asked"), what="the agent to notice")
    assert field.agent.poll() is None
    field.server.start()
    wait_for(lambda: field.said("the sweep answers again"), what="the agent to come back")
    field.go_on()
    assert field.agent.wait(PATIENCE_S) == 0, field.log.read_text()
    trials = field.server.call("GET", f"{field.place}/trials")["items"]
    assert [(t["state"], t["values"], t["attempts"]) for t in trials] == [
        ("finished", [1.0], 1),
        ("finished", [2.0], 1),
    ]
    assert field.begun() == [trial["run"] for trial in trials]


def test_a_run_that_ends_while_the_server_is_away_is_not_run_again(field: Field) -> None:
    field.server.kill()
    field.go_on()
    wait_for(lambda: field.said("asking again"), what="the agent to notice")
    field.server.start()
    assert field.agent.wait(PATIENCE_S) == 0, field.log.read_text()

    def ended() -> list[dict[str, Any]]:
        trials = field.server.call("GET", f"{field.place}/trials")["items"]
        return trials if all(trial["ended_at_us"] for trial in trials) else []

    trials = wait_for(ended, what="the ends of both runs")
    assert [(trial["values"], trial["attempts"]) for trial in trials] == [([1.0], 1), ([2.0], 1)]
    assert field.begun() == [trial["run"] for trial in trials]


def test_a_sweep_that_is_deleted_lets_the_run_at_work_end(field: Field) -> None:
    field.server.call("DELETE", field.place)
    wait_for(lambda: field.said("is gone"), what="the agent to notice")
    assert field.agent.poll() is None
    field.go_on()
    assert field.agent.wait(PATIENCE_S) == 1, field.log.read_text()
    [run] = field.begun()
    entity = field.path.split("/")[0]
    known = field.server.call("GET", f"/api/v1/runs/{entity}/works/{run}/resume")
    assert known["state"] == "finished", field.log.read_text()


def test_an_agent_stopped_between_two_runs_gives_nothing_away_twice(field: Field) -> None:
    os.kill(field.agent.pid, signal.SIGKILL)
    field.agent.wait()
    field.go_on()
    wait_for(
        lambda: (
            field.server.call("GET", f"{field.place}/trials")["items"][0]["state"] == "finished"
        ),
        what="the run that goes on without its agent",
    )
    field.agent = field.start_agent()
    assert field.agent.wait(PATIENCE_S) == 0, field.log.read_text()
    trials = field.server.call("GET", f"{field.place}/trials")["items"]
    assert [trial["values"] for trial in trials] == [[1.0], [2.0]]
    assert len(field.begun()) == 2
