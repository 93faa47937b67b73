"""Revision 0003: what was there before artifacts stays, and artifacts work on it."""

from __future__ import annotations

from pathlib import Path

from steelyard.server.columns.tail import encode_lines
from steelyard.server.db.open import open_database
from steelyard.server.migrations import create_schema
from steelyard.server.rooms.artifacts.uses import list_logged
from steelyard.server.rooms.files.commands import put_file
from steelyard.server.rooms.files.queries import list_files
from steelyard.server.rooms.runs.ingest import RunPath, SentLines, Upload, accept_upload
from steelyard.server.rooms.runs.queries import find_run_by_id
from tests.support.accounts import NOW_US, make_caller, make_run
from tests.support.artifacts import Shelf, store
from tests.support.journals import Place


def test_runs_of_before_artifacts_stay_and_can_log_some(
    empty_database_url: str, tmp_path: Path
) -> None:
    db = open_database(empty_database_url)
    try:
        create_schema(db, revision="0002")
        caller = db.write_now(make_caller)
        run = db.write_now(make_run, caller, project="old", name="run")
        lines = encode_lines(f'{{"_step": {step}, "a": {step}.0}}' for step in range(3))
        upload = Upload(history=SentLines(0, lines), summary='{"a": 2.0}')
        path = RunPath(run.entity, run.project, run.name)
        db.write_now(accept_upload, caller=caller, path=path, upload=upload, now_us=NOW_US)
        place = Place(db, caller, "old")
        before = place.everything()
        create_schema(db)
        shelf = Shelf(db, tmp_path / "blobs", caller=caller, name="old")
        assert place.everything() == before
        blob = store(shelf.blobs, b"file")
        db.write_now(put_file, run_id=run.id, name="a.txt", blob=blob, now_us=NOW_US)
        version = shelf.log({"a": b"1"}, run_id=run.id)
        assert [a.id for a in db.read_now(list_logged, run.id, limit=9)] == [version.id]
        assert len(db.read_now(list_files, run.id, limit=9)) == 1
        assert db.read_now(find_run_by_id, run.id) is not None
    finally:
        db.close()
