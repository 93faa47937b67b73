"""`method: grid`: every point once, in W&B's order."""

from __future__ import annotations

from collections.abc import Sequence

from steelyard.errors import Infeasible
from steelyard.limits import SEARCH_GRID_SKIPPED_MAX
from steelyard.search.lattice import Lattice, grid_of
from steelyard.search.problem import Problem
from steelyard.search.trials import Exhausted, Suggestion, Trial


def suggest_from_grid(
    problem: Problem, trials: Sequence[Trial], *, seed: int, index: int
) -> Suggestion | Exhausted:
    """The next point of the grid that no trial has, or Exhausted.

    `seed` and `index` change nothing: a grid has one order. After the last point come those that
    were passed over, because their trials are gone. Cost: about 10 µs per trial. Raises Invalid
    for a continuous parameter, Infeasible where the first SEARCH_GRID_SKIPPED_MAX points all break
    a constraint.
    """
    lattice = grid_of(problem.space)
    taken = {lattice.index_of(problem.space.prune(trial.config)) for trial in trials}
    tried = {each for each in taken if each is not None}
    beyond = max(tried, default=-1) + 1
    number = _next_feasible(problem, lattice, tried, range(beyond, lattice.size))
    if number is None and tried:
        number = _next_feasible(problem, lattice, tried, range(beyond))
    if number is None:
        return Exhausted(reason=_why_exhausted(problem, lattice, len(tried)))
    return Suggestion(
        config=lattice.at(number),
        kind="grid",
        reason=f"point {number + 1:,} of {lattice.size:,} of the grid",
    )


def _next_feasible(
    problem: Problem, lattice: Lattice, tried: set[int], numbers: range
) -> int | None:
    """The first point that is not tried and keeps the constraints; None where there is none.

    Looks at SEARCH_GRID_SKIPPED_MAX points that break one, and no further: Infeasible where the
    search has found none at all yet.
    """
    skipped = 0
    for number in numbers:
        if number in tried:
            continue
        broken = problem.space.broken_constraint(lattice.at(number))
        if broken is None:
            return number
        skipped += 1
        if skipped >= SEARCH_GRID_SKIPPED_MAX:
            if tried:
                return None
            raise Infeasible(broken.text, tries=skipped)
    return None


def _why_exhausted(problem: Problem, lattice: Lattice, tried_count: int) -> str:
    if tried_count == 0:
        return "no point of the grid keeps the constraints"
    if problem.space.input_constraints:
        return f"the {tried_count:,} points of the grid that keep the constraints were all tried"
    return f"all {lattice.size:,} points of the grid were tried"
