"""What a run brought, read from its summary: the values of metrics, outcomes and cost."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from steelyard.errors import Invalid
from steelyard.search.expression import parse
from steelyard.search.problem import Metric, Problem
from steelyard.search.space import Space

#: The cost that is no metric: how long a run took.
SECONDS: Final = "seconds"
_MISSING: Final = object()


def value_of(metric: Metric, summary: Mapping[str, Any]) -> float | None:
    """The value of a metric in a summary, or of its formula over what is logged."""
    if metric.expression is None:
        return read_number(summary, metric.name, goal=metric.goal)
    expression = parse(metric.expression, across_runs=True)  # that of many runs: None for one
    values = {name: read_number(summary, name) for name in expression.names}
    value = expression.evaluate({k: v for k, v in values.items() if v is not None})
    return value if value is not None and math.isfinite(value) else None


def read_number(summary: Mapping[str, Any], name: str, *, goal: str | None = None) -> float | None:
    """The finite number at a dotted path of a summary.

    A metric that was defined with several summaries is a map of them: the one that suits the goal
    counts, else the last value.
    """
    value = _find_nested(summary, tuple(name.split(".")))
    if isinstance(value, Mapping):
        best = {"minimize": "min", "maximize": "max"}.get(goal or "", "last")
        chosen = next((key for key in (best, "best", "last", "mean") if key in value), None)
        value = _MISSING if chosen is None else value[chosen]
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def outcome_names(problem: Problem) -> set[str]:
    """Metrics that constraints on outcomes and the cost name."""
    parameters = problem.space.by_name.keys()
    named = {
        name
        for constraint in problem.space.outcome_constraints
        for name in constraint.expression.names
        if name not in parameters
    }
    if problem.cost is not None and problem.cost != SECONDS:
        named.add(problem.cost)
    return named


def fit_config(space: Space, config: Mapping[str, Any]) -> dict[str, Any] | None:
    """The configuration in terms of the space; None where a value is missing or impossible."""
    flat = space.prune(space.flatten(config))
    for parameter in space.parameters:
        if not space.is_active(parameter, flat):
            continue
        if parameter.is_constant:
            flat.setdefault(parameter.name, parameter.values[0])
            continue
        if parameter.name not in flat:
            return None
        try:
            parameter.to_unit(flat[parameter.name])
        except (Invalid, TypeError, ValueError, OverflowError):
            return None
    return flat


def _find_nested(value: Any, keys: tuple[str, ...]) -> Any:
    """The value at a path of nested objects. The longest key that exists wins: keys have dots."""
    if not keys:
        return value
    if isinstance(value, Mapping):
        for size in range(len(keys), 0, -1):
            inner = value.get(".".join(keys[:size]), _MISSING)
            if inner is not _MISSING:
                found = _find_nested(inner, keys[size:])
                if found is not _MISSING:
                    return found
    return _MISSING
