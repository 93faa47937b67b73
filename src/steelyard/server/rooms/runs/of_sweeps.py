"""What a sweep asks of its runs: how they do, and what they brought."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from steelyard.limits import SQL_LIST_ITEMS_MAX
from steelyard.server.rooms.runs.model import ENDED_STATES, Run
from steelyard.server.rooms.runs.queries import run_from_row, select_runs
from steelyard.server.rooms.runs.tables import runs


class RunOutcome(msgspec.Struct, frozen=True):
    """The part of a run that its sweep looks at. `config` and `summary` are JSON texts."""

    id: int
    name: str
    state: str
    stop_requested: bool
    created_at_us: int
    heartbeat_at_us: int
    finished_at_us: int | None
    config: str
    summary: str

    @property
    def has_ended(self) -> bool:
        return self.state in ENDED_STATES


_OUTCOME = sa.select(*(runs.c[name] for name in RunOutcome.__struct_fields__))


def list_outcomes(conn: Connection, project_id: int, names: Sequence[str]) -> dict[str, RunOutcome]:
    """Name to outcome of those of the named runs that exist."""
    found: dict[str, RunOutcome] = {}
    for start in range(0, len(names), SQL_LIST_ITEMS_MAX):
        some = list(names[start : start + SQL_LIST_ITEMS_MAX])
        where = sa.and_(runs.c.project_id == project_id, runs.c.name.in_(some))
        for row in conn.execute(_OUTCOME.where(where)):
            found[row.name] = RunOutcome(**row._mapping)
    return found


def list_outcomes_of_sweep(
    conn: Connection, project_id: int, sweep: str, *, limit: int
) -> list[RunOutcome]:
    """Outcomes of the first `limit` runs of a sweep, however they came into it."""
    where = sa.and_(runs.c.project_id == project_id, runs.c.sweep == sweep)
    rows = conn.execute(_OUTCOME.where(where).order_by(runs.c.id).limit(limit))
    return [RunOutcome(**row._mapping) for row in rows]


def list_runs_of_sweep(
    conn: Connection, project_id: int, sweep: str, *, limit: int, after_id: int = 0
) -> list[Run]:
    """Runs of a sweep in the order they came, those after `after_id`."""
    chosen = (
        select_runs()
        .where(runs.c.project_id == project_id, runs.c.sweep == sweep, runs.c.id > after_id)
        .order_by(runs.c.id)
        .limit(limit)
    )
    return [run_from_row(row) for row in conn.execute(chosen)]


def count_runs_of_sweeps(
    conn: Connection, project_id: int, sweeps: Sequence[str]
) -> dict[str, int]:
    """Sweep to number of its runs; those without any are absent."""
    counted: sa.Select[Any] = (
        sa.select(runs.c.sweep, sa.func.count())
        .where(runs.c.project_id == project_id, runs.c.sweep.in_(sweeps))
        .group_by(runs.c.sweep)
    )
    return {sweep: int(count) for sweep, count in conn.execute(counted)}
