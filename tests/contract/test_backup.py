"""Backup and restore, between both databases, with everything a server keeps."""

from __future__ import annotations

import hashlib
import json
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from steelyard.errors import Conflict, Invalid
from steelyard.server.backup.manifest import MANIFEST_NAME
from steelyard.server.backup.restore import restore_backup
from steelyard.server.backup.write import write_backup
from steelyard.server.blobs.bulk import fill_local
from steelyard.server.blobs.interface import read_blob
from steelyard.server.blobs.local import LocalBlobs
from steelyard.server.blobs.open import open_blobs
from steelyard.server.columns import console
from steelyard.server.columns.append import append_lines
from steelyard.server.columns.read import read_rows
from steelyard.server.columns.sealer import Sealer
from steelyard.server.data_dir import remove_interrupted_restores, restoring_directory
from steelyard.server.db.dialect import metadata
from steelyard.server.db.interface import Database
from steelyard.server.db.open import open_database
from steelyard.server.migrations import create_schema
from steelyard.server.rooms.accounts.commands import create_api_key
from steelyard.server.rooms.accounts.queries import find_key_holder
from steelyard.server.rooms.files.commands import put_file
from steelyard.server.settings import ServerSettings
from steelyard.testing.server import ThrowawayServer
from tests.support.accounts import NOW_US, make_caller, make_run
from tests.support.databases import DatabaseMaker

CONTENT = b"\x00\xff content of a file \n" * 1000
LINES = [
    json.dumps({"_step": step, "loss": 1 / (step + 1), "note": f"ü{step}", "bad": float("nan")})
    for step in range(1500)
]


class Filled(msgspec.Struct):
    """A server's stores with something in every corner."""

    db: Database
    directory: Path
    run_id: int
    key: str
    sha256: bytes


@pytest.fixture
def filled(db: Database, tmp_path: Path) -> Filled:
    directory = tmp_path / "source"
    blobs = open_blobs(directory / "blobs")
    writer = blobs.create_writer()
    writer.write(CONTENT)
    blob = writer.commit()

    def fill(conn: Connection) -> tuple[int, str]:
        caller = make_caller(conn, is_admin=True)
        run = make_run(conn, caller)
        append_lines(
            conn,
            run_id=run.id,
            stream="history",
            writer="",
            offset=0,
            lines=LINES[:1200],
            now_us=NOW_US,
        )
        console.write_lines(conn, run_id=run.id, offset=0, lines=["one", "two"], now_us=NOW_US)
        put_file(conn, run_id=run.id, name="a/b.bin", blob=blob, now_us=NOW_US)
        key = create_api_key(conn, user_id=caller.user_id, name="", now_us=NOW_US)
        return run.id, key.key

    run_id, key = db.write_now(fill)
    sealer = Sealer(db)
    sealer.start()
    sealer.request(run_id, "history")
    assert sealer.wait_until_idle()
    sealer.stop()
    db.write_now(  # … and rows that are in the tail still
        append_lines,
        run_id=run_id,
        stream="history",
        writer="",
        offset=1200,
        lines=LINES[1200:],
        now_us=NOW_US,
    )
    return Filled(db, directory, run_id, key, blob.sha256)


@pytest.fixture(params=("sqlite", "postgresql"))
def target_url(request: pytest.FixtureRequest, database_maker: DatabaseMaker) -> Iterator[str]:
    """What `--database` says: nothing for SQLite."""
    if request.param == "sqlite":
        yield ""
        return
    url, remove = database_maker.make_empty("postgresql")
    yield url
    remove()


def back_up(filled: Filled, path: Path) -> Path:
    blobs = open_blobs(filled.directory / "blobs")
    write_backup(filled.db, blobs, path, now_us=NOW_US)
    return path


