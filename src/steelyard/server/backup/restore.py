"""Restoring a backup into an empty place, of the same or the other kind of database."""

from __future__ import annotations

import hashlib
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import sqlalchemy as sa
import zstandard
from sqlalchemy.engine import Connection

import steelyard.server.tables  # noqa: F401  # declares every table
from steelyard.errors import Conflict, Invalid
from steelyard.server.backup.manifest import FORMAT, MANIFEST_NAME, Manifest, TablePage
from steelyard.server.blobs.bulk import fill_local
from steelyard.server.blobs.interface import BlobStore
from steelyard.server.blobs.local import LocalBlobs
from steelyard.server.blobs.open import claim_blobs, connect_blobs
from steelyard.server.blobs.place import find_s3_place
from steelyard.server.data_dir import restoring_directory
from steelyard.server.db.dialect import metadata
from steelyard.server.db.interface import Database
from steelyard.server.db.open import open_database
from steelyard.server.http.signing import Signer
from steelyard.server.migrations import create_schema, current_revision, head_revision
from steelyard.server.rooms.accounts.commands import get_or_create_secret
from steelyard.server.settings import ServerSettings

BLOBS = "blobs/"
COPY_BYTES = 1024 * 1024
SMALL_BYTES_MAX = 256 * 1024  # contents that are restored together
BATCH_FILES, BATCH_BYTES = 1000, 16 * 1024 * 1024
PAGE_BYTES_MAX = 4 * 1024 * 1024 * 1024


def restore_backup(source: Path, settings: ServerSettings) -> Manifest:
    """Check the whole backup, then restore it; what was restored is complete or absent.

    Everything is built next to the data directory and takes its name at the end; on PostgreSQL the
    rows are one transaction. Contents go where the settings say, also to S3; those that an
    interrupted restore left there belong to nothing and are removed by the server in time. Raises
    Conflict for a target that is not empty, Invalid for a file that is damaged or of another
    schema, CannotStart for a place in S3 that is another server's.
    """
    data_dir = settings.data_dir.absolute()
    if data_dir.exists() and any(data_dir.iterdir()):
        raise Conflict(f"{data_dir} is not empty; restore into a new --data-dir")
    with _opened(source) as archive:
        manifest = verify(archive)
        with restoring_directory(data_dir) as building:
            _build(archive, building, settings)
            building.rename(data_dir)
    return manifest


def verify(archive: tarfile.TarFile) -> Manifest:
    """Read every byte of the backup against its table of contents. Invalid says what is wrong."""
    manifest = _read_manifest(archive)
    try:
        _compare(archive, manifest)
    except tarfile.TarError as error:
        raise Invalid(f"the backup is damaged: {error}") from error
    return manifest


def _compare(archive: tarfile.TarFile, manifest: Manifest) -> None:
    seen: dict[str, str] = {}
    blob_count = 0
    for member in archive:
        digest = _hash_member(archive, member)
        if member.name.startswith(BLOBS):
            blob_count += 1
            if digest != member.name.removeprefix(BLOBS):
                raise Invalid(f"the backup is damaged: the content of {member.name} has changed")
        elif member.name != MANIFEST_NAME:
            seen[member.name] = digest
    wrong = [name for name, digest in manifest.sha256.items() if seen.get(name) != digest]
    if wrong or len(seen) != len(manifest.sha256) or blob_count != manifest.blob_count:
        what = wrong[0] if wrong else "its number of members"
        raise Invalid(f"the backup is damaged: {what} is not what its manifest says")


def _build(archive: tarfile.TarFile, building: Path, settings: ServerSettings) -> None:
    directory = building / "blobs"
    place = find_s3_place(settings)
    blobs = connect_blobs(directory, place)
    db = open_database(settings.database_url or f"sqlite:///{building / 'steelyard.db'}")
    try:
        _refuse_used_database(db)
        create_schema(db)
        _restore_blobs(archive, blobs)

        def restore(conn: Connection) -> None:
            _restore_rows(conn, archive)
            if place is not None:  # refused for that of another server: then no row stays either
                server_id = Signer(get_or_create_secret(conn, "signing")).server_id
                claim_blobs(blobs, directory, server_id)

        db.write_now(restore)
    finally:
        db.close()


def _restore_blobs(archive: tarfile.TarFile, blobs: BlobStore) -> None:
    members = [member for member in archive if member.name.startswith(BLOBS)]
    if isinstance(blobs, LocalBlobs):
        fill_local(
            blobs,
            (
                (bytes.fromhex(member.name.removeprefix(BLOBS)), _parts(archive, member))
                for member in members
            ),
        )
        return
    _send_blobs(archive, members, blobs)


