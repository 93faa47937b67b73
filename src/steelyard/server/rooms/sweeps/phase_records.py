"""The phases of a sweep as they were begun: ranges, parents, and why one waits or never begins."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from steelyard.search.phases import Range
from steelyard.server.db.dialect import insert
from steelyard.server.rooms.runs.joins import user_names
from steelyard.server.rooms.runs.json_text import dump_json
from steelyard.server.rooms.sweeps.tables import sweep_phases, sweep_trials

#: waiting: for somebody's approval · refused: its gate did not hold, or somebody said no.
PhaseState = Literal["running", "finished", "waiting", "refused"]


class PhaseRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One phase that was reached. `parents` are the trials of the phase before that it grew from;
    `ranges` what they left of the space, by parameter."""

    index: int
    name: str
    fraction: float
    state: PhaseState
    reason: str
    ranges: dict[str, Range]
    parents: list[int]
    username: str | None
    """Who decided, where somebody had to."""
    started_at_us: int | None
    finished_at_us: int | None


def _select() -> sa.Select[Any]:
    columns = [c for c in sweep_phases.c if c.name not in ("sweep_id", "user_id")]
    return sa.select(*columns, user_names.c.username).outerjoin(
        user_names, user_names.c.id == sweep_phases.c.user_id
    )


def _from_row(row: Row[Any]) -> PhaseRecord:
    values = dict(row._mapping)
    values["ranges"] = msgspec.json.decode(values["ranges"], type=dict[str, Range])
    values["parents"] = msgspec.json.decode(values["parents"], type=list[int])
    return PhaseRecord(**values)


def list_phases(conn: Connection, sweep_id: int) -> list[PhaseRecord]:
    """The phases of a sweep that were reached, first one first."""
    c = sweep_phases.c
    rows = conn.execute(_select().where(c.sweep_id == sweep_id).order_by(c.index))
    return [_from_row(row) for row in rows]


def find_phase(conn: Connection, sweep_id: int, index: int) -> PhaseRecord | None:
    """One phase, or None where the sweep did not come to it."""
    c = sweep_phases.c
    row = conn.execute(_select().where(c.sweep_id == sweep_id, c.index == index)).first()
    return None if row is None else _from_row(row)


def write_phase(conn: Connection, sweep_id: int, record: PhaseRecord) -> None:
    """Keep a phase, new or changed. Who decided is written by `decide_phase`."""
    values = {
        "name": record.name,
        "fraction": record.fraction,
        "state": record.state,
        "reason": record.reason,
        "ranges": msgspec.json.encode(record.ranges).decode(),
        "parents": dump_json(record.parents),
        "started_at_us": record.started_at_us,
        "finished_at_us": record.finished_at_us,
    }
    conn.execute(
        insert(conn, sweep_phases)
        .values(sweep_id=sweep_id, index=record.index, **values)
        .on_conflict_do_update(index_elements=["sweep_id", "index"], set_=values)
    )


def note_decider(conn: Connection, sweep_id: int, index: int, user_id: int | None) -> None:
    """Keep who approved a phase or refused it."""
    c = sweep_phases.c
    of_phase = sa.update(sweep_phases).where(c.sweep_id == sweep_id, c.index == index)
    conn.execute(of_phase.values(user_id=user_id))


def count_trials_of_phase(conn: Connection, sweep_id: int, index: int) -> int:
    """How many runs a phase has handed out. Those of a time without phases are of the first."""
    c = sweep_trials.c
    of_phase = sa.func.coalesce(c.phase, 0) == index
    counted = sa.select(sa.func.count()).where(c.sweep_id == sweep_id, of_phase)
    return int(conn.execute(counted).scalar_one())
