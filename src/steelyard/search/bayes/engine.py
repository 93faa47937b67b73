"""One suggestion of `method: bayes`, from everything that was tried so far.

What is random in it comes from (seed, index) alone, so that a server that was restarted, or a
second one beside it, suggests the same.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from steelyard.errors import Invalid
from steelyard.search.bayes import reasons, start
from steelyard.search.bayes.arrays import Array, Rng
from steelyard.search.bayes.choice import Choice, choose
from steelyard.search.bayes.codec import Codec
from steelyard.search.bayes.observations import observe
from steelyard.search.bayes.targets import are_alike
from steelyard.search.bayes.untried import Untried
from steelyard.search.problem import Problem
from steelyard.search.trials import Exhausted, Suggestion, Trial

STARTS_TRIED = 64  # points of the start design looked at for one that may be suggested


def suggest_next(
    problem: Problem, trials: Sequence[Trial], *, seed: int, index: int
) -> Suggestion | Exhausted:
    """The next configuration to run.

    Args:
        index: how many were handed out before, prior trials not counted.
    Raises Invalid for a problem without a metric, Infeasible where no configuration keeps the
    constraints. Cost: about 80 ms of CPU with 100 results, 110 with 1,000 (7 parameters).
    """
    if not problem.metrics:
        raise Invalid("method bayes needs `metric:` with a name and a goal; random and grid do not")
    codec = Codec(problem.space)
    if codec.width == 0:
        return only_one(codec, trials)
    known = observe(problem, codec, trials)
    untried = Untried(codec, known.seen)
    for trial, row in known.wanted:
        if untried.accepts(row):
            config = {**codec.decode(row), **problem.space.prune(trial.config)}
            return Suggestion(config=config, reason=reasons.OF_PRIOR, kind="prior")
    rng = np.random.default_rng([seed, index, 3])
    prior_results = sum(trial.is_prior for trial in known.trials)
    starts = max(start.count_starts(codec.width) - prior_results, 0)
    if index < starts or known.measured < start.RESULTS_MIN:
        waiting = None if index < starts else reasons.of_waiting(known.measured)
        return spread(problem, codec, untried, rng, seed, index, starts, waiting)
    if all(are_alike(column) for column in known.losses.T):
        constant = reasons.of_constant(len(known.losses))
        return spread(problem, codec, untried, rng, seed, index, starts, constant)
    choice: Choice | None = choose(problem, codec, known, untried, rng, index)
    if choice is None:
        return leftover(codec, untried, rng)
    return Suggestion(
        config=codec.decode(choice.row),
        reason=choice.reason,
        kind=choice.kind,
        mean=choice.mean,
        std=choice.std,
    )


def only_one(codec: Codec, trials: Sequence[Trial]) -> Suggestion | Exhausted:
    """A space of constants has one configuration."""
    if any(not trial.is_prior for trial in trials):
        return Exhausted(reason="every parameter is a constant, and that configuration was tried")
    config = codec.decode(np.zeros(0))
    return Suggestion(config=config, reason="the only configuration there is", kind="start")


def spread(
    problem: Problem,
    codec: Codec,
    untried: Untried,
    rng: Rng,
    seed: int,
    index: int,
    starts: int,
    reason: str | None,
) -> Suggestion | Exhausted:
    """A point of the start design, or the next one that was not tried.

    Args:
        reason: why the design goes on where `index` is beyond its `starts` points.
    """
    widened = start.WIDENED if len(problem.metrics) == 1 else 1.0
    for number in range(index, index + STARTS_TRIED):
        row: Array = start.start_row(codec, seed, number, widened=widened)
        if untried.accepts(row):
            middle = start.middle_of(codec, seed, number)
            why = reason or reasons.of_start(index, starts, middle)
            return Suggestion(config=codec.decode(row), reason=why, kind="start")
    return leftover(codec, untried, rng)


def leftover(codec: Codec, untried: Untried, rng: Rng) -> Suggestion | Exhausted:
    """Whatever was not tried yet."""
    row = untried.any_row(rng)
    if row is None:
        return Exhausted(reason=reasons.of_exhausted(len(untried.seen)))
    return Suggestion(config=codec.decode(row), reason=reasons.OF_LEFTOVER, kind="random")
