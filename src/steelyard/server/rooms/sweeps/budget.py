"""Budgets: what a sweep has used up and will, and whether it may begin another run."""

from __future__ import annotations

from sqlalchemy.engine import Connection

from steelyard.search.problem import Budget, Problem
from steelyard.server.rooms.sweeps.budget_report import Amounts, BudgetReport
from steelyard.server.rooms.sweeps.configuration import run_limit
from steelyard.server.rooms.sweeps.model import Sweep

HOUR_US = 3_600_000_000


def report_budget(conn: Connection, sweep: Sweep, problem: Problem, *, now_us: int) -> BudgetReport:
    """The budget of a sweep as it is now. Reads only."""
    budget = problem.budget or Budget()
    limits = Amounts(
        runs=run_limit(problem), hours=budget.hours, gpu_hours=budget.gpu_hours, usd=budget.usd
    )
    return BudgetReport(
        limits=limits,
        spent=Amounts(runs=sweep.trial_count),
        committed=Amounts(runs=0),
        per_run=Amounts(runs=1),
        per_run_from=None,
        projected_spend=Amounts(runs=sweep.run_count_expected),
        projected_end_at_us=None,
        saved=Amounts(),
        unpriced_runs=0,
        alerts=[],
        state="unlimited" if limits == Amounts() else "open",
        reason=sweep.exhausted_reason or sweep.waits_reason,
    )