def dump(conn: Connection) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table. SQLite keeps NaN as NULL, so they count as the same."""
    return {
        str(table.name): sorted(
            (
                tuple(None if value != value else value for value in row)
                for row in conn.execute(sa.select(table))
            ),
            key=repr,
        )
        for table in metadata.sorted_tables
    }


def test_everything_comes_back_whatever_the_databases(
    filled: Filled, tmp_path: Path, target_url: str
) -> None:
    archive = back_up(filled, tmp_path / "backup.tar")
    settings = ServerSettings(data_dir=tmp_path / "target", database_url=target_url)
    restore_backup(archive, settings)
    restored = open_database(settings.effective_database_url)
    try:
        assert restored.read_now(dump) == filled.db.read_now(dump)
        rows = restored.read_now(
            read_rows, filled.run_id, "history", min_step=0, max_step=None, limit=10_000
        )
        assert [row["_step"] for row in rows] == list(range(1500))
        holder = restored.read_now(find_key_holder, filled.key)
        assert holder is not None and holder.caller.is_admin
        # New rows get numbers of their own.
        restored.write_now(lambda conn: make_run(conn, make_caller(conn)))
    finally:
        restored.close()
    blobs = open_blobs(settings.data_dir / "blobs")
    assert read_blob(blobs, filled.sha256, size_bytes_max=10**6) == CONTENT


def test_a_backup_is_one_moment_even_while_runs_are_written(filled: Filled, tmp_path: Path) -> None:
    """A run and its file are written together; a backup never has one without the other."""
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            filled.db.write_now(lambda conn: make_run(conn, make_caller(conn)))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        archive = back_up(filled, tmp_path / "backup.tar")
    finally:
        stop.set()
        writer.join()
    settings = ServerSettings(data_dir=tmp_path / "target")
    manifest = restore_backup(archive, settings)
    assert manifest.row_counts["runs"] == manifest.row_counts["projects"]
    assert manifest.row_counts["runs"] == manifest.row_counts["users"]


@pytest.fixture
def archive(filled: Filled, tmp_path: Path) -> Path:
    return back_up(filled, tmp_path / "backup.tar")


def test_a_backup_is_only_for_its_owner_and_never_overwrites(filled: Filled, archive: Path) -> None:
    assert archive.stat().st_mode & 0o777 == 0o600
    with pytest.raises(Conflict, match="exists already"):
        back_up(filled, archive)


@pytest.mark.parametrize("part", ["blobs/", "tables/runs/", MANIFEST_NAME])
def test_a_damaged_backup_is_refused_and_nothing_is_made(
    archive: Path, tmp_path: Path, part: str
) -> None:
    with tarfile.open(archive) as opened:
        member = next(m for m in opened if m.name.startswith(part))
    content = bytearray(archive.read_bytes())
    content[member.offset_data + member.size // 2] ^= 0x55
    archive.write_bytes(content)
    refused_without_trace(archive, tmp_path)


def test_half_a_backup_is_refused_and_nothing_is_made(archive: Path, tmp_path: Path) -> None:
    content = archive.read_bytes()
    archive.write_bytes(content[: len(content) // 2])
    refused_without_trace(archive, tmp_path)


def test_a_file_that_is_no_backup_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "other.tar"
    other.write_text("no tar at all")
    refused_without_trace(other, tmp_path)
    refused_without_trace(tmp_path / "missing.tar", tmp_path)


def test_a_backup_of_a_newer_schema_is_refused(archive: Path, tmp_path: Path) -> None:
    newer = tmp_path / "newer.tar"
    with tarfile.open(archive) as old, tarfile.open(newer, "w") as new:
        for member in old:
            file = old.extractfile(member)
            assert file is not None
            content = file.read()
            if member.name == MANIFEST_NAME:
                content = content.replace(b'"schema": "', b'"schema": "9')
                member.size = len(content)
            import io

            new.addfile(member, io.BytesIO(content))
    refused_without_trace(newer, tmp_path)


def refused_without_trace(archive: Path, tmp_path: Path) -> None:
    before = set(tmp_path.iterdir())
    with pytest.raises(Invalid):
        restore_backup(archive, ServerSettings(data_dir=tmp_path / "target"))
    assert set(tmp_path.iterdir()) == before


def test_restoring_over_anything_is_refused(archive: Path, tmp_path: Path, filled: Filled) -> None:
    used = tmp_path / "used"
    used.mkdir()
    (used / "something").touch()
    with pytest.raises(Conflict, match="not empty"):
        restore_backup(archive, ServerSettings(data_dir=used))
    settings = ServerSettings(data_dir=tmp_path / "new", database_url=filled.db.url)
    with pytest.raises(Conflict, match="database is not empty"):
        restore_backup(archive, settings)
    assert not (tmp_path / "new").exists()


def test_content_that_was_lost_before_is_named_and_the_rest_is_kept(
    filled: Filled, tmp_path: Path
) -> None:
    blobs = open_blobs(filled.directory / "blobs")
    blobs.delete(filled.sha256)
    manifest = write_backup(filled.db, blobs, tmp_path / "backup.tar", now_us=NOW_US)
    assert manifest.missing_blobs == [filled.sha256.hex()]
    restore_backup(tmp_path / "backup.tar", ServerSettings(data_dir=tmp_path / "target"))


def make_interrupted(tmp_path: Path) -> Path:
    """What a restore to `target` leaves that was killed half way."""
    left = tmp_path / ".target.0123abcd.restoring"
    (left / "blobs" / "ab").mkdir(parents=True)
    (left / "blobs" / "ab" / "half").write_text("half")
    return left


def test_the_next_restore_removes_what_a_killed_one_left(archive: Path, tmp_path: Path) -> None:
    left = make_interrupted(tmp_path)
    other = tmp_path / ".target2.0123abcd.restoring"
    other.mkdir()
    restore_backup(archive, ServerSettings(data_dir=tmp_path / "target"))
    assert not left.exists()
    assert other.exists(), "of another data directory"


def test_the_next_start_of_a_server_removes_what_a_killed_restore_left(tmp_path: Path) -> None:
    left = make_interrupted(tmp_path)
    with ThrowawayServer(tmp_path / "target"):
        assert not left.exists()


def test_tables_without_rows_are_no_hindrance_to_the_next_restore(
    archive: Path, tmp_path: Path, target_url: str
) -> None:
    """A restore into PostgreSQL that is killed leaves those: its rows were one transaction."""
    settings = ServerSettings(data_dir=tmp_path / "target", database_url=target_url)
    if target_url:
        half = open_database(target_url)
        create_schema(half)
        half.close()
    assert restore_backup(archive, settings).row_count > 0
    with pytest.raises(Conflict, match="not empty"):
        restore_backup(archive, settings)


def test_a_restore_that_is_under_way_is_left_alone(tmp_path: Path) -> None:
    with restoring_directory(tmp_path / "target") as building:
        assert remove_interrupted_restores(tmp_path / "target") == 0
        assert building.exists()
    assert [*tmp_path.iterdir()] == []


def test_a_content_that_changes_while_it_is_restored_is_refused(tmp_path: Path) -> None:
    blobs = LocalBlobs(tmp_path / "blobs")
    with pytest.raises(Invalid, match="has changed"):
        fill_local(blobs, [(hashlib.sha256(b"one").digest(), [b"o", b"ther"])])
