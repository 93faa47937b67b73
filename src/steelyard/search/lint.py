"""Checks of a problem that can be read: what will surprise whoever wrote it.

Reading (read_*.py) finds what cannot work; here stands what works and is hardly meant.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Collection

from steelyard.errors import Infeasible, Invalid
from steelyard.limits import (
    EXPRESSION_NAMES_COMPARED_MAX,
    SEARCH_ENUMERATED_MAX,
    SEARCH_GRID_POINTS_MAX,
)
from steelyard.search import distributions
from steelyard.search.crossval import FOLD, FOLDS, FRACTION, SEED
from steelyard.search.diagnostics import Report, did_you_mean, listing, short
from steelyard.search.expression import nearest
from steelyard.search.lattice import Lattice, finite_support, grid_of
from steelyard.search.parameter import Parameter, is_number
from steelyard.search.problem import Metric, Problem
from steelyard.search.read_sections import warn_of_contrary_goal
from steelyard.search.stopping import brackets
from steelyard.search.yaml_source import Path

LOG_SCALE_RATIO = 100  # max / min from which a uniform learning rate is mostly near its max
GRID_POINTS_LONG = 10_000
LEARNING_RATE = re.compile(
    r"(?:^|[._-])(?:lr|learning_rate|weight_decay|wd|eps(?:ilon)?)(?:$|[._-])"
)
BATCH_SIZE = re.compile(r"batch_?size|(?:^|[._-])bs(?:$|[._-])")
EPOCHS = re.compile(r"(?:^|[._-])(?:num_)?(?:train_)?(?:epochs?|iterations?|iters?)$")


def lint(report: Report, problem: Problem, *, known_metrics: Collection[str] | None) -> None:
    """Add everything that is to be said about a problem that was read without errors."""
    for parameter in problem.space.parameters:
        place = place_of(parameter)
        _check_exponents(report, place, parameter)
        _hint_at_list(report, place, parameter)
        _hint_at_scale(report, place, parameter)
        _hint_at_steps(report, place, parameter, problem.method)
    _check_size(report, problem)
    _check_constraints(report, problem, known_metrics)
    _check_metrics(report, problem, known_metrics)
    _check_stopping(report, problem)
    _check_told(report, problem)
    _check_command(report, problem)


def place_of(parameter: Parameter) -> Path:
    """Where a parameter stands in its configuration."""
    place: Path = ()
    for part in parameter.path:
        place = (*place, "parameters", part)
    return place


def _check_exponents(report: Report, place: Path, parameter: Parameter) -> None:
    """`log_uniform` with bounds that are values, the commonest mistake in W&B's language."""
    kind = parameter.distribution
    if not kind.endswith("log_uniform"):
        return
    assert parameter.min is not None and parameter.max is not None
    low, high = distributions.bounds(parameter)
    samples = f"{short(low)} to {short(high)}"
    written = f"{short(parameter.min)} to {short(parameter.max)}"
    if parameter.min > 0 and parameter.max <= 1 and parameter.max >= 10 * parameter.min:
        report.error(
            (*place, "distribution"),
            f"min and max of {kind} are exponents of e: {written} samples from {samples}",
            f"for values from {written} write distribution: {kind}_values",
            fix=report.value_edit((*place, "distribution"), f"{kind}_values"),
        )
        return
    suggestion = f"{kind}_values takes the values themselves: min: {short(low)}, max: {short(high)}"
    is_of_ten = all(
        isinstance(bound, int) and bound < 0 for bound in (parameter.min, parameter.max)
    )
    if is_of_ten and parameter.min >= -12:
        suggestion = (
            f"if 1e{parameter.min} to 1e{parameter.max} is meant, write distribution: "
            f"{kind}_values, min: 1e{parameter.min}, max: 1e{parameter.max}"
        )
    add = report.warn if is_of_ten or parameter.min > 0 else report.hint
    add(
        (*place, "distribution"),
        f"min and max of {kind} are exponents of e: {written} samples from {samples}",
        suggestion,
    )


