"""Sweeps as the rest of the server sees them."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from steelyard.limits import SWEEP_LEASE_S
from steelyard.search.crossval import Aggregate

SweepState = Literal["pending", "running", "paused", "finished", "canceled"]
#: queued: known, not handed out · leased: handed out, its run not heard of yet · lost: waits for
#: the next agent · stopped: ended early, by judgement or by hand, with what it had until then.
TrialState = Literal["queued", "leased", "running", "lost", "finished", "failed", "stopped"]
#: What ended a trial early: its curve, or the budget of its sweep. None: a person, or nothing did.
StopKind = Literal["judged", "budget"]
AgentState = Literal["running", "finished", "lost"]
#: Trials that an agent is at work on, as far as we know.
AT_WORK: tuple[str, ...] = ("leased", "running")
#: Trials that something will still become of.
OPEN: tuple[str, ...] = ("queued", "leased", "running", "lost")
ENDED: tuple[str, ...] = ("finished", "failed", "stopped")
#: States of a sweep in which runs are judged, and trials of lost agents are handed on.
ACTIVE: tuple[str, ...] = ("pending", "running", "paused")


class Sweep(msgspec.Struct, frozen=True, kw_only=True):
    """One sweep. `name` is what clients call its id; `config` is YAML as it was sent."""

    id: int
    project_id: int
    entity_id: int
    entity: str
    project: str
    name: str
    user_id: int | None
    username: str | None
    display_name: str | None
    description: str | None
    state: SweepState
    method: str
    config: str
    config_version: int
    is_local: bool
    is_judged: bool
    seed: int
    trial_count: int
    run_count_expected: int | None
    exhausted_reason: str | None
    prior_runs: list[str]
    controller: str
    priority: int
    waits_reason: str | None
    overlay: str = "{}"
    created_at_us: int
    updated_at_us: int
    finished_at_us: int | None

    @property
    def path(self) -> str:
        return f"{self.entity}/{self.project}/{self.name}"


class SweepConfig(msgspec.Struct, frozen=True, kw_only=True):
    """One of the configurations that a sweep had."""

    version: int
    text: str
    username: str | None
    created_at_us: int


class SweepAgent(msgspec.Struct, frozen=True, kw_only=True):
    """A process that asks for trials and runs them."""

    id: int
    sweep_id: int
    name: str
    host: str
    user_id: int | None
    created_at_us: int
    heartbeat_at_us: int
    ended_at_us: int | None
    run_count: int
    """Trials that it was the last to get."""

    def state_at(self, now_us: int) -> AgentState:
        """What it does; one that is silent without having been told to exit is lost."""
        if self.ended_at_us is not None:
            return "finished"
        is_silent = self.heartbeat_at_us < now_us - SWEEP_LEASE_S * 1_000_000
        return "lost" if is_silent else "running"


class TrialResults(msgspec.Struct, frozen=True, kw_only=True):
    """What a run brought: one value per metric, and what constraints and cost name."""

    values: list[float | None] = []
    outcomes: dict[str, float] = {}
    seconds: float | None = None
    parts: dict[str, float] = {}
    """What formulas over metrics name, by key."""
    warnings: list[str] = []
    """Why a formula gave no value."""


class SweepTrial(msgspec.Struct, frozen=True, kw_only=True):
    """One configuration that was suggested. `config` is flat, by dotted name."""

    id: int
    sweep_id: int
    index: int
    run_name: str
    earlier_runs: list[str]
    config: dict[str, Any]
    config_version: int
    state: TrialState
    is_resumable: bool
    attempts: int
    agent_id: int | None
    lease_until_us: int | None
    gone_at_us: int | None
    kind: str
    reason: str
    mean: float | None
    std: float | None
    schedule_id: str | None
    stop_reason: str | None
    value: float | None
    results: TrialResults | None
    created_at_us: int
    started_at_us: int | None
    ended_at_us: int | None
    stop_kind: StopKind | None = None
    trial_index: int | None = None
    """Of the first row of the same suggestion; None where it is one run."""
    phase: int | None = None
    parent_index: int | None = None
    display_name: str | None = None
    score: Aggregate | None = None
    """What its runs say together, on the first of several."""


class SweepChanges(msgspec.Struct, frozen=True, kw_only=True):
    """What a client wants of a sweep. None leaves a field as it is."""

    config: str | None = None
    state: str | None = None
    display_name: str | None = None
    description: str | None = None
    controller: str | None = None
    prior_runs: list[str] | None = None


class AgentCommand(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an agent is to do: run or resume a run, stop one, or exit.

    `args` is the configuration as runs get it: {parameter: {"value": …}}, nested ones in one value.
    `reason` says why a run is to stop, or why there is nothing more to do; `is_early`: its curve
    was judged, so that it ends well.
    """

    type: Literal["run", "resume", "stop", "exit"]
    run_id: str | None = None
    program: str | None = None
    args: dict[str, dict[str, Any]] | None = None
    reason: str | None = None
    is_early: bool = False


#: How a run of an agent ended, as the agent saw it.
Ending = Literal["finished", "failed", "stopped", "preempted"]


class AgentReport(msgspec.Struct, frozen=True, kw_only=True):
    """What an agent says of itself: the runs that it has at work, how others ended, and whether it
    would begin another. The official client says the first only."""

    running: frozenset[str] = frozenset()
    ended: dict[str, Ending] = {}
    wants_work: bool = True


class Beat(msgspec.Struct, frozen=True):
    """What became of a sign of life. `wants_trial`: the agent is idle and the sweep goes on."""

    commands: list[AgentCommand]
    wants_trial: bool = False
