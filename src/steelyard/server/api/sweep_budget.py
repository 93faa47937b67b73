"""Budgets of sweeps: what is allowed, spent, and still to come."""

from __future__ import annotations

from collections.abc import Callable

from litestar import get
from sqlalchemy.engine import Connection

from steelyard.server.api.sweeps import SWEEP
from steelyard.server.db.interface import Database
from steelyard.server.rooms.accounts.model import Caller
from steelyard.server.rooms.sweeps.budget import report_budget
from steelyard.server.rooms.sweeps.budget_report import BudgetReport
from steelyard.server.rooms.sweeps.dispatch import Dispatcher
from steelyard.server.rooms.sweeps.policy import get_readable_sweep

Clock = Callable[[], int]


@get(SWEEP + "/budget")
async def show_sweep_budget(
    entity: str,
    project: str,
    sweep: str,
    caller: Caller,
    db: Database,
    sweeps: Dispatcher,
    now_us: Clock,
) -> BudgetReport:
    """What a sweep may use up, has used up and is expected to; also where it has no budget."""

    def read(conn: Connection) -> BudgetReport:
        found = get_readable_sweep(conn, caller, entity, project, sweep)
        return report_budget(conn, found, sweeps.problems.get(found), now_us=now_us())

    return await db.read(read)


handlers = [show_sweep_budget]
