"""Runs that fell silent are shown as crashed."""

from __future__ import annotations

import logging
from collections.abc import Callable

from steelyard.limits import HEARTBEAT_SILENCE_CRASHED_S
from steelyard.server.db.interface import Database
from steelyard.server.rooms.runs.commands import mark_crashed
from steelyard.server.tasks.runner import Task

log = logging.getLogger("steelyard.tasks")


def crashed_runs_task(db: Database, now_us: Callable[[], int]) -> Task:
    """The first look is one silence after the start: clients could not be heard before."""

    async def run() -> None:
        crashed = await db.write(
            mark_crashed,
            now_us=now_us(),
            silent_for_us=HEARTBEAT_SILENCE_CRASHED_S * 1_000_000,
        )
        if crashed:
            log.info("runs fell silent and are shown as crashed", extra={"count": len(crashed)})

    return Task(name="crashed runs", run=run, every_s=30, first_after_s=HEARTBEAT_SILENCE_CRASHED_S)
