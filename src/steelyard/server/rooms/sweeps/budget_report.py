"""The budget of a sweep as people see it: limits, what is spent, what is still to come."""

from __future__ import annotations

from typing import Literal

import msgspec

BudgetKind = Literal["runs", "hours", "gpu_hours", "usd"]
BudgetState = Literal["unlimited", "open", "waits", "spent"]


class Amounts(msgspec.Struct, frozen=True, kw_only=True):
    """Runs, hours by the clock, GPU hours and US dollars. None: no limit, or not known."""

    runs: float | None = None
    hours: float | None = None
    gpu_hours: float | None = None
    usd: float | None = None


class BudgetAlert(msgspec.Struct, frozen=True, kw_only=True):
    """So many percent of one limit were used up at that time."""

    kind: BudgetKind
    threshold: int
    limit: float
    spent: float
    at_us: int


class BudgetReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a sweep may use up, has used up, and is expected to."""

    limits: Amounts
    spent: Amounts
    committed: Amounts
    """What the runs at work are expected to use up yet."""
    per_run: Amounts
    """What one run is expected to use up."""
    per_run_from: Literal["sweep", "project"] | None
    """Whose finished runs say so; None while nothing is known."""
    projected_spend: Amounts
    """When the sweep is over; None where nothing limits it."""
    projected_end_at_us: int | None
    saved: Amounts
    """What runs that were stopped early did not use up: runs, GPU hours and dollars."""
    unpriced_runs: int
    """Runs of which nothing says what they cost: their machines have no price."""
    alerts: list[BudgetAlert]
    state: BudgetState
    """`waits`: nothing more is begun for now. `spent`: nothing more is begun."""
    reason: str | None
    """Why nothing more is begun."""
