"""Whether a sweep may begin a run now: its target, its budget, the quota of its entity, and other
sweeps that come first.

The rule of the quota. An entity may have `runs_max` runs of sweeps at work. While slots are free
for everybody who asks, priority means nothing. When fewer are free than agents wait for,

1. agents of sweeps with a higher priority get them first;
2. among sweeps of one priority the one with fewer runs at work gets the next one.

An agent waits for a slot when it is idle and asked within the last SWEEP_CLAIM_S seconds, and its
sweep could give it work. Slots are never taken away from runs at work.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from steelyard.errors import Invalid
from steelyard.limits import SWEEP_CLAIM_S, SWEEP_QUOTA_RUNS_MAX
from steelyard.search.problem import Problem
from steelyard.server.db.dialect import insert
from steelyard.server.rooms.projects.queries import list_project_ids
from steelyard.server.rooms.sweeps.budget import check_budget, enforce_budget
from steelyard.server.rooms.sweeps.commands import exhaust, write_sweep
from steelyard.server.rooms.sweeps.model import AT_WORK, Sweep
from steelyard.server.rooms.sweeps.spending import Refusal
from steelyard.server.rooms.sweeps.tables import sweep_agents, sweep_quotas, sweep_trials, sweeps
from steelyard.server.rooms.sweeps.target import find_reached

#: How every reason begins for which a sweep waits for a slot.
QUOTA_REASON = "the slots of this entity"


class Contender(msgspec.Struct, frozen=True, kw_only=True):
    """A sweep of an entity: how much comes first, what it has, and who waits for more."""

    sweep_id: int
    name: str
    priority: int
    at_work: int
    waiting: int
    """Idle agents that asked lately."""


class Admission(msgspec.Struct, frozen=True):
    """The sweep as it then is. Neither: it waits. `is_over`: it never begins another run."""

    sweep: Sweep
    may_begin: bool = False
    is_over: bool = False


def admit(conn: Connection, sweep: Sweep, problem: Problem, *, now_us: int) -> Admission:
    """Whether a sweep, which must be locked, may begin a run now.

    Where it never may again, it is exhausted, with the reason. Where it waits, the reason is kept.
    """
    reached = find_reached(conn, sweep, problem)
    if reached is not None:
        return Admission(exhaust(conn, sweep, reached, now_us=now_us), is_over=True)
    refusal = check_budget(conn, sweep, problem, now_us=now_us)
    if refusal is None:
        refusal = check_quota(conn, sweep, now_us=now_us)
    if refusal is not None and refusal.is_final:
        return Admission(exhaust(conn, sweep, refusal.reason, now_us=now_us), is_over=True)
    waits_reason = None if refusal is None else refusal.reason
    if waits_reason != sweep.waits_reason:
        sweep = write_sweep(conn, sweep, {"waits_reason": waits_reason}, now_us=now_us)
    return Admission(sweep, may_begin=refusal is None)


def look_after(conn: Connection, sweep: Sweep, problem: Problem, *, now_us: int) -> Sweep:
    """What is due without an agent asking: a target that was reached, alerts, a limit."""
    reached = find_reached(conn, sweep, problem)
    if reached is not None:
        sweep = exhaust(conn, sweep, reached, now_us=now_us)
    return enforce_budget(conn, sweep, problem, now_us=now_us)


def check_quota(conn: Connection, sweep: Sweep, *, now_us: int) -> Refusal | None:
    """Why a sweep gets no slot of its entity now; None when it does, or there is no quota.

    The quota is locked, so that of two servers only one gives the last slot away.
    """
    c = sweep_quotas.c
    held = sa.select(c.runs_max).where(c.entity_id == sweep.entity_id).with_for_update()
    runs_max = conn.execute(held).scalar()
    if runs_max is None:
        return None
    contenders = list_contenders(conn, sweep.entity_id, now_us=now_us)
    return find_quota_refusal(sweep.id, contenders, runs_max=runs_max)


def find_quota_refusal(
    sweep_id: int, contenders: Sequence[Contender], *, runs_max: int
) -> Refusal | None:
    """The rule at the top of this module, for an agent of one sweep that asks now. Pure."""
    at_work = sum(each.at_work for each in contenders)
    free = runs_max - at_work
    if free <= 0:
        reason = f"{QUOTA_REASON} are taken: {at_work} of {runs_max} runs are at work"
        return Refusal(reason, False)
    own = next((each for each in contenders if each.sweep_id == sweep_id), None)
    if own is None:
        return None
    for other in contenders:
        if other.sweep_id == sweep_id or not other.waiting:
            continue
        if other.priority < own.priority:
            continue
        if other.priority > own.priority:
            free -= other.waiting
            why = f"has priority {other.priority}, this one {own.priority}"
        elif other.at_work < own.at_work:
            free -= min(other.waiting, own.at_work - other.at_work)
            why = f"has {other.at_work} runs at work, this one {own.at_work}"
        else:
            continue
        if free <= 0:
            return Refusal(f"{QUOTA_REASON} are for the sweep {other.name}, which {why}", False)
    return None


def list_contenders(conn: Connection, entity_id: int, *, now_us: int) -> list[Contender]:
    """Sweeps of an entity with runs at work, or with agents that wait; by priority."""
    project_ids = list_project_ids(conn, entity_id)
    trials, agents = sweep_trials.c, sweep_agents.c
    at_work = (
        sa.select(trials.sweep_id, sa.func.count())
        .join(sweeps, sweeps.c.id == trials.sweep_id)
        .where(sweeps.c.project_id.in_(project_ids), trials.state.in_(AT_WORK))
        .group_by(trials.sweep_id)
    )
    working = {sweep_id: int(count) for sweep_id, count in conn.execute(at_work)}
    is_busy = (
        sa.select(trials.id)
        .where(trials.agent_id == agents.id, trials.state.in_(AT_WORK))
        .correlate(sweep_agents)
        .exists()
    )
    idle = (
        sa.select(agents.sweep_id, sa.func.count())
        .join(sweeps, sweeps.c.id == agents.sweep_id)
        .where(
            sweeps.c.project_id.in_(project_ids),
            sweeps.c.state.in_(("pending", "running")),
            sweeps.c.exhausted_reason.is_(None),
            # Those that wait for something else take nothing away from others.
            sa.or_(sweeps.c.waits_reason.is_(None), sweeps.c.waits_reason.startswith(QUOTA_REASON)),
            agents.ended_at_us.is_(None),
            agents.heartbeat_at_us >= now_us - SWEEP_CLAIM_S * 1_000_000,
            ~is_busy,
        )
        .group_by(agents.sweep_id)
    )
    waiting = {sweep_id: int(count) for sweep_id, count in conn.execute(idle)}
    ids = sorted({*working, *waiting})
    rows = conn.execute(
        sa.select(sweeps.c.id, sweeps.c.name, sweeps.c.priority).where(sweeps.c.id.in_(ids))
    )
    found = [
        Contender(
            sweep_id=row.id,
            name=row.name,
            priority=row.priority,
            at_work=working.get(row.id, 0),
            waiting=waiting.get(row.id, 0),
        )
        for row in rows
    ]
    return sorted(found, key=lambda each: (-each.priority, each.at_work, each.sweep_id))


def find_quota(conn: Connection, entity_id: int) -> int | None:
    """How many runs of sweeps an entity may have at work at once; None: as many as it likes."""
    c = sweep_quotas.c
    return conn.execute(sa.select(c.runs_max).where(c.entity_id == entity_id)).scalar()


def set_quota(conn: Connection, entity_id: int, runs_max: int | None, *, now_us: int) -> int | None:
    """Set the quota of an entity, or lift it with None. Runs at work stay. Raises Invalid."""
    if runs_max is None:
        conn.execute(sa.delete(sweep_quotas).where(sweep_quotas.c.entity_id == entity_id))
        return None
    if not 1 <= runs_max <= SWEEP_QUOTA_RUNS_MAX:
        raise Invalid(
            f"a quota of {runs_max} runs at once cannot be kept; use 1 to {SWEEP_QUOTA_RUNS_MAX:,},"
            " or null for none"
        )
    values = {"runs_max": runs_max, "updated_at_us": now_us}
    conn.execute(
        insert(conn, sweep_quotas)
        .values(entity_id=entity_id, **values)
        .on_conflict_do_update(index_elements=["entity_id"], set_=values)
    )
    return runs_max
