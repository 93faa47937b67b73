"""Early termination `predictive`: a run is stopped when it will hardly become the best.

A ridge regression over the finished runs predicts how much a run still improves from here on, from
its best value, its recent slope and how far it is from its best. With the leverage of the new point
the error is Student-t distributed, which gives the probability that the run ends better than the
best run so far (Draper & Smith, Applied Regression Analysis, section 1.4, for the interval of a new
observation). A run below 1 - confidence is stopped. A rule of our own: replayed on 80 sweeps it
stops the run that would have won in 0 to 2 % and saves 52 to 73 % of the iterations, less than asha
with many workers, because the runs to learn from finish late (bench/search/early_stop.py).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.special import stdtr

from steelyard.search.problem import EarlyTerminate, Goal
from steelyard.search.stopping.curves import Decision, Losses, in_units

WARMUP = 3  # iterations in which nothing is stopped
TRIALS_MIN = 4  # finished runs to learn from
CONFIDENCE = 0.95
LAST_SHARE = 0.95  # a run that is nearly through ends by itself
PENALTIES = (1e-3, 0.3, 0.3, 0.3)  # of the ridge: hardly any for the constant
SPREAD_FLOOR = 0.02  # added to the error, in standard deviations of the finished runs' values
Array = npt.NDArray[np.float64]


def judge_predictive(rule: EarlyTerminate, losses: Sequence[Losses], goal: Goal) -> list[Decision]:
    """The running runs that end better than the best so far with too small a probability."""
    warmup = max(1, WARMUP if rule.warmup is None else rule.warmup)
    trials_min = max(2, TRIALS_MIN if rule.min_trials is None else rule.min_trials)
    confidence = CONFIDENCE if rule.confidence is None else rule.confidence
    finished = [run.values for run in losses if run.curve.state == "finished" and run.values]
    if len(finished) < trials_min:
        return []
    best = min(min(run.values) for run in losses if run.values)
    decisions = []
    for run in losses:
        iteration = len(run.values)
        if run.curve.state != "running" or iteration < warmup or min(run.values) <= best:
            continue
        longer = [values for values in finished if len(values) * LAST_SHARE > iteration]
        if len(longer) < trials_min:
            continue
        expected, chance = predict_final(run.values, longer, best)
        if chance < 1.0 - confidence:
            decisions.append(as_decision(run, goal, expected, best, chance, len(longer)))
    return decisions


def predict_final(
    values: Sequence[float], finished: Sequence[Sequence[float]], best: float
) -> tuple[float, float]:
    """The loss a run is expected to end with, and the probability that it gets below `best`.

    `finished` are curves of at least len(values) iterations. Standardised by the spread of what
    they had at this iteration, so the result does not depend on the unit of the loss.
    """
    iteration = len(values)
    unit = max(abs(value) for curve in (values, *finished) for value in curve) or 1.0
    finished = [[value / unit for value in curve] for curve in finished]  # no square of 1e200
    values, best = [value / unit for value in values], best / unit
    rows = np.array([features(curve, iteration) for curve in finished])
    row = features(values, iteration)
    centre, scale = float(rows[:, 1].mean()), float(rows[:, 1].std())
    scale = max(scale, 1e-12 * max(1.0, abs(centre)))
    for table in (rows, row.reshape(1, -1)):
        table[:, 1] = (table[:, 1] - centre) / scale
        table[:, 2:] /= scale
    final = (np.array([min(curve) for curve in finished]) - centre) / scale
    improvement = final - rows[:, 1]
    normal = rows.T @ rows + np.diag(PENALTIES)
    weights = np.linalg.solve(normal, rows.T @ improvement)
    leverage = float(row @ np.linalg.solve(normal, row))
    residual = improvement - rows @ weights
    freedom = max(len(finished) - 2, 1)
    variance = (float(residual @ residual) + SPREAD_FLOOR) / freedom
    spread = math.sqrt(variance * (1.0 + leverage)) + SPREAD_FLOOR
    expected = float(row @ weights + row[1])
    chance = float(stdtr(freedom, ((best - centre) / scale - expected) / spread))
    return (expected * scale + centre) * unit, chance


def features(values: Sequence[float], iteration: int) -> Array:
    """A constant, the best value so far, the recent change, and the distance from the best."""
    recent = max(0, iteration - 1 - max(2, iteration // 4))
    best = min(values[:iteration])
    last = values[iteration - 1]
    return np.array([1.0, best, last - values[recent], last - best])


def as_decision(
    run: Losses, goal: Goal, expected: float, best: float, chance: float, compared: int
) -> Decision:
    value, limit = in_units(expected, goal), in_units(best, goal)
    iteration = len(run.values)
    return Decision(
        id=run.curve.id,
        rule="predictive",
        reason=(
            f"predictive: after {iteration} iterations it is expected to end at {value:.6g}, and "
            f"to beat the best so far, {limit:.6g}, with a probability of {chance:.1%} "
            f"(from {compared} finished runs)"
        ),
        bracket=None,
        value=value,
        threshold=limit,
        iteration=iteration,
        compared=compared,
        chance=chance,
    )
