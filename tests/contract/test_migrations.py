"""The revisions and the tables declared in code are one schema."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.engine import Connection

import steelyard.server.tables  # noqa: F401  # declares every table
from steelyard.errors import CannotStart
from steelyard.server.columns.tail import encode_lines
from steelyard.server.db.dialect import metadata
from steelyard.server.db.interface import Database
from steelyard.server.db.open import open_database
from steelyard.server.migrations import create_schema, current_revision, head_revision
from steelyard.server.rooms.runs.ingest import RunPath, SentLines, Upload, accept_upload
from tests.support.accounts import NOW_US, make_caller, make_run
from tests.support.journals import JournalBytes, Place


def differences(conn: Connection) -> list[Any]:
    context = MigrationContext.configure(conn, opts={"compare_server_default": False})
    return list(compare_metadata(context, metadata))


def test_the_migrated_schema_is_the_one_the_code_declares(db: Database) -> None:
    assert db.read_now(differences) == []


def test_an_empty_database_comes_to_the_newest_revision_and_stays(empty_database_url: str) -> None:
    db = open_database(empty_database_url)
    try:
        assert db.read_now(current_revision) is None
        create_schema(db)
        create_schema(db)
        assert db.read_now(current_revision) == head_revision()
    finally:
        db.close()


def test_runs_of_before_journals_stay_as_they_are_and_can_be_gone_on_with(
    empty_database_url: str,
) -> None:
    """Revision 0002."""
    db = open_database(empty_database_url)
    try:
        create_schema(db, revision="0001")
        assert db.read_now(current_revision) == "0001"
        caller = db.write_now(make_caller)
        run = db.write_now(make_run, caller, project="old", name="run")
        lines = encode_lines(f'{{"_step": {step}, "a": {step}.0}}' for step in range(3))
        upload = Upload(history=SentLines(0, lines), summary='{"a": 2.0, "_runtime": 5}')
        path = RunPath(run.entity, run.project, run.name)
        db.write_now(accept_upload, caller=caller, path=path, upload=upload, now_us=NOW_US)
        place = Place(db, caller, "old")
        before = place.everything()
        create_schema(db)
        assert db.read_now(current_revision) == head_revision()
        assert place.everything() == before
        resumed = JournalBytes(resume="must")
        resumed.log({"a": 3.0})
        assert place.send(resumed).had_rows
        assert [(row["_step"], row["a"]) for row in place.rows()] == [
            (step, float(step)) for step in range(4)
        ]
        assert place.summary()["_runtime"] == 6.0
    finally:
        db.close()


def test_a_database_of_a_newer_version_is_refused_and_left_alone(db: Database) -> None:
    newer = sa.text("UPDATE alembic_version SET version_num = '9999'")
    db.write_now(lambda conn: conn.execute(newer))
    with pytest.raises(CannotStart, match=r"newer version of Steelyard \(schema 9999\)"):
        create_schema(db)
    assert db.read_now(current_revision) == "9999"
