"""What a run at work has cost at this moment, from what was last kept of it. Pure."""

from __future__ import annotations

import msgspec

from steelyard.limits import SWEEP_LEASE_S
from steelyard.server.rooms.runs.costs import RunCost


class LiveCost(msgspec.Struct, frozen=True, kw_only=True):
    """What a run has used up until now."""

    seconds: float
    gpu_hours: float
    usd: float | None


def live_cost(cost: RunCost, *, now_us: int) -> LiveCost:
    """What the run has used up by `now_us`: what is kept grows with the time since.

    Figures that its script logs itself stand as they are.
    """
    if cost.has_ended:
        return LiveCost(seconds=cost.seconds, gpu_hours=cost.gpu_hours, usd=cost.usd)
    until_us = min(now_us, cost.heartbeat_at_us + SWEEP_LEASE_S * 1_000_000)
    seconds = max(cost.seconds, cost.seconds_before + (until_us - cost.since_us) / 1e6)
    growth = seconds / cost.seconds if cost.seconds > 0 else 1.0
    return LiveCost(
        seconds=seconds,
        gpu_hours=cost.gpu_hours * (1.0 if cost.has_own_gpu_hours else growth),
        usd=None if cost.usd is None else cost.usd * (1.0 if cost.has_own_usd else growth),
    )
