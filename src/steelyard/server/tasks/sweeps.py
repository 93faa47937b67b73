"""Sweeps are looked after: trials whose agents have left, sweeps that are done, runs to stop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from steelyard.errors import SteelyardError, Unavailable
from steelyard.limits import SWEEP_CARE_EVERY_S, SWEEP_CARE_TRIALS_MAX
from steelyard.server.db.interface import Database
from steelyard.server.rooms.sweeps.dispatch import Dispatcher
from steelyard.server.rooms.sweeps.judgement import Judge
from steelyard.server.rooms.sweeps.queries import list_sweeps_at_work
from steelyard.server.tasks.runner import Task

log = logging.getLogger("steelyard.tasks")


def sweeps_task(db: Database, dispatcher: Dispatcher, now_us: Callable[[], int]) -> Task:
    """Every few seconds; without trials at work it is one read of an index."""
    judge = Judge(db, dispatcher.problems)

    async def run() -> None:
        await settle_sweeps(db, dispatcher, now_us=now_us())
        stopped = await asyncio.to_thread(judge.judge_all, now_us=now_us())
        if stopped:
            log.info("runs are stopped early", extra={"count": stopped})

    return Task(
        name="sweeps", run=run, every_s=SWEEP_CARE_EVERY_S, first_after_s=SWEEP_CARE_EVERY_S
    )


async def settle_sweeps(db: Database, dispatcher: Dispatcher, *, now_us: int) -> None:
    """Bring the trials of every sweep that has some at work up to date with their runs."""
    after_id = 0
    while found := await db.read(
        list_sweeps_at_work, after_id=after_id, limit=SWEEP_CARE_TRIALS_MAX
    ):
        for sweep_id in found:
            try:
                await db.write(dispatcher.settle, sweep_id, now_us=now_us)
            except Unavailable:
                raise
            except SteelyardError as error:  # one sweep must not keep the others from their care
                log.warning(
                    "a sweep could not be looked after",
                    extra={"sweep_id": sweep_id, "reason": str(error)},
                )
        after_id = found[-1]
