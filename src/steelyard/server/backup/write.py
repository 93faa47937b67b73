"""Making a backup while the server runs: one snapshot of the database, then the blobs it names."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import os
import secrets
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import sqlalchemy as sa
import zstandard
from sqlalchemy.engine import Connection

import steelyard.server.tables  # noqa: F401  # declares every table
from steelyard import __version__
from steelyard.errors import BlobMissing, Conflict, StorageFull
from steelyard.server.backup.manifest import FORMAT, MANIFEST_NAME, Manifest, TablePage
from steelyard.server.blobs.interface import BlobReader, BlobStore
from steelyard.server.db.dialect import metadata
from steelyard.server.db.interface import Database
from steelyard.server.migrations import current_revision
from steelyard.server.rooms.storage.references import list_digests

PAGE_ROWS = 1000
PAGE_ROWS_WITH_BLOBS = 32  # rows that hold compressed history are up to megabytes each


def write_backup(db: Database, blobs: BlobStore, target: Path, *, now_us: int) -> Manifest:
    """Write the backup; the file appears under its name when it is whole and on disk.

    Raises Conflict when `target` exists, StorageFull when its disk is; nothing is left then.
    """
    if target.exists():
        raise Conflict(f"{target} exists already; choose another name or move it away")
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        with _full_disk_is_storage_full(target):
            # Only for this user: the hashes of keys and passwords are inside.
            descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                manifest = _write_archive(db, blobs, file, now_us=now_us)
                file.flush()
                os.fsync(file.fileno())
            part.rename(target)
    finally:
        with contextlib.suppress(OSError):
            part.unlink()
    return manifest


def _write_archive(
    db: Database, blobs: BlobStore, file: io.BufferedIOBase, *, now_us: int
) -> Manifest:
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive:
        writer = ArchiveWriter(archive, now_us)
        schema, digests = db.read_now(_write_tables, writer)
        for digest in digests:
            writer.add_blob(blobs, digest)
        return writer.finish(schema)


def _write_tables(conn: Connection, writer: ArchiveWriter) -> tuple[str, list[bytes]]:
    """(schema, digests of the blobs that the rows need), all of one snapshot."""
    schema = current_revision(conn)
    assert schema is not None
    for table in metadata.sorted_tables:
        has_blobs = any(isinstance(column.type, sa.LargeBinary) for column in table.c)
        page_rows = PAGE_ROWS_WITH_BLOBS if has_blobs else PAGE_ROWS
        columns = [str(column.name) for column in table.c]
        streamed = conn.execution_options(stream_results=True, yield_per=page_rows)
        for rows in streamed.execute(sa.select(table)).partitions():
            writer.add_rows(str(table.name), columns, [list(row) for row in rows])
        writer.row_counts.setdefault(str(table.name), 0)
    return schema, list_digests(conn)


class ArchiveWriter:
    """Adds members to a tar file and keeps the table of contents."""

    def __init__(self, archive: tarfile.TarFile, now_us: int) -> None:
        self.row_counts: dict[str, int] = {}
        self._archive = archive
        self._now_us = now_us
        self._page_counts: dict[str, int] = {}
        self._sha256: dict[str, str] = {}
        self._blob_count = 0
        self._blob_bytes = 0
        self._missing: list[str] = []
        self._compressor = zstandard.ZstdCompressor(level=3)

    def add_rows(self, table: str, columns: list[str], rows: Sequence[list[object]]) -> None:
        """The next rows of a table."""
        page = self._page_counts.get(table, 0)
        self._page_counts[table] = page + 1
        self.row_counts[table] = self.row_counts.get(table, 0) + len(rows)
        packed = msgspec.msgpack.encode(TablePage(columns, list(rows)))
        content = self._compressor.compress(packed)
        name = f"tables/{table}/{page:06}.msgpack.zst"
        self._sha256[name] = hashlib.sha256(content).hexdigest()
        self._add(name, len(content), io.BytesIO(content))

    def add_blob(self, blobs: BlobStore, digest: bytes) -> None:
        """The content of a file; noted as missing when the store has lost it."""
        size_bytes = blobs.find_size(digest)
        if size_bytes is None:
            self._missing.append(digest.hex())
            return
        try:
            reader = blobs.open_range(digest, first=0, size_bytes=size_bytes)
        except BlobMissing:
            self._missing.append(digest.hex())
            return
        with contextlib.closing(reader):
            self._add(f"blobs/{digest.hex()}", size_bytes, reader)
        self._blob_count += 1
        self._blob_bytes += size_bytes

    def finish(self, schema: str) -> Manifest:
        """Write the table of contents."""
        manifest = Manifest(
            format=FORMAT,
            version=__version__,
            schema=schema,
            made_at_us=self._now_us,
            row_counts=self.row_counts,
            blob_count=self._blob_count,
            blob_bytes=self._blob_bytes,
            sha256=self._sha256,
            missing_blobs=self._missing,
        )
        content = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
        self._add(MANIFEST_NAME, len(content), io.BytesIO(content))
        return manifest

    def _add(self, name: str, size_bytes: int, content: io.BytesIO | BlobReader) -> None:
        member = tarfile.TarInfo(name)
        member.size = size_bytes
        member.mode = 0o600
        member.mtime = self._now_us // 1_000_000
        self._archive.addfile(member, content)  # type: ignore[arg-type]  # only read() is used


@contextlib.contextmanager
def _full_disk_is_storage_full(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise StorageFull(
                f"the disk of {target.parent.absolute()} is full; nothing was left there"
            ) from error
        raise StorageFull(f"cannot write {target}: {error.strerror or error}") from error
