"""Signs of life: a file for each agent, which nobody else writes."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import msgspec

from steelyard.errors import Unavailable
from steelyard.limits import SWEEP_DIRECTORY_SKEW_S
from steelyard.sdk.sender.process import describe_start, is_running
from steelyard.sdk.sweeps.directory.log import read_sealed, replace_sealed
from steelyard.sdk.sweeps.directory.model import Trial
from steelyard.sdk.sweeps.directory.readings import (
    WANDB_SUFFIX,
    RunFolders,
    is_process_running,
    measure_journals,
)


class Pulse(msgspec.Struct, frozen=True, kw_only=True):
    """What an agent last said of itself. `at_us` is by its own clock."""

    count: int
    at_us: int
    pid: int
    pid_started: str
    runs: dict[str, str]
    has_left: bool = False
    """It ended as it should, and works on nothing."""


_decode: Final = msgspec.json.Decoder(Pulse).decode


def write_pulse(
    path: Path, *, count: int, at_us: int, runs: Mapping[str, str], has_left: bool = False
) -> None:
    """Say that the agent whose file this is lives. Raises Unavailable."""
    pid = os.getpid()
    pulse = Pulse(
        count=count,
        at_us=at_us,
        pid=pid,
        pid_started=describe_start(pid),
        runs=dict(runs),
        has_left=has_left,
    )
    try:
        replace_sealed(path, msgspec.json.encode(pulse))
    except OSError as error:
        raise Unavailable(
            f"the agent cannot write its sign of life {path} ({error.strerror or error}); "
            "it is tried again"
        ) from error


def read_pulse(path: Path) -> Pulse | None:
    """What that agent last said; None where nothing can be read."""
    content = read_sealed(path)
    if content is not None:
        with contextlib.suppress(msgspec.MsgspecError):
            return _decode(content)
    return None


class Seen(msgspec.Struct, frozen=True):
    """What one look at those who have a trial brought.

    `unchanged_s`: since when neither sign of life nor journals changed, as far as we have looked.
    `is_agent_gone`: it is dead, has left, or no longer speaks of this run. `is_run_there`: the
    process of the run lives; None where nobody can tell, or it has not begun.
    """

    unchanged_s: float
    is_agent_gone: bool
    is_run_there: bool | None
    has_begun: bool
    said_at_us: int


class Watch:
    """Whether those who have trials at work are still there, as one process sees it.

    Machines agree on no clock, so an agent is silent when its sign of life, and the journals of
    its run, stay the same for `lease_s` of our own time. On the machine of the agent it is enough
    that its processes are gone.
    """

    def __init__(
        self,
        agents: Path,
        folders: RunFolders,
        *,
        lease_s: float,
        grace_s: float,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._agents = agents
        self._folders = folders
        self._lease_s = lease_s
        self._grace_s = grace_s
        self._monotonic = monotonic
        self._signs: dict[tuple[int, int], tuple[tuple[int, int], float]] = {}

    def is_silent(self, trial: Trial) -> bool:
        """Whether nothing was heard of the trial's agent, and of its run, for the lease."""
        seen = self._look(trial)
        if seen.is_agent_gone and seen.is_run_there is not None:
            return not seen.is_run_there
        if seen.is_agent_gone and not seen.has_begun:
            # Its program may have been started, and not have come to init() yet.
            return seen.unchanged_s >= min(self._grace_s, self._lease_s)
        return seen.unchanged_s >= self._lease_s

    def is_doubtful(self, trial: Trial, *, now_us: int) -> bool:
        """Whether it may turn out to be silent, so that one with nothing to do should wait.

        By the clocks it has been silent for longer than they differ, or by ours for a while.
        """
        seen = self._look(trial)
        if seen.is_agent_gone and seen.is_run_there:
            return False  # the run goes on without it
        if seen.is_agent_gone and not seen.has_begun:
            return True
        old_us = now_us - round((self._lease_s + SWEEP_DIRECTORY_SKEW_S) * 1e6)
        return seen.said_at_us < old_us or seen.unchanged_s >= self._lease_s / 4

    def _look(self, trial: Trial) -> Seen:
        pulse = read_pulse(self._agents / f"{trial.agent}.json")
        folders = self._folders.find(trial.run_name)
        # What an agent says of others of its runs is no sign of life of this one.
        speaks_of_it = pulse is not None and (
            trial.state == "leased" or trial.run_name in pulse.runs
        )
        sign = (pulse.count if pulse and speaks_of_it else 0, measure_journals(folders))
        key = (trial.index, trial.attempts)
        known = self._signs.get(key)
        if known is None or known[0] != sign:
            known = self._signs[key] = (sign, self._monotonic())
        is_gone = False
        if pulse is not None:
            is_dead = is_running(pulse.pid, pulse.pid_started) is False
            is_gone = is_dead or pulse.has_left or not speaks_of_it
        return Seen(
            unchanged_s=self._monotonic() - known[1],
            is_agent_gone=is_gone,
            is_run_there=is_process_running(folders) if is_gone else None,
            has_begun=bool(folders),
            said_at_us=max(pulse.at_us if pulse else 0, _last_write_us(folders)),
        )


def _last_write_us(folders: list[Path]) -> int:
    last = 0
    for folder in folders:
        is_log = folder.suffix == WANDB_SUFFIX
        with contextlib.suppress(OSError):
            for journal in [folder] if is_log else (folder / "journal").glob("*.journal"):
                last = max(last, journal.stat().st_mtime_ns // 1000)
    return last
