"""Pausing, resuming, stopping and canceling a sweep in a directory, and looking at it."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import Final

import msgspec

from steelyard.errors import Conflict, Unavailable
from steelyard.limits import SWEEP_LEASE_S
from steelyard.sdk.sender.process import is_running
from steelyard.sdk.sweeps.directory.agents import read_pulse
from steelyard.sdk.sweeps.directory.drawing import read_problem
from steelyard.sdk.sweeps.directory.model import Event, Sweep, SweepState, Trial
from steelyard.sdk.sweeps.directory.queue import DirectoryQueue
from steelyard.sdk.sweeps.directory.readings import RunFolders, RunReader
from steelyard.sdk.sweeps.directory.settling import change_state
from steelyard.sdk.sweeps.directory.store import Store
from steelyard.search.problem import Problem

#: State that is asked for -> states it may be asked for in; as on a server.
TRANSITIONS: Final[dict[SweepState, frozenset[SweepState]]] = {
    "running": frozenset({"pending", "paused", "finished", "canceled"}),
    "paused": frozenset({"pending", "running"}),
    "finished": frozenset({"pending", "running", "paused"}),
    "canceled": frozenset({"pending", "running", "paused"}),
}


class SweepView(msgspec.Struct, frozen=True, kw_only=True):
    """A sweep in a directory as it is now, with the values that running runs have logged so far.

    Attributes:
        best: of the trials that ended, by the first metric; None while none has a value.
        heard_agents: agents that gave a sign of life within the lease.
    """

    sweep: Sweep
    problem: Problem
    trials: list[Trial]
    best: Trial | None
    heard_agents: int


def set_directory_state(directory: Path, state: SweepState) -> Sweep:
    """Pause, resume, stop (running runs end by themselves) or cancel (they are told to stop).

    Asking for the state it has is no error. Raises Conflict for a state that cannot follow,
    NotFound, Unavailable.
    """

    def decide(sweep: Sweep) -> tuple[list[Event], None]:
        if sweep.state != state and sweep.state not in TRANSITIONS[state]:
            raise Conflict(
                f"the sweep in {directory} is {sweep.state} and cannot become {state}; "
                "resume it first, or make a new one"
            )
        return change_state(sweep, state), None

    store = Store(directory)
    store.decide(decide, at_us=time.time_ns() // 1000)
    return store.sweep


def view_directory_sweep(directory: Path) -> SweepView:
    """Look at a sweep, and bring up to date what its agents left. Raises NotFound, Unavailable."""
    with contextlib.suppress(Unavailable):  # who may only read sees it as it is
        DirectoryQueue(directory).settle()
    store = Store(directory)
    sweep = store.refresh()
    problem = read_problem(sweep)
    folders = RunFolders(directory)
    trials = []
    for index in sorted(sweep.trials):
        trial = sweep.trials[index]
        if trial.state == "running":
            reading = RunReader(problem).read(folders.find(trial.run_name))
            changes = {"values": reading.values, "seconds": reading.seconds}
            trial = msgspec.structs.replace(trial, **changes)
        trials.append(trial)
    return SweepView(
        sweep=sweep,
        problem=problem,
        trials=trials,
        best=find_best(problem, [trial for trial in trials if not trial.is_open]),
        heard_agents=_count_heard(store, sweep),
    )


def find_best(problem: Problem, trials: list[Trial]) -> Trial | None:
    """The trial with the best value of the first metric; None where none has one."""
    if not problem.metrics:
        return None
    valued = [(trial.values[0], trial) for trial in trials if trial.values]
    known = [(value, trial) for value, trial in valued if value is not None]
    if not known:
        return None
    sign = -1 if problem.metrics[0].goal == "maximize" else 1
    return min(known, key=lambda each: (sign * each[0], each[1].index))[1]


def _count_heard(store: Store, sweep: Sweep) -> int:
    since_us = time.time_ns() // 1000 - SWEEP_LEASE_S * 1_000_000
    count = 0
    for name in sweep.agents:
        pulse = read_pulse(store.queue / "agents" / f"{name}.json")
        if pulse is None or pulse.has_left or pulse.at_us <= since_us:
            continue
        count += is_running(pulse.pid, pulse.pid_started) is not False
    return count
