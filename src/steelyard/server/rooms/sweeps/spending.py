"""What a sweep has used up, what its runs at work will, and what one more would. Pure."""

from __future__ import annotations

from typing import Literal

import msgspec

from steelyard.search.problem import Budget
from steelyard.server.rooms.sweeps.budget_report import Amounts, BudgetKind

#: Rounding of sums does not make a budget exceeded.
SLACK = 1 + 1e-9
HOUR_US = 3_600_000_000


class RunAtWork(msgspec.Struct, frozen=True, kw_only=True):
    """A run that was handed out, and what it has used up until now. None: not known."""

    name: str
    seconds: float
    gpu_hours: float
    usd: float | None


class Spending(msgspec.Struct, frozen=True, kw_only=True):
    """A sweep at a moment. `per_run` is what one run uses up, from the runs that have ended."""

    trial_count: int
    elapsed_hours: float
    """By the clock, since the first run was handed out."""
    ended_count: int
    ended_gpu_hours: float
    ended_usd: float
    unpriced_count: int
    """Ended runs of which nothing says what they cost."""
    at_work: tuple[RunAtWork, ...]
    per_run: Amounts
    per_run_from: Literal["sweep", "project"] | None

    @property
    def spent(self) -> Amounts:
        """What is used up. Ended runs without a price count as much as the others on average; no
        figure in dollars where there are runs and none has one."""
        usd: float | None = self.ended_usd + sum(run.usd or 0.0 for run in self.at_work)
        if self.unpriced_count and usd is not None:
            each = self.per_run.usd
            usd = None if each is None else usd + self.unpriced_count * each
        elif not self.ended_count and self.at_work and all(r.usd is None for r in self.at_work):
            usd = None
        return Amounts(
            runs=self.trial_count,
            hours=self.elapsed_hours,
            gpu_hours=self.ended_gpu_hours + sum(run.gpu_hours for run in self.at_work),
            usd=usd,
        )

    @property
    def committed(self) -> Amounts:
        """What the runs at work will use up yet; 0 for one that has had more than others need."""
        hours = self.per_run.hours or 0.0
        gpu_hours, usd = self.per_run.gpu_hours or 0.0, self.per_run.usd or 0.0
        left = [max(0.0, hours - run.seconds / 3600) for run in self.at_work]
        return Amounts(
            runs=len(self.at_work),
            hours=max(left, default=0.0),  # side by side, by the clock
            gpu_hours=sum(max(0.0, gpu_hours - run.gpu_hours) for run in self.at_work),
            usd=sum(max(0.0, usd - (run.usd or 0.0)) for run in self.at_work),
        )


class Refusal(msgspec.Struct, frozen=True):
    """Why no run is begun now. `is_final`: waiting changes nothing."""

    reason: str
    is_final: bool


def limits_of(budget: Budget | None, runs: int | None) -> Amounts:
    """The limits of a sweep; `runs` is how many it may begin in all."""
    budget = budget or Budget()
    return Amounts(runs=runs, hours=budget.hours, gpu_hours=budget.gpu_hours, usd=budget.usd)


def find_exceeded(limits: Amounts, spending: Spending) -> str | None:
    """Why the runs at work have to stop: a limit is used up. None while none is."""
    spent = spending.spent
    for kind in ("usd", "gpu_hours", "hours"):
        limit, used = getattr(limits, kind), getattr(spent, kind)
        if limit is not None and used is not None and used * SLACK >= limit:
            return f"the budget of {say(kind, limit)} is used up: {say(kind, used)} are spent"
    return None


def find_refusal(limits: Amounts, spending: Spending) -> Refusal | None:
    """Why one more run may not begin; None when it may.

    A run may begin when what is spent, what the runs at work are expected to need yet, and what it
    is expected to need itself stay within every limit. While nothing is known of what runs need,
    one begins alone and shows it: of ten that begin together nobody knows whether they can be paid.
    """
    exceeded = find_exceeded(limits, spending)
    if exceeded is not None:
        return Refusal(exceeded, True)
    for kind in ("usd", "gpu_hours"):
        limit = getattr(limits, kind)
        if limit is not None and (found := _refuse_amount(kind, limit, spending)) is not None:
            return found
    if limits.hours is not None:
        need = spending.per_run.hours
        if need is not None and spending.elapsed_hours + need > limits.hours * SLACK:
            passed = say("hours", spending.elapsed_hours)
            reason = (
                f"the budget is {say('hours', limits.hours)}: {passed} have passed, and one more "
                f"run is expected to take {say('hours', need)}"
            )
            return Refusal(reason, not spending.at_work)
    return None