def _send_blobs(archive: tarfile.TarFile, members: list[tarfile.TarInfo], blobs: BlobStore) -> None:
    """To S3. Small contents go many at a time: each alone takes a round trip."""
    waiting: list[bytes] = []
    waiting_bytes = 0
    for member in members:
        if member.size > SMALL_BYTES_MAX:
            _restore_blob(archive, member, blobs)
            continue
        waiting.append(b"".join(_parts(archive, member)))
        waiting_bytes += member.size
        if len(waiting) == BATCH_FILES or waiting_bytes >= BATCH_BYTES:
            blobs.store_all(waiting)
            waiting, waiting_bytes = [], 0
    if waiting:
        blobs.store_all(waiting)


def _refuse_used_database(db: Database) -> None:
    """A restore that was killed leaves tables without rows in PostgreSQL: those do not count."""

    def is_used(conn: Connection) -> bool:
        tables = set(sa.inspect(conn).get_table_names())
        if not tables:
            return False
        if current_revision(conn) != head_revision():
            return True
        ours = [table for table in metadata.sorted_tables if table.name in tables]
        return any(conn.execute(sa.select(sa.exists().select_from(t))).scalar() for t in ours)

    if db.read_now(is_used):
        raise Conflict("the database is not empty; restore into a new one")


def _restore_rows(conn: Connection, archive: tarfile.TarFile) -> None:
    assert current_revision(conn) == head_revision()
    pages: dict[str, list[tarfile.TarInfo]] = {}
    for member in archive:
        if member.name.startswith("tables/"):
            pages.setdefault(member.name.split("/")[1], []).append(member)
    for table in metadata.sorted_tables:
        conn.execute(sa.delete(table))  # what the schema itself put there
    for table in metadata.sorted_tables:
        for page in map(lambda member: _read_page(archive, member), pages.get(table.name, [])):
            rows = [dict(zip(page.columns, row, strict=True)) for row in page.rows]
            conn.execute(sa.insert(table), rows)
        _advance_counter(conn, table)


def _advance_counter(conn: Connection, table: sa.Table) -> None:
    """Let the next row get a number of its own: PostgreSQL counts apart from the rows."""
    key = table.autoincrement_column
    if key is None or conn.dialect.name != "postgresql":
        return
    name = conn.execute(sa.select(sa.func.pg_get_serial_sequence(table.name, key.name))).scalar()
    if name is not None:
        last = sa.select(sa.func.max(key)).scalar_subquery()
        conn.execute(sa.select(sa.func.setval(name, sa.func.coalesce(last, 0) + 1, sa.false())))


def _restore_blob(archive: tarfile.TarFile, member: tarfile.TarInfo, blobs: BlobStore) -> None:
    writer = blobs.create_writer()
    try:
        for part in _parts(archive, member):
            writer.write(part)
        stored = writer.commit()
    except BaseException:
        writer.abort()
        raise
    assert f"{BLOBS}{stored.sha256.hex()}" == member.name


def _read_manifest(archive: tarfile.TarFile) -> Manifest:
    try:
        content = b"".join(_parts(archive, archive.getmember(MANIFEST_NAME)))
        manifest = msgspec.json.decode(content, type=Manifest)
    except (KeyError, tarfile.TarError, msgspec.DecodeError) as error:
        raise Invalid("this is no backup of Steelyard, or its end is missing") from error
    if manifest.format > FORMAT or manifest.schema != head_revision():
        raise Invalid(
            f"the backup was made by Steelyard {manifest.version} (schema {manifest.schema}); "
            f"this version works with schema {head_revision()}: restore it with that version, "
            "then start this one on the result"
        )
    return manifest


def _read_page(archive: tarfile.TarFile, member: tarfile.TarInfo) -> TablePage:
    content = b"".join(_parts(archive, member))
    packed = zstandard.ZstdDecompressor().decompress(content, max_output_size=PAGE_BYTES_MAX)
    return msgspec.msgpack.decode(packed, type=TablePage)


def _hash_member(archive: tarfile.TarFile, member: tarfile.TarInfo) -> str:
    digest = hashlib.sha256()
    for part in _parts(archive, member):
        digest.update(part)
    return digest.hexdigest()


def _parts(archive: tarfile.TarFile, member: tarfile.TarInfo) -> Iterator[bytes]:
    """The bytes of a member, read where they are: what `tarfile` wraps around costs more."""
    if not member.isreg() or member.issparse():
        raise Invalid(f"the backup is damaged: {member.name} is no file")
    descriptor = archive.fileobj.fileno()  # type: ignore[attr-defined]  # of a file: see _opened
    at, end = member.offset_data, member.offset_data + member.size
    while at < end:
        part = os.pread(descriptor, min(end - at, COPY_BYTES), at)
        if not part:
            raise Invalid(f"the backup is damaged: it ends in the middle of {member.name}")
        yield part
        at += len(part)


def _opened(source: Path) -> tarfile.TarFile:
    try:
        return tarfile.open(source, mode="r:")
    except FileNotFoundError as error:
        raise Invalid(f"there is no file {source}") from error
    except (tarfile.TarError, OSError) as error:
        raise Invalid(f"{source} is no backup of Steelyard: {error}") from error
