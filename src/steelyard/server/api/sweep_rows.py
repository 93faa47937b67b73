"""Sweeps as our API shows them: a row of a list, one in full, its trials, agents and commands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec
from sqlalchemy.engine import Connection

from steelyard.search.crossval import Aggregate
from steelyard.search.problem import Metric, Problem
from steelyard.server.rooms.runs.of_sweeps import count_runs_of_sweeps
from steelyard.server.rooms.sweeps.configuration import run_limit
from steelyard.server.rooms.sweeps.model import (
    AgentState,
    Sweep,
    SweepAgent,
    SweepState,
    SweepTrial,
    TrialState,
)
from steelyard.server.rooms.sweeps.overlay import objective, overlay_of, phase_of
from steelyard.server.rooms.sweeps.queries import best_values, count_agents, count_trials


class SweepRow(msgspec.Struct, frozen=True, kw_only=True):
    """One sweep in a list. Times are microseconds UTC; `name` is what clients call its id."""

    name: str
    display_name: str | None
    """As somebody called it; None: show what the configuration says, or `name`."""
    description: str | None
    state: SweepState
    method: str
    config_version: int
    username: str | None
    trial_count: int
    run_count_expected: int | None
    exhausted_reason: str | None
    """Why there is nothing left to suggest; None while there is."""
    created_at_us: int
    updated_at_us: int
    finished_at_us: int | None
    entity: str
    project: str


class SweepMetric(msgspec.Struct, frozen=True):
    """What is made small or large, and the best that an ended run has (of the first one)."""

    name: str
    goal: Literal["minimize", "maximize"]
    target: float | None
    best: float | None = None


class SweepDetail(SweepRow, frozen=True, kw_only=True):
    """One sweep in full."""

    config: str
    """YAML, as it was sent."""
    config_name: str | None
    """`name:` of the configuration."""
    program: str | None
    metrics: list[SweepMetric]
    objective: SweepMetric | None
    """What trials are ranked by: the first of the metrics, or one number of several."""
    formula: str | None
    """How the objective is computed from what runs log, where it is computed."""
    weighting: str | None
    """The named weighting that the search follows."""
    phase: str | None
    """The phase it is in, by name."""
    run_limit: int | None
    """How many runs `run_cap` or the budget allows; a fold is one."""
    is_local: bool
    """A controller of the client chooses the configurations."""
    seed: int
    prior_runs: list[str]
    run_count: int
    agent_count: int
    trial_counts: dict[str, int]
    """State of trials to how many are in it."""
    warnings: list[str]
    """What is odd about the configuration; not in the answer to a change of something else."""


class SweepConfigRow(msgspec.Struct, frozen=True):
    """A configuration that the sweep had."""

    version: int
    config: str
    username: str | None
    created_at_us: int


class TrialScore(Aggregate, frozen=True, kw_only=True):
    """What the runs of one trial say together: under a name that nothing of tables has."""


class TrialRow(msgspec.Struct, frozen=True, kw_only=True):
    """One configuration that was suggested, and what became of it."""

    index: int
    trial_index: int
    """Of the first run of the same configuration; `index` where it is the only one."""
    phase: int | None
    parent_index: int | None
    """The trial of an earlier phase that it repeats."""
    run: str
    earlier_runs: list[str]
    """Runs of the same configuration that were lost."""
    config: dict[str, Any]
    """By the dotted names of the parameters."""
    config_version: int
    state: TrialState
    attempts: int
    agent: str | None
    lease_until_us: int | None
    kind: str
    reason: str
    """Why this configuration."""
    expected_mean: float | None
    expected_std: float | None
    stop_reason: str | None
    values: list[float | None]
    """One per metric, once it has ended; null where it logged none."""
    value: float | None
    """What the trial is ranked by; on its first run, once all have ended."""
    score: TrialScore | None
    """What folds and seeds say together, on the first of them: mean and std so far."""
    warnings: list[str]
    """Why a formula has no value."""
    outcomes: dict[str, float]
    duration_s: float | None
    created_at_us: int
    started_at_us: int | None
    ended_at_us: int | None


class AgentRow(msgspec.Struct, frozen=True, kw_only=True):
    """A process that runs trials."""

    name: str
    host: str
    state: AgentState
    run_count: int
    created_at_us: int
    heartbeat_at_us: int


def row_of_sweep(sweep: Sweep) -> SweepRow:
    return SweepRow(**_row_fields(sweep))


def detail_of_sweep(
    conn: Connection, sweep: Sweep, problem: Problem, *, warnings: list[str] | None = None
) -> SweepDetail:
    """The sweep in full, with counts as they are now."""
    least, greatest = best_values(conn, sweep.id)
    overlay = overlay_of(sweep)
    ranked_by = next(iter(objective(problem, overlay)), None)
    phase = phase_of(problem, overlay)

    def show(metric: Metric) -> SweepMetric:
        best = greatest if metric.goal == "maximize" else least
        return SweepMetric(
            metric.name, metric.goal, metric.target, best if metric == ranked_by else None
        )

    runs = count_runs_of_sweeps(conn, sweep.project_id, [sweep.name])
    return SweepDetail(
        **_row_fields(sweep),
        config=sweep.config,
        config_name=problem.name,
        program=problem.program,
        metrics=[show(metric) for metric in problem.metrics],
        objective=None if ranked_by is None else show(ranked_by),
        formula=None if ranked_by is None else ranked_by.expression,
        weighting=None if overlay.weighting is None else overlay.weighting.name,
        phase=None if phase is None else phase.name,
        run_limit=run_limit(problem),
        is_local=sweep.is_local,
        seed=sweep.seed,
        prior_runs=sweep.prior_runs,
        run_count=runs.get(sweep.name, 0),
        agent_count=count_agents(conn, sweep.id),
        trial_counts=count_trials(conn, sweep.id),
        warnings=warnings or [],
    )


def row_of_trial(trial: SweepTrial, agents: Mapping[int, str]) -> TrialRow:
    """The trial; `agents` has the names of agents by number."""
    results = trial.results
    return TrialRow(
        index=trial.index,
        trial_index=trial.index if trial.trial_index is None else trial.trial_index,
        phase=trial.phase,
        parent_index=trial.parent_index,
        run=trial.run_name,
        earlier_runs=trial.earlier_runs,
        config=trial.config,
        config_version=trial.config_version,
        state=trial.state,
        attempts=trial.attempts,
        agent=None if trial.agent_id is None else agents.get(trial.agent_id),
        lease_until_us=trial.lease_until_us,
        kind=trial.kind,
        reason=trial.reason,
        expected_mean=trial.mean,
        expected_std=trial.std,
        stop_reason=trial.stop_reason,
        values=[] if results is None else results.values,
        value=trial.value,
        score=TrialScore(**msgspec.structs.asdict(trial.score)) if trial.score else None,
        warnings=[] if results is None else results.warnings,
        outcomes={} if results is None else results.outcomes,
        duration_s=None if results is None else results.seconds,
        created_at_us=trial.created_at_us,
        started_at_us=trial.started_at_us,
        ended_at_us=trial.ended_at_us,
    )


def row_of_agent(agent: SweepAgent, *, now_us: int) -> AgentRow:
    return AgentRow(
        name=agent.name,
        host=agent.host,
        state=agent.state_at(now_us),
        run_count=agent.run_count,
        created_at_us=agent.created_at_us,
        heartbeat_at_us=agent.heartbeat_at_us,
    )


def _row_fields(sweep: Sweep) -> dict[str, Any]:
    names = SweepRow.__struct_fields__
    return {name: getattr(sweep, name) for name in names}