def _hint_at_list(report: Report, place: Path, parameter: Parameter) -> None:
    value = parameter.values[0] if parameter.is_constant else None
    if isinstance(value, list) and len(value) > 1 and not isinstance(value[0], list | dict):
        report.hint(
            (*place, "value"),
            f"every run gets the whole list of {len(value)}",
            "write values: if one of them is meant each time",
        )


def _hint_at_scale(report: Report, place: Path, parameter: Parameter) -> None:
    if parameter.distribution not in ("uniform", "int_uniform"):
        return
    assert parameter.min is not None and parameter.max is not None
    name, low, high = parameter.name.lower(), parameter.min, parameter.max
    if LEARNING_RATE.search(name) and low > 0 and high / low >= LOG_SCALE_RATIO:
        share = (high - high / 10) / (high - low)
        report.hint(
            place,
            f"{share:.0%} of the samples are above {short(high / 10)}: the scale is linear",
            "add distribution: log_uniform_values to try every order of magnitude alike",
        )
    elif BATCH_SIZE.search(name) and parameter.is_integer and low >= 1 and high - low >= 8:
        powers = [2**n for n in range(20) if low <= 2**n <= high]
        report.hint(
            place,
            f"any whole number from {low} to {high} is a batch size, 37 as well as 32",
            f"write values: {powers} if powers of two are meant",
        )


def _hint_at_steps(report: Report, place: Path, parameter: Parameter, method: str) -> None:
    if parameter.q is None or parameter.min is None or parameter.max is None:
        return
    if parameter.distribution == "q_uniform":
        steps = (parameter.max - parameter.min) / parameter.q
        if method == "grid":
            values = distributions.grid_values(parameter)
            if values and abs(steps - round(steps)) < 1e-9:
                report.hint(
                    place,
                    f"a grid of q_uniform leaves out max: it ends at {short(values[-1])}",
                    f"write max: {short(parameter.max + parameter.q / 2)} to include "
                    f"{short(parameter.max)}",
                )
            return
    low, high = distributions.bounds(parameter)
    first, last = parameter.from_unit(0.0), parameter.from_unit(1.0)
    if first - low > 1e-9 * parameter.q or high - last > 1e-9 * parameter.q:
        report.hint(
            place,
            f"values are multiples of q = {short(parameter.q)}: "
            f"from {short(first)} to {short(last)}",
        )


def _check_size(report: Report, problem: Problem) -> None:
    if problem.space.parameters and not problem.space.searched and not report.has_errors:
        report.warn(("parameters",), "are all constant: there is one configuration to run")
    if problem.method != "grid":
        return
    place: Path = ("parameters",)
    for parameter in problem.space.parameters:
        if parameter.probabilities is not None:
            report.warn(
                (*place_of(parameter), "probabilities"),
                "have no effect on a grid, which takes every value once",
                "remove them, or write method: random",
            )
        if distributions.grid_values(parameter) is None:
            report.error(
                place_of(parameter),
                f"is continuous ({parameter.distribution}), and a grid needs a list of values",
                _grid_suggestion(parameter),
            )
    if report.has_errors:
        return
    try:
        size = grid_of(problem.space).size
    except Invalid as error:
        report.error(place, str(error))
        return
    cap = runs_at_most(problem)
    if cap is not None and cap < size:
        if size > GRID_POINTS_LONG or cap * 10 < size:
            report.warn(
                place,
                f"only the first {cap:,} of {size:,} grid points are run: they differ in the last "
                "parameters alone",
                "write method: random, or bayes, to spread the runs over the space",
            )
    elif size > SEARCH_GRID_POINTS_MAX:
        largest = sorted(problem.space.searched, key=lambda p: -_length(p))[:3]
        sizes = listing([f"{p.name} has {_length(p):,} values" for p in largest])
        report.error(
            place,
            f"the grid has {size:,} points, and nothing limits the runs ({sizes})",
            "write method: random or bayes, fewer values, or a run_cap",
        )
    elif size > GRID_POINTS_LONG:
        report.warn(place, f"the grid has {size:,} points", "method: bayes needs far fewer runs")


