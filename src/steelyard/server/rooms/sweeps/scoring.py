"""What trials are worth: formulas over all runs, folds and seeds together, and the best of them.

A trial is the runs of one configuration. The row of its first run holds its `value`, what it is
ranked by, and its `score`, the statistics of its runs. A formula with zscore compares all runs, so
a run that ends may change the values of all others.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from steelyard.limits import SWEEP_TRIALS_MAX
from steelyard.search.composite import compose
from steelyard.search.crossval import Aggregate, FoldResult, aggregate
from steelyard.search.expression import parse
from steelyard.search.objective import logged_names
from steelyard.search.problem import CrossValidation, Metric, Problem
from steelyard.search.trials import TrialState
from steelyard.server.rooms.runs.of_sweeps import list_outcomes
from steelyard.server.rooms.sweeps.model import ENDED, Sweep, SweepTrial, TrialResults
from steelyard.server.rooms.sweeps.overlay import Overlay, objective, overlay_of
from steelyard.server.rooms.sweeps.queries import list_trials
from steelyard.server.rooms.sweeps.results import SEARCH_STATES, is_across_runs, results_of
from steelyard.server.rooms.sweeps.tables import sweep_trials

Values = tuple[float | None, ...]


def is_plain(problem: Problem, overlay: Overlay) -> bool:
    """Whether the value of a trial is what its one run logged, whatever other runs did."""
    metrics = objective(problem, overlay)
    return (
        problem.cross_validation is None
        and not problem.space.outcome_constraints
        and metrics == problem.metrics
        and not any(is_across_runs(metric) for metric in metrics)
    )


def needed_names(problem: Problem, overlay: Overlay) -> frozenset[str]:
    """What of a run's summary is kept with its results, for formulas over all runs."""
    return logged_names(problem.metrics) | logged_names(objective(problem, overlay))


# ---- values


def values_of_runs(
    problem: Problem, metrics: Sequence[Metric], results: Sequence[TrialResults | None]
) -> list[Values]:
    """One value per metric for each run; None where it has none. `problem` wrote the results."""
    places = {metric.name: at for at, metric in enumerate(problem.metrics)}
    columns: list[list[float | None]] = []
    for metric in metrics:
        if metric in problem.metrics and not is_across_runs(metric):
            columns.append([_logged(each, places[metric.name]) for each in results])
            continue
        assert metric.expression is not None, metric.name
        rows: list[Mapping[str, Any]] = [{} if each is None else each.parts for each in results]
        found = compose(parse(metric.expression, across_runs=True), rows).values
        columns.append([float(value) if math.isfinite(value) else None for value in found])
    return [tuple(column[at] for column in columns) for at in range(len(results))]


def _logged(results: TrialResults | None, at: int) -> float | None:
    return results.values[at] if results is not None and at < len(results.values) else None


# ---- trials


def group_trials(rows: Sequence[SweepTrial]) -> list[list[int]]:
    """Places in `rows` of the runs of each configuration, in the order of suggestion."""
    groups: dict[int, list[int]] = {}
    for place, row in enumerate(rows):
        groups.setdefault(row.index if row.trial_index is None else row.trial_index, []).append(
            place
        )
    return list(groups.values())


def judge_together(
    rule: CrossValidation | None,
    metrics: Sequence[Metric],
    runs: Sequence[tuple[TrialState, Values]],
) -> list[Aggregate]:
    """What the runs of one configuration say together, metric by metric."""
    rule = rule or CrossValidation()
    each = msgspec.structs.replace(rule, folds=len(runs), seeds=())
    return [
        aggregate(
            each,
            metric.goal,
            [FoldResult(state=state, value=values[at]) for state, values in runs],
        )
        for at, metric in enumerate(metrics)
    ]


class Scored(msgspec.Struct, frozen=True):
    """A trial: its rows, first one first, and what they say together, metric by metric."""

    rows: list[SweepTrial]
    scores: list[Aggregate]

    @property
    def value(self) -> float | None:
        """What it is ranked by; None while it is under way, and where it is not accepted."""
        if not self.scores or not self.scores[0].accepted:
            return None
        return self.scores[0].objective


