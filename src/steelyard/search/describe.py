"""What a problem will do, in words: true ranges with examples, number of runs, what stops them."""

from __future__ import annotations

import json
import math
from typing import Any

import msgspec

from steelyard.errors import Invalid
from steelyard.limits import SEARCH_ENUMERATED_MAX
from steelyard.search import distributions
from steelyard.search.crossval import runs_per_trial
from steelyard.search.diagnostics import listing, short
from steelyard.search.lattice import finite_support, grid_of
from steelyard.search.lint import runs_at_most
from steelyard.search.parameter import Parameter
from steelyard.search.problem import Budget, Problem
from steelyard.search.stopping import brackets

EXAMPLES_AT = (0.1, 0.5, 0.9)  # quantiles: a tenth of the samples is below the first example
VALUES_SHOWN = 8
VALUE_CHARS_SHOWN = 40


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One parameter: where its samples lie, on which scale, and three of them."""

    name: str
    kind: str
    samples: str
    examples: tuple[str, ...] = ()
    condition: str | None = None


def describe_parameters(problem: Problem) -> list[Row]:
    """One row per parameter, in the order of the space."""
    return [_describe(parameter) for parameter in problem.space.parameters]


def describe_search(problem: Problem) -> str:
    """ "bayes, minimizes val/loss": method and metrics in one line."""
    metrics = [f"{metric.goal}s {metric.name}" for metric in problem.metrics]
    return ", ".join([problem.method, *metrics])


def describe_runs(problem: Problem) -> list[str]:
    """How many runs there will be at most, and what they may use up, one sentence each."""
    size = _count_of_space(problem)
    lines = [] if size is None else [size]
    cap = runs_at_most(problem)
    names = []
    if problem.run_cap is not None:
        names.append(f"run_cap {problem.run_cap:,}")
    if problem.budget is not None and problem.budget.runs is not None:
        names.append(f"budget.runs {problem.budget.runs:,}")
    if cap is not None:
        lines.append(f"at most {_runs(cap)}{f' ({listing(names)})' if names else ''}")
    elif problem.method != "grid" and finite_support(problem.space) is None:
        lines.append(
            "no limit on the number of runs: agents go on until the sweep is stopped; "
            "add run_cap: 50 for an end"
        )
    if problem.cross_validation is not None:
        each = problem.cross_validation.folds * max(len(problem.cross_validation.seeds), 1)
        lines.append(f"every configuration is {_runs(each)}: {_cross_validation(problem)}")
    for phase in problem.phases:
        until = "until the sweep ends" if phase.runs is None else _runs(phase.runs)
        lines.append(f"phase {phase.name}: {until} on {phase.fraction:.3g} of the data")
    budget = problem.budget
    if budget is not None:
        amounts = {"hours": budget.hours, "GPU hours": budget.gpu_hours, "USD": budget.usd}
        spent = [f"{short(each)} {name}" for name, each in amounts.items() if each is not None]
        if spent:
            lines.append(f"stops at {listing(spent)}")
    return lines


def describe_estimate(
    problem: Problem, *, run_minutes: float | None, run_usd: float | None
) -> list[str]:
    """Time and money of the whole sweep, from what one run takes; without early termination.

    Empty where neither is known, or where nothing limits the number of runs.
    """
    count = total_runs(problem)
    if count is None or (run_minutes is None and run_usd is None):
        return []
    lines = []
    budget = problem.budget or Budget()
    if run_minutes is not None:
        hours = count * run_minutes / 60
        line = f"{_runs(count)} of {short(run_minutes)} minutes are {_three_digits(hours)} hours"
        lines.append(f"{line} of running, divided by the number of agents")
    if run_usd is not None:
        usd = count * run_usd
        line = f"{_runs(count)} of {short(run_usd)} USD are {_three_digits(usd)} USD"
        if budget.usd is not None and usd > budget.usd:
            line += f"; the budget ends it after {_runs(int(budget.usd / run_usd))}"
        lines.append(line)
    return lines


def total_runs(problem: Problem) -> int | None:
    """Runs at most, folds and seeds counted; None where nothing limits them."""
    lattice = grid_of(problem.space) if problem.method == "grid" else finite_support(problem.space)
    size = None if lattice is None else lattice.size * runs_per_trial(problem.cross_validation)
    known = [limit for limit in (runs_at_most(problem), size) if limit is not None]
    return min(known) if known else None


def describe_stopping(problem: Problem) -> str | None:
    """When runs are compared and stopped early; None where they are not."""
    rule = problem.early_terminate
    if rule is None:
        return None
    found = brackets(problem)
    if rule.type in ("median", "predictive"):
        return f"{rule.type}: runs are judged at every iteration from {found[0] if found else 1} on"
    shown = [f"{each:,}" for each in found[:5]]
    more = ", …" if len(found) > 5 else ""
    eta = 3 if rule.eta is None else rule.eta
    return f"{rule.type}: runs are compared at iterations {listing(shown)}{more}; " + (
        f"the best 1 in {short(eta)} goes on"
    )


def describe_value(value: Any) -> str:
    """A value on one line, cut where it is long."""
    if isinstance(value, float | int) and not isinstance(value, bool):
        return short(value)
    text = value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)
    text = " ".join(text.split())
    return text if len(text) <= VALUE_CHARS_SHOWN else text[: VALUE_CHARS_SHOWN - 1] + "…"


def _describe(parameter: Parameter) -> Row:
    condition = listing(
        [
            f"{each.parameter} is {' or '.join(describe_value(value) for value in each.values)}"
            for each in parameter.conditions
        ]
    )
    if parameter.is_constant or parameter.is_categorical:
        return Row(
            name=parameter.name,
            kind=parameter.distribution.removesuffix("_w_probabilities"),
            samples=_values(parameter),
            condition=condition or None,
        )
    low, high = distributions.bounds(parameter)
    if math.isinf(high):  # where 98 % of the samples are
        low, high = parameter.from_unit(0.01), parameter.from_unit(0.99)
        samples = f"mostly {_three_digits(low)} to {_three_digits(high)}"
    else:
        if parameter.q is not None:
            low, high = parameter.from_unit(0.0), parameter.from_unit(1.0)
        samples = f"{short(low)} to {short(high)}"
    if parameter.q is not None:
        samples += f" by {short(parameter.q)}"
    return Row(
        name=parameter.name,
        kind=parameter.distribution,
        samples=samples,
        examples=tuple(_three_digits(parameter.from_unit(u)) for u in EXAMPLES_AT),
        condition=condition or None,
    )


def _values(parameter: Parameter) -> str:
    texts = [describe_value(value) for value in parameter.values[:VALUES_SHOWN]]
    if parameter.probabilities is not None:
        shares = parameter.probabilities[:VALUES_SHOWN]
        texts = [f"{text} ({share:.0%})" for text, share in zip(texts, shares, strict=True)]
    more = len(parameter.values) - len(texts)
    return listing(texts) + (f", … {more:,} more" if more else "")


def _three_digits(value: Any) -> str:
    return short(float(f"{value:.3g}")) if isinstance(value, float) else short(value)


def _count_of_space(problem: Problem) -> str | None:
    if problem.method == "grid":
        try:
            lattice = grid_of(problem.space)
        except Invalid as error:
            return str(error)
        kind = "points of the grid"
    else:
        found = finite_support(problem.space)
        if found is None:
            return None
        lattice, kind = found, "different combinations"
    if not problem.space.input_constraints:
        return f"{lattice.size:,} {kind}"
    if lattice.size > SEARCH_ENUMERATED_MAX:
        return f"{lattice.size:,} {kind}, less those that break a constraint"
    kept = sum(problem.space.is_feasible(lattice.at(n)) for n in range(lattice.size))
    return f"{kept:,} {kind}, of {lattice.size:,} without the constraints"


def _runs(count: int) -> str:
    return "1 run" if count == 1 else f"{count:,} runs"


def _cross_validation(problem: Problem) -> str:
    assert problem.cross_validation is not None
    parts = []
    if problem.cross_validation.folds > 1:
        parts.append(f"{problem.cross_validation.folds} folds")
    if problem.cross_validation.seeds:
        parts.append(f"{len(problem.cross_validation.seeds)} seeds")
    return " of ".join(parts) or "no folds, no seeds"
