from __future__ import annotations

import asyncio
import logging

import pytest

from steelyard.errors import DatabaseUnavailable
from steelyard.server.tasks.runner import Task, TaskRunner, run_once


def test_a_task_that_fails_is_logged_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    calls = 0
    enough = asyncio.Event()

    async def run() -> None:
        nonlocal calls
        calls += 1
        if calls == 5:
            enough.set()
        if calls == 1:
            raise RuntimeError("broken")
        if calls == 2:
            raise DatabaseUnavailable("gone for now")

    async def main() -> None:
        task = Task(name="fragile", run=run, every_s=0.001, first_after_s=0)
        runner = TaskRunner([task])
        runner.start()
        await enough.wait()
        await runner.stop()

    with caplog.at_level(logging.WARNING, "steelyard.tasks"):
        asyncio.run(asyncio.wait_for(main(), 10))
    broken, put_off = caplog.records[:2]
    assert broken.exc_info and vars(broken)["task"] == "fragile"
    assert put_off.exc_info is None and vars(put_off)["reason"] == "gone for now"


def test_stopping_ends_a_task_that_sleeps_at_once() -> None:
    async def run() -> None:
        await asyncio.sleep(3600)

    async def main() -> None:
        runner = TaskRunner([Task(name="long", run=run, every_s=1, first_after_s=0)])
        runner.start()
        await asyncio.sleep(0.01)
        await runner.stop()

    asyncio.run(asyncio.wait_for(main(), 5))


def test_a_task_that_is_cancelled_says_so() -> None:
    async def run() -> None:
        raise asyncio.CancelledError

    async def main() -> None:
        with pytest.raises(asyncio.CancelledError):
            await run_once(Task(name="x", run=run, every_s=1, first_after_s=0))

    asyncio.run(main())
