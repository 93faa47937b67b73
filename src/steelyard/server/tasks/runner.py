"""Background work: each task repeats until the server stops. A task that fails is tried again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

import msgspec

from steelyard.errors import Unavailable

log = logging.getLogger("steelyard.tasks")


class Task(msgspec.Struct, frozen=True):
    """Work that repeats: first after `first_after_s` seconds, then every `every_s`."""

    name: str
    run: Callable[[], Awaitable[object]]
    every_s: float
    first_after_s: float


class TaskRunner:
    """Runs tasks on the event loop, from `start` to `stop`."""

    def __init__(self, tasks: Sequence[Task]) -> None:
        self._tasks = tasks
        self._running: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin; returns at once."""
        self._running = [
            asyncio.create_task(_repeat(task), name=f"task {task.name}") for task in self._tasks
        ]

    async def stop(self) -> None:
        """End every task; one that writes to the database finishes that write."""
        for running in self._running:
            running.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        self._running = []


async def _repeat(task: Task) -> None:
    await asyncio.sleep(task.first_after_s)
    while True:
        await run_once(task)
        await asyncio.sleep(task.every_s)


async def run_once(task: Task) -> None:
    """Run the task now. What it raises is logged, never passed on."""
    try:
        await task.run()
    except Unavailable as error:
        log.warning("task put off", extra={"task": task.name, "reason": str(error)})
    except Exception:  # the task runner: one task must not end the others
        log.exception("task failed", extra={"task": task.name})
