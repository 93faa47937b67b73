"""Sweeps of our client, and of each client's scripts under the other's agent."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from steelyard.testing.server import ThrowawayServer
from tests.support.databases import Kind
from tests.support.official_client import OfficialClient, kill_group
from tests.support.sdk_user import SdkUser

pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)

PATIENCE_S = 600  # far above what a busy machine takes: what hangs longer hangs
PROGRAM = """
import os, sys, time
from pathlib import Path
import steelyard as wandb

with wandb.init(project="ignored", config={"epochs": 3, "x": 0}) as run:
    with Path("runs.txt").open("a") as file:
        file.write(f"{run.id} {run.config.x} {run.config.epochs} {sys.argv[1:]}\\n")
    while Path("wait").exists():
        run.log({"waited": 1})
        time.sleep(0.05)
    if run.config.x == 13:
        raise ValueError("unlucky")
    run.log({"loss": run.config.x})
"""


@pytest.fixture
def database_kind(request: pytest.FixtureRequest) -> Kind:
    kind: Kind = request.param
    return kind


def wait_for(happened: Callable[[], Any], *, what: str) -> Any:
    """What `happened` gives once it is true."""
    deadline = time.monotonic() + PATIENCE_S
    while not (result := happened()):
        assert time.monotonic() < deadline, f"still waiting for {what}"
        time.sleep(0.05)
    return result


class Home:
    """A directory with a program and a sweep, and our commands in it."""

    def __init__(self, user: SdkUser, server: ThrowawayServer, project: str) -> None:
        self.user, self.server, self.project = user, server, project
        self.path = user.home
        (self.path / "train.py").write_text(PROGRAM)
        self._started: list[subprocess.Popen[str]] = []

    def create(self, values: list[Any], **more: Any) -> str:
        config = {
            "program": "train.py",
            "method": "grid",
            "metric": {"name": "loss", "goal": "minimize"},
            "parameters": {"x": {"values": values}},
        } | more
        (self.path / "sweep.yaml").write_text(json.dumps(config))
        done = self.user.command("sweep", "--project", self.project, "sweep.yaml")
        lines = done.stdout.splitlines()
        found = re.fullmatch(r"Run sweep agent with: steelyard agent (\S+)", lines[3])
        assert found is not None and len(lines) == 4, done
        sweep = found[1].split("/")[2]
        assert lines[0] == "Creating sweep from: sweep.yaml"
        assert re.fullmatch(r"[a-z0-9]{8}", sweep)
        assert lines[1] == f"Creating sweep with ID: {sweep}"
        assert (
            lines[2] == f"View sweep at: {self.server.base_url}/{found[1].replace(sweep, '')}"
            f"sweeps/{sweep}"
        )
        return found[1]

    def start_agent(self, *arguments: str) -> subprocess.Popen[str]:
        started = subprocess.Popen(
            [sys.executable, "-m", "steelyard", "agent", *arguments],
            cwd=self.path,
            env=self.user.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._started.append(started)
        return started

    def agent(self, *arguments: str) -> tuple[int, str]:
        """(exit code, what was printed) of an agent."""
        started = self.start_agent(*arguments)
        output, _ = started.communicate(timeout=PATIENCE_S)
        return started.returncode, output

    def runs(self) -> list[list[str]]:
        """[id, x, epochs, arguments…] of every begin of the program."""
        file = self.path / "runs.txt"
        lines = file.read_text().splitlines() if file.exists() else []
        return [line.split(" ", 3) for line in lines]

    def trials(self, path: str) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self.server.call(
            "GET", f"/api/v1/{path.rpartition('/')[0]}/sweeps/{path.rpartition('/')[2]}/trials"
        )["items"]
        return items

    def ended(self, path: str, count: int) -> list[dict[str, Any]]:
        """The trials, once so many have ended."""

        def look() -> list[dict[str, Any]]:
            found = [trial for trial in self.trials(path) if trial["ended_at_us"]]
            return found if len(found) >= count else []

        found: list[dict[str, Any]] = wait_for(look, what=f"{count} trials")
        return found

    def close(self) -> None:
        (self.path / "wait").unlink(missing_ok=True)
        for started in self._started:
            kill_group(started)
            started.wait()
            if started.stdout is not None:
                started.stdout.close()


@pytest.fixture
def home(user: SdkUser, shared_server: ThrowawayServer, project: str) -> Iterator[Home]:
    made = Home(user, shared_server, project)
    yield made
    made.close()


def test_agents_share_a_grid_and_surplus_ones_end_well(home: Home) -> None:
    path = home.create([1, 2])
    code, said = home.agent("--count", "1", path)
    assert code == 0, said
    [[run, x, epochs, arguments]] = home.runs()
    assert (x, epochs, arguments) == ("1", "3", "['--x=1']")
    assert home.agent("--count", "1", path)[0] == 0
    code, said = home.agent("--count", "1", path)
    assert code == 0
    assert "no more work" in said
    trials = home.ended(path, 2)
    assert [(trial["state"], trial["values"]) for trial in trials] == [
        ("finished", [1.0]),
        ("finished", [2.0]),
    ]
    assert trials[0]["run"] == run
    assert len(home.runs()) == 2


def test_an_agent_says_with_its_exit_code_that_its_run_failed(home: Home) -> None:
    path = home.create([13, 1])
    code, said = home.agent("--count", "1", path)
    assert code == 1, said
    assert "unlucky" in said
    assert home.ended(path, 1)[0]["state"] == "failed"
    code, said = home.agent(path)
    assert code == 0, said
    assert [trial["state"] for trial in home.ended(path, 2)] == ["failed", "finished"]


def test_an_agent_of_several_sweeps_does_first_what_is_urgent(home: Home) -> None:
    low, high = home.create([1, 2], priority=1), home.create([3, 4], priority=10)
    code, said = home.agent("--count", "1", low, high, low)
    assert code == 0, said
    code, said = home.agent(low, high)
    assert code == 0, said
    assert [x for _, x, *_ in home.runs()] == ["3", "4", "1", "2"]
    last = said.splitlines()[-1]
    assert "no more work" in last and low in last and high in last
    for path in (low, high):
        assert [trial["state"] for trial in home.ended(path, 2)] == ["finished"] * 2


def test_a_sweep_that_is_deleted_leaves_an_agent_its_others(home: Home) -> None:
    low, high = home.create([1], priority=1), home.create([3, 4], priority=10)
    (home.path / "wait").touch()
    started = home.start_agent(low, high)
    wait_for(home.runs, what="the first run")
    entity, project, sweep = high.split("/")
    home.server.call("DELETE", f"/api/v1/{entity}/{project}/sweeps/{sweep}")
    (home.path / "wait").unlink()
    said, _ = started.communicate(timeout=PATIENCE_S)
    assert started.returncode == 0, said
    assert f"the sweep {high} is gone" in said
    assert [x for _, x, *_ in home.runs()] == ["3", "1"]
    code, said = home.agent(low, high)
    assert code == 1, said
    assert sweep in said


def test_a_program_that_cannot_start_is_not_tried_for_ever(home: Home) -> None:
    path = home.create([1, 2, 3, 4])
    (home.path / "train.py").write_text("import no_such_module_anywhere\n")
    code, said = home.agent(path)
    assert code == 1
    assert "3 runs failed in the first 60 s" in said
    assert [trial["state"] for trial in home.ended(path, 3)] == ["failed"] * 3


def test_sigterm_gives_the_run_back_and_the_next_agent_goes_on_with_it(home: Home) -> None:
    path = home.create([1])
    (home.path / "wait").touch()
    first = home.start_agent(path)
    [[run, *_]] = wait_for(home.runs, what="the run")
    first.send_signal(signal.SIGTERM)
    said, _ = first.communicate(timeout=PATIENCE_S)
    assert first.returncode == 143, said
    [trial] = home.trials(path)
    assert trial["state"] in ("lost", "queued"), said
    seen = home.server.call("GET", f"/api/v1/runs/{path.rpartition('/')[0]}/{run}/resume")
    assert seen["state"] == "preempted"
    (home.path / "wait").unlink()
    code, said = home.agent(path)
    assert code == 0, said
    assert [each[0] for each in home.runs()] == [run, run]
    assert home.ended(path, 1)[0]["values"] == [1.0]


def test_an_agent_that_is_killed_loses_nothing_since_its_run_goes_on(home: Home) -> None:
    path = home.create([1])
    (home.path / "wait").touch()
    killed = home.start_agent(path)
    [[run, *_]] = wait_for(home.runs, what="the run")
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    (home.path / "wait").unlink()
    [trial] = home.ended(path, 1)
    assert (trial["run"], trial["state"], trial["values"]) == (run, "finished", [1.0])


def test_a_canceled_sweep_ends_the_program_and_says_why(home: Home) -> None:
    path = home.create([1, 2])
    (home.path / "wait").touch()
    agent = home.start_agent(path)
    wait_for(home.runs, what="the run")
    for option, state in (("pause", "paused"), ("resume", "running"), ("cancel", "canceled")):
        done = home.user.command("sweep", f"--{option}", path)
        assert f"Done: the sweep {path} is {state}." in done.stdout
    said, _ = agent.communicate(timeout=PATIENCE_S)
    assert agent.returncode == 0, said
    assert "the sweep was canceled" in said
    [trial] = home.ended(path, 1)
    assert (trial["state"], trial["stop_reason"]) == ("stopped", "the sweep was canceled")


def test_macros_the_programs_folder_and_the_environment_are_replaced(home: Home) -> None:
    (home.path / "exp").mkdir()
    (home.path / "train.py").rename(home.path / "exp" / "train.py")
    (home.path / "exp" / "sweep.yaml").write_text("""
