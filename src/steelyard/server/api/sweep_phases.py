"""How far a sweep is: its phases, what happened to it, and runs wanted beside its suggestions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from litestar import get, post
from sqlalchemy.engine import Connection

from steelyard.server.api.sweeps import SWEEP
from steelyard.server.db.interface import Database
from steelyard.server.http.paging import Page, check_limit, decode_cursor, encode_cursor
from steelyard.server.rooms.accounts.model import Caller
from steelyard.server.rooms.sweeps.commands import finish_if_done, lock_sweep
from steelyard.server.rooms.sweeps.dispatch import Dispatcher
from steelyard.server.rooms.sweeps.enqueue import enqueue_run
from steelyard.server.rooms.sweeps.events import EventKind, list_events
from steelyard.server.rooms.sweeps.phase_records import PhaseRecord, PhaseState, list_phases
from steelyard.server.rooms.sweeps.phase_steps import decide_phase
from steelyard.server.rooms.sweeps.policy import get_readable_sweep, get_writable_sweep
from steelyard.server.rooms.sweeps.weightings import goal_of

Clock = Callable[[], int]


class PhaseRow(msgspec.Struct, frozen=True, kw_only=True):
    """A phase of the configuration, and what became of it; `state` is null before its time."""

    index: int
    name: str
    fraction: float
    runs: int | None
    gate: str | None
    state: PhaseState | None
    reason: str | None
    ranges: dict[str, Any]
    """What is left of the parameters: {"low", "high"} or {"values"}."""
    parents: list[int]
    """Trials of the phase before that it grew from, by index."""
    username: str | None
    started_at_us: int | None
    finished_at_us: int | None


class Approval(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whether the phase that waits may begin."""

    approved: bool


class WantedRun(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A configuration to be run: {key: value}, nested as runs see it."""

    config: dict[str, Any]
    display_name: str | None = None


class QueuedRun(msgspec.Struct, frozen=True):
    """The name that the run will have once an agent has begun it."""

    run: str


class SweepEventRow(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened to the sweep as a whole."""

    kind: EventKind
    created_at_us: int
    best: dict[str, Any] | None
    """At the end: {"index", "run", "value"} of the best trial as of then."""
    details: dict[str, Any]


@get(SWEEP + "/phases")
async def list_sweep_phases(
    entity: str, project: str, sweep: str, caller: Caller, db: Database, sweeps: Dispatcher
) -> Page[PhaseRow]:
    """The phases of a sweep, first one first."""

    def read(conn: Connection) -> Page[PhaseRow]:
        found = get_readable_sweep(conn, caller, entity, project, sweep)
        reached = {record.index: record for record in list_phases(conn, found.id)}
        rows = [
            _phase_row(at, phase.name, phase.fraction, phase.runs, phase.gate, reached.get(at))
            for at, phase in enumerate(sweeps.problems.get(found).phases)
        ]
        return Page(rows, None, len(rows))

    return await db.read(read)


@post(SWEEP + "/phases/approval", status_code=200)
async def decide_sweep_phase(
    entity: str,
    project: str,
    sweep: str,
    data: Approval,
    caller: Caller,
    db: Database,
    sweeps: Dispatcher,
    now_us: Clock,
) -> Page[PhaseRow]:
    """Let the phase that waits for approval begin, or end the sweep instead."""

    def write(conn: Connection) -> None:
        found = get_writable_sweep(conn, caller, entity, project, sweep)
        held = lock_sweep(conn, found.id)
        decided = decide_phase(
            conn,
            held,
            sweeps.problems.get(held),
            approved=data.approved,
            caller=caller,
            now_us=now_us(),
        )
        finish_if_done(conn, decided, now_us=now_us())

    await db.write(write)
    page: Page[PhaseRow] = await list_sweep_phases.fn(
        entity=entity, project=project, sweep=sweep, caller=caller, db=db, sweeps=sweeps
    )
    return page


@post(SWEEP + "/trials", status_code=201)
async def queue_sweep_run(
    entity: str,
    project: str,
    sweep: str,
    data: WantedRun,
    caller: Caller,
    db: Database,
    sweeps: Dispatcher,
    now_us: Clock,
) -> QueuedRun:
    """Queue a run with a configuration chosen by hand: the next agent gets it."""

    def write(conn: Connection) -> QueuedRun:
        found = get_writable_sweep(conn, caller, entity, project, sweep)
        held = lock_sweep(conn, found.id)
        name = enqueue_run(
            conn,
            held,
            sweeps.problems.get(held),
            data.config,
            display_name=data.display_name,
            now_us=now_us(),
        )
        return QueuedRun(name)

    return await db.write(write)


@get(SWEEP + "/events")
async def list_sweep_events(
    entity: str,
    project: str,
    sweep: str,
    caller: Caller,
    db: Database,
    sweeps: Dispatcher,
    limit: int | None = None,
    cursor: str | None = None,
) -> Page[SweepEventRow]:
    """What happened to the sweep as a whole, oldest first: its end, its phases, other weights."""
    count = check_limit(limit)
    after_id = 0 if cursor is None else decode_cursor(cursor, tuple[int])[0]

    def read(conn: Connection) -> Page[SweepEventRow]:
        found = get_readable_sweep(conn, caller, entity, project, sweep)
        goal = goal_of(sweeps.problems.get(found), found)
        events = list_events(conn, found.id, limit=count + 1, after_id=after_id)
        rows = [
            SweepEventRow(
                kind=each.kind,
                created_at_us=each.created_at_us,
                best=each.best(goal),
                details={k: v for k, v in each.details.items() if k not in ("least", "greatest")},
            )
            for each in events[:count]
        ]
        more = encode_cursor(events[count - 1].id) if len(events) > count else None
        return Page(rows, more)

    return await db.read(read)


def _phase_row(
    at: int,
    name: str,
    fraction: float,
    runs: int | None,
    gate: str | None,
    record: PhaseRecord | None,
) -> PhaseRow:
    return PhaseRow(
        index=at,
        name=name,
        fraction=fraction,
        runs=runs,
        gate=gate,
        state=None if record is None else record.state,
        reason=None if record is None else record.reason,
        ranges={} if record is None else msgspec.to_builtins(record.ranges),
        parents=[] if record is None else record.parents,
        username=None if record is None else record.username,
        started_at_us=None if record is None else record.started_at_us,
        finished_at_us=None if record is None else record.finished_at_us,
    )


handlers = [
    list_sweep_phases,
    decide_sweep_phase,
    queue_sweep_run,
    list_sweep_events,
]
