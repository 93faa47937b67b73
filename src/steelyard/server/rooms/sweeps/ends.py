"""What is done when a sweep comes to its end, or is edited: values are brought up to date and the
end is written down."""

from __future__ import annotations

from typing import Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from steelyard.search.config import read_config
from steelyard.search.problem import Problem
from steelyard.server.rooms.sweeps.events import record_end
from steelyard.server.rooms.sweeps.model import Sweep
from steelyard.server.rooms.sweeps.scoring import reread_results, rescore
from steelyard.server.rooms.sweeps.tables import sweep_trials

EndKind = Literal["finished", "canceled"]


def note_end(
    conn: Connection,
    sweep: Sweep,
    kind: EndKind,
    *,
    reason: str | None,
    now_us: int,
) -> None:
    """Keep that the sweep has ended, with what it had by then. The sweep must be locked.

    Folds that will not be run any more decide about their configuration, too: only here the
    configuration is read once more, a few milliseconds.
    """
    c = sweep_trials.c
    several = sa.select(c.id).where(c.sweep_id == sweep.id, c.trial_index.is_not(None)).limit(1)
    if conn.execute(several).first() is not None:
        problem, _ = read_config(sweep.config)
        if problem is not None:
            rescore(conn, sweep, problem)
    record_end(conn, sweep.id, kind, reason=reason, now_us=now_us)


def follow_edit(conn: Connection, before: Sweep, after: Sweep, problem: Problem) -> None:
    """Trials that have ended are judged by what the configuration asks now."""
    old, _ = read_config(before.config)
    if old is None or _judged_by(old) != _judged_by(problem):
        reread_results(conn, after, problem)


def _judged_by(problem: Problem) -> tuple[object, ...]:
    limits = [constraint.text for constraint in problem.space.outcome_constraints]
    return problem.metrics, problem.cross_validation, limits
