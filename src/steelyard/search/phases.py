"""A search in phases: broad on a part of the data, then narrow on more of it.

From one phase to the next go the ranges around the best configurations (`narrow`), those
configurations themselves, to be run again first (`best_first`), and what all others showed, as
prior trials (`as_priors`). The ranges hold every configuration that they come from and never leave
the ranges before; with a margin of 1 or more nothing is narrowed.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from steelyard.search import distributions
from steelyard.search.parameter import Parameter, same_value
from steelyard.search.pareto import pareto_ranks
from steelyard.search.problem import Problem
from steelyard.search.space import Space
from steelyard.search.trials import Trial

TAIL = 1e-3  # quantile where a distribution without an end counts as ended


class Range(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is left of one parameter: values of a list, or the least and greatest of a number."""

    low: float | int | None = None
    high: float | int | None = None
    values: tuple[Any, ...] = ()


def best_first(problem: Problem, trials: Sequence[Trial]) -> list[Trial]:
    """The trials that have every metric and keep the constraints on outcomes, best first.

    With several metrics: front by front, and within one by the sum of places in each metric.
    """
    metrics = problem.metrics
    whole = [
        trial
        for trial in trials
        if trial.state in ("finished", "stopped")
        and len(trial.values) == len(metrics) > 0
        and all(value is not None and math.isfinite(value) for value in trial.values)
        and not breaks_outcome(problem, trial)
    ]
    signs = [-1.0 if metric.goal == "maximize" else 1.0 for metric in metrics]
    losses = [
        [sign * (value or 0.0) for sign, value in zip(signs, trial.values, strict=True)]
        for trial in whole
    ]
    places = [0.0] * len(whole)
    for column in range(len(metrics)):
        ordered = sorted(row[column] for row in losses)
        for at, row in enumerate(losses):
            places[at] += ordered.index(row[column])
    ranks = pareto_ranks(losses, ["minimize"] * len(metrics)) if len(metrics) > 1 else []
    keys = [(ranks[at] or 0 if ranks else 0, places[at], at) for at in range(len(whole))]
    return [whole[at] for _, _, at in sorted(keys)]


def breaks_outcome(problem: Problem, trial: Trial) -> bool:
    known = {**trial.config, **trial.outcomes}
    return any(c.expression.holds(known) is False for c in problem.space.outcome_constraints)


def narrow(
    space: Space, configs: Sequence[Mapping[str, Any]], *, margin: float
) -> dict[str, Range]:
    """The box around these configurations, by parameter.

    Args:
        margin: share of the whole range that is added on each side, on the parameter's own scale
            (orders of magnitude of a logarithmic one, values of a list of numbers).
    Parameters that no configuration has, and constants, are not in the answer.
    """
    found: dict[str, Range] = {}
    for parameter in space.searched:
        seen = [config[parameter.name] for config in configs if parameter.name in config]
        if not seen:
            continue
        if parameter.is_categorical:
            found[parameter.name] = Range(values=_narrow_values(parameter, seen, margin))
        else:
            found[parameter.name] = _narrow_numbers(parameter, seen, margin)
    return found


def _narrow_values(parameter: Parameter, seen: Sequence[Any], margin: float) -> tuple[Any, ...]:
    if margin >= 1:
        return parameter.values
    chosen = {
        at
        for at, value in enumerate(parameter.values)
        if any(same_value(value, each) for each in seen)
    }
    if parameter.is_ordered and chosen:
        order = sorted(range(len(parameter.values)), key=lambda at: parameter.values[at])
        places = [place for place, at in enumerate(order) if at in chosen]
        more = math.floor(margin * len(order) + 0.5)
        chosen = set(order[max(min(places) - more, 0) : max(places) + more + 1])
    kept = tuple(value for at, value in enumerate(parameter.values) if at in chosen)
    return kept or parameter.values


def _narrow_numbers(parameter: Parameter, seen: Sequence[Any], margin: float) -> Range:
    low, high = _ends(parameter)
    least, most = min(seen), max(seen)
    if margin >= 1:
        return Range(low=min(low, least), high=max(high, most))
    if parameter.distribution == "int_uniform":
        more = margin * (high - low + 1)
        return Range(
            low=max(int(low), math.floor(least - more)), high=min(int(high), math.ceil(most + more))
        )
    is_log = "log" in parameter.distribution
    if is_log and min(low, least) <= 0:
        is_log = False  # q_log_… may round to 0, which has no logarithm
    start, stop = (math.log(low), math.log(high)) if is_log else (low, high)
    more = margin * (stop - start)
    first, last = (math.log(least), math.log(most)) if is_log else (least, most)
    first, last = first - more, last + more
    if is_log:
        first, last = math.exp(first), math.exp(last)
    # What was seen stays inside, whatever rounding says; the range before is not left.
    return Range(
        low=max(min(first, least), min(low, least)), high=min(max(last, most), max(high, most))
    )


