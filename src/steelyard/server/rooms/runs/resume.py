"""Where a run stands, for a process that goes on with it."""

from __future__ import annotations

import msgspec
from sqlalchemy.engine import Connection

from steelyard.server.columns import read
from steelyard.server.rooms.accounts.model import Caller
from steelyard.server.rooms.accounts.policy import require_readable
from steelyard.server.rooms.accounts.queries import find_entity
from steelyard.server.rooms.projects.queries import find_project
from steelyard.server.rooms.runs.model import Run
from steelyard.server.rooms.runs.queries import find_run


class ResumePoint(msgspec.Struct, frozen=True):
    """`run` is None when there is none of that name, nor perhaps its project."""

    entity: str
    run: Run | None = None
    last_step: int | None = None
    runtime_s: float = 0.0


def find_resume_point(
    conn: Connection, caller: Caller, entity: str, project: str, name: str
) -> ResumePoint:
    """The run and where it stands. No entity: the caller's own.

    Raises EntityNotFound for an entity that is not there, or that the caller may not see.
    """
    entity = entity or caller.default_entity
    owner = require_readable(caller, find_entity(conn, entity), entity)
    place = find_project(conn, owner.name, project)
    run = None if place is None else find_run(conn, place.id, name)
    if run is None:
        return ResumePoint(owner.name)
    last_step = read.get_last_step(conn, run.id, "history")
    return ResumePoint(owner.name, run, last_step, runtime_of(run))


def runtime_of(run: Run) -> float:
    """Seconds that the run has worked, by its own account."""
    summary = run.parse_summary()
    own = summary.get("_wandb")
    for value in (summary.get("_runtime"), own.get("runtime") if isinstance(own, dict) else None):
        if isinstance(value, int | float) and 0 <= value < 1e12:
            return float(value)
    return 0.0
