"""Removing sweeps for the sake of their project or their author. Runs are removed by their room."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from steelyard.server.rooms.sweeps.tables import (
    sweep_agents,
    sweep_alerts,
    sweep_configs,
    sweep_events,
    sweep_phases,
    sweep_quotas,
    sweep_trials,
    sweep_weightings,
    sweeps,
)


def delete_sweep(conn: Connection, sweep_id: int) -> None:
    """The sweep with its trials, agents and configurations. Its runs stay as they are."""
    kept = (sweep_alerts, sweep_weightings, sweep_phases, sweep_events)
    for table in (sweep_trials, sweep_agents, sweep_configs, *kept):
        conn.execute(sa.delete(table).where(table.c.sweep_id == sweep_id))
    conn.execute(sa.delete(sweeps).where(sweeps.c.id == sweep_id))


def delete_some_sweeps(conn: Connection, project_ids: Sequence[int], *, count: int) -> int:
    """Delete up to `count` sweeps of these projects; how many there were. 0: none is left."""
    some = sa.select(sweeps.c.id).where(sweeps.c.project_id.in_(project_ids)).limit(count)
    found = list(conn.execute(some).scalars())
    for sweep_id in found:
        delete_sweep(conn, sweep_id)
    return len(found)


def forget_user(conn: Connection, user_id: int) -> None:
    """Leave sweeps and agents of a user, in entities of others, without a name."""
    for table in (sweeps, sweep_configs, sweep_agents, sweep_weightings, sweep_phases):
        conn.execute(sa.update(table).where(table.c.user_id == user_id).values(user_id=None))


def forget_entity(conn: Connection, entity_id: int) -> None:
    """What is kept of an entity that is about to go, beside its sweeps."""
    conn.execute(sa.delete(sweep_quotas).where(sweep_quotas.c.entity_id == entity_id))
