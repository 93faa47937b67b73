"""What a search is to make small or large, where that is not simply what runs log.

Several metrics with `weight:` are one number: the sum of weight times zscore, negative for those
that are minimized. zscore makes seconds and percents alike, so that a weight says how much a metric
matters. A weighting that was chosen later replaces the metrics in the same way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from steelyard.errors import Invalid
from steelyard.search.expression import parse
from steelyard.search.problem import Goal, Metric, Problem
from steelyard.search.space import Constraint, Space
from steelyard.search.weighting import reweigh, split_terms

WEIGHTED = "weighted"  # what the sum of weighted metrics is called


class Weighting(msgspec.Struct, frozen=True, kw_only=True):
    """Other weights than those of the configuration: a formula, weights, or both.

    `weights` is by metric of the sweep, or with an `expression` by summand of it. `goal` is by
    default that of the sweep's one metric for a formula, and "maximize" for weights alone.
    """

    name: str
    expression: str | None = None
    weights: dict[str, float] = {}
    goal: Goal | None = None


def objective_of(problem: Problem, weighting: Weighting | None = None) -> tuple[Metric, ...]:
    """The metrics that runs are ranked by: one where there are weights, else those written.

    Raises Invalid for a weighting that does not fit the problem, ExpressionError (an Invalid, too)
    for a formula that cannot be read.
    """
    if weighting is not None:
        return (resolve(problem, weighting),)
    if len(problem.metrics) > 1 and any(metric.weight is not None for metric in problem.metrics):
        weights = {m.name: 1.0 if m.weight is None else m.weight for m in problem.metrics}
        return (_weigh(problem.metrics, weights, WEIGHTED),)
    return problem.metrics


def resolve(problem: Problem, weighting: Weighting) -> Metric:
    """The one metric that a weighting stands for, as a formula over what runs log."""
    if weighting.expression is None:
        if weighting.goal == "minimize":
            raise Invalid(
                "a weighted sum of metrics is maximized: those to be minimized count negative in "
                "it; leave out goal, or write an expression"
            )
        return _weigh(problem.metrics, weighting.weights, weighting.name)
    expression = parse(weighting.expression, across_runs=True)
    if weighting.weights:
        terms = split_terms(expression)
        texts = [term.text for term in terms]
        _refuse_unknown(weighting.weights, texts, "summand of the expression")
        expression = reweigh(
            expression, [weighting.weights.get(term.text, term.weight) for term in terms]
        )
    one = problem.metrics[0].goal if len(problem.metrics) == 1 else "maximize"
    return Metric(name=weighting.name, goal=weighting.goal or one, expression=expression.text)


def _weigh(metrics: Sequence[Metric], weights: Mapping[str, float], name: str) -> Metric:
    _refuse_unknown(weights, [metric.name for metric in metrics], "metric of the sweep")
    parts = []
    for metric in metrics:
        weight = weights.get(metric.name, 0.0)
        if weight:
            sign = -1.0 if metric.goal == "minimize" else 1.0
            text = f"`{metric.name}`" if metric.expression is None else f"({metric.expression})"
            parts.append(f"{sign * weight!r}*zscore({text})")
    if not parts:
        raise Invalid("every weight is 0, so that all runs are alike; give one metric a weight")
    expression = parse(" + ".join(parts), across_runs=True)
    return Metric(name=name, goal="maximize", expression=expression.text)


def _refuse_unknown(weights: Mapping[str, float], known: Sequence[str], what: str) -> None:
    for name in weights:
        if name not in known:
            listed = ", ".join(map(repr, known))
            raise Invalid(f"{name!r} is no {what}; there are {listed}")


def logged_names(metrics: Sequence[Metric]) -> frozenset[str]:
    """What the formulas of these metrics name: keys that runs log."""
    return frozenset(
        name
        for metric in metrics
        if metric.expression is not None
        for name in parse(metric.expression, across_runs=True).names
    )


def spread_name(problem: Problem) -> str | None:
    """How the spread of the first metric over the runs of one configuration is called, where it
    has a limit."""
    rule = problem.cross_validation
    if rule is None or rule.max_std is None or not problem.metrics:
        return None
    return f"{problem.metrics[0].name}.std"


def with_spread_limit(problem: Problem) -> Problem:
    """The problem with `max_std` as a constraint on outcomes, which a search learns to keep."""
    name = spread_name(problem)
    if name is None or "`" in name or problem.cross_validation is None:
        return problem
    text = f"`{name}` <= {problem.cross_validation.max_std!r}"
    limit = Constraint(text=text, expression=parse(text))
    space = Space(
        parameters=problem.space.parameters, constraints=(*problem.space.constraints, limit)
    )
    return msgspec.structs.replace(problem, space=space)
