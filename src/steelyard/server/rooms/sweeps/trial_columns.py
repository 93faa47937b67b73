"""All trials of a sweep as columns: what its charts and its table of trials are drawn from.

One list per fact instead of one object per trial: a page of a thousand trials is a tenth of the
bytes, and a chart reads the two lists it needs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import msgspec

from steelyard.search.parameter import Parameter, is_number
from steelyard.search.problem import Goal, Problem
from steelyard.server.rooms.runs.fields import find_nested
from steelyard.server.rooms.runs.json_text import parse_json_object, without_nonfinite
from steelyard.server.rooms.runs.shown_runs import ShownRun
from steelyard.server.rooms.sweeps.model import Sweep, SweepTrial, TrialState
from steelyard.server.rooms.sweeps.shown_trials import ShownTrial, show_trials

AxisKind = Literal["number", "integer", "category", "constant"]
AxisScale = Literal["linear", "log"]
#: Distributions whose ends are far out in the tails: nobody wants to see all of that.
_UNBOUNDED = ("normal", "log_normal")


class ParameterColumn(msgspec.Struct, frozen=True, kw_only=True):
    """One parameter: what the configuration says of it, and its value in every trial."""

    name: str
    kind: AxisKind
    scale: AxisScale
    distribution: str | None
    """None: only an earlier version of the configuration had it."""
    low: float | None
    """The least value that may be suggested; None where nothing bounds it."""
    high: float | None
    values: list[Any]
    """Of a category: all it may be, in the order of the configuration."""
    cells: list[Any]
    """One per trial; null where the parameter does not exist."""


class MetricColumn(msgspec.Struct, frozen=True, kw_only=True):
    """One metric: its goal, and what every trial has of it."""

    name: str
    goal: Goal
    target: float | None
    expression: str | None
    cells: list[float | None]
    """The mean of several runs; null where a trial logged none, or only what is not finite."""
    spread: list[float | None] | None
    """Standard deviation over the runs of a trial; null where no trial has several."""


class TrialColumns(msgspec.Struct, frozen=True, kw_only=True):
    """Trials in the order of their suggestion. Every list has one entry for each of them."""

    config_version: int
    """Of the sweep: what `parameters` and `metrics` are taken from."""
    total: int
    next_cursor: str | None
    index: list[int]
    run: list[str]
    fold_runs: list[list[str]] | None
    """All runs of each trial, of folds and seeds; null where no trial has several."""
    display_name: list[str | None]
    """Of the run; null until there is one."""
    run_state: list[str | None]
    state: list[TrialState]
    attempts: list[int]
    trial_config_version: list[int]
    agent: list[str | None]
    kind: list[str]
    """What made the suggestion: grid, random, model, …"""
    reason: list[str]
    """Why this configuration."""
    expected_mean: list[float | None]
    expected_std: list[float | None]
    stop_reason: list[str | None]
    """Why it was stopped early."""
    duration_s: list[float | None]
    created_at_us: list[int]
    started_at_us: list[int | None]
    ended_at_us: list[int | None]
    parameters: list[ParameterColumn]
    metrics: list[MetricColumn]
    outcomes: dict[str, list[float | None]]
    """What constraints on outcomes and the cost name."""
    gpu_hours: list[float | None]
    tokens: list[float | None]
    usd: list[float | None]
    host: list[str | None]
    gpu: list[str | None]
    """The type of the GPU of the run."""
    slurm_job: list[str | None]
    slurm_task: list[str | None]


def columns_of(
    sweep: Sweep,
    problem: Problem,
    rows: Sequence[SweepTrial],
    runs: Mapping[str, ShownRun],
    agents: Mapping[int, tuple[str, str]],
    *,
    total: int,
    next_cursor: str | None,
) -> TrialColumns:
    """The trials as columns. `runs` by name, `agents` (name, host) by number."""
    trials = show_trials(problem, rows, runs)
    first = [trial.first for trial in trials]
    places = [_place_of(trial.run) for trial in trials]
    workers = [agents.get(row.agent_id or 0) for row in first]
    names = sorted({name for row in rows if row.results for name in row.results.outcomes})
    has_folds = any(len(trial.rows) > 1 for trial in trials)
    return TrialColumns(
        config_version=sweep.config_version,
        total=total,
        next_cursor=next_cursor,
        index=[row.index for row in first],
        run=[row.run_name for row in first],
        fold_runs=[[row.run_name for row in trial.rows] for trial in trials] if has_folds else None,
        display_name=[trial.run.display_name if trial.run else None for trial in trials],
        run_state=[trial.run.state if trial.run else None for trial in trials],
        state=[trial.state for trial in trials],
        attempts=[max(row.attempts for row in trial.rows) for trial in trials],
        trial_config_version=[row.config_version for row in first],
        agent=[agent[0] if agent else None for agent in workers],
        kind=[row.kind for row in first],
        reason=[row.reason for row in first],
        expected_mean=[_finite(row.mean) for row in first],
        expected_std=[_finite(row.std) for row in first],
        stop_reason=[trial.stop_reason for trial in trials],
        duration_s=[trial.seconds for trial in trials],
        created_at_us=[row.created_at_us for row in first],
        started_at_us=[trial.started_at_us for trial in trials],
        ended_at_us=[trial.ended_at_us for trial in trials],
        parameters=_parameter_columns(problem, [trial.config for trial in trials]),
        metrics=_metric_columns(problem, trials, has_folds=has_folds),
        outcomes={name: [trial.outcome(name) for trial in trials] for name in names},
        gpu_hours=[trial.costs["gpu_hours"] for trial in trials],
        tokens=[trial.costs["tokens"] for trial in trials],
        usd=[trial.costs["usd"] for trial in trials],
        host=[
            (trial.run.host if trial.run else None) or (agent[1] if agent else None) or None
            for trial, agent in zip(trials, workers, strict=True)
        ],
        gpu=[place.gpu for place in places],
        slurm_job=[place.slurm_job for place in places],
        slurm_task=[place.slurm_task for place in places],
    )


# ---- parameters


def _parameter_columns(
    problem: Problem, configs: Sequence[Mapping[str, Any]]
) -> list[ParameterColumn]:
    """Those of the configuration in its order, then those that only earlier versions of it had."""
    known = problem.space.by_name
    former = sorted({name for config in configs for name in config if name not in known})
    columns = []
    for name in [*sorted(known, key=_place_in(problem)), *former]:
        cells = [without_nonfinite(config.get(name)) for config in configs]
        parameter = known.get(name)
        if parameter is None:
            is_numbers = all(cell is None or is_number(cell) for cell in cells)
            kind: AxisKind = "number" if is_numbers else "category"
            scale: AxisScale = "linear"
            low, high, distribution = None, None, None
        else:
            kind, scale = kind_of(parameter), scale_of(parameter)
            low, high = range_of(parameter)
            distribution = parameter.distribution
        columns.append(
            ParameterColumn(
                name=name,
                kind=kind,
                scale=scale,
                distribution=distribution,
                low=low,
                high=high,
                values=without_nonfinite(list(parameter.values)) if parameter else [],
                cells=cells,
            )
        )
    return columns


def _place_in(problem: Problem) -> Callable[[str], tuple[int, str]]:
    """Key of the order in which people wrote the parameters; the space has its own."""
    written = problem.raw.get("parameters")
    places = {key: place for place, key in enumerate(written)} if written else {}
    by_name = problem.space.by_name
    return lambda name: (places.get(by_name[name].path[0], len(places)), name)


def kind_of(parameter: Parameter) -> AxisKind:
    """How values of a parameter are laid out on an axis."""
    if parameter.is_constant:
        return "constant"
    if parameter.is_categorical:
        return "category"
    return "integer" if parameter.is_integer else "number"


def scale_of(parameter: Parameter) -> AxisScale:
    """Logarithmic for a distribution that is, with a range that can be."""
    low, _ = range_of(parameter)
    is_log = "log_" in parameter.distribution
    return "log" if is_log and (low is None or low > 0) else "linear"


def range_of(parameter: Parameter) -> tuple[float | None, float | None]:
    """(least, greatest) value that may be suggested; None where it is no number or unbounded."""
    if parameter.is_constant or parameter.is_categorical:
        return None, None
    if parameter.distribution.removeprefix("q_") in _UNBOUNDED:
        return None, None
    ends = float(parameter.from_unit(0.0)), float(parameter.from_unit(1.0))
    return min(ends), max(ends)


# ---- metrics and the rest


def _metric_columns(
    problem: Problem, trials: Sequence[ShownTrial], *, has_folds: bool
) -> list[MetricColumn]:
    """What ended trials were judged by, and what those at work have logged so far."""
    return [
        MetricColumn(
            name=metric.name,
            goal=metric.goal,
            target=metric.target,
            expression=metric.expression,
            cells=[_finite(trial.values[place]) for trial in trials],
            spread=[_finite(trial.scores[place].std) if trial.scores else None for trial in trials]
            if has_folds
            else None,
        )
        for place, metric in enumerate(problem.metrics)
    ]


class _Place(msgspec.Struct, frozen=True):
    gpu: str | None = None
    slurm_job: str | None = None
    slurm_task: str | None = None


def _place_of(run: ShownRun | None) -> _Place:
    """Where a run ran, as its client told.

    wandb 0.31.0 core/internal/monitor/system.go: SLURM_ARRAY_JOB_ID becomes slurm.array_job_id.
    """
    if run is None or '"_wandb"' not in run.config:
        return _Place()
    config = parse_json_object(run.config, "the config of a run")
    told = find_nested(config, ("_wandb", "value", "e"))
    first = next(iter(told.values()), None) if isinstance(told, dict) else None
    if not isinstance(first, dict):
        return _Place()
    slurm = first.get("slurm")
    slurm = slurm if isinstance(slurm, dict) else {}
    return _Place(
        gpu=_text(first.get("gpu")),
        slurm_job=_text(slurm.get("array_job_id")) or _text(slurm.get("job_id")),
        slurm_task=_text(slurm.get("array_task_id")),
    )


def _text(value: Any) -> str | None:
    if isinstance(value, str):
        return value or None
    return str(value) if is_number(value) else None


def _finite(value: float | None) -> float | None:
    return value if value is not None and abs(value) != float("inf") and value == value else None
