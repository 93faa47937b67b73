"""The next configuration of a search, whatever its method: one pure function."""

from __future__ import annotations

from collections.abc import Sequence

from steelyard.errors import Invalid
from steelyard.search.problem import Problem
from steelyard.search.trials import Exhausted, Suggestion, Trial


def suggest(
    problem: Problem, trials: Sequence[Trial], *, seed: int, index: int | None = None
) -> Suggestion | Exhausted:
    """The configuration to run next.

    Args:
        trials: everything handed out so far, in that order, results or not, and prior trials.
            What is pending or running counts: no configuration is suggested twice.
        seed: the same problem, trials, seed and index give the same suggestion, on any machine
            with the same versions of numpy and scipy.
        index: how many configurations were handed out before; None: the trials that are not prior.
    Raises Invalid for `method: custom`, whose suggestions come from the user's own program.
    """
    if index is None:
        index = sum(not trial.is_prior for trial in trials)
    if problem.method == "bayes":
        from steelyard.search.bayes.engine import suggest_next

        return suggest_next(problem, trials, seed=seed, index=index)
    if problem.method == "grid":
        from steelyard.search.grid import suggest_from_grid

        return suggest_from_grid(problem, trials, seed=seed, index=index)
    if problem.method == "random":
        from steelyard.search.random import suggest_at_random

        return suggest_at_random(problem, trials, seed=seed, index=index)
    raise Invalid(
        "method custom has no suggestions: the program that controls the sweep makes them; "
        "grid, random and bayes have"
    )
