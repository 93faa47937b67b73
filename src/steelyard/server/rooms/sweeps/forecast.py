"""What a sweep would use up, before it is made: runs, times what runs of its project used up."""

from __future__ import annotations

import msgspec
from sqlalchemy.engine import Connection

from steelyard.limits import SWEEP_ESTIMATE_RUNS_MAX
from steelyard.search.describe import total_runs
from steelyard.search.problem import Problem
from steelyard.server.rooms.runs.costs import sum_latest_costs
from steelyard.server.rooms.sweeps.budget import mean_cost
from steelyard.server.rooms.sweeps.budget_report import Amounts
from steelyard.server.rooms.sweeps.spending import limits_of


class Forecast(msgspec.Struct, frozen=True, kw_only=True):
    """What a configuration would use up. Estimates: nothing is counted for early termination."""

    runs: int | None
    """At most, by the space and the limits; None where nothing limits them."""
    history_runs: int
    """Finished runs of the project that `per_run` is the mean of, the latest ones."""
    priced_runs: int
    """How many of them have a price; `usd` is the mean of theirs."""
    per_run: Amounts
    total: Amounts
    """Without the budget. Hours are of running, to be divided by the number of agents."""
    affordable_runs: int | None
    """After how many runs the budget ends it; None where it has room for all of them."""
    ended_by: str | None
    """The limit that ends it then."""


def forecast(conn: Connection, project_id: int | None, problem: Problem) -> Forecast:
    """What a sweep of this problem would use up; of a project that is not there, nothing is
    known but the number of runs."""
    history = None
    if project_id is not None:
        history = sum_latest_costs(conn, project_id, limit=SWEEP_ESTIMATE_RUNS_MAX)
    each = mean_cost(history) if history is not None and history.count else Amounts(runs=1)
    runs = total_runs(problem)
    affordable, ended_by = _find_end(problem, each, runs)
    return Forecast(
        runs=runs,
        history_runs=0 if history is None else history.count,
        priced_runs=0 if history is None else history.priced_count,
        per_run=each,
        total=Amounts(
            runs=runs,
            hours=_times(runs, each.hours),
            gpu_hours=_times(runs, each.gpu_hours),
            usd=_times(runs, each.usd),
        ),
        affordable_runs=affordable,
        ended_by=ended_by,
    )


def _find_end(problem: Problem, each: Amounts, runs: int | None) -> tuple[int | None, str | None]:
    """(runs, limit) where the budget has no room for all runs."""
    limits = limits_of(problem.budget, None)
    found = [
        (int(limit / need), kind)
        for kind in ("gpu_hours", "usd")
        if (limit := getattr(limits, kind)) is not None and (need := getattr(each, kind))
    ]
    if not found:
        return None, None
    count, kind = min(found)
    return (count, kind) if runs is None or count < runs else (None, None)


def _times(runs: int | None, amount: float | None) -> float | None:
    return None if runs is None or amount is None else runs * amount
