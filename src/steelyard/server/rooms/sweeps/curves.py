"""Curves of metrics, and of formulas over what runs log.

A formula has a value at every row of the history that has one of its parts, as soon as all of them
are known; those that the row lacks keep their last value. What belongs together is best logged
together: parts logged by two calls count as two iterations. zscore compares all values of all runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from sqlalchemy.engine import Connection

from steelyard.search.composite import Column, evaluate_columns
from steelyard.search.expression import parse
from steelyard.search.problem import Metric
from steelyard.server.columns.read import read_series_of

Floats = npt.NDArray[np.float64]
#: The values of each part of a metric, row by row; all of one length.
Parts = dict[str, Floats]


def names_of(metric: Metric) -> list[str]:
    """The keys that a metric is computed from."""
    if metric.expression is None:
        return [metric.name]
    return sorted(parse(metric.expression, across_runs=True).names)


def read_parts(conn: Connection, run_ids: Sequence[int], metric: Metric) -> dict[int, Parts]:
    """What each run has logged of a metric; every run is in the answer."""
    names = names_of(metric)
    series = {name: read_series_of(conn, run_ids, "history", name) for name in names}
    found: dict[int, Parts] = {}
    for run_id in run_ids:
        mine = [series[name].get(run_id) for name in names]
        if any(each is None or not len(each.step) for each in mine) or not mine:
            found[run_id] = {name: np.empty(0) for name in names}
            continue
        whole = [each for each in mine if each is not None]
        steps = np.unique(np.concatenate([each.step for each in whole]))
        steps = steps[steps >= max(int(each.step[0]) for each in whole)]
        found[run_id] = {
            name: each.value[np.searchsorted(each.step, steps, side="right") - 1]
            for name, each in zip(names, whole, strict=True)
        }
    return found


def compose_curves(metric: Metric, parts: Mapping[str, Parts]) -> dict[str, list[float]]:
    """The curve of each run, from the parts of all of them; NaN where a formula is not defined."""
    if metric.expression is None:
        return {run: each[metric.name].tolist() for run, each in parts.items()}
    if not parts:
        return {}
    expression = parse(metric.expression, across_runs=True)
    names = sorted(expression.names)
    lengths = [len(each[names[0]]) if names else 0 for each in parts.values()]
    columns = {
        name: Column(np.concatenate([np.empty(0), *(each[name] for each in parts.values())]))
        for name in names
    }
    values = evaluate_columns(expression, columns, sum(lengths))
    ends = np.cumsum(lengths)[:-1]
    return {run: curve.tolist() for run, curve in zip(parts, np.split(values, ends), strict=True)}
