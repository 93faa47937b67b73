"""How much work waits in a sweep, for whoever scales agents up and down."""

from __future__ import annotations

import msgspec
from sqlalchemy.engine import Connection

from steelyard.limits import SWEEP_REPLICAS_MAX
from steelyard.search.problem import Problem
from steelyard.server.rooms.sweeps.admission import QUOTA_REASON, find_quota
from steelyard.server.rooms.sweeps.budget import count_remaining, read_spending
from steelyard.server.rooms.sweeps.configuration import run_limit
from steelyard.server.rooms.sweeps.model import Sweep, SweepState
from steelyard.server.rooms.sweeps.queries import count_live_agents, count_trials
from steelyard.server.rooms.sweeps.spending import limits_of


class QueueDepth(msgspec.Struct, frozen=True, kw_only=True):
    """What waits in a sweep, what is at work, and how many agents it could use."""

    depth: int | None
    """Runs that agents could begin: queued, lost ones, and those still to be suggested within the
    limits and the budget. None: nothing limits how many."""
    queued: int
    """Of them, those that are there already: lost runs and ones that are to be run again."""
    running: int
    """Runs at work, or handed out and about to begin."""
    agents: int
    """Agents that are heard of."""
    suggested_replicas: int
    """Agents to keep: one for each run at work and each that waits, at most `max`."""
    priority: int
    state: SweepState
    reason: str | None
    """Why nothing is handed out now."""


def read_depth(
    conn: Connection, sweep: Sweep, problem: Problem, *, replicas_max: int | None, now_us: int
) -> QueueDepth:
    """The queue of a sweep as it is now. Reads only."""
    counts = count_trials(conn, sweep.id)
    queued = counts.get("queued", 0) + counts.get("lost", 0)
    running = counts.get("leased", 0) + counts.get("running", 0)
    limits = limits_of(problem.budget, run_limit(problem))
    spending = read_spending(conn, sweep, now_us=now_us)
    remaining = count_remaining(sweep, limits, spending)
    depth = None if remaining is None else queued + remaining
    most = SWEEP_REPLICAS_MAX if replicas_max is None else replicas_max
    quota = find_quota(conn, sweep.entity_id)
    if quota is not None:
        most = min(most, quota)
    wanted = most if depth is None else min(most, running + depth)
    if sweep.state not in ("pending", "running"):
        wanted = min(most, running)
    elif sweep.waits_reason is not None and not sweep.waits_reason.startswith(QUOTA_REASON):
        # More agents would wait, too; one asks now and then whether it goes on.
        wanted = min(most, max(running, 1))
    return QueueDepth(
        depth=depth,
        queued=queued,
        running=running,
        agents=count_live_agents(conn, sweep.id, now_us=now_us),
        suggested_replicas=wanted,
        priority=sweep.priority,
        state=sweep.state,
        reason=sweep.exhausted_reason or sweep.waits_reason,
    )
