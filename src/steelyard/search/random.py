"""`method: random`: independent draws from the distributions, none twice."""

from __future__ import annotations

import random
from collections.abc import Sequence

from steelyard.errors import Infeasible
from steelyard.limits import SEARCH_ENUMERATED_MAX, SEARCH_REDRAWS_MAX
from steelyard.search.lattice import Lattice, finite_support
from steelyard.search.problem import Problem
from steelyard.search.trials import Exhausted, Suggestion, Trial


def suggest_at_random(
    problem: Problem, trials: Sequence[Trial], *, seed: int, index: int
) -> Suggestion | Exhausted:
    """A random configuration that no trial has, the same for the same seed, index and trials.

    W&B repeats configurations; here a repeated draw is drawn again. Where few combinations are
    left of a finite space, one of those is taken; where none is, Exhausted. Raises Infeasible
    where no combination keeps the constraints.
    """
    space = problem.space
    # The text as seed goes through SHA-512: the same on every machine and version of Python.
    rng = random.Random(f"{seed}/{index}")  # noqa: S311  # draws, not secrets
    tried = {space.key_of(trial.config) for trial in trials}
    lattice = finite_support(space)
    is_listed = lattice is not None and lattice.size <= SEARCH_ENUMERATED_MAX
    redraws = SEARCH_REDRAWS_MAX
    if lattice is not None and is_listed and len(tried) * 2 > lattice.size:
        redraws = 10  # before looking at all of them, which costs 20 µs each
    for _ in range(redraws):
        try:
            config = space.sample(rng)
        except Infeasible:
            if lattice is None or not is_listed:
                raise
            break  # one combination in a million may keep the constraints: look at all
        if space.key_of(config) not in tried:
            return Suggestion(config=config, kind="random", reason=_reason(index, seed))
    if lattice is None or not is_listed:
        return Exhausted(reason=f"{redraws:,} random configurations in a row were all tried before")
    return _take_of_rest(problem, lattice, tried, rng, index, seed)


def _take_of_rest(
    problem: Problem,
    lattice: Lattice,
    tried: set[bytes],
    rng: random.Random,
    index: int,
    seed: int,
) -> Suggestion | Exhausted:
    space, left = problem.space, []
    for number in range(lattice.size):
        config = lattice.at(number)
        if space.key_of(config) not in tried and space.is_feasible(config):
            left.append(number)
    if not left and not tried:
        broken = space.input_constraints[0].text
        raise Infeasible(broken, tries=lattice.size)
    if not left:
        return Exhausted(reason=f"all {len(tried):,} combinations of the space were tried")
    config = lattice.at(left[int(rng.random() * len(left))])
    return Suggestion(
        config=config,
        kind="random",
        reason=f"{_reason(index, seed)}, of the {len(left):,} combinations that are left",
    )


def _reason(index: int, seed: int) -> str:
    return f"random configuration {index + 1:,} of seed {seed}"
