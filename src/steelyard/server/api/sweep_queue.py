"""Queues of sweeps: how deep they are, who works for several, and how many runs at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated

import msgspec
from litestar import get, post, put
from litestar.params import QueryParameter
from sqlalchemy.engine import Connection

from steelyard.errors import AgentNotFound, Invalid, TooLarge
from steelyard.limits import SWEEP_REPLICAS_MAX, SWEEPS_OF_AGENT_MAX
from steelyard.server.api.sweeps import SWEEP, AgentBeat
from steelyard.server.db.interface import Database
from steelyard.server.rooms.accounts.model import Caller
from steelyard.server.rooms.accounts.policy import require_administered, require_readable
from steelyard.server.rooms.accounts.queries import find_entity
from steelyard.server.rooms.sweeps.admission import find_quota, set_quota
from steelyard.server.rooms.sweeps.depth import QueueDepth, read_depth
from steelyard.server.rooms.sweeps.dispatch import Dispatcher
from steelyard.server.rooms.sweeps.model import AgentCommand, AgentReport
from steelyard.server.rooms.sweeps.policy import get_readable_sweep, get_writable_sweep
from steelyard.server.rooms.sweeps.queries import find_agent
from steelyard.server.rooms.sweeps.serving import Seat, serve

Clock = Callable[[], int]
QUOTA = "/api/v1/entities/{entity:str}/sweep-quota"


class SeatBeat(AgentBeat, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A sign of life of an agent in one of its sweeps."""

    entity: str
    project: str
    sweep: str
    agent: str


class NextOfSeveral(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An agent that works for several sweeps, and is registered with each."""

    agents: list[SeatBeat]


class SeatWork(msgspec.Struct, frozen=True):
    """What the agent is to do in one of its sweeps."""

    sweep: str
    agent: str
    commands: list[AgentCommand]
    waits: str | None
    """Why there is nothing for now."""


class WorkOfSeveral(msgspec.Struct, frozen=True):
    """In the order of the question. At most one of them has a run."""

    work: list[SeatWork]


class SweepQuota(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many runs of its sweeps an entity may have at work at once; null: any number."""

    runs_max: int | None = None


@get(SWEEP + "/queue")
async def show_sweep_queue(
    entity: str,
    project: str,
    sweep: str,
    caller: Caller,
    db: Database,
    sweeps: Dispatcher,
    now_us: Clock,
    replicas_max: Annotated[int | None, QueryParameter(name="max")] = None,
) -> QueueDepth:
    """How much work waits in a sweep, and how many agents to keep for it, `max` at most.

    For whatever scales agents: ask every half minute and keep `suggested_replicas`.
    """
    if replicas_max is not None and not 0 <= replicas_max <= SWEEP_REPLICAS_MAX:
        raise Invalid(f"max must be 0 to {SWEEP_REPLICAS_MAX:,}, not {replicas_max}")

    def read(conn: Connection) -> QueueDepth:
        found = get_readable_sweep(conn, caller, entity, project, sweep)
        problem = sweeps.problems.get(found)
        return read_depth(conn, found, problem, replicas_max=replicas_max, now_us=now_us())

    return await db.read(read)


@post("/api/v1/sweeps:next", status_code=200)
async def next_work_of_several(
    data: NextOfSeveral, caller: Caller, db: Database, sweeps: Dispatcher, now_us: Clock
) -> WorkOfSeveral:
    """The same as `next` of one agent, for an agent that works for several sweeps.

    A free one gets a run of the sweep with the highest `priority` that has one to give; among
    equals, of the one with fewer runs at work.
    """
    if len(data.agents) > SWEEPS_OF_AGENT_MAX:
        raise TooLarge(
            "the list of sweeps of an agent",
            size=len(data.agents),
            limit=SWEEPS_OF_AGENT_MAX,
            limit_name="SWEEPS_OF_AGENT_MAX",
        )

    def read(conn: Connection) -> list[Seat]:
        return [_find_seat(conn, caller, beat) for beat in data.agents]

    seats = await db.read(read)
    if len({seat.agent_id for seat in seats}) < len(seats):
        raise Invalid("a sweep is named twice; an agent has one place in each of its sweeps")
    served = await asyncio.to_thread(serve, db, sweeps, caller, seats, now_us=now_us())
    work = []
    for beat, each in zip(data.agents, served, strict=True):
        path = f"{beat.entity}/{beat.project}/{beat.sweep}"
        work.append(SeatWork(path, beat.agent, each.commands, each.waits))
    return WorkOfSeveral(work)


@get(QUOTA)
async def show_sweep_quota(entity: str, caller: Caller, db: Database) -> SweepQuota:
    """How many runs of its sweeps an entity may have at work at once."""

    def read(conn: Connection) -> SweepQuota:
        name = caller.entity_named(entity)
        owner = require_readable(caller, find_entity(conn, name), name)
        return SweepQuota(find_quota(conn, owner.id))

    return await db.read(read)


@put(QUOTA)
async def put_sweep_quota(
    entity: str, data: SweepQuota, caller: Caller, db: Database, now_us: Clock
) -> SweepQuota:
    """Set how many runs of its sweeps an entity may have at work at once; null lifts the quota.

    Runs at work stay. For admins of the entity.
    """

    def write(conn: Connection) -> SweepQuota:
        name = caller.entity_named(entity)
        owner = require_administered(caller, find_entity(conn, name), name)
        return SweepQuota(set_quota(conn, owner.id, data.runs_max, now_us=now_us()))

    return await db.write(write)


def _find_seat(conn: Connection, caller: Caller, beat: SeatBeat) -> Seat:
    sweep = get_writable_sweep(conn, caller, beat.entity, beat.project, beat.sweep)
    agent = find_agent(conn, sweep.id, beat.agent)
    if agent is None:
        raise AgentNotFound(f"{beat.agent!r} of the sweep {sweep.path}")
    report = AgentReport(
        running=frozenset(beat.running), ended=beat.ended, wants_work=beat.wants_work
    )
    return Seat(agent.id, report)


handlers = [show_sweep_queue, next_work_of_several, show_sweep_quota, put_sweep_quota]
