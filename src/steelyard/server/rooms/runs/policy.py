"""Who may do what with runs. One place; a run that may not be seen counts as absent."""

from __future__ import annotations

from sqlalchemy.engine import Connection

from steelyard.errors import Forbidden, RunNotFound
from steelyard.server.rooms.accounts.model import Caller
from steelyard.server.rooms.accounts.policy import may_read_entity, may_write_entity
from steelyard.server.rooms.runs.model import Run
from steelyard.server.rooms.runs.queries import find_run_by_id


def get_readable_run(conn: Connection, caller: Caller, run_id: int) -> Run:
    """The run with that number. Raises RunNotFound when absent or not the caller's to see."""
    run = find_run_by_id(conn, run_id)
    if run is None or not may_read_entity(caller, run.entity_id):
        raise RunNotFound(f"with the id {run_id}")
    return run


def get_writable_run(conn: Connection, caller: Caller, run_id: int) -> Run:
    """The run with that number. Raises RunNotFound, or Forbidden for viewers."""
    run = get_readable_run(conn, caller, run_id)
    require_writable(caller, run)
    return run


def require_writable(caller: Caller, run: Run) -> None:
    """Forbidden unless the caller may change this run."""
    if not may_write_entity(caller, run.entity_id):
        raise Forbidden(
            f"you are a viewer in {run.entity!r} and may not change {run.path}; "
            "ask one of its admins"
        )
