"""The schema: one line of Alembic revisions for both databases."""

from __future__ import annotations

import logging
from pathlib import Path

import sqlalchemy as sa
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Connection

from steelyard.errors import CannotStart
from steelyard.server.db.interface import Database


def create_schema(db: Database, *, revision: str = "head") -> None:
    """Bring the database to the newest revision; nothing to do is the usual case.

    Raises CannotStart when a newer version of Steelyard made the database. Tests of revisions stop
    at an earlier one.
    """
    db.write_now(_upgrade, revision)


def current_revision(conn: Connection) -> str | None:
    """The revision the database is at; None for an empty one."""
    return MigrationContext.configure(conn).get_current_revision()


def head_revision() -> str:
    """The revision this version of Steelyard works with."""
    head = _scripts().get_current_head()
    assert head is not None
    return head


def _scripts() -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    return ScriptDirectory.from_config(config)


def _upgrade(conn: Connection, revision: str) -> None:
    scripts = _scripts()
    known = {script.revision for script in scripts.walk_revisions()}
    current = current_revision(conn)
    if current is not None and current not in known:
        raise CannotStart(
            f"the database was made by a newer version of Steelyard (schema {current}); "
            "install that version again, or restore a backup made by this one"
        )
    if current == scripts.get_current_head():
        return
    if conn.dialect.name == "postgresql":  # several servers may start at once
        conn.execute(sa.text("SELECT pg_advisory_xact_lock(7303014)"))
    logging.getLogger("alembic").setLevel(logging.WARNING)
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    with EnvironmentContext(
        config, scripts, fn=lambda rev, _context: scripts._upgrade_revs(revision, rev)
    ) as environment:
        environment.configure(connection=conn, render_as_batch=conn.dialect.name == "sqlite")
        environment.run_migrations()