def _refuse_amount(kind: BudgetKind, limit: float, spending: Spending) -> Refusal | None:
    need: float | None = getattr(spending.per_run, kind)
    if kind == "usd" and need is None and spending.unpriced_count:
        reason = (
            f"the budget is {say(kind, limit)}, and nothing says what {spending.unpriced_count} of "
            f"{spending.ended_count} runs cost: set the price of their machines (steelyard prices "
            "set), or log cost.usd"
        )
        return Refusal(reason, False)
    if need is None:
        if not spending.at_work:
            return None
        reason = (
            f"the budget is {say(kind, limit)}, and what a run costs is not known yet: the first "
            "one shows it before others begin"
        )
        return Refusal(reason, False)
    spent = getattr(spending.spent, kind) or 0.0
    committed = getattr(spending.committed, kind)
    if spent + committed + need <= limit * SLACK:
        return None
    under_way = ""
    if spending.at_work:
        count = len(spending.at_work)
        under_way = f", {_runs(count)} at work will need {say(kind, committed)} more"
    reason = (
        f"the budget is {say(kind, limit)}: {say(kind, spent)} are spent{under_way}, and one more "
        f"run is expected to need {say(kind, need)}"
    )
    return Refusal(reason, not spending.at_work)


def count_affordable(limits: Amounts, spending: Spending) -> int | None:
    """How many more runs fit into the budget; None where nothing limits them, or it is unknown."""
    found: list[int] = []
    for kind in ("usd", "gpu_hours"):
        limit, need = getattr(limits, kind), getattr(spending.per_run, kind)
        if limit is not None and need:
            used = (getattr(spending.spent, kind) or 0.0) + getattr(spending.committed, kind)
            found.append(max(0, int((limit * SLACK - used) / need)))
    if limits.runs is not None:
        found.append(max(0, int(limits.runs) - spending.trial_count))
    return min(found, default=None)


def project_spending(
    limits: Amounts, spending: Spending, *, remaining: int | None, agent_count: int
) -> tuple[Amounts, float | None]:
    """(what the whole sweep will have used up, hours until it is over).

    `remaining`: runs that are still to begin, where that is known. Fields are None where it cannot
    be told.
    """
    if remaining is None:
        return Amounts(), None
    each, spent, committed = spending.per_run, spending.spent, spending.committed
    hours = None
    if each.hours is not None or (not remaining and not spending.at_work):
        rounds = -(-remaining // max(1, agent_count))
        hours = (committed.hours or 0.0) + rounds * (each.hours or 0.0)
        if limits.hours is not None:
            hours = min(hours, max(0.0, limits.hours - spending.elapsed_hours))

    def total(kind: BudgetKind) -> float | None:
        so_far, need = getattr(spent, kind), getattr(each, kind)
        if so_far is None or (need is None and remaining):
            return None
        return float(so_far + getattr(committed, kind) + remaining * (need or 0.0))

    projected = Amounts(
        runs=spending.trial_count + remaining,
        hours=None if hours is None else spending.elapsed_hours + hours,
        gpu_hours=total("gpu_hours"),
        usd=total("usd"),
    )
    return projected, hours


def crossed_thresholds(limit: float, spent: float, thresholds: tuple[int, ...]) -> list[int]:
    """The percentages of a limit that are used up."""
    return [percent for percent in thresholds if spent * SLACK >= limit * percent / 100]


def say(kind: BudgetKind, amount: float) -> str:
    """An amount with its unit."""
    if kind == "usd":
        return f"{amount:,.2f} USD"
    if kind == "runs":
        return _runs(int(amount))
    return f"{amount:,.3g} {'GPU hours' if kind == 'gpu_hours' else 'hours'}"


def _runs(count: int) -> str:
    return f"{count:,} {'run' if count == 1 else 'runs'}"
