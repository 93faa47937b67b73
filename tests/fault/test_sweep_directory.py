"""Many processes on one sweep in a directory, killed at any moment."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import msgspec
import pytest

from steelyard.errors import Unavailable
from steelyard.sdk.sweeps.directory.log import EntryLog
from steelyard.sdk.sweeps.directory.model import Drawn, Entry, Leased
from steelyard.testing.server import ThrowawayServer
from tests.support.directory_agent import run_agent
from tests.support.directory_sweeps import Worker, WrittenRun, list_states, look, make_sweep
from tests.support.sdk_user import SdkUser

PATIENCE_S = 120.0
CONFIGS = 24
GRID = {
    "method": "grid",
    "metric": {"name": "loss", "goal": "minimize"},
    "parameters": {"a": {"values": list(range(CONFIGS))}},
}


class Agents:
    """Processes that work for a directory, and who of them was killed."""

    def __init__(self, directory: Path, names: Path) -> None:
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["tests.support.directory_agent"])
        self._arguments = (str(directory), str(names))
        self.alive: list[ForkServerProcess] = []

    def start(self) -> None:
        process = self._context.Process(target=run_agent, args=self._arguments)
        process.start()
        self.alive.append(process)

    def kill(self, process: ForkServerProcess) -> None:
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        process.join(PATIENCE_S)
        self.alive.remove(process)


def read_entries(directory: Path) -> list[Entry]:
    contents = [content for _, content in EntryLog(directory / "queue" / "log").read_on(0)]
    assert None not in contents
    return [msgspec.json.decode(content, type=Entry) for content in contents if content]


def holders_of(entries: list[Entry]) -> dict[int, list[str]]:
    """Index of each trial to the agents that got it, one after the other."""
    holders: dict[int, list[str]] = {}
    for entry in entries:
        for event in entry.events:
            if isinstance(event, Drawn | Leased):
                holders.setdefault(event.index, []).append(event.agent)
    return holders


def test_agents_killed_at_any_moment_lose_no_configuration_and_get_none_twice(
    tmp_path: Path,
) -> None:
    directory, names = tmp_path / "sweep", tmp_path / "names"
    names.mkdir()
    make_sweep(directory, GRID)
    chance = random.Random(20)
    agents = Agents(directory, names)
    for _ in range(4):
        agents.start()
    log = EntryLog(directory / "queue" / "log")
    number, kills = 0, 0
    deadline = time.monotonic() + PATIENCE_S
    while kills < 12 and agents.alive:
        number += chance.randrange(2, 7)
        while not log.place_of(number).exists() and any(map(_is_alive, agents.alive)):
            assert time.monotonic() < deadline
        for _ in range(chance.randrange(3000)):
            pass  # somewhere between two entries
        agents.kill(chance.choice(agents.alive))
        kills += 1
        agents.start()
    for process in [*agents.alive]:
        process.join(PATIENCE_S)
        assert process.exitcode == 0
    finish(directory, names)
    states = list_states(directory)
    assert len(states) == CONFIGS
    assert set(states) <= {"finished", "failed"}
    sweep = look(directory)
    assert sweep.state == "finished"
    assert len({json.dumps(trial.config) for trial in sweep.trials.values()}) == CONFIGS
    runs = [name for t in sweep.trials.values() for name in (t.run_name, *t.earlier_runs)]
    assert len(set(runs)) == len(runs)
    for trial in sweep.trials.values():
        if trial.state == "finished":
            assert trial.values == [trial.config["a"] + 2.0]


def _is_alive(process: ForkServerProcess) -> bool:
    return process.is_alive()


def finish(directory: Path, names: Path) -> None:
    """What the last ones who were killed left is run by one more agent."""
    run_agent(str(directory), str(names))


def test_only_what_a_killed_agent_had_is_handed_out_again(tmp_path: Path) -> None:
    directory, names = tmp_path / "sweep", tmp_path / "names"
    names.mkdir()
    make_sweep(directory, GRID)
    agents = Agents(directory, names)
    for _ in range(6):
        agents.start()
    victim = agents.alive[0]
    log = EntryLog(directory / "queue" / "log")
    deadline = time.monotonic() + PATIENCE_S
    while not log.place_of(12).exists():
        assert time.monotonic() < deadline
    agents.kill(victim)
    for process in [*agents.alive]:
        process.join(PATIENCE_S)
        assert process.exitcode == 0
    finish(directory, names)
    holders = holders_of(read_entries(directory))
    again = {index: those for index, those in holders.items() if len(those) > 1}
    assert len(again) <= 1
    for those in again.values():
        assert len(set(those)) == len(those)
    assert list_states(directory) == ["finished"] * CONFIGS


def test_a_damaged_entry_is_passed_over_and_said(tmp_path: Path) -> None:
    directory, names = tmp_path / "sweep", tmp_path / "names"
    names.mkdir()
    make_sweep(directory, GRID | {"parameters": {"a": {"values": [1, 2]}}})
    run_agent(str(directory), str(names))
    log = EntryLog(directory / "queue" / "log")
    entries = read_entries(directory)
    drawn = next(
        number
        for number, entry in enumerate(entries)
        if any(isinstance(event, Drawn) for event in entry.events)
    )
    for damage in (b"", log.place_of(drawn).read_bytes()[:-5], b"\0" * 40):
        log.place_of(drawn).write_bytes(damage)
        sweep = look(directory)
        assert sweep.damaged == [drawn]
        assert list(sweep.trials) == [1]


def test_a_checkpoint_that_is_half_written_is_read_anew(tmp_path: Path, monkeypatch: Any) -> None:
    from steelyard.sdk.sweeps.directory import store

    monkeypatch.setattr(store, "SWEEP_DIRECTORY_CHECKPOINT_ENTRIES", 3)
    directory, names = tmp_path / "sweep", tmp_path / "names"
    names.mkdir()
    make_sweep(directory, GRID)
    run_agent(str(directory), str(names))
    checkpoint = directory / "queue" / "checkpoint"
    whole = checkpoint.read_bytes()
    expected = look(directory)
    for content in (whole[: len(whole) // 2], b"", whole.replace(b"finished", b"finishes")):
        checkpoint.write_bytes(content)
        assert look(directory) == expected
    checkpoint.unlink()
    assert look(directory) == expected


def test_a_half_made_run_folder_is_no_run(tmp_path: Path) -> None:
    directory, names = tmp_path / "sweep", tmp_path / "names"
    names.mkdir()
    make_sweep(directory, GRID)
    (directory / "steelyard" / "offline-run-20260101_000000-x").mkdir(parents=True)
    (directory / "steelyard" / "offline-run-20260101_000000-y").mkdir()
    (directory / "steelyard" / "offline-run-20260101_000000-y" / "run.json").write_text('{"ver')
    WrittenRun(directory, "stranger").finish()
    run_agent(str(directory), str(names))
    assert list_states(directory) == ["finished"] * CONFIGS


def test_a_full_disk_hands_nothing_out_and_goes_on_when_there_is_space(tmp_path: Path) -> None:
    with mounted_small_disk(tmp_path / "small") as disk:
        directory = disk / "sweep"
        make_sweep(directory, GRID)
        worker = Worker(directory)
        first = worker.take()
        assert first is not None
        worker.work(first, 1.0)
        filler = fill(disk)
        for _ in range(3):
            with pytest.raises(Unavailable, match="it is tried again"):
                worker.ask()
        assert list_states(directory) == ["finished"]
        filler.unlink()
        second = worker.take()
        assert second is not None
        assert second.config == {"a": 1}
        assert list_states(directory) == ["finished", "leased"]


@contextlib.contextmanager
def mounted_small_disk(place: Path) -> Iterator[Path]:
    """A file system of its own of 2 MiB."""
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("this machine does not let us mount a small disk")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(disk: Path) -> Path:
    """Take everything that is free on the disk."""
    filler = disk / "filler"
    free = os.statvfs(disk)
    filler.write_bytes(bytes(free.f_bavail * free.f_bsize))
    return filler


SWEEP_YAML = """
program: train.py
method: grid
metric: {name: loss, goal: minimize}
parameters: {a: {values: [1, 2, 3, 4]}}
"""
#: The first run of the second configuration stays until its agent is killed.
TRAIN = """
import os, pathlib, time, steelyard
with steelyard.init() as run:
    run.log({"loss": run.config["a"] * 2.0})
    flag = pathlib.Path("held")
    if run.config["a"] == 2 and not flag.exists():
        flag.write_text(f"{run.id} {os.getpid()}")
        while True:
            time.sleep(1)
