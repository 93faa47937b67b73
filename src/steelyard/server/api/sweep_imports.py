"""Sweeps that were worked for without a server, brought here by `steelyard sync`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec
from litestar import put
from sqlalchemy.engine import Connection

from steelyard.server.api.sweep_rows import SweepDetail, detail_of_sweep
from steelyard.server.api.sweeps import SWEEP
from steelyard.server.db.interface import Database
from steelyard.server.rooms.accounts.model import Caller
from steelyard.server.rooms.projects.commands import ensure_project
from steelyard.server.rooms.sweeps.configuration import parse_sweep_config
from steelyard.server.rooms.sweeps.imports import (
    ImportedAgent,
    ImportedSweep,
    ImportedTrial,
    Number,
    import_agents,
    import_sweep,
    import_trials,
    set_imported_state,
)
from steelyard.server.rooms.sweeps.model import SweepState
from steelyard.server.rooms.sweeps.queries import get_sweep_by_id

Clock = Callable[[], int]


class SweepImport(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A sweep as a directory has it, with some of its trials; the rest comes in more of these.

    `state` counts when `is_last`: a sweep that has not ended is shown as paused.
    """

    config: str
    seed: Number
    state: SweepState
    exhausted_reason: str | None = None
    created_at_us: Number
    finished_at_us: Number | None = None
    agents: list[ImportedAgent] = []
    trials: list[ImportedTrial] = []
    is_last: bool = False


class Imported(msgspec.Struct, frozen=True):
    """What came of it: trials that were new or have changed, and the sweep as it is here."""

    changed: int
    sweep: SweepDetail


@put(SWEEP + "/import")
async def import_directory_sweep(
    entity: str,
    project: str,
    sweep: str,
    data: SweepImport,
    caller: Caller,
    db: Database,
    now_us: Clock,
) -> Imported:
    """Bring a sweep that has no server up to date here: sent twice, it changes nothing.

    Nothing of it is handed out here until somebody resumes it, and then no more can be brought.
    """
    config = await asyncio.to_thread(parse_sweep_config, data.config)
    said = ImportedSweep(
        name=sweep,
        seed=data.seed,
        state=data.state,
        exhausted_reason=data.exhausted_reason,
        created_at_us=data.created_at_us,
        finished_at_us=data.finished_at_us,
    )

    def write(conn: Connection) -> Imported:
        at_us = now_us()
        place, _ = ensure_project(conn, caller=caller, entity=entity, name=project, now_us=at_us)
        found = import_sweep(
            conn, project=place, caller=caller, said=said, config=config, now_us=at_us
        )
        agents = import_agents(conn, found, caller, data.agents)
        changed = import_trials(
            conn, found, config.problem, data.trials, agents=agents, now_us=at_us
        )
        found = get_sweep_by_id(conn, found.id)
        if data.is_last:
            found = set_imported_state(conn, found, said, now_us=at_us)
        return Imported(changed, detail_of_sweep(conn, found, config.problem))

    return await db.write(write)


handlers = [import_directory_sweep]
