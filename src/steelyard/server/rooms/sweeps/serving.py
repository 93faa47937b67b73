"""Agents that work for several sweeps: the one that comes first gets the next free agent.

An agent that is free asks for all of them in one request. It gets a run of the sweep with the
highest priority that has one to give; among sweeps of one priority, of the one with fewer runs at
work. So the sweep with the higher priority is drained first, and equals share.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from steelyard.server.db.interface import Database
from steelyard.server.rooms.accounts.model import Caller
from steelyard.server.rooms.sweeps.dispatch import Dispatcher
from steelyard.server.rooms.sweeps.model import AT_WORK, AgentCommand, AgentReport, Sweep
from steelyard.server.rooms.sweeps.policy import get_own_agent
from steelyard.server.rooms.sweeps.queries import count_trials_in, get_sweep_by_id


class Seat(msgspec.Struct, frozen=True):
    """An agent in one of its sweeps: its number there, and what it says of its runs there."""

    agent_id: int
    report: AgentReport


class Served(msgspec.Struct, frozen=True):
    """What an agent is to do in one of its sweeps; `waits`: why there is nothing for now."""

    agent_id: int
    commands: list[AgentCommand]
    waits: str | None = None


def serve(
    db: Database, dispatcher: Dispatcher, caller: Caller, seats: Sequence[Seat], *, now_us: int
) -> list[Served]:
    """What an agent is to do in each of its sweeps, in the order given; one run at most.

    Blocking. Raises AgentNotFound when a sweep was deleted, Forbidden for viewers.
    """
    sweeps = {seat.agent_id: _sweep_of(db, caller, seat) for seat in seats}
    at_work = {
        agent_id: db.read_now(count_trials_in, sweep.id, AT_WORK)
        for agent_id, sweep in sweeps.items()
    }
    order = sorted(
        seats,
        key=lambda seat: (
            -sweeps[seat.agent_id].priority,
            at_work[seat.agent_id],
            sweeps[seat.agent_id].id,
        ),
    )
    is_busy = any(seat.report.running or not seat.report.wants_work for seat in seats)
    given: dict[int, Served] = {}
    for seat in order:
        # One that has work elsewhere, or got nothing here, claims no slot of this sweep.
        report = msgspec.structs.replace(seat.report, wants_work=not is_busy)
        commands = dispatcher.beat(caller, seat.agent_id, report, now_us=now_us)
        waits = None
        if not is_busy and not commands:
            waits = db.read_now(get_sweep_by_id, sweeps[seat.agent_id].id).waits_reason
            idle = AgentReport(wants_work=False)
            dispatcher.beat(caller, seat.agent_id, idle, now_us=now_us)
        given[seat.agent_id] = Served(seat.agent_id, commands, waits)
        is_busy = is_busy or any(command.type in ("run", "resume") for command in commands)
    return [given[seat.agent_id] for seat in seats]


def _sweep_of(db: Database, caller: Caller, seat: Seat) -> Sweep:
    return db.read_now(get_own_agent, caller, seat.agent_id)[1]
