"""What runs cost is kept up to date: a few at a time, when they end and in coarse steps before."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from steelyard.limits import COSTS_EVERY_S, COSTS_LATE_RUNS_MAX, COSTS_RUNS_MAX
from steelyard.server.db.interface import Database
from steelyard.server.rooms.costs.commands import charge_runs
from steelyard.server.rooms.costs.queries import list_prices
from steelyard.server.rooms.runs.costs import (
    last_charged_run,
    last_run,
    list_new_runs,
    list_reopened_runs,
    list_runs_to_charge,
)
from steelyard.server.tasks.runner import Task


def costs_task(db: Database, now_us: Callable[[], int]) -> Task:
    """Every few seconds; without runs at work it is three reads of an index."""
    bookkeeper = Bookkeeper(db)

    async def run() -> None:
        await bookkeeper.charge_all(now_us=now_us())

    return Task(name="costs", run=run, every_s=COSTS_EVERY_S, first_after_s=COSTS_EVERY_S)


class Bookkeeper:
    """Charges runs, and knows which of them it has seen; one per server process."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._seen_id: int | None = None

    async def charge_all(self, *, now_us: int) -> int:
        """Charge what has begun, has ended, or is due; how many runs."""
        count = 0
        if self._seen_id is None:
            # Of runs from before costs were counted only the latest are charged: what people left
            # finished years ago stays as it is.
            last = await self._db.read(last_charged_run)
            self._seen_id = await self._db.read(last_run) if last is None else last
        after_id = max(0, self._seen_id - COSTS_LATE_RUNS_MAX)  # some commit late
        while found := await self._db.read(list_new_runs, after_id=after_id, limit=COSTS_RUNS_MAX):
            count += await self._charge(found, now_us)
            after_id = found[-1]
            self._seen_id = max(self._seen_id, after_id)
        after_id = 0
        while found := await self._db.read(
            list_runs_to_charge, now_us=now_us, after_id=after_id, limit=COSTS_RUNS_MAX
        ):
            count += await self._charge(found, now_us)
            after_id = found[-1]
        reopened = await self._db.read(list_reopened_runs, limit=COSTS_RUNS_MAX)
        return count + (await self._charge(reopened, now_us) if reopened else 0)

    async def _charge(self, run_ids: Sequence[int], now_us: int) -> int:
        prices = await self._db.read(list_prices)
        return await self._db.write(charge_runs, run_ids, prices, now_us=now_us)