program: train.py
method: grid
metric: {name: loss, goal: minimize}
parameters:
  x: {values: ["${FIRST}"]}
  data: {value: "${DATA:-here}/set"}
command: ["${env}", "PART=${envvar:PART}", "${interpreter}", "${program}", "${args_no_hyphens}"]
""")
    home.user.environ |= {"FIRST": "7", "PART": "one"}
    done = home.user.command("sweep", "--project", home.project, "exp/sweep.yaml")
    path = done.stdout.split("agent ")[-1].strip()
    code, said = home.agent(path)
    assert code == 0, said
    [[_, x, _, arguments]] = home.runs()
    assert (x, arguments) == ("7", "['data=here/set', 'x=7']")


def test_a_configuration_that_cannot_be_searched_makes_nothing(home: Home) -> None:
    (home.path / "bad.yaml").write_text("methd: bayes\nparameters: {x: {min: 2, max: 1}}\n")
    done = home.user.command("sweep", "--project", home.project, "bad.yaml", check=False)
    assert done.returncode == 1
    assert "method" in done.stderr and "line" in done.stderr
    assert done.stdout == ""
    answer = home.server.request("GET", f"/api/v1/-/{home.project}/sweeps")
    assert answer.status == 404  # not even the project


def test_warnings_do_not_come_between_the_four_lines(home: Home, client: OfficialClient) -> None:
    home.create([1, 2], metric={"name": "Validation Accuracy", "goal": "minimize"})
    done = home.user.command("sweep", "--project", home.project, "sweep.yaml")
    assert "sounds as if it were to be maximized" in done.stderr
    (client.home / "sweep.yaml").write_text((home.path / "sweep.yaml").read_text())
    theirs = client.command("sweep", "sweep.yaml", WANDB_SILENT="false").stdout
    assert len(theirs.strip().splitlines()) == 4, theirs


def test_the_command_wandb_of_the_shim_makes_sweeps_and_works_for_them(home: Home) -> None:
    (home.path / "sweep.yaml").write_text(
        "program: train.py\nmethod: grid\nmetric: {name: loss, goal: minimize}\n"
        "parameters: {x: {values: [1]}}\n"
    )

    def wandb(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "steelyard.cli.wandb_command", *arguments],
            cwd=home.path,
            env=home.user.environ,
            text=True,
            capture_output=True,
            timeout=PATIENCE_S,
        )

    made = wandb("sweep", "--project", home.project, "sweep.yaml")
    lines = made.stderr.splitlines()
    path = lines[-1].rpartition(" ")[2]
    page = f"{home.server.base_url}/{path.rpartition('/')[0]}/sweeps/{path.rpartition('/')[2]}"
    assert lines == [
        "wandb: Creating sweep from: sweep.yaml",
        f"wandb: Creating sweep with ID: {path.rpartition('/')[2]}",
        f"wandb: View sweep at: {page}",
        f"wandb: Run sweep agent with: wandb agent {path}",
    ]
    worked = wandb("agent", "--count", "1", path)
    assert worked.returncode == 0, worked.stderr
    assert home.ended(path, 1)[0]["values"] == [1.0]
    assert wandb("sweep", "--stop", path).returncode == 0


def test_each_clients_scripts_run_under_the_others_agent(
    home: Home, client: OfficialClient
) -> None:
    path = home.create([1, 2])
    (client.home / "train.py").write_text(PROGRAM)
    client.command("agent", "--count", "1", path, timeout_s=PATIENCE_S)
    theirs = PROGRAM.replace("import steelyard as wandb", "import wandb")
    (home.path / "train.py").write_text(theirs)
    home.user.environ["PATH"] = client.environ["PATH"]
    code, said = home.agent("--count", "1", path)
    assert code == 0, said
    trials = home.ended(path, 2)
    assert [(trial["state"], trial["values"]) for trial in trials] == [
        ("finished", [1.0]),
        ("finished", [2.0]),
    ]
    ours, others = (client.home / "runs.txt").read_text(), (home.path / "runs.txt").read_text()
    assert [trial["run"] for trial in trials] == [ours.split()[0], others.split()[0]]


FUNCTION = """
import json, sys
import steelyard as wandb

