"""Constraints that only a run shows ("gpu_hours <= 2"): how likely a place is to keep them.

Each constraint becomes a number, its slack: by how much it is kept (>= 0) or broken. A Gaussian
process over the slacks gives the probability of feasibility, and the expected improvement is
multiplied by it.
Source: Gardner et al. (2014), "Bayesian optimization with inequality constraints".
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from scipy import special

from steelyard.search.bayes import gp
from steelyard.search.bayes.arrays import Array, Mask
from steelyard.search.bayes.codec import Codec
from steelyard.search.expression_tree import Comparison, Logic, Node, Not, evaluate_node
from steelyard.search.problem import Problem
from steelyard.search.trials import Trial


def slack(node: Node, values: Mapping[str, Any]) -> float | None:
    """By how much a constraint is kept; negative when it is broken, None when that is unknown.

    `a <= b` has b - a; `and` is as loose as its tightest part, `or` as its loosest. What is no
    inequality of numbers has 1 or -1.
    """
    if isinstance(node, Logic):
        parts = [slack(operand, values) for operand in node.operands]
        known = [part for part in parts if part is not None]
        if len(known) < len(parts):
            return None
        return min(known) if node.operator == "and" else max(known)
    if isinstance(node, Not):
        inner = slack(node.operand, values)
        return None if inner is None else -inner
    if isinstance(node, Comparison) and all(sign in "<=>=" for sign, _ in node.rest):
        gaps: list[float] = []
        left = evaluate_node(node.first, values)
        for sign, operand in node.rest:
            right = evaluate_node(operand, values)
            if not isinstance(left, float) or not isinstance(right, float):
                return None
            gaps.append(right - left if sign.startswith("<") else left - right)
            left = right
        return min(gaps)
    truth = evaluate_node(node, values)
    return None if not isinstance(truth, float) else (1.0 if truth else -1.0)


def slacks(problem: Problem, trials: Sequence[Trial]) -> Array:
    """float64[trials, outcome constraints]; NaN where a run did not say."""
    constraints = problem.space.outcome_constraints
    table = np.full((len(trials), len(constraints)), math.nan)
    for i, trial in enumerate(trials):
        values = {**trial.config, **trial.outcomes}
        for metric, value in zip(problem.metrics, trial.values, strict=False):
            if value is not None:
                values.setdefault(metric.name, value)
        for j, constraint in enumerate(constraints):
            known = slack(constraint.expression.root, values)
            table[i, j] = math.nan if known is None else known
    return table


def is_kept(table: Array) -> Mask:
    """Which trials are not known to break a constraint."""
    return np.asarray(~(table < 0).any(1))


LogTerm = Callable[[Array], Array]


def log_chance_of_keeping(codec: Codec, rows: Array, table: Array) -> LogTerm:
    """A function from rows to the log probability that all outcome constraints are kept."""
    models: list[tuple[gp.Posterior, float]] = []
    for column in table.T:
        known = np.isfinite(column)
        if known.sum() < 3:
            continue
        scale = float(np.median(np.abs(column[known]))) or 1.0
        # The sign is what matters: far from 0 the exact slack would only stretch the model.
        values = np.tanh(column[known] / (2 * scale))
        spread = float(values.std()) or 1.0
        targets = (values - values.mean()) / spread
        features = codec.features(rows[known])
        theta = gp.fit(features, codec.owners, targets, steps=25)
        models.append(
            (gp.condition(features, codec.owners, targets, theta), -float(values.mean()) / spread)
        )

    def log_chance(candidates: Array) -> Array:
        total = np.zeros(len(candidates))
        features = codec.features(candidates)
        for model, zero in models:
            mean, sd = model.predict(features)
            total += special.log_ndtr((mean - zero) / sd)
        return total

    return log_chance


def log_of_cost(codec: Codec, rows: Array, cost: Array) -> LogTerm | None:
    """A function from rows to the logarithm of what a run there is expected to cost.

    None where fewer than three costs are known, or they are all alike. Dividing the expected
    improvement by the cost is expected improvement per second.
    Source: Snoek, Larochelle & Adams (2012), sec. 3.2.
    """
    known = np.isfinite(cost)
    logs = np.log(cost[known])
    if known.sum() < 3 or logs.std() < 1e-6:
        return None
    middle, spread = float(logs.mean()), float(logs.std())
    features = codec.features(rows[known])
    theta = gp.fit(features, codec.owners, (logs - middle) / spread, steps=25)
    model = gp.condition(features, codec.owners, (logs - middle) / spread, theta)
    return lambda candidates: middle + spread * model.predict(codec.features(candidates))[0]