def _ends(parameter: Parameter) -> tuple[float, float]:
    """The least and greatest value; of distributions without an end the ones far out."""
    low, high = distributions.bounds(parameter)
    kind = parameter.distribution.removeprefix("q_")
    if kind in ("normal", "log_normal"):
        return float(parameter.from_unit(TAIL)), float(parameter.from_unit(1 - TAIL))
    return low, high


def apply_ranges(space: Space, ranges: Mapping[str, Range]) -> Space:
    """The space with these ranges; those that it does not know or that leave nothing are ignored.

    Inside its range a normal or beta distribution becomes uniform (log_normal: on the scale of
    logarithms): its runs are to be spread over what is left.
    """
    parameters = tuple(
        _apply(parameter, ranges[parameter.name]) if parameter.name in ranges else parameter
        for parameter in space.parameters
    )
    return Space(parameters=parameters, constraints=space.constraints)


def _apply(parameter: Parameter, left: Range) -> Parameter:
    if parameter.is_constant:
        return parameter
    if parameter.is_categorical:
        kept = [
            at
            for at, value in enumerate(parameter.values)
            if any(same_value(value, each) for each in left.values)
        ]
        chances = parameter.probabilities
        if not kept or (chances is not None and not any(chances[at] for at in kept)):
            return parameter
        return msgspec.structs.replace(
            parameter,
            values=tuple(parameter.values[at] for at in kept),
            probabilities=None if chances is None else tuple(chances[at] for at in kept),
        )
    if left.low is None or left.high is None:
        return parameter
    low, high = distributions.bounds(parameter)
    least, most = max(left.low, low), min(left.high, high)
    if least > most:
        return parameter
    if parameter.distribution == "int_uniform":
        return msgspec.structs.replace(parameter, min=int(least), max=int(most))
    kind = parameter.distribution.removeprefix("q_")
    if "log" in kind and least > 0:
        kind = (
            f"{kind.removesuffix('_values')}_values" if "uniform" in kind else "log_uniform_values"
        )
    else:
        kind = "uniform"
    prefix = "q_" if parameter.q is not None else ""
    return msgspec.structs.replace(
        parameter,
        distribution=prefix + kind,
        min=least,
        max=most,
        mu=None,
        sigma=None,
        a=None,
        b=None,
    )


def is_within(ranges: Mapping[str, Range], config: Mapping[str, Any]) -> bool:
    """Whether a configuration lies in the box, as far as it has the parameters."""
    for name, left in ranges.items():
        if name not in config:
            continue
        value = config[name]
        if left.values and not any(same_value(each, value) for each in left.values):
            return False
        if left.low is not None and left.high is not None and not left.low <= value <= left.high:
            return False
    return True


def as_priors(space: Space, before: Sequence[Trial], now: Sequence[Trial]) -> list[Trial]:
    """Ended trials of earlier phases as prior trials of this one.

    A run on a part of the data is off by an amount that is much the same for all. It is taken from
    the configurations that ran in both (the median of the differences, metric by metric) and added.
    Configurations that are in `now` are left out: their own results count.
    """
    own = {space.key_of(trial.config): trial for trial in now}
    shifts = _shifts(space, before, own)
    priors = []
    for trial in before:
        has_values = trial.state in ("finished", "stopped") and all(
            value is not None and math.isfinite(value) for value in trial.values
        )
        if space.key_of(trial.config) in own or not (has_values or trial.state == "failed"):
            continue
        values: tuple[float | None, ...] = trial.values
        if has_values:
            values = tuple(
                (value or 0.0) + shifts.get(at, 0.0) for at, value in enumerate(trial.values)
            )
            if not all(math.isfinite(value or 0.0) for value in values):
                continue
        priors.append(msgspec.structs.replace(trial, values=values, is_prior=True))
    return priors


def _shifts(space: Space, before: Sequence[Trial], own: Mapping[bytes, Trial]) -> dict[int, float]:
    """Position of a metric to what a run of this phase has more than one of those before."""
    differences: dict[int, list[float]] = {}
    for trial in before:
        same = own.get(space.key_of(trial.config))
        if same is None or same.state != "finished" or trial.state != "finished":
            continue
        for at, (old, new) in enumerate(zip(trial.values, same.values, strict=False)):
            if old is not None and new is not None and math.isfinite(old) and math.isfinite(new):
                differences.setdefault(at, []).append(new - old)
    return {at: statistics.median(found) for at, found in differences.items()}


def seeds_count(top: int, runs: int | None) -> int:
    """How many of the best are run again: `top`, and no more than half of the phase."""
    return top if runs is None else max(1, min(top, math.ceil(runs / 2)))