sweep_config = {
    "method": "bayes",
    "metric": {"goal": "minimize", "name": "val/loss"},
    "parameters": {
        "learning_rate": {"distribution": "log_uniform_values", "min": 1e-5, "max": 1e-3},
        "lora_r": {"values": [8, 16, 32, 64]},
    },
}
sweep_id = wandb.sweep(sweep_config, project=sys.argv[1])
seen = []
def train():
    with wandb.init() as run:
        seen.append([run.id, run.sweep_id, run.config.learning_rate])
        if len(seen) == 2:
            raise ValueError("the second one fails")
        wandb.log({"val/loss": run.config.learning_rate})
wandb.agent(sweep_id, function=train, count=4)

api = wandb.Api()
sweep = api.sweep(f"{sys.argv[1]}/{sweep_id}")
best = sweep.best_run()
print("RESULT", json.dumps({
    "sweep": sweep_id, "seen": seen, "best": best.id, "order": sweep.order,
    "runs": [[run.id, run.state] for run in sweep.runs], "state": sweep.state,
    "of_run": best.sweep.id, "listed": [each.id for each in api.project(sys.argv[1]).sweeps()],
    "agents": [[run.id for run in agent.runs()] for agent in sweep.agents()],
    "expected": sweep.expected_run_count, "url": sweep.url, "method": sweep.config["method"],
}))
sweep.stop()
print("END", sweep.wait(60).id, sweep.state)
"""


def test_a_function_is_called_for_every_run_and_its_sweep_can_be_read(
    user: SdkUser, shared_server: ThrowawayServer, project: str
) -> None:
    done = user.run(FUNCTION, project)
    found = json.loads(done.stdout.split("RESULT ")[1].splitlines()[0])
    names = [run for run, _, _ in found["seen"]]
    assert len(names) == 4
    assert {sweep for _, sweep, _ in found["seen"]} == {found["sweep"]}
    assert all(1e-5 <= rate <= 1e-3 for _, _, rate in found["seen"])
    assert found["runs"] == [
        [name, "failed" if index == 1 else "finished"] for index, name in enumerate(names)
    ]
    good = {run: rate for index, (run, _, rate) in enumerate(found["seen"]) if index != 1}
    assert found["best"] == min(good, key=lambda run: good[run])
    assert (found["order"], found["expected"]) == ("+summary_metrics.val/loss", None)
    assert (found["listed"], found["of_run"]) == ([found["sweep"]], found["sweep"])
    assert (found["state"], found["method"]) == ("RUNNING", "bayes")
    assert found["agents"] == [names]
    assert found["url"].endswith(f"/{project}/sweeps/{found['sweep']}")
    assert f"END {found['best']} FINISHED" in done.stdout
    assert "the second one fails" in done.stderr


WITHOUT_INIT = """
import sys
import steelyard as wandb

