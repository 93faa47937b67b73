"""Writes to run files. Each function is one decision inside the caller's transaction.

Only rows change here: the bytes are in the blob store before a row refers to them, and leave it
some time after the last row is gone.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from steelyard.errors import RunNotFound
from steelyard.server.blobs.interface import StoredBlob
from steelyard.server.db.dialect import insert
from steelyard.server.rooms.files.model import check_file_name, guess_mimetype
from steelyard.server.rooms.files.tables import run_files


def put_file(conn: Connection, *, run_id: int, name: str, blob: StoredBlob, now_us: int) -> None:
    """Make `name` of the run refer to the blob, in place of what it referred to.

    Raises Invalid for a bad name, RunNotFound when the run is gone.
    """
    check_file_name(name)
    content = {
        "size_bytes": blob.size_bytes,
        "md5": blob.md5,
        "sha256": blob.sha256,
        "mimetype": guess_mimetype(name),
        "updated_at_us": now_us,
    }
    put = insert(conn, run_files).values(run_id=run_id, name=name, **content)
    put = put.on_conflict_do_update(
        index_elements=[run_files.c.run_id, run_files.c.name], set_=content
    )
    try:
        conn.execute(put)
    except IntegrityError as error:  # the foreign key: the run was deleted during the upload
        raise RunNotFound(f"with the number {run_id}") from error


def delete_files(conn: Connection, run_id: int, file_ids: Sequence[int]) -> int:
    """Delete files of a run by number; others are left alone. Returns how many there were."""
    gone = sa.delete(run_files).where(run_files.c.run_id == run_id, run_files.c.id.in_(file_ids))
    return conn.execute(gone).rowcount


def delete_run_files(conn: Connection, run_id: int) -> int:
    """Delete every file of a run. Returns how many there were."""
    return conn.execute(sa.delete(run_files).where(run_files.c.run_id == run_id)).rowcount
