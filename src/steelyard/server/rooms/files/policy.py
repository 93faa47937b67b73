"""Who may see and change files: whoever may see and change their run."""

from __future__ import annotations

from sqlalchemy.engine import Connection

from steelyard.server.rooms.accounts.model import Caller
from steelyard.server.rooms.files.model import RunFile
from steelyard.server.rooms.files.queries import get_file
from steelyard.server.rooms.projects.policy import get_readable_project
from steelyard.server.rooms.runs.queries import get_run


def get_readable_file(
    conn: Connection, caller: Caller, *, entity: str, project: str, run: str, name: str
) -> RunFile:
    """The file of a run that the caller may see.

    Raises ProjectNotFound, RunNotFound or FileMissing, the same for absent and foreign.
    """
    found = get_readable_project(conn, caller, entity, project)
    path = f"{found.entity}/{found.name}/{run}"
    return get_file(conn, get_run(conn, found.id, run, path=path).id, name)