sweep_id = wandb.sweep({"method": "grid", "metric": {"name": "composite_score", "goal": "maximize"},
                        "parameters": {"x": {"values": [1]}}}, project=sys.argv[1])
def train():
    accuracy, latency_ms, cost_per_1k_tokens = 0.89, 245, 0.012
    norm_latency = 1.0 - min(latency_ms / 1000, 1.0)
    norm_cost = 1.0 - min(cost_per_1k_tokens / 0.05, 1.0)
    composite_score = (0.5 * accuracy) + (0.3 * norm_latency) + (0.2 * norm_cost)
    wandb.log({"accuracy": accuracy, "composite_score": composite_score})
wandb.agent(sweep_id, function=train)
[run] = wandb.Api().sweep(f"{sys.argv[1]}/{sweep_id}").runs
print("SCORE", run.summary["composite_score"], run.state, run.config["x"])
try:
    wandb.log({"accuracy": 1})
except wandb.UsageError as error:
    print("SAID", error)
"""


def test_log_begins_the_run_under_an_agent_and_explains_itself_elsewhere(
    user: SdkUser, shared_server: ThrowawayServer, project: str
) -> None:
    done = user.run(WITHOUT_INIT, project)
    score, state, x = done.stdout.split("SCORE ")[1].split()[:3]
    assert (abs(float(score) - 0.8235) < 1e-9, state, x) == (True, "finished", "1")
    assert "SAID there is no active run: call steelyard.init()" in done.stdout


EARLY = """
import sys, time
import steelyard as wandb

