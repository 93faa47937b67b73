"""Reads of sweeps, their agents and trials. Permission is asked before: see policy.py."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from steelyard.errors import SweepNotFound
from steelyard.limits import SQL_LIST_ITEMS_MAX, SWEEP_LEASE_S
from steelyard.search.crossval import Aggregate
from steelyard.server.rooms.runs.joins import project_names, user_names
from steelyard.server.rooms.runs.json_text import parse_json_object
from steelyard.server.rooms.sweeps.model import (
    AT_WORK,
    Sweep,
    SweepAgent,
    SweepConfig,
    SweepTrial,
    TrialResults,
)
from steelyard.server.rooms.sweeps.tables import (
    sweep_agents,
    sweep_configs,
    sweep_trials,
    sweeps,
)

# ---- sweeps


def select_sweeps() -> sa.Select[Any]:
    """The statement behind every read of whole sweeps; add WHERE, ORDER BY and LIMIT."""
    return (
        sa.select(
            *sweeps.c,
            sweep_configs.c.text.label("config"),
            project_names.c.name.label("project"),
            project_names.c.entity_id,
            project_names.c.entity,
            user_names.c.username,
        )
        .select_from(sweeps)
        .join(
            sweep_configs,
            sa.and_(
                sweep_configs.c.sweep_id == sweeps.c.id,
                sweep_configs.c.version == sweeps.c.config_version,
            ),
        )
        .join(project_names, project_names.c.id == sweeps.c.project_id)
        .outerjoin(user_names, user_names.c.id == sweeps.c.user_id)
    )


def sweep_from_row(row: Row[Any]) -> Sweep:
    """A row of `select_sweeps` as a Sweep."""
    values = dict(row._mapping)
    return Sweep(prior_runs=json.loads(values.pop("prior_runs")), **values)


def find_sweep(conn: Connection, project_id: int, name: str) -> Sweep | None:
    """The sweep of that name in the project, or None."""
    where = sa.and_(sweeps.c.project_id == project_id, sweeps.c.name == name)
    row = conn.execute(select_sweeps().where(where)).first()
    return None if row is None else sweep_from_row(row)


def find_sweep_by_id(conn: Connection, sweep_id: int) -> Sweep | None:
    """The sweep with that number, or None."""
    row = conn.execute(select_sweeps().where(sweeps.c.id == sweep_id)).first()
    return None if row is None else sweep_from_row(row)


def get_sweep_by_id(conn: Connection, sweep_id: int) -> Sweep:
    """The sweep with that number. Raises SweepNotFound."""
    found = find_sweep_by_id(conn, sweep_id)
    if found is None:
        raise SweepNotFound(f"with the id {sweep_id}")
    return found


def list_sweeps(
    conn: Connection, project_id: int, *, limit: int, before_id: int | None = None
) -> list[Sweep]:
    """Sweeps of a project, newest first, those made before `before_id` only."""
    chosen = (
        select_sweeps()
        .where(sweeps.c.project_id == project_id)
        .order_by(sweeps.c.id.desc())
        .limit(limit)
    )
    if before_id is not None:
        chosen = chosen.where(sweeps.c.id < before_id)
    return [sweep_from_row(row) for row in conn.execute(chosen)]


def count_sweeps(conn: Connection, project_id: int) -> int:
    """How many sweeps a project has."""
    counted = sa.select(sa.func.count()).where(sweeps.c.project_id == project_id)
    return int(conn.execute(counted).scalar_one())


def list_judged_sweeps(conn: Connection, *, after_id: int, limit: int) -> list[Sweep]:
    """Running and paused sweeps with early termination, by number, those after `after_id`."""
    chosen = (
        select_sweeps()
        .where(
            sweeps.c.state.in_(("running", "paused")),
            sweeps.c.is_judged,
            sweeps.c.id > after_id,
        )
        .order_by(sweeps.c.id)
        .limit(limit)
    )
    return [sweep_from_row(row) for row in conn.execute(chosen)]


def list_configs(conn: Connection, sweep_id: int) -> list[SweepConfig]:
    """Every configuration the sweep had, oldest first."""
    c = sweep_configs.c
    rows = conn.execute(
        sa.select(c.version, c.text, user_names.c.username, c.created_at_us)
        .select_from(sweep_configs)
        .outerjoin(user_names, user_names.c.id == c.user_id)
        .where(c.sweep_id == sweep_id)
        .order_by(c.version)
    )
    return [SweepConfig(**row._mapping) for row in rows]


def get_config_text(conn: Connection, sweep_id: int, version: int) -> str:
    """The text of one version of the configuration of a sweep."""
    c = sweep_configs.c
    found = sa.select(c.text).where(c.sweep_id == sweep_id, c.version == version)
    return str(conn.execute(found).scalar_one())


def best_values(conn: Connection, sweep_id: int) -> tuple[float | None, float | None]:
    """(least, greatest) value of the first metric among ended trials."""
    c = sweep_trials.c
    least = sa.select(sa.func.min(c.value)).where(c.sweep_id == sweep_id).scalar_subquery()
    greatest = sa.select(sa.func.max(c.value)).where(c.sweep_id == sweep_id).scalar_subquery()
    row = conn.execute(sa.select(least, greatest)).one()
    return row[0], row[1]


# ---- agents


def _select_agents() -> sa.Select[Any]:
    run_count = (
        sa.select(sa.func.count())
        .where(sweep_trials.c.agent_id == sweep_agents.c.id)
        .correlate(sweep_agents)
        .scalar_subquery()
    )
    return sa.select(*sweep_agents.c, run_count.label("run_count"))


def find_agent_by_id(conn: Connection, agent_id: int) -> SweepAgent | None:
    """The agent with that number, or None."""
    row = conn.execute(_select_agents().where(sweep_agents.c.id == agent_id)).first()
    return None if row is None else SweepAgent(**row._mapping)


def find_agent(conn: Connection, sweep_id: int, name: str) -> SweepAgent | None:
    """The agent of that name in the sweep, or None."""
    where = sa.and_(sweep_agents.c.sweep_id == sweep_id, sweep_agents.c.name == name)
    row = conn.execute(_select_agents().where(where)).first()
    return None if row is None else SweepAgent(**row._mapping)


def list_agents(
    conn: Connection, sweep_id: int, *, limit: int, after_id: int = 0
) -> list[SweepAgent]:
    """Agents of a sweep in the order they came, those after `after_id`."""
    chosen = (
        _select_agents()
        .where(sweep_agents.c.sweep_id == sweep_id, sweep_agents.c.id > after_id)
        .order_by(sweep_agents.c.id)
        .limit(limit)
    )
    return [SweepAgent(**row._mapping) for row in conn.execute(chosen)]


def agent_names(conn: Connection, agent_ids: Sequence[int]) -> dict[int, str]:
    """Number to name of the agents that exist."""
    c = sweep_agents.c
    rows = conn.execute(sa.select(c.id, c.name).where(c.id.in_(agent_ids)))
    return {row.id: row.name for row in rows}


def agent_places(conn: Connection, agent_ids: Sequence[int]) -> dict[int, tuple[str, str]]:
    """Number to (name, host) of the agents that exist."""
    c = sweep_agents.c
    found: dict[int, tuple[str, str]] = {}
    for start in range(0, len(agent_ids), SQL_LIST_ITEMS_MAX):
        some = list(agent_ids[start : start + SQL_LIST_ITEMS_MAX])
        for row in conn.execute(sa.select(c.id, c.name, c.host).where(c.id.in_(some))):
            found[row.id] = (row.name, row.host)
    return found


def count_agents(conn: Connection, sweep_id: int) -> int:
    """How many agents ever registered with a sweep."""
    counted = sa.select(sa.func.count()).where(sweep_agents.c.sweep_id == sweep_id)
    return int(conn.execute(counted).scalar_one())


def count_live_agents(conn: Connection, sweep_id: int, *, now_us: int) -> int:
    """How many agents of a sweep are heard of and were not told to exit."""
    c = sweep_agents.c
    counted = sa.select(sa.func.count()).where(
        c.sweep_id == sweep_id,
        c.ended_at_us.is_(None),
        c.heartbeat_at_us >= now_us - SWEEP_LEASE_S * 1_000_000,
    )
    return int(conn.execute(counted).scalar_one())


def count_busy_agents(conn: Connection, agent_ids: Sequence[int]) -> int:
    """How many of these agents have a trial at work."""
    c = sweep_trials.c
    busy = sa.select(sa.func.count(c.agent_id.distinct())).where(
        c.agent_id.in_(agent_ids), c.state.in_(AT_WORK)
    )
    return int(conn.execute(busy).scalar_one())


def last_heartbeat_us(conn: Connection, sweep_id: int) -> int | None:
    """When an agent of the sweep was last heard of."""
    heard = sa.select(sa.func.max(sweep_agents.c.heartbeat_at_us))
    return conn.execute(heard.where(sweep_agents.c.sweep_id == sweep_id)).scalar()


# ---- trials

#: In the order of the Struct; the identity of the configuration is for the database only.
_TRIAL_COLUMNS = tuple(column for column in sweep_trials.c if column.name != "config_key")


def trial_from_row(row: Row[Any]) -> SweepTrial:
    """A row of trials as a SweepTrial."""
    values = dict(row._mapping)
    values["earlier_runs"] = json.loads(values["earlier_runs"])
    values["config"] = parse_json_object(values["config"], "the configuration of a trial")
    if values["score"] is not None:
        values["score"] = msgspec.json.decode(values["score"], type=Aggregate)
    if values["results"] is not None:
        values["results"] = msgspec.json.decode(values["results"], type=TrialResults)
    return SweepTrial(**values)


def list_trials(
    conn: Connection, sweep_id: int, *, limit: int, after_index: int = -1
) -> list[SweepTrial]:
    """Trials of a sweep in the order they were suggested, those after `after_index`."""
    c = sweep_trials.c
    chosen = (
        sa.select(*_TRIAL_COLUMNS)
        .where(c.sweep_id == sweep_id, c.index > after_index)
        .order_by(c.index)
        .limit(limit)
    )
    return [trial_from_row(row) for row in conn.execute(chosen)]


def list_trials_in(
    conn: Connection, sweep_id: int, states: Sequence[str], *, limit: int
) -> list[SweepTrial]:
    """Trials of a sweep in one of the states, earliest suggestion first in each state."""
    c = sweep_trials.c
    chosen = (
        sa.select(*_TRIAL_COLUMNS)
        .where(c.sweep_id == sweep_id, c.state.in_(states))
        .order_by(c.state, c.index)
        .limit(limit)
    )
    return [trial_from_row(row) for row in conn.execute(chosen)]


def find_trials_of_runs(
    conn: Connection, sweep_id: int, run_names: Sequence[str]
) -> list[SweepTrial]:
    """The trials of these runs."""
    c = sweep_trials.c
    where = sa.and_(c.sweep_id == sweep_id, c.run_name.in_(run_names))
    return [trial_from_row(row) for row in conn.execute(sa.select(*_TRIAL_COLUMNS).where(where))]


def list_trials_of_agent(
    conn: Connection, agent_id: int, *, states: Sequence[str] | None = None
) -> list[SweepTrial]:
    """The trials an agent was the last to get, earliest suggestion first."""
    c = sweep_trials.c
    chosen = sa.select(*_TRIAL_COLUMNS).where(c.agent_id == agent_id).order_by(c.index)
    if states is not None:
        chosen = chosen.where(c.state.in_(states))
    return [trial_from_row(row) for row in conn.execute(chosen)]


def list_run_names_of_agent(conn: Connection, agent_id: int) -> list[str]:
    """The runs an agent was given last, earliest suggestion first."""
    c = sweep_trials.c
    named = sa.select(c.run_name).where(c.agent_id == agent_id).order_by(c.index)
    return list(conn.execute(named).scalars())


def count_trials(conn: Connection, sweep_id: int) -> dict[str, int]:
    """State to number of trials in it."""
    c = sweep_trials.c
    counted = sa.select(c.state, sa.func.count()).where(c.sweep_id == sweep_id).group_by(c.state)
    return {state: int(count) for state, count in conn.execute(counted)}


def count_trials_in(conn: Connection, sweep_id: int, states: Sequence[str]) -> int:
    """How many trials are in one of the states."""
    c = sweep_trials.c
    counted = sa.select(sa.func.count()).where(c.sweep_id == sweep_id, c.state.in_(states))
    return int(conn.execute(counted).scalar_one())


def list_sweeps_at_work(conn: Connection, *, after_id: int, limit: int) -> list[int]:
    """Numbers of sweeps that have trials at work, in order, those after `after_id`."""
    c = sweep_trials.c
    chosen = (
        sa.select(c.sweep_id)
        .where(c.state.in_(AT_WORK), c.sweep_id > after_id)
        .group_by(c.sweep_id)
        .order_by(c.sweep_id)
        .limit(limit)
    )
    return list(conn.execute(chosen).scalars())


def schedule_of(conn: Connection, sweep_id: int, *, limit: int) -> list[tuple[str, str]]:
    """(schedule id, run name) of what the local controller asked for, the latest `limit`."""
    c = sweep_trials.c
    chosen = (
        sa.select(c.schedule_id, c.run_name)
        .where(c.sweep_id == sweep_id, c.schedule_id.is_not(None))
        .order_by(c.index.desc())
        .limit(limit)
    )
    return [(row.schedule_id, row.run_name) for row in conn.execute(chosen)][::-1]
