"""`target:` of a metric: the search is over as soon as a run reaches it."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from steelyard.limits import SWEEP_AGENTS_MAX, SWEEP_TRIALS_MAX
from steelyard.search.expression import parse
from steelyard.search.problem import Metric, Problem
from steelyard.search.results import value_of
from steelyard.server.rooms.runs.json_text import parse_json_object
from steelyard.server.rooms.runs.of_sweeps import list_outcomes
from steelyard.server.rooms.sweeps.model import Sweep
from steelyard.server.rooms.sweeps.queries import list_trials_in
from steelyard.server.rooms.sweeps.tables import sweep_trials

#: A failed run has reached nothing, whatever it logged before.
_COUNTING = ("finished", "stopped")


def find_reached(conn: Connection, sweep: Sweep, problem: Problem) -> str | None:
    """Which run has reached the targets of all metrics that have one; None while none has.

    As with W&B, a run at work that reaches it ends the search, too; runs at work may end. Where
    several runs make one result (folds, seeds), and where a formula looks at all runs, only ended
    ones count. Source: wandb documentation, sweep configuration, `metric.target`.
    """
    if all(metric.target is None for metric in problem.metrics):
        return None
    found = _find_ended(conn, sweep, problem)
    if found is None and problem.cross_validation is None:
        found = _find_at_work(conn, sweep, problem)
    if found is None:
        return None
    run, values = found
    said = " and ".join(
        f"{metric.name} of {value:.6g} (target {metric.target:.6g})"
        for metric, value in zip(problem.metrics, values, strict=False)
        if metric.target is not None and value is not None
    )
    return f"the target is reached: the run {run} has {said}"


def is_reached(metric: Metric, value: float | None) -> bool:
    """Whether a value is as good as the target of its metric; where it has none, it is."""
    if metric.target is None:
        return True
    if value is None:
        return False
    return value >= metric.target if metric.goal == "maximize" else value <= metric.target


def _find_ended(
    conn: Connection, sweep: Sweep, problem: Problem
) -> tuple[str, list[float | None]] | None:
    if len(problem.metrics) == 1:
        [metric] = problem.metrics
        c = sweep_trials.c
        is_good = (
            c.value >= metric.target if metric.goal == "maximize" else c.value <= metric.target
        )
        row = conn.execute(
            sa.select(c.run_name, c.value)
            .where(c.sweep_id == sweep.id, is_good, c.state.in_(_COUNTING))
            .order_by(c.index)
            .limit(1)
        ).first()
        return None if row is None else (row.run_name, [row.value])
    for trial in list_trials_in(conn, sweep.id, _COUNTING, limit=SWEEP_TRIALS_MAX):
        values = [] if trial.results is None else trial.results.values
        if len(values) == len(problem.metrics) and all(map(is_reached, problem.metrics, values)):
            return trial.run_name, values
    return None


def _find_at_work(
    conn: Connection, sweep: Sweep, problem: Problem
) -> tuple[str, list[float | None]] | None:
    if any(
        m.expression and parse(m.expression, across_runs=True).across_runs for m in problem.metrics
    ):
        return None
    trials = list_trials_in(conn, sweep.id, ("running",), limit=SWEEP_AGENTS_MAX)
    outcomes = list_outcomes(conn, sweep.project_id, [trial.run_name for trial in trials])
    for trial in trials:
        run = outcomes.get(trial.run_name)
        if run is None or run.state == "failed":
            continue
        summary = parse_json_object(run.summary, "the summary of a run")
        values = [value_of(metric, summary) for metric in problem.metrics]
        if all(map(is_reached, problem.metrics, values)):
            return trial.run_name, values
    return None
