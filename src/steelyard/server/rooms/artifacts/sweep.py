"""Contents that no version of a collection names any more: marked by its manifests, then swept.

Reads only MD5s, a bounded number at a time, so that a collection of any size is swept in little
memory. Contents that a draft counts on stay: those were touched since the oldest draft began.
"""

from __future__ import annotations

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from steelyard.limits import SQL_LIST_ITEMS_MAX, SWEEP_CONTENTS_AT_ONCE
from steelyard.server.db.interface import Database
from steelyard.server.rooms.artifacts.files import iter_digests
from steelyard.server.rooms.artifacts.freed import retained_versions
from steelyard.server.rooms.artifacts.model import PENDING
from steelyard.server.rooms.artifacts.purge import delete_contents
from steelyard.server.rooms.artifacts.tables import (
    artifact_collections,
    artifact_contents,
    artifacts,
)


class SweepStart(msgspec.Struct, frozen=True):
    """What a sweep may drop: contents not touched since `before_us`."""

    dirty_since_us: int
    before_us: int
    has_drafts: bool


def find_dirty(conn: Connection, *, limit: int) -> list[int]:
    """Collections that have lost versions since they were last swept, longest ago first."""
    dirty = artifact_collections.c.dirty_since_us
    found = sa.select(artifact_collections.c.id).where(dirty.is_not(None)).order_by(dirty)
    return list(conn.execute(found.limit(limit)).scalars())


def sweep_collection(db: Database, collection_id: int, *, now_us: int) -> int:
    """Drop the contents that nothing names; how many. Blocks; makes its own transactions."""
    start = db.read_now(_begin, collection_id, now_us)
    if start is None:
        return 0
    dropped, after = 0, b""
    while True:
        candidates, last = db.read_now(_candidates, collection_id, after, start.before_us)
        if candidates:
            unnamed = sorted(db.read_now(_unnamed, collection_id, candidates))
            for first in range(0, len(unnamed), SQL_LIST_ITEMS_MAX):
                dropped += db.write_now(
                    delete_contents,
                    collection_id,
                    unnamed[first : first + SQL_LIST_ITEMS_MAX],
                    touched_before_us=start.before_us,
                )
        if last is None:
            break
        after = last
    db.write_now(_end, collection_id, start)
    return dropped


def _begin(conn: Connection, collection_id: int, now_us: int) -> SweepStart | None:
    dirty = conn.execute(
        sa.select(artifact_collections.c.dirty_since_us).where(
            artifact_collections.c.id == collection_id
        )
    ).scalar()
    if dirty is None:
        return None
    oldest_draft = conn.execute(
        sa.select(sa.func.min(artifacts.c.created_at_us)).where(
            artifacts.c.collection_id == collection_id, artifacts.c.state == PENDING
        )
    ).scalar()
    before_us = now_us if oldest_draft is None else min(now_us, oldest_draft)
    return SweepStart(dirty, before_us, oldest_draft is not None)


def _candidates(
    conn: Connection, collection_id: int, after: bytes, before_us: int
) -> tuple[set[bytes], bytes | None]:
    """(MD5s, where to go on): contents old enough to go; None at the end."""
    columns = artifact_contents.c
    rows = conn.execute(
        sa.select(columns.md5, columns.touched_at_us)
        .where(columns.collection_id == collection_id, columns.md5 > after)
        .order_by(columns.md5)
        .limit(SWEEP_CONTENTS_AT_ONCE)
    ).all()
    last = bytes(rows[-1].md5) if len(rows) == SWEEP_CONTENTS_AT_ONCE else None
    return {bytes(row.md5) for row in rows if row.touched_at_us < before_us}, last


def _unnamed(conn: Connection, collection_id: int, candidates: set[bytes]) -> set[bytes]:
    left = set(candidates)
    for artifact_id, _ in retained_versions(conn, collection_id):
        if not left:
            break
        for md5s in iter_digests(conn, artifact_id):
            left.difference_update(md5s)
    return left


def _end(conn: Connection, collection_id: int, start: SweepStart) -> None:
    """Count what is left. A collection with drafts is looked at again once they are finished."""
    total = conn.execute(
        sa.select(sa.func.coalesce(sa.func.sum(artifact_contents.c.size_bytes), 0)).where(
            artifact_contents.c.collection_id == collection_id
        )
    ).scalar_one()
    mine = artifact_collections.c.id == collection_id
    counted = {"content_bytes": int(total)}
    conn.execute(sa.update(artifact_collections).where(mine).values(counted))
    if not start.has_drafts:
        unchanged = artifact_collections.c.dirty_since_us == start.dirty_since_us
        clean = sa.update(artifact_collections).where(mine, unchanged)
        conn.execute(clean.values(dirty_since_us=None))
