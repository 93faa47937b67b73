"""The most promising row of a space, by a score that can be computed for many rows at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from steelyard.search.bayes.arrays import Array, Rng
from steelyard.search.bayes.candidates import draw_like_best, mutate, one_category_changed
from steelyard.search.bayes.codec import Codec
from steelyard.search.bayes.start import spread_rows
from steelyard.search.bayes.untried import Untried, all_rows

Score = Callable[[Array], Array]

SPREAD = 1024  # rows from all over the space
NEAR = 400  # mutations of the best runs, and as many of the very best
LIKE_BEST = 500
KEPT = 6  # rows that are climbed from
CLIMBS = 8
PER_CLIMB = 120
ENUMERATED_MAX = 4096  # a finite space this small is scored as a whole
SAMPLED_WHEN_CONSTRAINED = 128


def maximise(
    codec: Codec, rng: Rng, score: Score, rows: Array, losses: Array, untried: Untried
) -> Array | None:
    """The row with the highest score found that may be suggested; None if none may.

    Args:
        rows, losses: what is known, float64[n, width] and float64[n]: the search for the maximum
            starts everywhere and near the best of them.
    """
    pool = all_rows(codec, ENUMERATED_MAX)
    if pool is not None:
        return untried.first(pool[np.argsort(-score(pool), kind="stable")])
    pool = starting_points(codec, rng, rows, losses, untried)
    scores = score(pool)
    order = np.argsort(-scores, kind="stable")
    best = untried.best_allowed(pool, order, KEPT)
    if len(best):
        climbed = climb(codec, rng, score, pool[best], scores[best], untried)
        row = untried.first(climbed)
        if row is not None:
            return row
    return untried.first(pool[order])


def starting_points(codec: Codec, rng: Rng, rows: Array, losses: Array, untried: Untried) -> Array:
    top = rows[np.argsort(losses, kind="stable")[:5]]
    parts = [
        spread_rows(codec, rng, SPREAD),
        mutate(codec, rng, top, NEAR, scale=0.4),
        mutate(codec, rng, top[:1], NEAR, scale=0.15),
        draw_like_best(codec, rng, rows, losses, LIKE_BEST),
    ]
    if untried.is_constrained:  # what is allowed may be too little to be hit by the others
        sampled = [codec.space.sample(rng) for _ in range(SAMPLED_WHEN_CONSTRAINED)]
        parts.append(codec.encode(sampled)[0])
    return np.vstack(parts)


def climb(
    codec: Codec, rng: Rng, score: Score, rows: Array, scores: Array, untried: Untried
) -> Array:
    """Hill climbing by ever smaller mutations; the rows found, best first."""
    scale = 0.2
    for step in range(CLIMBS):
        moved = [mutate(codec, rng, rows, PER_CLIMB, scale=scale)]
        if step in (0, CLIMBS // 2) and codec.shares:
            moved.append(one_category_changed(codec, rng, rows[0], PER_CLIMB // 2))
        found = np.vstack(moved)
        together = np.vstack([rows, found])
        together_scores = np.concatenate([scores, score(found)])
        _, unlike = np.unique(np.round(together, 6), axis=0, return_index=True)
        order = unlike[np.argsort(-together_scores[unlike], kind="stable")]
        kept = untried.best_allowed(together, order, KEPT)
        rows, scores = together[kept], together_scores[kept]
        scale *= 0.6
    return rows
