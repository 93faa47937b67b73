"""Callers and runs for tests that work on a database without a server."""

from __future__ import annotations

import itertools

from sqlalchemy.engine import Connection

from steelyard.server.rooms.accounts.commands import create_user
from steelyard.server.rooms.accounts.model import Caller
from steelyard.server.rooms.accounts.queries import get_caller
from steelyard.server.rooms.projects.commands import ensure_project
from steelyard.server.rooms.runs.commands import upsert_run
from steelyard.server.rooms.runs.model import Run, RunChanges

NOW_US = 1_750_000_000_000_000
_numbers = itertools.count(1)


def make_caller(conn: Connection, *, is_admin: bool = False) -> Caller:
    """A new user."""
    user = create_user(conn, username=f"user-{next(_numbers)}", now_us=NOW_US, is_admin=is_admin)
    return get_caller(conn, user.id)


def make_run(
    conn: Connection,
    caller: Caller,
    *,
    entity: str = "",
    project: str = "tests",
    name: str | None = None,
) -> Run:
    """A running run in a project of the caller, or of another entity."""
    place, _ = ensure_project(conn, caller=caller, entity=entity, name=project, now_us=NOW_US)
    changes = RunChanges(name=name or f"run-{next(_numbers)}")
    run, _ = upsert_run(conn, project=place, caller=caller, changes=changes, now_us=NOW_US)
    return run
