"""The counters of a project. Taking a number locks the project until the transaction ends, so the
order of numbers is the order of commits."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from steelyard.server.db.prepared import Prepared
from steelyard.server.rooms.projects.tables import projects

_NEXT_CHANGE = Prepared(
    sa.update(projects)
    .where(projects.c.id == sa.bindparam("of_project"))
    .values(change_seq=projects.c.change_seq + 1, last_activity_us=sa.bindparam("new_activity_us"))
    .returning(projects.c.change_seq)
)


def next_change(conn: Connection, project_id: int, now_us: int) -> int:
    """The number of a change that lists of the project's runs must show."""
    row = _NEXT_CHANGE.first(conn, {"of_project": project_id, "new_activity_us": now_us})
    assert row is not None  # the foreign key of the run keeps it
    return int(row[0])


def next_deletion(conn: Connection, project_id: int, now_us: int) -> int:
    """The number of a change that deleted runs."""
    statement = (
        sa.update(projects)
        .where(projects.c.id == project_id)
        .values(
            change_seq=projects.c.change_seq + 1,
            deletion_seq=projects.c.change_seq + 1,
            last_activity_us=now_us,
        )
        .returning(projects.c.change_seq)
    )
    return int(conn.execute(statement).scalar_one())


def next_run_number(conn: Connection, project_id: int) -> int:
    """1 for the first run of the project, 2 for the next; deleted runs keep their number."""
    statement = (
        sa.update(projects)
        .where(projects.c.id == project_id)
        .values(run_seq=projects.c.run_seq + 1)
        .returning(projects.c.run_seq)
    )
    return int(conn.execute(statement).scalar_one())


def get_change_counts(conn: Connection, project_id: int) -> tuple[int, int]:
    """The numbers of the latest change and of the latest deletion; (0, 0) without any."""
    statement = sa.select(projects.c.change_seq, projects.c.deletion_seq)
    row = conn.execute(statement.where(projects.c.id == project_id)).first()
    return (0, 0) if row is None else (row.change_seq, row.deletion_seq)