"""


def test_agents_without_a_server_one_of_them_killed_and_all_of_it_synced(
    tmp_path: Path, server: ThrowawayServer
) -> None:
    (tmp_path / "home").mkdir()
    user = SdkUser(tmp_path / "home")
    (user.home / "sweep.yaml").write_text(SWEEP_YAML)
    (user.home / "train.py").write_text(TRAIN)
    made = user.command("sweep", "--directory", "shared", "-p", "works", "sweep.yaml")
    assert "Run sweep agent with: steelyard agent shared" in made.stdout
    agent = [sys.executable, "-m", "steelyard", "agent", "shared"]
    with subprocess.Popen(
        agent, cwd=user.home, env=user.environ, stderr=subprocess.DEVNULL
    ) as killed:
        deadline = time.monotonic() + PATIENCE_S
        held = user.home / "held"
        while not held.exists() or not held.read_text():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        killed.kill()
    run_name, pid = held.read_text().split()
    os.kill(int(pid), signal.SIGKILL)  # its program, too
    user.environ |= {"WANDB_BASE_URL": server.base_url, "WANDB_API_KEY": server.owner_key}
    between = user.command("sync", "shared", check=False)
    assert "sent     sweep " in between.stdout, between.stdout + between.stderr
    user.command("agent", "shared")
    shown = user.command("sweep", "--show", "shared").stdout
    assert "4 finished" in shown
    assert "attempt 2" in shown
    sent = user.command("sync", "shared").stdout
    assert "4 trials" in sent
    again = user.command("sync", "shared").stdout
    assert "known    sweep " in again
    assert "sent     " not in again
    head = look(user.home / "shared").head
    assert head is not None
    place = f"/api/v1/-/works/sweeps/{head.name}"
    trials = server.call("GET", f"{place}/trials")["items"]
    # The killed run is there, as the one it was.
    assert server.call("GET", place)["run_count"] == 5
    assert [trial["config"]["a"] for trial in trials] == [1, 2, 3, 4]
    assert [trial["values"] for trial in trials] == [[2.0], [4.0], [6.0], [8.0]]
    assert trials[1]["earlier_runs"] == [run_name]
