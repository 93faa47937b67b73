"""Budgets: what a sweep has used up and will, whether it may begin another run, and its end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from steelyard.limits import SWEEP_AGENTS_MAX, SWEEP_ESTIMATE_RUNS_MAX, SWEEP_TRIALS_MAX
from steelyard.search.problem import Problem
from steelyard.server.db.dialect import insert
from steelyard.server.rooms.costs.commands import charge_runs
from steelyard.server.rooms.costs.live import live_cost
from steelyard.server.rooms.costs.queries import list_prices
from steelyard.server.rooms.runs.commands import request_stop
from steelyard.server.rooms.runs.costs import (
    CostTotals,
    list_costs_of,
    list_open_costs,
    sum_final_costs,
    sum_latest_costs,
)
from steelyard.server.rooms.runs.of_sweeps import list_outcomes
from steelyard.server.rooms.sweeps.budget_report import (
    Amounts,
    BudgetAlert,
    BudgetReport,
    BudgetState,
)
from steelyard.server.rooms.sweeps.commands import exhaust
from steelyard.server.rooms.sweeps.configuration import run_limit
from steelyard.server.rooms.sweeps.leases import write_trial
from steelyard.server.rooms.sweeps.model import ACTIVE, AT_WORK, Sweep
from steelyard.server.rooms.sweeps.queries import count_live_agents, list_trials_in
from steelyard.server.rooms.sweeps.spending import (
    HOUR_US,
    Refusal,
    RunAtWork,
    Spending,
    count_affordable,
    crossed_thresholds,
    find_exceeded,
    find_refusal,
    limits_of,
    project_spending,
)
from steelyard.server.rooms.sweeps.tables import sweep_alerts, sweep_trials

#: Percentages of a limit at which people are told, once each.
ALERT_THRESHOLDS = (50, 80, 100)


def report_budget(conn: Connection, sweep: Sweep, problem: Problem, *, now_us: int) -> BudgetReport:
    """The budget of a sweep as it is now. Reads only."""
    limits = limits_of(problem.budget, run_limit(problem))
    spending = read_spending(conn, sweep, now_us=now_us)
    remaining = count_remaining(sweep, limits, spending)
    agents = count_live_agents(conn, sweep.id, now_us=now_us)
    projected, hours = project_spending(
        limits, spending, remaining=remaining, agent_count=max(agents, len(spending.at_work))
    )
    is_over = sweep.state in ("finished", "canceled")
    return BudgetReport(
        limits=limits,
        spent=spending.spent,
        committed=spending.committed,
        per_run=spending.per_run,
        per_run_from=spending.per_run_from,
        projected_spend=projected,
        projected_end_at_us=None if hours is None or is_over else now_us + int(hours * HOUR_US),
        saved=_savings(conn, sweep, spending),
        unpriced_runs=spending.unpriced_count,
        alerts=list_alerts(conn, sweep.id),
        state=_state_of(sweep, limits, spending),
        reason=sweep.exhausted_reason or sweep.waits_reason,
    )


def read_spending(conn: Connection, sweep: Sweep, *, now_us: int) -> Spending:
    """What a sweep has used up until now."""
    ended, whole = sum_final_costs(conn, sweep.project_id, sweep.name)
    at_work = _list_at_work(conn, sweep, now_us)
    per_run, per_run_from = _estimate_run(conn, sweep, whole, ended)
    return Spending(
        trial_count=sweep.trial_count,
        elapsed_hours=_elapsed_hours(conn, sweep, now_us),
        ended_count=ended.count,
        ended_gpu_hours=ended.gpu_hours,
        ended_usd=ended.usd,
        unpriced_count=ended.count - ended.priced_count,
        at_work=tuple(at_work),
        per_run=per_run,
        per_run_from=per_run_from,
    )


def check_budget(
    conn: Connection, sweep: Sweep, problem: Problem, *, now_us: int
) -> Refusal | None:
    """Why a sweep, which must be locked, may not begin another run; None when it may.

    Runs that have ended are charged first, so that the last of them counts.
    """
    if not has_amounts(problem):
        return None
    charge_ended(conn, sweep, now_us=now_us)
    limits = limits_of(problem.budget, run_limit(problem))
    return find_refusal(limits, read_spending(conn, sweep, now_us=now_us))


def enforce_budget(conn: Connection, sweep: Sweep, problem: Problem, *, now_us: int) -> Sweep:
    """Raise the alerts that are due, and end a sweep, which must be locked, at its limit.

    Idempotent: each alert is raised once, however often this is asked.
    """
    limits = limits_of(problem.budget, run_limit(problem))
    if limits == Amounts() or sweep.state not in ACTIVE:
        return sweep
    if has_amounts(problem):
        charge_ended(conn, sweep, now_us=now_us)
        spending = read_spending(conn, sweep, now_us=now_us)
        _raise_alerts(conn, sweep, limits, spending.spent, now_us)
        reason = find_exceeded(limits, spending)
        if reason is not None:
            assert problem.budget is not None
            if problem.budget.stop_running:
                _stop_at_work(conn, sweep, reason, now_us)
            return exhaust(conn, sweep, reason, now_us=now_us)
        return sweep
    _raise_alerts(conn, sweep, limits, Amounts(runs=sweep.trial_count), now_us)
    return sweep


def has_amounts(problem: Problem) -> bool:
    """Whether hours, GPU hours or money of the sweep are limited."""
    budget = problem.budget
    if budget is None:
        return False
    return any(getattr(budget, kind) is not None for kind in ("hours", "gpu_hours", "usd"))


def charge_ended(conn: Connection, sweep: Sweep, *, now_us: int) -> None:
    """Charge those runs of a sweep that have ended since somebody last looked."""
    uncharged = [
        cost.run_id
        for cost in list_open_costs(conn, sweep.project_id, sweep.name, limit=SWEEP_AGENTS_MAX)
        if cost.has_ended
    ]
    if uncharged:
        charge_runs(conn, uncharged, list_prices(conn), now_us=now_us)


def count_remaining(sweep: Sweep, limits: Amounts, spending: Spending) -> int | None:
    """Runs that are still to begin, by the space, the limits and the budget; None: no end known."""
    if sweep.state in ("finished", "canceled") or sweep.exhausted_reason is not None:
        return 0
    counts = [count_affordable(limits, spending)]
    if sweep.run_count_expected is not None:
        counts.append(max(0, sweep.run_count_expected - sweep.trial_count))
    return min((count for count in counts if count is not None), default=None)


def list_alerts(conn: Connection, sweep_id: int) -> list[BudgetAlert]:
    """What was raised, oldest first."""
    c = sweep_alerts.c
    rows = conn.execute(
        sa.select(c.kind, c.threshold, c.limit_amount, c.spent_amount, c.created_at_us)
        .where(c.sweep_id == sweep_id)
        .order_by(c.id)
    )
    return [
        BudgetAlert(
            kind=row.kind,
            threshold=row.threshold,
            limit=row.limit_amount,
            spent=row.spent_amount,
            at_us=row.created_at_us,
        )
        for row in rows
    ]


def _list_at_work(conn: Connection, sweep: Sweep, now_us: int) -> Iterator[RunAtWork]:
    """Runs that were handed out, begun or not, and those that joined the sweep by themselves."""
    trials = list_trials_in(conn, sweep.id, AT_WORK, limit=SWEEP_AGENTS_MAX)
    names = {trial.run_name for trial in trials}
    for cost in list_open_costs(conn, sweep.project_id, sweep.name, limit=SWEEP_AGENTS_MAX):
        names.discard(cost.name)
        live = live_cost(cost, now_us=now_us)
        yield RunAtWork(
            name=cost.name, seconds=live.seconds, gpu_hours=live.gpu_hours, usd=live.usd
        )
    # What is left has not begun, or has ended and is charged, and its trial does not know it yet.
    begun = list_costs_of(conn, sweep.project_id, sorted(names))
    for name in sorted(names - begun.keys()):
        yield RunAtWork(name=name, seconds=0.0, gpu_hours=0.0, usd=None)


def _estimate_run(
    conn: Connection, sweep: Sweep, whole: CostTotals, ended: CostTotals
) -> tuple[Amounts, Literal["sweep", "project"] | None]:
    """What one run uses up: the mean of those of the sweep that came to their end, else of the
    latest of the project, else of whatever has ended in the sweep."""
    if whole.count:
        return mean_cost(whole), "sweep"
    latest = sum_latest_costs(conn, sweep.project_id, limit=SWEEP_ESTIMATE_RUNS_MAX)
    if latest.count:
        return mean_cost(latest), "project"
    return (mean_cost(ended), "sweep") if ended.count else (Amounts(runs=1), None)


def mean_cost(totals: CostTotals) -> Amounts:
    """What one of these runs used up on average; there must be some."""
    return Amounts(
        runs=1,
        hours=totals.seconds / totals.count / 3600,
        gpu_hours=totals.gpu_hours / totals.count,
        usd=totals.usd / totals.priced_count if totals.priced_count else None,
    )


def _elapsed_hours(conn: Connection, sweep: Sweep, now_us: int) -> float:
    """From the first run that was handed out until now, or until the sweep was over."""
    c = sweep_trials.c
    first = sa.select(sa.func.min(c.created_at_us)).where(c.sweep_id == sweep.id)
    begun_at_us = conn.execute(first).scalar()
    if begun_at_us is None:
        return 0.0
    until_us = now_us if sweep.finished_at_us is None else sweep.finished_at_us
    return float(max(0, until_us - begun_at_us) / HOUR_US)


def _savings(conn: Connection, sweep: Sweep, spending: Spending) -> Amounts:
    """What runs that were stopped for their curves would have used up beyond what they did, had
    they needed what those need that come to their end."""
    c = sweep_trials.c
    stopped = (
        sa.select(c.run_name)
        .where(c.sweep_id == sweep.id, c.state == "stopped", c.stop_kind == "judged")
        .limit(SWEEP_TRIALS_MAX)
    )
    names = list(conn.execute(stopped).scalars())
    each = spending.per_run
    if not names or spending.per_run_from is None:
        return Amounts(runs=len(names), hours=0.0, gpu_hours=0.0, usd=0.0)
    costs = list_costs_of(conn, sweep.project_id, names).values()
    usd = None
    if each.usd is not None:
        usd = sum(max(0.0, each.usd - cost.usd) for cost in costs if cost.usd is not None)
    return Amounts(
        runs=len(names),
        hours=sum(max(0.0, (each.hours or 0.0) - cost.seconds / 3600) for cost in costs),
        gpu_hours=sum(max(0.0, (each.gpu_hours or 0.0) - cost.gpu_hours) for cost in costs),
        usd=usd,
    )


def _state_of(sweep: Sweep, limits: Amounts, spending: Spending) -> BudgetState:
    if limits == Amounts():
        return "unlimited"
    refusal = find_refusal(limits, spending)
    is_full = limits.runs is not None and spending.trial_count >= limits.runs
    if is_full or (refusal is not None and refusal.is_final):
        return "spent"
    return "open" if refusal is None else "waits"


def _raise_alerts(
    conn: Connection, sweep: Sweep, limits: Amounts, spent: Amounts, now_us: int
) -> None:
    for kind in Amounts.__struct_fields__:
        limit, used = getattr(limits, kind), getattr(spent, kind)
        if limit is None or used is None:
            continue
        for threshold in crossed_thresholds(limit, used, ALERT_THRESHOLDS):
            conn.execute(
                insert(conn, sweep_alerts)
                .values(
                    sweep_id=sweep.id,
                    kind=kind,
                    threshold=threshold,
                    limit_amount=limit,
                    spent_amount=used,
                    created_at_us=now_us,
                )
                .on_conflict_do_nothing()
            )


def _stop_at_work(conn: Connection, sweep: Sweep, reason: str, now_us: int) -> None:
    """Ask every run at work to stop, and keep why."""
    trials = list_trials_in(conn, sweep.id, AT_WORK, limit=SWEEP_AGENTS_MAX)
    outcomes = list_outcomes(conn, sweep.project_id, [trial.run_name for trial in trials])
    for trial in trials:
        if trial.stop_reason is None:
            write_trial(conn, trial, {"stop_reason": reason, "stop_kind": "budget"})
    for run in sorted(outcomes.values(), key=lambda each: each.id):
        if not run.has_ended:
            request_stop(conn, run.id, now_us=now_us)
