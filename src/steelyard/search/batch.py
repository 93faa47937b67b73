"""Several configurations at once, for agents that ask together.

Sixty-four agents that are started at once would wait for sixty-three suggestions of 80 ms each.
Here the model is made once. The first configuration is the one that `suggest` gives; the others are
the best of one pool of candidates, each chosen after the model has been told of those before it.
They are a little less good than suggestions made one by one, with the results that came in between,
and say so.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from steelyard.search.problem import Problem
from steelyard.search.suggest import suggest
from steelyard.search.trials import Exhausted, Suggestion, Trial

TOGETHER = "; chosen together with {count} others, for agents that asked at once"


def suggest_batch(
    problem: Problem,
    trials: Sequence[Trial],
    *,
    seed: int,
    index: int | None = None,
    count: int,
) -> list[Suggestion | Exhausted]:
    """Up to `count` configurations to run next, all different; the first as `suggest` gives it.

    Fewer when there are no more. Exhausted stands alone: behind suggestions it is left out, and
    comes with the next question. The same arguments give the same answer.
    """
    assert count >= 1, count
    if index is None:
        index = sum(not trial.is_prior for trial in trials)
    first = suggest(problem, trials, seed=seed, index=index)
    if isinstance(first, Exhausted) or count == 1:
        return [first]
    found = [first]
    if first.kind == "model" and is_plain(problem):
        from steelyard.search.bayes.together import choose_together

        known = [*trials, _pending(first, 0)]
        found += choose_together(problem, known, seed=seed, index=index + 1, count=count - 1)
    while len(found) < count:
        known = [*trials, *(_pending(each, at) for at, each in enumerate(found))]
        more = suggest(problem, known, seed=seed, index=index + len(found))
        if isinstance(more, Exhausted):
            break
        found.append(more)
    if len(found) == 1:
        return [first]
    others = TOGETHER.format(count=len(found) - 1)
    told = [msgspec.structs.replace(each, reason=each.reason + others) for each in found[1:]]
    return [found[0], *told]


def is_plain(problem: Problem) -> bool:
    """Whether one model says what is good: one metric, and neither cost nor outcome constraints."""
    return (
        problem.method == "bayes"
        and len(problem.metrics) == 1
        and problem.cost is None
        and not problem.space.outcome_constraints
    )


def _pending(suggestion: Suggestion, at: int) -> Trial:
    return Trial(id=f"together-{at}", config=suggestion.config, state="pending")
