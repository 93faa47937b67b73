"""Sweeps whose agents a launcher starts: in a real Slurm, with either client, and right here."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from steelyard.launch.interface import Job, JobStatus
from steelyard.launch.slurm import SlurmLauncher
from steelyard.limits import SWEEP_LEASE_S
from steelyard.server.app import clock_us
from steelyard.server.rooms.accounts.commands import create_api_key
from steelyard.server.rooms.accounts.model import Caller
from tests.support.accounts import make_caller
from tests.support.app_server import AppServer
from tests.support.installed_wheel import ROOT
from tests.support.official_client import clean_environ
from tests.support.slurm import SlurmCluster

GUIDE = re.findall(
    r"^```sh\n(.*?)^```", (ROOT / "docs/guides/slurm.md").read_text(), flags=re.M | re.S
)
PATIENCE_S = 250  # far above what a busy machine takes: what takes longer hangs

#: The official agent asks every 5 s, which is all that a short task would do.
QUICK_AGENT = """
import sys
from wandb import wandb_agent
from wandb.cli import cli

wandb_agent.Agent.POLL_INTERVAL = 0.2
cli.cli(sys.argv[1:], prog_name="wandb")
"""
PROGRAM = """
import os, pathlib, time
import {module} as wandb

def note(word):
    task = os.environ.get("SLURM_ARRAY_TASK_ID", "0")
    with open("log", "a") as file:
        file.write(f"{{word}} {{task}} {{run.config['x']}}\\n")

with wandb.init() as run:
    note("begin")
    while pathlib.Path(f"hold-{{run.config['x']}}").exists():
        time.sleep(0.1)
    run.log({{"loss": run.config["x"]}})
    note("end")
"""


class Clock:
    """The time, which a test can put forward."""

    def __init__(self) -> None:
        self.ahead_us = 0

    def __call__(self) -> int:
        return clock_us() + self.ahead_us


class Cluster:
    """What somebody on the login node of a cluster does, in a directory of their own."""

    def __init__(
        self, slurm: SlurmCluster, server: AppServer, key: str, home: Path, project: str
    ) -> None:
        self.slurm, self.server, self.key = slurm, server, key
        self.home, self.project = home, project
        self.environ = {
            **clean_environ(home, base_url=server.base_url, api_key=key, project=project),
            **slurm.environ,
            "WANDB__FILE_STREAM_TRANSMIT_INTERVAL": "1",
            "WANDB_SILENT": "false",
        }
        self.launcher = SlurmLauncher({}, self.environ)

    def write_files(self, *, points: int, module: str) -> None:
        """The program and the configuration."""
        (self.home / "train.py").write_text(PROGRAM.format(module=module))
        config = {
            "program": "train.py",
            "method": "grid",
            "metric": {"name": "loss", "goal": "minimize"},
            "parameters": {"x": {"values": list(range(points))}},
        }
        (self.home / "sweep.yaml").write_text(json.dumps(config))

    def create(self, *options: str, points: int, module: str) -> str:
        """Have `steelyard sweep` make a sweep; its path."""
        self.write_files(points=points, module=module)
        words = ("steelyard", "sweep", "--project", self.project, *options, "sweep.yaml")
        return find_sweep(self.shell(shlex.join(words)))

    def shell(self, commands: str) -> str:
        """What those commands print."""
        done = subprocess.run(
            ["sh", "-ec", commands],
            cwd=self.home,
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def start(self, command: str) -> subprocess.Popen[str]:
        """Start a command of the shell and leave it running."""
        return subprocess.Popen(
            ["sh", "-ec", command],
            cwd=self.home,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def sbatch(self, tasks: int) -> Job:
        """Submit the script that was written."""
        return find_job(self.shell("sbatch sweep_submission.slrm"), tasks=tasks)

    def wait(
        self, job: Job, happened: Callable[[JobStatus], bool] = lambda status: status.is_over
    ) -> JobStatus:
        deadline = time.monotonic() + PATIENCE_S
        while not happened(status := self.launcher.poll(job)):
            assert time.monotonic() < deadline, f"{status}\n{self.outputs()}"
            time.sleep(0.2)
        return status

    def wait_for_log(self, lines: int) -> None:
        """Until programs have noted so much."""
        deadline = time.monotonic() + PATIENCE_S
        while len(self.log()) < lines:
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.1)

    def outputs(self) -> str:
        """What the tasks have printed."""
        return "\n".join(path.read_text() for path in sorted(self.home.glob("slurm-*.out")))

    def log(self) -> list[tuple[str, int, int]]:
        """("begin" | "end", array task, x) in the order of what happened."""
        path = self.home / "log"
        lines = path.read_text().splitlines() if path.exists() else []
        return [(word, int(task), int(x)) for word, task, x in map(str.split, lines)]

    def trials(self, path: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._get(f"sweeps/{path.rpartition('/')[2]}/trials")["items"]
        return found

    def slurm_of(self, run: str) -> dict[str, str]:
        """The block "slurm" of a run's metadata."""
        found: dict[str, str] = self.metadata_of(run)["slurm"]
        return found

    def metadata_of(self, run: str) -> dict[str, Any]:
        found: dict[str, Any] = self._get(f"runs/{run}")["metadata"]
        return found

    def _get(self, path: str) -> dict[str, Any]:
        answer = self.server.request("GET", f"/api/v1/-/{self.project}/{path}", key=self.key)
        assert answer.status == 200, answer.data
        found: dict[str, Any] = msgspec.json.decode(answer.data)
        return found