def runs_at_most(problem: Problem) -> int | None:
    """How many runs run_cap, the budget and the phases allow; None is no limit."""
    caps = [problem.run_cap, problem.budget.runs if problem.budget else None]
    if problem.phases and all(phase.runs is not None for phase in problem.phases):
        caps.append(sum(phase.runs or 0 for phase in problem.phases))
    return min((cap for cap in caps if cap is not None), default=None)


def _length(parameter: Parameter) -> int:
    return len(distributions.grid_values(parameter) or ())


def _grid_suggestion(parameter: Parameter) -> str:
    low, high = distributions.bounds(parameter)
    if math.isinf(low) or math.isinf(high):
        return "write values: [...], or method: random"
    places = [parameter.from_unit(u) for u in (0.0, 0.25, 0.5, 0.75, 1.0)]
    return (
        f"write values: [{listing([short(float(f'{v:.3g}')) for v in places])}], or method: random"
    )


def _check_constraints(
    report: Report, problem: Problem, known_metrics: Collection[str] | None
) -> None:
    space = problem.space
    metrics = {metric.name for metric in problem.metrics} | set(known_metrics or ())
    for at, constraint in enumerate(space.constraints):
        strange = sorted(constraint.expression.names - space.by_name.keys() - metrics)
        for name in strange:
            near = nearest(name, space.by_name)
            if near is not None:
                report.warn(
                    ("constraints", at),
                    f"{name!r} is no parameter, so this is checked after each run",
                    f"did you mean {near}?",
                )
            elif constraint.expression.names & space.by_name.keys():
                report.hint(
                    ("constraints", at),
                    f"{name!r} is no parameter, so this is checked after each run, as a metric",
                    f"a constant makes it known before: {name}: {{value: …}} in parameters",
                )
    if not space.input_constraints or report.has_errors:
        return
    place: Path = ("constraints",)
    lattice = finite_support(space)
    if lattice is not None and lattice.size <= SEARCH_ENUMERATED_MAX:
        _check_every_point(report, problem, lattice)
        return
    try:
        space.sample(random.Random(0))  # noqa: S311  # draws, not secrets
    except Infeasible as error:
        at = [constraint.text for constraint in space.constraints].index(error.constraint)
        report.error((*place, at), str(error))


def _check_every_point(report: Report, problem: Problem, lattice: Lattice) -> None:
    space = problem.space
    broken_count: dict[str, int] = {}
    for number in range(lattice.size):
        broken = space.broken_constraint(lattice.at(number))
        if broken is None:
            return
        broken_count[broken.text] = broken_count.get(broken.text, 0) + 1
    worst = max(broken_count, key=lambda text: broken_count[text])
    at = [constraint.text for constraint in space.constraints].index(worst)
    report.error(
        ("constraints", at),
        f"none of the {lattice.size:,} combinations keeps all constraints; "
        f"{broken_count[worst]:,} break {worst!r}",
        "loosen it, or add values that keep it",
    )


def _check_metrics(report: Report, problem: Problem, known: Collection[str] | None) -> None:
    is_list = "metrics" in problem.raw
    for at, metric in enumerate(problem.metrics):
        place: Path = ("metrics", at) if is_list else ("metric",)
        if metric.expression is None:
            warn_of_contrary_goal(report, place, metric)
            if metric.name in problem.space.by_name:
                report.warn((*place, "name"), f"{metric.name!r} is a parameter of this sweep")
        if known:
            _check_logged(report, place, metric, known)


