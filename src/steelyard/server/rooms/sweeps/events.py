"""What happened to a sweep as a whole, written down once, for people and for what acts on it.

finished, canceled: the sweep has ended; the record has the best of it as it was then.
phase_began, phase_waits, phase_refused: of a sweep in phases. weighting: the search follows other
weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from steelyard.search.problem import Goal
from steelyard.server.db.dialect import insert
from steelyard.server.rooms.runs.json_text import dump_json, parse_json_object
from steelyard.server.rooms.sweeps.tables import sweep_events, sweep_trials

EventKind = Literal[
    "finished", "canceled", "phase_began", "phase_waits", "phase_refused", "weighting"
]


class SweepEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One event. `details` says more, by kind; see `record_end` for the end of a sweep."""

    id: int
    kind: EventKind
    details: dict[str, Any]
    created_at_us: int

    def best(self, goal: Goal) -> dict[str, Any] | None:
        """The best trial as of the end of the sweep: {"index", "run", "value"}."""
        found: dict[str, Any] | None = self.details.get(
            "greatest" if goal == "maximize" else "least"
        )
        return found


def record_event(
    conn: Connection, sweep_id: int, kind: EventKind, details: Mapping[str, Any], *, now_us: int
) -> None:
    """Write an event down."""
    conn.execute(
        insert(conn, sweep_events).values(
            sweep_id=sweep_id, kind=kind, details=dump_json(dict(details)), created_at_us=now_us
        )
    )


def record_end(
    conn: Connection,
    sweep_id: int,
    kind: Literal["finished", "canceled"],
    *,
    reason: str | None,
    now_us: int,
) -> None:
    """The sweep has ended, and what it had by then.

    Both ends of the values are kept, because which is best is for the configuration to say.
    """
    c = sweep_trials.c
    counted = sa.select(sa.func.count()).where(c.sweep_id == sweep_id)
    details: dict[str, Any] = {
        "reason": reason,
        "runs": int(conn.execute(counted).scalar_one()),
        "least": _extreme(conn, sweep_id, c.value.asc()),
        "greatest": _extreme(conn, sweep_id, c.value.desc()),
    }
    record_event(conn, sweep_id, kind, details, now_us=now_us)


def _extreme(
    conn: Connection, sweep_id: int, order: sa.UnaryExpression[Any]
) -> dict[str, Any] | None:
    c = sweep_trials.c
    row = conn.execute(
        sa.select(c.index, c.run_name, c.value)
        .where(c.sweep_id == sweep_id, c.value.is_not(None))
        .order_by(order)
        .limit(1)
    ).first()
    return None if row is None else {"index": row.index, "run": row.run_name, "value": row.value}


def list_events(
    conn: Connection, sweep_id: int, *, limit: int, after_id: int = 0
) -> list[SweepEvent]:
    """Events of a sweep, oldest first, those after `after_id`."""
    c = sweep_events.c
    rows = conn.execute(
        sa.select(c.id, c.kind, c.details, c.created_at_us)
        .where(c.sweep_id == sweep_id, c.id > after_id)
        .order_by(c.id)
        .limit(limit)
    )
    return [
        SweepEvent(
            id=row.id,
            kind=row.kind,
            details=parse_json_object(row.details, "the details of an event"),
            created_at_us=row.created_at_us,
        )
        for row in rows
    ]
