"""What sweeps have reached: runs that no other beats, the volume below them, the best so far."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from steelyard.errors import Invalid
from steelyard.search.pareto import (
    HYPERVOLUME_METRICS_MAX,
    hypervolume_history,
    pareto_front,
    reference_point,
)
from steelyard.search.problem import Goal
from steelyard.server.rooms.sweeps.analysis import Analyses, Measured, SweepResults
from steelyard.server.rooms.sweeps.model import Sweep, SweepState

Row = list[float | None]


class FrontMetric(msgspec.Struct, frozen=True):
    """One of the metrics that are weighed against each other."""

    name: str
    goal: Goal


class FrontRun(msgspec.Struct, frozen=True):
    """A run that no other beats in every metric."""

    run: str
    index: int
    values: list[float]


class VolumeStep(msgspec.Struct, frozen=True):
    """The hypervolume after so many trials had ended; only where it grew, and at the end."""

    ended: int
    hypervolume: float


class ParetoAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The front of a sweep.

    Attributes:
        front: best first by the first metric.
        reference: where the volume is measured from, one value for each metric: the worst value of
            all runs and a tenth of the range beyond. None without runs.
        runs: that have every metric and count; lacking: those without one of the metrics;
            infeasible: those that broke a constraint on outcomes.
        metrics_known: what else can be asked for.
    """

    metrics: list[FrontMetric]
    front: list[FrontRun]
    reference: list[float] | None
    hypervolume: float
    history: list[VolumeStep]
    runs: int
    lacking: int
    infeasible: int
    metrics_known: list[FrontMetric]


class BestStep(msgspec.Struct, frozen=True):
    """A new best, and what it had taken until then."""

    ended: int
    hours: float
    """Since the first trial began."""
    run_hours: float
    """Of all runs together."""
    value: float
    run: str


class ComparedSweep(msgspec.Struct, frozen=True, kw_only=True):
    """One sweep beside others. `best` holds every new best, and the last one again at the end."""

    name: str
    display_name: str | None
    method: str
    state: SweepState
    missing: list[str]
    """Metrics that it does not have: it has no front then."""
    ended: int
    hours: float
    run_hours: float
    best: list[BestStep]
    front: list[FrontRun]
    hypervolume: float
    history: list[VolumeStep]


class ComparisonAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Several sweeps, measured from one reference point."""

    metrics: list[FrontMetric]
    reference: list[float] | None
    sweeps: list[ComparedSweep]
    metrics_known: list[FrontMetric]
    """What can be asked for: everything that one of the sweeps has."""


def find_front(
    analyses: Analyses,
    sweep: Sweep,
    names: Sequence[str],
    goals: Sequence[Goal],
    *,
    feasible_only: bool,
) -> ParetoAnswer:
    """The front of a sweep by two or three of its metrics; blocking.

    Args:
        names: its own metrics, the first three at most, where none are given.
        goals: one for each name; those of the configuration where none are given.
    Raises Invalid for a metric that it does not have, or too many.
    """
    version = analyses.version_of(sweep)
    results = analyses.results_at(sweep, version)
    metrics = choose_metrics([results], names, goals)
    key = (sweep.id, version, "front", tuple(metrics), feasible_only)
    return analyses.keep(key, lambda: compute_front(results, metrics, feasible_only=feasible_only))


def compute_front(
    results: SweepResults, metrics: Sequence[FrontMetric], *, feasible_only: bool
) -> ParetoAnswer:
    kept = [trial for trial in results.trials if trial.is_feasible or not feasible_only]
    rows = rows_of(kept, metrics)
    goals = [metric.goal for metric in metrics]
    reference = reference_point(rows, goals)
    history = volume_steps(rows, goals, reference)
    whole = sum(None not in row for row in rows)
    return ParetoAnswer(
        metrics=list(metrics),
        front=front_runs(kept, rows, metrics),
        reference=reference,
        hypervolume=history[-1].hypervolume if history else 0.0,
        history=history,
        runs=whole,
        lacking=len(kept) - whole,
        infeasible=len(results.trials) - len(kept),
        metrics_known=[FrontMetric(name, goal) for name, goal in results.goals.items()],
    )


def compare_sweeps(
    analyses: Analyses, sweeps: Sequence[Sweep], names: Sequence[str], goals: Sequence[Goal]
) -> ComparisonAnswer:
    """Sweeps beside each other, by the metrics of the first one where none are given; blocking.

    Raises Invalid for a metric that no sweep has, or too many.
    """
    found = [analyses.results(sweep) for sweep in sweeps]
    metrics = choose_metrics(found, names, goals)
    wanted = [metric.goal for metric in metrics]
    kept = [[trial for trial in results.trials if trial.is_feasible] for results in found]
    rows = [rows_of(trials, metrics) for trials in kept]
    reference = reference_point([row for some in rows for row in some], wanted)
    known: dict[str, Goal] = {}
    for results in found:
        known = results.goals | known
    return ComparisonAnswer(
        metrics=metrics,
        reference=reference,
        sweeps=[
            compared(results, trials, some, metrics, reference)
            for results, trials, some in zip(found, kept, rows, strict=True)
        ],
        metrics_known=[FrontMetric(name, goal) for name, goal in known.items()],
    )


def compared(
    results: SweepResults,
    trials: Sequence[Measured],
    rows: Sequence[Row],
    metrics: Sequence[FrontMetric],
    reference: Sequence[float] | None,
) -> ComparedSweep:
    sweep = results.sweep
    best = best_steps(results.trials, metrics[0])
    history = volume_steps(rows, [metric.goal for metric in metrics], reference)
    return ComparedSweep(
        name=sweep.name,
        display_name=sweep.display_name or results.problem.name,
        method=sweep.method,
        state=sweep.state,
        missing=[metric.name for metric in metrics if metric.name not in results.goals],
        ended=len(results.trials),
        hours=best[-1].hours if best else 0.0,
        run_hours=best[-1].run_hours if best else 0.0,
        best=best,
        front=front_runs(trials, rows, metrics),
        hypervolume=history[-1].hypervolume if history else 0.0,
        history=history,
    )


def choose_metrics(
    found: Sequence[SweepResults], names: Sequence[str], goals: Sequence[Goal]
) -> list[FrontMetric]:
    """The metrics that are asked for with their goals. Raises Invalid."""
    if not names:
        if goals:
            raise Invalid("goals were given without metrics; give one `goal` for each `metric`")
        names = [metric.name for metric in found[0].problem.metrics[:HYPERVOLUME_METRICS_MAX]]
        if not names:
            raise Invalid(f"{found[0].sweep.path} has no metric; say which ones with `metric=`")
    if len(names) > HYPERVOLUME_METRICS_MAX:
        raise Invalid(f"choose up to {HYPERVOLUME_METRICS_MAX} metrics, not {len(names)}")
    if len(set(names)) < len(names):
        raise Invalid(f"a metric was given twice: {', '.join(names)}")
    if goals and len(goals) != len(names):
        raise Invalid(f"there are {len(names)} metrics and {len(goals)} goals; give one for each")
    if goals:
        known = {name for results in found for name in results.goals}
        for name in names:
            if name not in known:
                found[0].goal_of(name)
        return [FrontMetric(name, goal) for name, goal in zip(names, goals, strict=True)]
    return [FrontMetric(name, goal_in(found, name)) for name in names]


def goal_in(found: Sequence[SweepResults], name: str) -> Goal:
    """The goal of a metric in the first of the sweeps that has it."""
    holder = next((results for results in found if name in results.goals), found[0])
    return holder.goal_of(name)


def rows_of(trials: Sequence[Measured], metrics: Sequence[FrontMetric]) -> list[Row]:
    return [[trial.values.get(metric.name) for metric in metrics] for trial in trials]


def front_runs(
    trials: Sequence[Measured], rows: Sequence[Row], metrics: Sequence[FrontMetric]
) -> list[FrontRun]:
    places = pareto_front(rows, [metric.goal for metric in metrics])
    runs = [
        FrontRun(
            trials[place].run,
            trials[place].index,
            [value for value in rows[place] if value is not None],
        )
        for place in places
    ]
    sign = -1.0 if metrics[0].goal == "maximize" else 1.0
    return sorted(runs, key=lambda each: (sign * each.values[0], each.index))


def volume_steps(
    rows: Sequence[Row], goals: Sequence[Goal], reference: Sequence[float] | None
) -> list[VolumeStep]:
    """Where the hypervolume grew, and the end."""
    if reference is None:
        return []
    volumes = hypervolume_history(rows, goals, reference)
    steps = []
    before = 0.0
    for ended, volume in enumerate(volumes, start=1):
        if volume > before or ended == len(volumes):
            steps.append(VolumeStep(ended, volume))
        before = volume
    return steps


def best_steps(trials: Sequence[Measured], metric: FrontMetric) -> list[BestStep]:
    """Every new best of a metric among feasible trials, and the last one again at the end."""
    began_us = min((trial.started_at_us for trial in trials), default=0)
    sign = -1.0 if metric.goal == "maximize" else 1.0
    steps: list[BestStep] = []
    run_us = 0
    for ended, trial in enumerate(trials, start=1):
        run_us += max(0, trial.ended_at_us - trial.started_at_us)
        value = trial.values.get(metric.name)
        hours, run_hours = (trial.ended_at_us - began_us) / 3.6e9, run_us / 3.6e9
        is_better = (
            value is not None
            and trial.is_feasible
            and (not steps or sign * value < sign * steps[-1].value)
        )
        if is_better and value is not None:
            steps.append(BestStep(ended, hours, run_hours, value, trial.run))
        elif ended == len(trials) and steps:
            last = steps[-1]
            steps.append(BestStep(ended, hours, run_hours, last.value, last.run))
    return steps