def find_sweep(said: str) -> str:
    """The path of the sweep that `steelyard sweep` has made."""
    [path] = re.findall(r"steelyard agent (\S+)", said)
    return str(path)


def find_job(said: str, *, tasks: int) -> Job:
    """The array that `sbatch` or `steelyard agent --launcher slurm` has started."""
    [number] = re.findall(r"(?:Submitted batch|slurm) job (\d+)", said)
    return Job(launcher="slurm", id=str(number), tasks=tasks)


@pytest.fixture(scope="module")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def own_server(tmp_path_factory: pytest.TempPathFactory, clock: Clock) -> Iterator[AppServer]:
    data_dir = tmp_path_factory.mktemp("server")
    with AppServer(data_dir, f"sqlite:///{data_dir / 'steelyard.db'}", now_us=clock) as server:
        yield server


@pytest.fixture(scope="module")
def key(own_server: AppServer, clock: Clock) -> str:
    caller: Caller = own_server.db.write_now(make_caller)
    return own_server.db.write_now(
        create_api_key, user_id=caller.user_id, name="test", now_us=clock()
    ).key


@pytest.fixture
def cluster(
    slurm: SlurmCluster,
    own_server: AppServer,
    key: str,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> Cluster:
    project = request.node.name.replace("[", "-").strip("]")[-60:]
    home = tmp_path / "a user's home"
    home.mkdir()
    (home / "quick_agent.py").write_text(QUICK_AGENT)
    return Cluster(slurm, own_server, key, home, project)


def emit(tasks: int, parallel: int, client: str) -> list[str]:
    """Options that write the script, for the agent of that client."""
    options = ["--emit", "slurm", "--array", str(tasks), "--parallel", str(parallel)]
    if client == "wandb":
        options += ["--agent", f"{sys.executable} quick_agent.py agent --forward-signals"]
    return options


def check_runs(cluster: Cluster, sweep: str, job: Job, points: int) -> set[int]:
    """Every point was run once, by a task of its own that the run names; those tasks."""
    trials = cluster.trials(sweep)
    assert sorted(trial["config"]["x"] for trial in trials) == list(range(points))
    assert {trial["state"] for trial in trials} == {"finished"}
    blocks = [cluster.slurm_of(trial["run"]) for trial in trials]
    assert {block["array_job_id"] for block in blocks} == {job.id}
    assert {block["job_nodelist"] for block in blocks} == {cluster.slurm.node}
    assert len({block["job_id"] for block in blocks}) == points
    tasks = {int(block["array_task_id"]) for block in blocks}
    assert len(tasks) == points
    return tasks


def count_at_work(cluster: Cluster) -> int:
    """The most runs that were at work at any time."""
    most = now = 0
    for word, *_ in cluster.log():
        now += 1 if word == "begin" else -1
        most = max(most, now)
    return most


def test_what_the_guide_says_does_twelve_runs_two_at_a_time(cluster: Cluster) -> None:
    """Twelve tasks of a run each, as the commands of docs/guides/slurm.md say."""
    cluster.write_files(points=12, module="steelyard")
    said = cluster.shell(GUIDE[0].replace("works", cluster.project))
    sweep = find_sweep(said)
    script = (cluster.home / "sweep_submission.slrm").read_text()
    assert "\n#SBATCH --array=1-12%2\n" in script
    assert " agent --count 1 " in script
    assert cluster.key not in script
    job = find_job(said, tasks=12)
    assert cluster.wait(job).count() == {"succeeded": 12}, cluster.outputs()
    assert check_runs(cluster, sweep, job, points=12) == set(range(1, 13))
    assert count_at_work(cluster) <= 2


def test_the_launcher_of_slurm_starts_agents_of_a_sweep_that_is_there(cluster: Cluster) -> None:
    sweep = cluster.create(points=2, module="steelyard")
    command = GUIDE[1].replace("ENTITY/works/SWEEP", sweep).replace("--array 12", "--array 3")
    said = cluster.shell(f"{command.strip()} --wait -o partition=main")
    job = find_job(said.splitlines()[0], tasks=3)
    assert "is over: 3 succeeded" in said
    assert len(check_runs(cluster, sweep, job, points=2)) == 2
    assert cluster.outputs().count("no more work") == 1


def test_the_official_agent_shares_an_array_out_and_its_surplus_ends_well(cluster: Cluster) -> None:
    """Fewer than twelve: each task takes it seconds."""
    sweep = cluster.create(*emit(5, 2, "wandb"), points=3, module="wandb")
    job = cluster.sbatch(5)
    assert cluster.wait(job).count() == {"succeeded": 5}, cluster.outputs()
    assert len(check_runs(cluster, sweep, job, points=3)) == 3
    assert count_at_work(cluster) <= 2


def test_a_cancelled_task_gives_its_configuration_to_the_next_one(cluster: Cluster) -> None:
    sweep = cluster.create(*emit(3, 2, "steelyard"), points=2, module="steelyard")
    holds = [cluster.home / "hold-0", cluster.home / "hold-1"]
    for hold in holds:
        hold.touch()
    job = cluster.sbatch(3)
    cluster.wait(job, lambda _: len(cluster.log()) == 2)
    [cancelled] = [trial for trial in cluster.trials(sweep) if trial["config"]["x"] == 0]
    [task] = [task for _, task, x in cluster.log() if x == 0]
    cluster.slurm.run("scancel", f"{job.id}_{task}")
    cluster.wait(job, lambda _: len(cluster.log()) == 3)
    for hold in holds:
        hold.unlink()
    assert cluster.wait(job).count() == {"cancelled": 1, "succeeded": 2}, cluster.outputs()
    [trial] = [trial for trial in cluster.trials(sweep) if trial["config"]["x"] == 0]
    assert (trial["state"], trial["attempts"]) == ("finished", 2)
    # The same run goes on where it had been heard of, else it is another one.
    assert cancelled["run"] in {trial["run"], *trial["earlier_runs"]}


@pytest.mark.parametrize(
    "end",
    [
        # What the script gets a minute before the time limit, which itself is minutes.
        ("scancel", "--batch", "--signal=USR1"),
        # What Slurm does to a job of a partition with PreemptMode=REQUEUE.
        ("scontrol", "requeue"),
    ],
    ids=["out-of-time", "preempted"],
)
def test_a_task_that_has_to_go_comes_back_and_goes_on(
    cluster: Cluster, end: tuple[str, ...]
) -> None:
    sweep = cluster.create(*emit(1, 1, "steelyard"), points=1, module="steelyard")
    hold = cluster.home / "hold-0"
    hold.touch()
    job = cluster.sbatch(1)
    cluster.wait(job, lambda _: len(cluster.log()) == 1)
    cluster.slurm.run(*end, f"{job.id}_1")
    cluster.wait(job, lambda status: status.count() == {"waiting": 1})
    hold.unlink()
    cluster.slurm.start_soon(f"{job.id}_1")
    assert cluster.wait(job).count() == {"succeeded": 1}, cluster.outputs()
    [trial] = cluster.trials(sweep)
    assert (trial["state"], trial["attempts"]) == ("finished", 2), cluster.outputs()


def test_a_cancelled_task_of_the_official_agent_is_missed_after_a_while(
    cluster: Cluster, clock: Clock
) -> None:
    sweep = cluster.create(*emit(2, 1, "wandb"), points=1, module="wandb")
    hold = cluster.home / "hold-0"
    hold.touch()
    job = cluster.sbatch(2)
    cluster.wait(job, lambda _: len(cluster.log()) == 1)
    [cancelled] = cluster.trials(sweep)
    cluster.slurm.run("scontrol", "hold", f"{job.id}_2")
    cluster.slurm.run("scancel", f"{job.id}_1")
    cluster.wait(job, lambda status: status.count().get("cancelled") == 1)
    clock.ahead_us += (SWEEP_LEASE_S + 60) * 1_000_000
    hold.unlink()
    cluster.slurm.run("scontrol", "release", f"{job.id}_2")
    assert cluster.wait(job).count() == {"cancelled": 1, "succeeded": 1}, cluster.outputs()
    deadline = time.monotonic() + 60  # the agent may leave before the server has looked
    while (trial := cluster.trials(sweep)[0])["state"] == "running" and time.monotonic() < deadline:
        time.sleep(0.1)
    assert (trial["state"], trial["attempts"]) == ("finished", 2), cluster.outputs()
    assert trial["earlier_runs"] == [cancelled["run"]]


def test_nodes_without_a_network_work_from_a_shared_directory(cluster: Cluster) -> None:
    cluster.write_files(points=2, module="steelyard")
    for name in ("WANDB_BASE_URL", "WANDB_API_KEY", "WANDB_PROJECT"):
        del cluster.environ[name]
    words = ("steelyard", "sweep", "--directory", "queue", *emit(3, 2, "steelyard"), "sweep.yaml")
    cluster.shell(shlex.join(words))
    assert "WANDB_BASE_URL" not in (cluster.home / "sweep_submission.slrm").read_text()
    job = cluster.sbatch(3)
    assert cluster.wait(job).count() == {"succeeded": 3}, cluster.outputs()
    assert sorted(x for word, _, x in cluster.log() if word == "end") == [0, 1]


def test_agents_on_one_machine_have_a_gpu_each(cluster: Cluster) -> None:
    sweep = cluster.create(points=4, module="steelyard")
    holds = [cluster.home / f"hold-{x}" for x in range(4)]
    for hold in holds:
        hold.touch()
    command = GUIDE[-1].strip().replace("ENTITY/works/SWEEP", sweep) + " -o gpus=3,5"
    agents = cluster.start(command)
    try:
        cluster.wait_for_log(2)
        for hold in holds:
            hold.unlink()
        said, _ = agents.communicate(timeout=PATIENCE_S)
    finally:
        agents.kill()
    assert agents.returncode == 0, said
    assert "is over: 2 succeeded" in said
    trials = cluster.trials(sweep)
    assert [trial["state"] for trial in trials] == ["finished"] * 4
    found = [cluster.metadata_of(trial["run"])["environment"] for trial in trials]
    assert {environment["CUDA_VISIBLE_DEVICES"] for environment in found} == {"3", "5"}


def test_agents_on_one_machine_that_are_interrupted_give_back_what_they_have(
    cluster: Cluster,
) -> None:
    sweep = cluster.create(points=1, module="steelyard")
    hold = cluster.home / "hold-0"
    hold.touch()
    agents = cluster.start(f"exec steelyard agent --launcher local -o gpus=none {sweep}")
    try:
        cluster.wait_for_log(1)
        agents.send_signal(signal.SIGINT)
        said, _ = agents.communicate(timeout=PATIENCE_S)
    finally:
        agents.kill()
    assert agents.returncode == 1, said
    assert "is over: 1 cancelled" in said
    hold.unlink()
    cluster.shell(f"steelyard agent {sweep}")
    [trial] = cluster.trials(sweep)
    assert (trial["state"], trial["attempts"]) == ("finished", 2)


def test_the_example_of_four_files_runs_as_it_stands(cluster: Cluster) -> None:
    """Two points and twelve tasks: ten find nothing to do, end at once, and say so."""
    for path in (ROOT / "examples/sweep_on_slurm").iterdir():
        if path.is_file():
            shutil.copy(path, cluster.home)
    made = cluster.shell(f"steelyard sweep --project {cluster.project} sweep_config.yaml")
    sweep = find_sweep(made)
    submit = f"sbatch --export=ALL,SWEEP={sweep} sweep_submission.slrm"
    job = find_job(cluster.shell(submit), tasks=12)
    assert cluster.wait(job).count() == {"succeeded": 12}, cluster.outputs()
    assert [trial["state"] for trial in cluster.trials(sweep)] == ["finished"] * 2
    assert cluster.outputs().count("no more work") == 10