def _check_logged(report: Report, place: Path, metric: Metric, known: Collection[str]) -> None:
    from steelyard.search.expression import parse

    names = {metric.name}
    if metric.expression is not None:
        names = set(parse(metric.expression, across_runs=True).names)
    for name in sorted(names - set(known)):
        candidates = sorted(known)[:EXPRESSION_NAMES_COMPARED_MAX]
        ending = [each for each in candidates if re.split(r"[/._ ]", each)[-1] == name]
        near = did_you_mean(name, candidates) or (
            f"did you mean {ending[0]!r}?" if ending else f"logged are {listing(candidates[:8])}"
        )
        at = (*place, "name" if metric.expression is None else "expression")
        report.warn(at, f"{name!r} is never logged", near)


def _check_told(report: Report, problem: Problem) -> None:
    """Keys by which a run is told its fold, its seed or its share of the data are not free."""
    told: dict[str, str] = {}
    rule = problem.cross_validation
    if rule is not None and rule.folds > 1:
        told |= dict.fromkeys((FOLD, FOLDS), "folds")
    if rule is not None and rule.seeds:
        told[SEED] = "seeds"
    if problem.phases:
        told[FRACTION] = "phases"
    for parameter in problem.space.parameters:
        if parameter.path[0] in told:
            report.error(
                place_of(parameter),
                f"{parameter.path[0]!r} is how runs are told about {told[parameter.path[0]]}",
                "give the parameter another name",
            )
    if not problem.metrics and (told or rule is not None):
        key = "phases" if problem.phases else "cross_validation"
        report.error((key,), "needs a metric", "add metric: {name: val_loss, goal: minimize}")


def _check_stopping(report: Report, problem: Problem) -> None:
    rule = problem.early_terminate
    if rule is None or not problem.metrics:
        return
    place: Path = ("early_terminate",)
    found = brackets(problem)
    if not found and (rule.min_iter is not None or rule.max_iter is not None):
        report.error(
            place,
            f"{rule.type} can never stop a run: no bracket is at 1 iteration or later",
            "make max_iter larger, or eta smaller",
        )
        return
    if rule.max_iter is not None and rule.min_iter is not None and rule.type == "hyperband":
        report.warn(
            (*place, "min_iter"),
            "has no effect beside max_iter, which decides: brackets at "
            f"{listing([str(each) for each in found[:6]])}",
            "keep one of the two",
        )
    cap = runs_at_most(problem)
    if cap == 1:
        report.warn(place, "can never stop a run: it needs others to compare with, and there is 1")
    for parameter in problem.space.parameters:
        last = _largest(parameter) if EPOCHS.search(parameter.name.lower()) else None
        if found and last is not None and last < found[0]:
            report.warn(
                (*place, "min_iter" if rule.min_iter is not None else "type"),
                f"a run has at most {short(last)} iterations ({parameter.name}), and the first "
                f"bracket is at {found[0]}: no run is ever stopped if the metric is logged once "
                "each",
                f"write min_iter: 1, or log {problem.metrics[0].name!r} more often",
            )


def _largest(parameter: Parameter) -> float | None:
    if parameter.is_constant or parameter.is_categorical:
        numbers = [value for value in parameter.values if is_number(value)]
        return max(numbers) if numbers and len(numbers) == len(parameter.values) else None
    high = distributions.bounds(parameter)[1]
    return None if math.isinf(high) else high


def _check_command(report: Report, problem: Problem) -> None:
    command = problem.command
    if command is None:
        return
    if not command:
        report.warn(
            ("command",), "is empty", "remove it for ${env} ${interpreter} ${program} ${args}"
        )
    elif "${program}" in command and problem.program is None:
        report.error(
            ("command",), "has ${program}, and there is no program", "add program: train.py"
        )
    elif not any(part.startswith("${args") for part in command):
        report.hint(
            ("command",),
            "passes no arguments: the program gets its values from the run's config alone",
            "add ${args} for --name=value",
        )
