"""Blobs that nothing refers to any more are deleted, a day after they were last stored.

So are uploads in parts that nobody goes on with.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable

from steelyard.limits import STALE_UPLOAD_HOURS, UNUSED_BLOB_HOURS_KEPT
from steelyard.server.blobs.interface import BlobStore
from steelyard.server.db.interface import Database
from steelyard.server.db.locks import ServerLocks, content_lock
from steelyard.server.rooms.storage.references import list_unreferenced
from steelyard.server.tasks.runner import Task

log = logging.getLogger("steelyard.tasks")

DIGESTS_PER_STEP = 1000
HOUR_US = 3_600_000_000


def unused_blobs_task(
    db: Database, blobs: BlobStore, locks: ServerLocks | None, now_us: Callable[[], int]
) -> Task:
    """Once an hour. The grace keeps the content of an upload that is not yet written down."""

    async def run() -> None:
        deleted = await delete_unused_blobs(
            db, blobs, locks, settled_before_us=now_us() - UNUSED_BLOB_HOURS_KEPT * HOUR_US
        )
        if deleted:
            log.info("unused blobs deleted", extra={"count": deleted})
        stale = await asyncio.to_thread(
            blobs.remove_stale_uploads, before_us=now_us() - STALE_UPLOAD_HOURS * HOUR_US
        )
        if stale:
            log.info("stale uploads removed", extra={"count": stale})

    return Task(name="unused blobs", run=run, every_s=3600, first_after_s=600)


async def delete_unused_blobs(
    db: Database, blobs: BlobStore, locks: ServerLocks | None = None, *, settled_before_us: int
) -> int:
    """Delete blobs that were stored before that moment and belong to nothing; how many.

    The store looks at the time again before it deletes: whoever stored the content meanwhile may be
    about to refer to it. Several servers may do this at once.
    """
    settled = blobs.list_settled(before_us=settled_before_us)
    deleted = 0
    while step := await asyncio.to_thread(
        lambda: list(itertools.islice(settled, DIGESTS_PER_STEP))
    ):
        for digest in await db.read(list_unreferenced, step):
            deleted += await asyncio.to_thread(
                _delete, db, blobs, locks, digest, settled_before_us=settled_before_us
            )
    return deleted


def _delete(
    db: Database,
    blobs: BlobStore,
    locks: ServerLocks | None,
    digest: bytes,
    *,
    settled_before_us: int,
) -> bool:
    """On PostgreSQL, while nobody stores it or begins to refer to it; else it stays till later."""
    if locks is None:  # one writer at a time: whoever refers to it saw another that does
        return blobs.delete(digest, settled_before_us=settled_before_us)
    with locks.alone_if_free(content_lock(digest)) as is_free:
        return (
            is_free
            and bool(db.read_now(list_unreferenced, [digest]))
            and blobs.delete(digest, settled_before_us=settled_before_us)
        )
