"""Sweeps as a list shows them: how far each is and the best it has, for a page of them at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from steelyard.errors import Invalid
from steelyard.search.problem import Goal, Problem
from steelyard.server.rooms.sweeps.configuration import Problems, run_limit
from steelyard.server.rooms.sweeps.model import Sweep
from steelyard.server.rooms.sweeps.tables import sweep_trials


class SweepProgress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a sweep is."""

    config_name: str | None
    """`name:` of the configuration."""
    metric: str | None
    """What the search goes by; None where the configuration names none."""
    goal: Goal | None
    best: float | None
    """Of the trials that have ended."""
    trial_counts: dict[str, int]
    """State of trials to how many are in it."""
    run_limit: int | None
    """How many configurations `run_cap` or the budget allows."""
    budget: dict[str, float]
    """What the configuration limits: runs, hours, gpu_hours, usd."""


def progress_of(
    conn: Connection, problems: Problems, sweeps: Sequence[Sweep]
) -> list[SweepProgress]:
    """One for each, in two statements however many they are."""
    ids = [sweep.id for sweep in sweeps]
    c = sweep_trials.c
    counts: dict[int, dict[str, int]] = {}
    counted: sa.Select[Any] = (
        sa.select(c.sweep_id, c.state, sa.func.count())
        .where(c.sweep_id.in_(ids))
        .group_by(c.sweep_id, c.state)
    )
    for sweep_id, state, count in conn.execute(counted):
        counts.setdefault(sweep_id, {})[state] = int(count)
    ends: sa.Select[Any] = (
        sa.select(c.sweep_id, sa.func.min(c.value), sa.func.max(c.value))
        .where(c.sweep_id.in_(ids), c.value.is_not(None))
        .group_by(c.sweep_id)
    )
    values = {sweep_id: (low, high) for sweep_id, low, high in conn.execute(ends)}
    return [
        _progress(_find_problem(problems, sweep), counts.get(sweep.id, {}), values.get(sweep.id))
        for sweep in sweeps
    ]


def count_suggestions(conn: Connection, sweep: Sweep) -> int:
    """How many configurations were suggested: of folds and seeds only the first row counts."""
    c = sweep_trials.c
    counted: sa.Select[Any] = sa.select(sa.func.count()).where(
        c.sweep_id == sweep.id, sa.or_(c.trial_index.is_(None), c.trial_index == c.index)
    )
    return int(conn.execute(counted).scalar_one())


def _find_problem(problems: Problems, sweep: Sweep) -> Problem | None:
    """None for a configuration that only an earlier version of the server could read: the list of
    the others must not end with it."""
    try:
        return problems.get(sweep)
    except Invalid:
        return None


def _progress(
    problem: Problem | None, counts: dict[str, int], ends: tuple[float, float] | None
) -> SweepProgress:
    metric = problem.metrics[0] if problem and problem.metrics else None
    best = None
    if metric is not None and ends is not None:
        best = ends[1] if metric.goal == "maximize" else ends[0]
    limits = msgspec.structs.asdict(problem.budget) if problem and problem.budget else {}
    return SweepProgress(
        config_name=problem.name if problem else None,
        metric=metric.name if metric else None,
        goal=metric.goal if metric else None,
        best=best,
        trial_counts=counts,
        run_limit=run_limit(problem) if problem else None,
        budget={name: limit for name, limit in limits.items() if limit is not None},
    )
