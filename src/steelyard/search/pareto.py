"""Several metrics at once: which runs no other run beats in everything, and how good they are.

Rule of the reference point, which hypervolumes are measured from: for each metric the worst value
of all runs that have every metric, and a tenth of the range beyond it, so that the extreme runs of
a front count, too. Where all are alike it is a tenth of that value beyond (0.1 for 0). It moves
when a worse run arrives: to compare over time, or several sweeps, take one point from all runs.
"""

from __future__ import annotations

import bisect
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from steelyard.errors import Invalid
from steelyard.search.problem import Goal

Array = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]

REFERENCE_MARGIN = 0.1
HYPERVOLUME_METRICS_MAX = 3  # exact beyond that takes time exponential in their number


def as_losses(values: Sequence[Sequence[float | None]] | Array, goals: Sequence[Goal]) -> Array:
    """float64[runs, metrics], lower is better; NaN where a value is missing or not finite."""
    if len(values) == 0:
        return np.empty((0, len(goals)))
    table = np.array(values, dtype=np.float64).reshape(len(values), -1)
    if table.shape[1] != len(goals):
        raise Invalid(f"runs have {table.shape[1]} values, and there are {len(goals)} goals")
    signs = np.array([-1.0 if goal == "maximize" else 1.0 for goal in goals])
    losses: Array = np.where(np.isfinite(table), table, np.nan) * signs
    return losses


def pareto_front(
    values: Sequence[Sequence[float | None]] | Array, goals: Sequence[Goal]
) -> list[int]:
    """Places of the runs that no other run dominates, in the order given.

    A run dominates another when it is nowhere worse and somewhere better; of runs with the same
    values all are on the front. A run that lacks a metric is never on it.

    Args:
        values: runs x metrics, in units of the metrics; None, NaN and infinities are missing.
    """
    losses = as_losses(values, goals)
    return [int(place) for place in front_of(losses)]


def front_of(losses: Array) -> Places:
    """Ascending places of the rows of `losses` that are not dominated. O(n log n + n * front)."""
    whole = np.flatnonzero(~np.isnan(losses).any(axis=1))
    # In lexicographic order a run is dominated only by runs before it.
    order = whole[np.lexsort(losses[whole].T[::-1])]
    front = np.empty((len(order), losses.shape[1]))
    kept: list[int] = []
    for place in order:
        row, better = losses[place], front[: len(kept)]
        dominated = (better <= row).all(axis=1) & (better < row).any(axis=1)
        if not dominated.any():
            front[len(kept)] = row
            kept.append(int(place))
    return np.array(sorted(kept), dtype=np.intp)


def pareto_ranks(
    values: Sequence[Sequence[float | None]] | Array, goals: Sequence[Goal]
) -> list[int | None]:
    """0 for runs on the front, 1 for the front without those, and so on; None without a value.

    Source: non-dominated sorting, Deb et al. (2002), NSGA-II, section III-A.
    """
    losses = as_losses(values, goals)
    ranks: list[int | None] = [None] * len(losses)
    rank = 0
    front = front_of(losses)
    while len(front):
        for place in front:
            ranks[place] = rank
        losses[front] = np.nan
        front = front_of(losses)
        rank += 1
    return ranks


def reference_point(
    values: Sequence[Sequence[float | None]] | Array, goals: Sequence[Goal]
) -> list[float] | None:
    """The point that hypervolumes are measured from, in units of the metrics; None without runs."""
    losses = as_losses(values, goals)
    losses = losses[~np.isnan(losses).any(axis=1)]
    if not len(losses):
        return None
    best, worst = losses.min(axis=0), losses.max(axis=0)
    span = np.where(worst > best, worst - best, np.where(worst != 0, np.abs(worst), 1.0))
    point = worst + REFERENCE_MARGIN * span
    signs = [-1.0 if goal == "maximize" else 1.0 for goal in goals]
    return [float(sign * value) for sign, value in zip(signs, point, strict=True)]