def score_trials(
    problem: Problem, metrics: Sequence[Metric], rows: Sequence[SweepTrial]
) -> list[Scored]:
    """All trials of a sweep with what they are worth by `metrics`, in the order of suggestion."""
    values = values_of_runs(problem, metrics, [row.results for row in rows])
    found = []
    for group in group_trials(rows):
        runs = [(SEARCH_STATES[rows[at].state], values[at]) for at in group]
        scores = judge_together(problem.cross_validation, metrics, runs)
        found.append(Scored([rows[at] for at in group], scores))
    return found


def breaks_outcome(problem: Problem, rows: Sequence[SweepTrial]) -> bool:
    """Whether the runs of a trial, on average, break a constraint on outcomes."""
    known = {**rows[0].config, **mean_outcomes(rows)}
    return any(c.expression.holds(known) is False for c in problem.space.outcome_constraints)


def mean_outcomes(rows: Sequence[SweepTrial]) -> dict[str, float]:
    """Outcomes of the runs of a trial: the mean of those that have each."""
    found: dict[str, list[float]] = {}
    for row in rows:
        for name, value in (row.results.outcomes if row.results else {}).items():
            found.setdefault(name, []).append(value)
    return {name: statistics.mean(values) for name, values in found.items()}


# ---- writing them down


def rescore(conn: Connection, sweep: Sweep, problem: Problem) -> None:
    """Write anew what every trial is worth. The sweep must be locked. Idempotent.

    Cost: one read of all trials, and one statement for all that have changed.
    """
    rows = list_trials(conn, sweep.id, limit=SWEEP_TRIALS_MAX)
    overlay = overlay_of(sweep)
    changes: dict[int, dict[str, Any]] = {}
    for scored in score_trials(problem, objective(problem, overlay), rows):
        first = scored.rows[0]
        value = None if breaks_outcome(problem, scored.rows) else scored.value
        score = scored.scores[0] if scored.scores and len(scored.rows) > 1 else None
        if (first.value, first.score) != (value, score):
            changes[first.id] = {"value": value, "score": score, "results": first.results}
    if any(map(is_across_runs, problem.metrics)):
        _add_values(problem, rows, changes)
    _write(conn, changes)


def _add_values(
    problem: Problem, rows: Sequence[SweepTrial], changes: dict[int, dict[str, Any]]
) -> None:
    """The values of each run by formulas that compare runs."""
    values = values_of_runs(problem, problem.metrics, [row.results for row in rows])
    for row, mine in zip(rows, values, strict=True):
        if row.results is not None and row.state in ENDED and row.results.values != list(mine):
            kept = changes.setdefault(row.id, {"value": row.value, "score": row.score})
            kept["results"] = msgspec.structs.replace(row.results, values=list(mine))


def _write(conn: Connection, changes: Mapping[int, Mapping[str, Any]]) -> None:
    if not changes:
        return
    c = sweep_trials.c
    statement = (
        sa.update(sweep_trials)
        .where(c.id == sa.bindparam("of_id"))
        .values(
            value=sa.bindparam("new_value"),
            score=sa.bindparam("new_score"),
            results=sa.bindparam("new_results"),
        )
    )
    rows = [
        {
            "of_id": row_id,
            "new_value": change["value"],
            "new_score": _as_text(change["score"]),
            "new_results": _as_text(change["results"]),
        }
        for row_id, change in sorted(changes.items())
    ]
    conn.execute(statement, rows)


def _as_text(value: msgspec.Struct | None) -> str | None:
    return None if value is None else msgspec.json.encode(value).decode()


def reread_results(conn: Connection, sweep: Sweep, problem: Problem) -> None:
    """Take from the summaries of all ended runs what formulas need now, and rescore.

    For another weighting, or a configuration with other metrics. The sweep must be locked.
    """
    rows = [
        row for row in list_trials(conn, sweep.id, limit=SWEEP_TRIALS_MAX) if row.state in ENDED
    ]
    names = needed_names(problem, overlay_of(sweep))
    outcomes = list_outcomes(conn, sweep.project_id, [row.run_name for row in rows])
    changes = {}
    for row in rows:
        run = outcomes.get(row.run_name)
        if run is None or row.results is None:
            continue
        again = results_of(problem, run, parts=names)
        results = msgspec.structs.replace(again, seconds=row.results.seconds)
        if results != row.results:
            changes[row.id] = {"value": row.value, "score": row.score, "results": results}
    _write(conn, changes)
    rescore(conn, sweep, problem)
