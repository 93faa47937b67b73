"""What the trials say, as arrays: rows with losses to learn from, rows under way, rows to avoid."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from steelyard.search.bayes.arrays import Array
from steelyard.search.bayes.codec import Codec
from steelyard.search.problem import Metric, Problem
from steelyard.search.trials import Trial

HUGE = 1e100  # losses beyond count as this, so that their squares are numbers


class Observations(msgspec.Struct):
    """Everything the models see. n results, p trials under way.

    Attributes:
        rows: float64[n, width] codes; losses: float64[n, metrics], lower is better, all finite.
        trials: the n trials, in the order in which they were handed out.
        measured: how many of them have values of their own (the others failed).
        pending: float64[p, width]; seen: float64[.., width] everything ever handed out.
        wanted: prior trials without values, with their rows: configurations to be tried first.
        cost: float64[n], NaN where it is not known, or None if cost does not matter.
    """

    rows: Array
    losses: Array
    trials: list[Trial]
    measured: int
    pending: Array
    seen: Array
    wanted: list[tuple[Trial, Array]]
    cost: Array | None


def observe(problem: Problem, codec: Codec, trials: Sequence[Trial]) -> Observations:
    """Sort the trials of a problem into what their states mean to the models."""
    rows, inside = codec.encode([trial.config for trial in trials])
    with_result: list[int] = []
    under_way: list[int] = []
    wanted: list[int] = []
    raw: list[list[float]] = []
    for position, trial in enumerate(trials):
        values = [loss_of(trial, problem.metrics, i) for i in range(len(problem.metrics))]
        if trial.is_prior and trial.state != "failed" and not all(map(math.isfinite, values)):
            if inside[position]:
                wanted.append(position)
        elif trial.state in ("finished", "stopped", "failed"):
            if inside[position]:
                with_result.append(position)
                raw.append(values)
        else:
            guess = [
                guess_of(metric, value)
                for metric, value in zip(problem.metrics, values, strict=True)
            ]
            if any(math.isnan(each) for each in guess):
                under_way.append(position)
            elif inside[position]:
                with_result.append(position)
                raw.append(guess)
    losses = np.array(raw, dtype=np.float64).reshape(len(raw), len(problem.metrics))
    results = [trials[i] for i in with_result]
    measured = int(np.isfinite(losses).all(1).sum())
    for column, metric in enumerate(problem.metrics):
        losses[:, column] = impute(losses[:, column], metric)
    kept = sorted(set(range(len(trials))) - set(wanted))
    return Observations(
        rows=rows[with_result],
        losses=losses,
        trials=results,
        measured=measured,
        pending=rows[under_way],
        seen=rows[kept],
        wanted=[(trials[i], rows[i]) for i in wanted],
        cost=cost_of(problem, results),
    )


def loss_of(trial: Trial, metrics: Sequence[Metric], index: int) -> float:
    """The value of one metric as a loss; NaN where it is missing, or the trial failed.

    A failed trial keeps its last value only where `impute: latest` asks for it.
    """
    value = trial.values[index] if index < len(trial.values) else None
    metric = metrics[index]
    if value is None or not math.isfinite(value):
        return math.nan
    if trial.state == "failed" and metric.impute == "best":
        return -math.inf
    if trial.state == "failed" and metric.impute != "latest":
        return math.nan
    loss = -float(value) if metric.goal == "maximize" else float(value)
    return min(max(loss, -HUGE), HUGE)


def guess_of(metric: Metric, value: float) -> float:
    """What a trial under way counts as, where `impute_while_running` gives an answer, else NaN.

    inf stands for the worst loss seen, -inf for the best, both filled in by `impute`.
    """
    guesses = {"worst": math.inf, "best": -math.inf, "latest": value, "false": math.nan}
    return guesses[metric.impute_while_running]


def impute(losses: Array, metric: Metric) -> Array:
    """Missing losses become the worst one seen (-inf: the best), or 0 where nothing is known."""
    finite = losses[np.isfinite(losses)]
    worst, best = (finite.max(), finite.min()) if len(finite) else (0.0, 0.0)
    fill = best if metric.impute == "best" else worst
    filled = np.where(np.isnan(losses), fill, losses)
    filled = np.where(filled == -np.inf, best, filled)
    result: Array = np.where(filled == np.inf, worst, filled)
    return result


def cost_of(problem: Problem, trials: Sequence[Trial]) -> Array | None:
    """What each trial cost, by the metric that the problem names for it."""
    if problem.cost is None:
        return None
    costs: list[Any] = [
        trial.outcomes.get(problem.cost, trial.seconds if problem.cost == "seconds" else None)
        for trial in trials
    ]
    known = [float(c) if c is not None and math.isfinite(c) and c > 0 else math.nan for c in costs]
    return np.array(known, dtype=np.float64)