def hypervolume(
    values: Sequence[Sequence[float | None]] | Array,
    goals: Sequence[Goal],
    reference: Sequence[float],
) -> float:
    """The volume between the runs and `reference`, exact, for one to three metrics.

    Runs that are not better than the reference in every metric add nothing. O(n log n) for two
    metrics, O(n²) for three. Source: Zitzler & Thiele (1999), IEEE Trans. Evol. Comp. 3, 257-271;
    three metrics by slices, each an area of two metrics (While et al., 2006, HSO).
    Raises Invalid for more metrics, or a reference of another length.
    """
    losses = as_losses(values, goals)
    point = as_losses([list(reference)], goals)[0]
    if np.isnan(point).any():
        raise Invalid(f"the reference point is not finite: {list(reference)}")
    if len(goals) > HYPERVOLUME_METRICS_MAX:
        raise Invalid(
            f"the hypervolume is computed for up to {HYPERVOLUME_METRICS_MAX} metrics, and there "
            f"are {len(goals)}; choose some of them"
        )
    losses = losses[(losses < point).all(axis=1)]  # false for NaN
    gains = (point - losses)[front_of(losses)] if len(losses) else losses
    if not len(gains):
        return 0.0
    if gains.shape[1] == 1:
        return float(gains.max())
    if gains.shape[1] == 2:
        return Staircase.of(gains)
    return volume(gains)


class Staircase:
    """The union of rectangles from the origin to points: points kept while they stick out."""

    def __init__(self) -> None:
        self.xs: list[float] = []  # ascending
        self.ys: list[float] = []  # of the same points, descending
        self.area = 0.0

    @classmethod
    def of(cls, gains: Array) -> float:
        stairs = cls()
        for x, y in gains.tolist():
            stairs.add(x, y)
        return stairs.area

    def add(self, x: float, y: float) -> None:
        at = bisect.bisect_left(self.xs, x)
        if at < len(self.xs) and self.ys[at] >= y:
            return  # a point to the right is as high: covered
        first = at
        while first > 0 and self.ys[first - 1] <= y:
            first -= 1  # points to the left that are no higher are covered by the new one
        last = at
        if at < len(self.xs) and self.xs[at] == x:
            last = at + 1
        # Between neighbouring xs the old height is that of the point at the right end.
        left = self.xs[first - 1] if first > 0 else 0.0
        for place in range(first, at):
            self.area += (self.xs[place] - left) * (y - self.ys[place])
            left = self.xs[place]
        under = self.ys[at] if at < len(self.xs) else 0.0
        self.area += (x - left) * (y - under)
        self.xs[first:last] = [x]
        self.ys[first:last] = [y]


def volume(gains: Array) -> float:
    """The union of boxes from the origin to points of three coordinates, in slices of the third."""
    order = np.argsort(-gains[:, 2], kind="stable")
    rows = gains[order].tolist()
    stairs = Staircase()
    total = 0.0
    for place, (x, y, z) in enumerate(rows):
        stairs.add(x, y)
        below = rows[place + 1][2] if place + 1 < len(rows) else 0.0
        total += stairs.area * (z - below)
    return total


def hypervolume_history(
    values: Sequence[Sequence[float | None]] | Array,
    goals: Sequence[Goal],
    reference: Sequence[float],
) -> list[float]:
    """The hypervolume after each run, in the order given: never falls."""
    losses = as_losses(values, goals)
    point = as_losses([list(reference)], goals)[0]
    history: list[float] = []
    front = np.empty((0, len(goals)))
    so_far = 0.0
    signs = np.array([-1.0 if goal == "maximize" else 1.0 for goal in goals])
    for row in losses:
        inside = bool((row < point).all())  # false for NaN
        if inside and not (front <= row).all(axis=1).any():
            front = np.vstack([front[~(row <= front).all(axis=1)], row])
            so_far = max(so_far, hypervolume(front * signs, goals, reference))
        history.append(so_far)
    return history
