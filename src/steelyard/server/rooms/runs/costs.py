"""What is kept of the costs of runs. Sums and lists; what a run costs is decided in `costs`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from steelyard.limits import SQL_LIST_ITEMS_MAX
from steelyard.server.db.dialect import insert
from steelyard.server.rooms.runs.model import ENDED_STATES
from steelyard.server.rooms.runs.tables import run_costs, runs


class CostTotals(msgspec.Struct, frozen=True, kw_only=True):
    """Of some runs that have ended: how many, and what they cost together."""

    count: int = 0
    seconds: float = 0.0
    gpu_hours: float = 0.0
    usd: float = 0.0
    priced_count: int = 0
    """How many of them have a price; `usd` is theirs."""


class RunCost(msgspec.Struct, frozen=True, kw_only=True):
    """What one run has cost, as of when somebody last looked."""

    run_id: int
    name: str
    state: str
    created_at_us: int
    heartbeat_at_us: int
    seconds: float
    seconds_before: float
    since_us: int
    gpu_count: int
    gpu_hours: float
    usd: float | None
    written: str
    """JSON {key: values that the server put into the summary}; see `run_costs`."""

    @property
    def has_ended(self) -> bool:
        return self.state in ENDED_STATES

    @property
    def has_own_gpu_hours(self) -> bool:
        """The script logs them itself."""
        return '"cost.gpu_hours"' not in self.written

    @property
    def has_own_usd(self) -> bool:
        return '"cost.usd"' not in self.written


_SUMS = (
    sa.func.count().label("count"),
    sa.func.coalesce(sa.func.sum(run_costs.c.seconds), 0.0).label("seconds"),
    sa.func.coalesce(sa.func.sum(run_costs.c.gpu_hours), 0.0).label("gpu_hours"),
    sa.func.coalesce(sa.func.sum(run_costs.c.usd), 0.0).label("usd"),
    sa.func.count(run_costs.c.usd).label("priced_count"),
)
_COSTED = sa.join(run_costs, runs, runs.c.id == run_costs.c.run_id)


def sum_final_costs(conn: Connection, project_id: int, sweep: str) -> tuple[CostTotals, CostTotals]:
    """(all runs of the sweep that have ended, those of them that came to their end)."""
    whole = sa.and_(runs.c.state == "finished", runs.c.stop_requested == sa.false())
    rows = conn.execute(
        sa.select(whole.label("is_whole"), *_SUMS)
        .select_from(_COSTED)
        .where(runs.c.project_id == project_id, runs.c.sweep == sweep, run_costs.c.is_final)
        .group_by(whole)
    )
    parts = {bool(row.is_whole): _totals(row) for row in rows}
    complete = parts.get(True, CostTotals())
    return _plus(complete, parts.get(False, CostTotals())), complete


def sum_latest_costs(conn: Connection, project_id: int, *, limit: int) -> CostTotals:
    """The latest `limit` runs of a project that came to their end."""
    latest = (
        sa.select(run_costs)
        .select_from(_COSTED)
        .where(
            runs.c.project_id == project_id,
            runs.c.state == "finished",
            runs.c.stop_requested == sa.false(),
            run_costs.c.is_final,
        )
        .order_by(runs.c.created_at_us.desc(), runs.c.id.desc())
        .limit(limit)
        .subquery()
    )
    row = conn.execute(
        sa.select(
            sa.func.count().label("count"),
            sa.func.coalesce(sa.func.sum(latest.c.seconds), 0.0).label("seconds"),
            sa.func.coalesce(sa.func.sum(latest.c.gpu_hours), 0.0).label("gpu_hours"),
            sa.func.coalesce(sa.func.sum(latest.c.usd), 0.0).label("usd"),
            sa.func.count(latest.c.usd).label("priced_count"),
        )
    ).one()
    return _totals(row)


def list_open_costs(conn: Connection, project_id: int, sweep: str, *, limit: int) -> list[RunCost]:
    """Runs of a sweep that are at work, or whose end has not been charged yet; oldest first."""
    is_open = sa.or_(run_costs.c.run_id.is_(None), run_costs.c.is_final == sa.false())
    rows = conn.execute(
        _select_costs()
        .where(runs.c.project_id == project_id, runs.c.sweep == sweep, is_open)
        .order_by(runs.c.id)
        .limit(limit)
    )
    return [RunCost(**row._mapping) for row in rows]


def list_costs_of(conn: Connection, project_id: int, names: Sequence[str]) -> dict[str, RunCost]:
    """Name to cost of those of the named runs that exist."""
    found: dict[str, RunCost] = {}
    for start in range(0, len(names), SQL_LIST_ITEMS_MAX):
        some = list(names[start : start + SQL_LIST_ITEMS_MAX])
        where = sa.and_(runs.c.project_id == project_id, runs.c.name.in_(some))
        for row in conn.execute(_select_costs().where(where)):
            found[row.name] = RunCost(**row._mapping)
    return found


# ---- entries


def find_cost_row(conn: Connection, run_id: int) -> dict[str, Any] | None:
    """What is kept of a run, by column; None before anybody has looked at it."""
    row = conn.execute(sa.select(run_costs).where(run_costs.c.run_id == run_id)).first()
    return None if row is None else dict(row._mapping)


def write_cost_row(conn: Connection, values: dict[str, Any]) -> None:
    """Keep what a run costs, instead of what was kept of it."""
    statement = insert(conn, run_costs).values(values)
    changed = {key: value for key, value in values.items() if key != "run_id"}
    conn.execute(statement.on_conflict_do_update(index_elements=["run_id"], set_=changed))


def list_runs_to_charge(conn: Connection, *, now_us: int, after_id: int, limit: int) -> list[int]:
    """Runs that are charged already, and have ended since or are due again; by number."""
    due = sa.or_(runs.c.state.in_(sorted(ENDED_STATES)), run_costs.c.next_at_us <= now_us)
    chosen = (
        sa.select(run_costs.c.run_id)
        .select_from(_COSTED)
        .where(run_costs.c.is_final == sa.false(), run_costs.c.run_id > after_id, due)
        .order_by(run_costs.c.run_id)
        .limit(limit)
    )
    return list(conn.execute(chosen).scalars())


def list_new_runs(conn: Connection, *, after_id: int, limit: int) -> list[int]:
    """Runs that nobody has charged yet, those after `after_id`; by number."""
    uncharged = (
        sa.select(runs.c.id)
        .outerjoin(run_costs, run_costs.c.run_id == runs.c.id)
        .where(runs.c.id > after_id, run_costs.c.run_id.is_(None))
        .order_by(runs.c.id)
        .limit(limit)
    )
    return list(conn.execute(uncharged).scalars())


def list_reopened_runs(conn: Connection, *, limit: int) -> list[int]:
    """Runs at work again whose end had been charged."""
    chosen = (
        sa.select(runs.c.id)
        .join(run_costs, run_costs.c.run_id == runs.c.id)
        .where(runs.c.state == "running", run_costs.c.is_final)
        .limit(limit)
    )
    return list(conn.execute(chosen).scalars())


def last_charged_run(conn: Connection) -> int | None:
    """The latest run that was charged; None before the first."""
    return conn.execute(sa.select(sa.func.max(run_costs.c.run_id))).scalar()


def last_run(conn: Connection) -> int:
    """The number of the latest run; 0 before the first."""
    return int(conn.execute(sa.select(sa.func.max(runs.c.id))).scalar() or 0)


def _select_costs() -> sa.Select[Any]:
    c = run_costs.c
    return sa.select(
        runs.c.id.label("run_id"),
        runs.c.name,
        runs.c.state,
        runs.c.created_at_us,
        runs.c.heartbeat_at_us,
        sa.func.coalesce(c.seconds, 0.0).label("seconds"),
        sa.func.coalesce(c.seconds_before, 0.0).label("seconds_before"),
        sa.func.coalesce(c.since_us, runs.c.created_at_us).label("since_us"),
        sa.func.coalesce(c.gpu_count, 0).label("gpu_count"),
        sa.func.coalesce(c.gpu_hours, 0.0).label("gpu_hours"),
        c.usd,
        sa.func.coalesce(c.written, "{}").label("written"),
    ).select_from(sa.outerjoin(runs, run_costs, run_costs.c.run_id == runs.c.id))


def _totals(row: Any) -> CostTotals:
    return CostTotals(
        count=int(row.count),
        seconds=float(row.seconds),
        gpu_hours=float(row.gpu_hours),
        usd=float(row.usd),
        priced_count=int(row.priced_count),
    )


def _plus(one: CostTotals, other: CostTotals) -> CostTotals:
    names = CostTotals.__struct_fields__
    return CostTotals(**{name: getattr(one, name) + getattr(other, name) for name in names})
