"""What a page of many trials shows of their runs, for all of them at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from steelyard.limits import SQL_LIST_ITEMS_MAX
from steelyard.server.rooms.runs.tables import runs


class ShownRun(msgspec.Struct, frozen=True):
    """The part of a run that is shown beside its trial. `config` and `summary` are JSON texts."""

    name: str
    display_name: str
    state: str
    host: str | None
    created_at_us: int
    heartbeat_at_us: int
    finished_at_us: int | None
    config: str
    summary: str

    @property
    def seconds(self) -> float:
        """How long it ran, until now when it still does."""
        ended_at_us = self.heartbeat_at_us if self.finished_at_us is None else self.finished_at_us
        return max(0.0, (ended_at_us - self.created_at_us) / 1e6)


_SHOWN: sa.Select[Any] = sa.select(*(runs.c[name] for name in ShownRun.__struct_fields__))


def list_shown_runs(conn: Connection, project_id: int, names: Sequence[str]) -> dict[str, ShownRun]:
    """Name to run of those of the named that exist."""
    found: dict[str, ShownRun] = {}
    for start in range(0, len(names), SQL_LIST_ITEMS_MAX):
        some = list(names[start : start + SQL_LIST_ITEMS_MAX])
        where = sa.and_(runs.c.project_id == project_id, runs.c.name.in_(some))
        for row in conn.execute(_SHOWN.where(where)):
            found[row.name] = ShownRun(**row._mapping)
    return found
