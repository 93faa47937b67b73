"""Artifacts age: versions expire, the trash is emptied, abandoned drafts and lost contents go."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from steelyard.limits import ARTIFACT_DRAFT_HOURS
from steelyard.server.db.interface import Database
from steelyard.server.rooms.artifacts.purge import (
    expire_artifact,
    find_expired,
    give_up_drafts,
    purge_some,
)
from steelyard.server.rooms.artifacts.sweep import find_dirty, sweep_collection
from steelyard.server.tasks.runner import Task

log = logging.getLogger("steelyard.tasks")

HOUR_US = 3_600_000_000
EXPIRED_PER_STEP = 20
ENDED_PER_STEP = 5  # each may have thousands of rows
DIRTY_PER_RUN = 1000


def artifacts_task(db: Database, now_us: Callable[[], int]) -> Task:
    """Every ten minutes; nothing in it is urgent."""

    async def run() -> None:
        await age_artifacts(db, now_us=now_us())

    return Task(name="artifacts", run=run, every_s=600, first_after_s=120)


async def age_artifacts(db: Database, *, now_us: int) -> None:
    """Do everything that is due at that moment."""
    expired = await expire_artifacts(db, now_us=now_us)
    ended = 0
    while step := await db.write(purge_some, now_us=now_us, limit=ENDED_PER_STEP):
        ended += len(step)
    silent_since_us = now_us - ARTIFACT_DRAFT_HOURS * HOUR_US
    given_up = 0
    while step := await db.write(
        give_up_drafts, silent_since_us=silent_since_us, now_us=now_us, limit=ENDED_PER_STEP
    ):
        given_up += len(step)
    dropped = 0
    for collection_id in await db.read(find_dirty, limit=DIRTY_PER_RUN):
        dropped += await asyncio.to_thread(sweep_collection, db, collection_id, now_us=now_us)
    if expired or ended or given_up or dropped:
        log.info(
            "artifacts aged",
            extra={"expired": expired, "ended": ended, "given_up": given_up, "contents": dropped},
        )


async def expire_artifacts(db: Database, *, now_us: int) -> int:
    """Put versions whose time to live is over into the trash; how many."""
    count = 0
    while found := await db.read(find_expired, now_us=now_us, limit=EXPIRED_PER_STEP):
        for artifact_id, freed_bytes in found:
            await db.write(expire_artifact, artifact_id, freed_bytes=freed_bytes, now_us=now_us)
        count += len(found)
    return count
