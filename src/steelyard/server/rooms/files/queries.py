"""Reads of run files. Permission is asked before: see policy.py."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from steelyard.errors import FileMissing
from steelyard.limits import MIB
from steelyard.server.blobs.interface import BlobStore, read_blob
from steelyard.server.db.dialect import matches_like
from steelyard.server.rooms.files.model import RunFile
from steelyard.server.rooms.files.tables import run_files

READ_BYTES_MAX = 16 * MIB  # of a file that the server itself looks into
DIGESTS_PER_QUERY = 500


def find_file(conn: Connection, run_id: int, name: str) -> RunFile | None:
    """The file of that name, or None."""
    found = sa.select(run_files).where(run_files.c.run_id == run_id, run_files.c.name == name)
    row = conn.execute(found).first()
    return None if row is None else RunFile(**row._mapping)


def get_file(conn: Connection, run_id: int, name: str) -> RunFile:
    """The file of that name. Raises FileMissing."""
    file = find_file(conn, run_id, name)
    if file is None:
        raise FileMissing(name)
    return file


def list_files(
    conn: Connection,
    run_id: int,
    *,
    limit: int,
    after_name: str | None = None,
    names: Sequence[str] | None = None,
    prefix: str = "",
    pattern: str | None = None,
) -> list[RunFile]:
    """Files of a run by name, those after `after_name`.

    `names` keeps only these, `prefix` only names that start so, `pattern` only names that match
    SQL's LIKE (% and _, case matters).
    """
    page = sa.select(run_files).where(*_filters(conn, run_id, names, prefix, pattern))
    if after_name is not None:
        page = page.where(run_files.c.name > after_name)
    rows = conn.execute(page.order_by(run_files.c.name).limit(limit))
    return [RunFile(**row._mapping) for row in rows]


def count_files(
    conn: Connection,
    run_id: int,
    *,
    names: Sequence[str] | None = None,
    prefix: str = "",
    pattern: str | None = None,
) -> int:
    """How many files `list_files` gives over all pages."""
    counted = sa.select(sa.func.count()).select_from(run_files)
    counted = counted.where(*_filters(conn, run_id, names, prefix, pattern))
    return int(conn.execute(counted).scalar_one())


def list_files_by_id(conn: Connection, file_ids: Sequence[int]) -> list[RunFile]:
    """The files with these numbers that exist, of any run."""
    rows = conn.execute(sa.select(run_files).where(run_files.c.id.in_(file_ids)))
    return [RunFile(**row._mapping) for row in rows]


def files_by_run(
    conn: Connection, run_ids: Sequence[int], names: Sequence[str]
) -> dict[tuple[int, str], RunFile]:
    """Files of these names of several runs, by (run, name). No more runs than a list may have."""
    rows = conn.execute(
        sa.select(run_files).where(run_files.c.run_id.in_(run_ids), run_files.c.name.in_(names))
    )
    return {(row.run_id, row.name): RunFile(**row._mapping) for row in rows}


def list_digests(conn: Connection) -> list[bytes]:
    """SHA-256 digests of all content that files refer to, in order."""
    digests = sa.select(run_files.c.sha256).distinct().order_by(run_files.c.sha256)
    return [bytes(digest) for digest in conn.execute(digests).scalars()]


def list_unreferenced(conn: Connection, digests: Sequence[bytes]) -> list[bytes]:
    """Those of the SHA-256 digests that no file refers to."""
    used: set[bytes] = set()
    for first in range(0, len(digests), DIGESTS_PER_QUERY):
        some = digests[first : first + DIGESTS_PER_QUERY]
        found = sa.select(run_files.c.sha256).where(run_files.c.sha256.in_(some))
        used.update(bytes(digest) for digest in conn.execute(found).scalars())
    return [digest for digest in digests if digest not in used]


def read_run_file(conn: Connection, blobs: BlobStore, run_id: int, name: str) -> bytes | None:
    """The content of a small file such as `wandb-metadata.json`, None when there is none.

    Raises TooLarge above `READ_BYTES_MAX`, BlobMissing when the store has lost it.
    """
    file = find_file(conn, run_id, name)
    if file is None:
        return None
    return read_blob(blobs, file.sha256, size_bytes_max=READ_BYTES_MAX)


def _filters(
    conn: Connection, run_id: int, names: Sequence[str] | None, prefix: str, pattern: str | None
) -> list[sa.ColumnElement[bool]]:
    filters: list[sa.ColumnElement[bool]] = [run_files.c.run_id == run_id]
    if names is not None:
        filters.append(run_files.c.name.in_(names))
    if prefix:
        filters.append(sa.func.substr(run_files.c.name, 1, len(prefix)) == prefix)
    if pattern is not None:
        filters.append(matches_like(conn, run_files.c.name, pattern))
    return filters
