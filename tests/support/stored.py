"""What is really in the database of a server, read past the server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from steelyard.server.columns import console, read
from steelyard.server.db.interface import Database
from steelyard.server.db.open import open_database
from steelyard.server.rooms.runs.queries import find_run_by_id
from steelyard.testing.server import ThrowawayServer

RUN_IDS = sa.text("SELECT id, name FROM runs")


@contextmanager
def opened(server: ThrowawayServer, database_url: str | None = None) -> Iterator[Database]:
    """The database of the server, which may be running."""
    url = database_url or f"sqlite:///{server.data_dir / 'steelyard.db'}"
    db = open_database(url)
    try:
        yield db
    finally:
        db.close()


def run_ids(conn: Connection) -> dict[str, int]:
    """Name to number of every run."""
    return {row.name: row.id for row in conn.execute(RUN_IDS)}


def history_rows(db: Database, run: str) -> list[dict[str, Any]]:
    """Every row of a run in the order of steps."""
    run_id = db.read_now(run_ids)[run]
    return db.read_now(read.read_rows, run_id, "history", min_step=0, max_step=None, limit=10**9)


def value_count(db: Database, run: str, key: str) -> int:
    """How many values of a key are stored, those overwritten included."""
    run_id = db.read_now(run_ids)[run]
    stats = db.read_now(read.describe_keys, run_id, "history").keys.get(key)
    return 0 if stats is None else stats.n


def console_texts(db: Database, run: str) -> list[str]:
    run_id = db.read_now(run_ids)[run]
    return [line.text for line in db.read_now(console.read_lines, run_id, first=0, limit=10**6)]


def summary(db: Database, run: str) -> dict[str, Any]:
    found = db.read_now(find_run_by_id, db.read_now(run_ids)[run])
    assert found is not None
    return found.parse_summary()


def config(db: Database, run: str) -> dict[str, Any]:
    found = db.read_now(find_run_by_id, db.read_now(run_ids)[run])
    assert found is not None
    return found.parse_config()


def state(db: Database, run: str) -> str:
    found = db.read_now(find_run_by_id, db.read_now(run_ids)[run])
    assert found is not None
    return found.state