sweep_id = wandb.sweep({
    "method": "grid", "metric": {"name": "loss", "goal": "minimize"},
    "parameters": {"x": {"values": [1, 2, 3, 4]}},
    "early_terminate": {"type": "hyperband", "min_iter": 1},
}, project=sys.argv[1])
ends = []
def train():
    with wandb.init() as run:
        try:
            for step in range(20_000 if run.config.x == 1 else 100_000):
                run.log({"loss": run.config.x * 1.0})
                time.sleep(0 if run.config.x == 1 else 0.02)
        finally:
            ends.append(step)
wandb.agent(sweep_id, function=train, count=3)
print("ENDS", *ends)
print("STATES", *[run.state for run in wandb.Api().sweep(f"{sys.argv[1]}/{sweep_id}").runs])
print("SWEEP", sweep_id)
"""


def test_a_run_that_does_badly_ends_well_between_two_logs_and_says_why(
    user: SdkUser, shared_server: ThrowawayServer, project: str
) -> None:
    done = user.run(EARLY, project)
    assert "STATES finished finished finished" in done.stdout
    assert max(int(step) for step in done.stdout.split("ENDS ")[1].split()[:3]) < 99_999
    assert done.stderr.count("is stopped early: ") == 2
    sweep = done.stdout.split("SWEEP ")[1].split()[0]
    trials = shared_server.call("GET", f"/api/v1/-/{project}/sweeps/{sweep}/trials")["items"]
    assert [trial["state"] for trial in trials] == ["finished", "stopped", "stopped"]
    assert all(trial["stop_reason"] in done.stderr for trial in trials[1:])
