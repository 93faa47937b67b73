"""Who may do what with runs. One place; a run that may not be seen counts as absent."""

from __future__ import annotations

from sqlalchemy.engine import Connection

from steelyard.errors import Forbidden, RunNotFound
from steelyard.server.rooms.accounts.model import Caller
from steelyard.server.rooms.accounts.policy import may_read_entity, may_write_entity
from steelyard.server.rooms.projects.policy import get_readable_project, get_writable_project
from steelyard.server.rooms.runs.model import Run
from steelyard.server.rooms.runs.queries import find_run_by_id, get_run


def find_writable_run(conn: Connection, caller: Caller, run_id: int) -> Run | None:
    """The run with that number; None when absent or not the caller's to see.

    Raises Forbidden when the caller may see it but not change it.
    """
    run = find_run_by_id(conn, run_id)
    if run is None or not may_read_entity(caller, run.entity_id):
        return None
    require_writable(caller, run)
    return run


def get_writable_run(conn: Connection, caller: Caller, run_id: int) -> Run:
    """The run with that number. Raises RunNotFound instead, or Forbidden for viewers."""
    run = find_writable_run(conn, caller, run_id)
    if run is None:
        raise RunNotFound(f"with the id {run_id}")
    return run


def require_writable(caller: Caller, run: Run) -> None:
    """Forbidden unless the caller may change this run."""
    if not may_write_entity(caller, run.entity_id):
        raise Forbidden(
            f"you are a viewer in {run.entity!r} and may not change {run.path}; "
            "ask one of its admins"
        )


def get_readable_run_named(
    conn: Connection, caller: Caller, entity: str, project: str, name: str
) -> Run:
    """The run at a path. Raises ProjectNotFound or RunNotFound, also for what is not theirs."""
    found = get_readable_project(conn, caller, entity, project)
    return get_run(conn, found.id, name, path=f"{entity}/{project}/{name}")


def get_writable_run_named(
    conn: Connection, caller: Caller, entity: str, project: str, name: str
) -> Run:
    """The run at a path, to change it. As above, and Forbidden for viewers."""
    found = get_writable_project(conn, caller, entity, project)
    return get_run(conn, found.id, name, path=f"{entity}/{project}/{name}")
