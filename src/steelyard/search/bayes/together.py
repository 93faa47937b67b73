"""Many choices from one model: it is fitted once, and told of each choice before the next.

The pool is scored as a whole. After each choice the variances of all its rows are brought up to
date by one more row of the Cholesky factor: the choice comes back as expected, but never as better
than the best result, as in `choice.believe`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from scipy import linalg

from steelyard.search.bayes import gp, targets
from steelyard.search.bayes.acquisition import log_expected_improvement
from steelyard.search.bayes.arrays import Array
from steelyard.search.bayes.candidates import mutate
from steelyard.search.bayes.choice import believe, explain, fit_model, select
from steelyard.search.bayes.codec import Codec
from steelyard.search.bayes.maximise import climb, starting_points
from steelyard.search.bayes.observations import observe
from steelyard.search.bayes.untried import Untried
from steelyard.search.problem import Problem
from steelyard.search.trials import Suggestion, Trial

TAKEN = -np.inf
VARIANCE_LEAST = 1e-10
TOPS = 6  # rows of the pool that are climbed from
NEAR_PEAKS = 300  # rows around where that leads, at each scale
SCALES = (0.3, 0.1, 0.03)


def choose_together(
    problem: Problem, trials: Sequence[Trial], *, seed: int, index: int, count: int
) -> list[Suggestion]:
    """Up to `count` configurations, best first; fewer when the pool has no more that are new.

    For problems of one metric without cost and constraints on outcomes. Cost: about 40 ms of CPU,
    and 1 ms for each configuration (100 results, 7 parameters).
    """
    codec = Codec(problem.space)
    seen = observe(problem, codec, trials)
    untried = Untried(codec, seen.seen)
    rng = np.random.default_rng([seed, index, 7])
    known = select(problem, seen, rng)
    losses = known.losses[:, 0]
    values = targets.by_half_rank(losses)
    theta = fit_model(codec, known.rows, values)
    alone = gp.condition(codec.features(known.rows), codec.owners, values, theta)
    best = float(values.min())
    model = believe(codec, known.rows, values, seen.pending, theta, best)
    pool = starting_points(codec, rng, known.rows, values, untried)
    gains = expected_gains(codec, model, pool, best)
    tops = untried.best_allowed(pool, np.argsort(-gains, kind="stable"), TOPS)
    if len(tops):
        score = partial(expected_gains, codec, model, best=best)
        peaks = climb(codec, rng, score, pool[tops], gains[tops], untried)
        near = [mutate(codec, rng, peaks, NEAR_PEAKS, scale=scale) for scale in SCALES]
        pool = np.vstack([peaks, *near, pool])
    _, unlike = np.unique(np.round(pool, 6), axis=0, return_index=True)
    pool = pool[np.sort(unlike)]
    found: list[Suggestion] = []
    picker = _Picker(codec, model, pool, count, best)
    while len(found) < count and (at := picker.pick(untried)) is not None:
        row = pool[at]
        choice = explain(problem, codec, known, values, row, alone, theta, best)
        found.append(
            Suggestion(
                config=codec.decode(row),
                reason=choice.reason,
                kind=choice.kind,
                mean=choice.mean,
                std=choice.std,
            )
        )
        untried.seen = np.vstack([untried.seen, row])
        picker.tell(at)
    return found


def expected_gains(codec: Codec, model: gp.Posterior, rows: Array, best: float) -> Array:
    """The logarithm of the expected improvement of each row."""
    mean, sd = model.predict(codec.features(rows))
    return log_expected_improvement(mean, sd, best=best)


class _Picker:
    """A pool of rows under a model that learns of one after the other."""

    def __init__(
        self, codec: Codec, model: gp.Posterior, pool: Array, count: int, best: float
    ) -> None:
        self._signal, self._best = model.signal, best
        self._pool = pool
        self._scaled = codec.features(pool) * model.weights
        self._squares = (self._scaled * self._scaled).sum(1)
        distances = self._squares[:, None] + model.squares - 2 * self._scaled @ model.scaled.T
        covariance = model.signal * gp.matern(distances)
        self._mean: Array = covariance @ model.solved
        solved = linalg.solve_triangular(
            model.lower, covariance.T, lower=True, check_finite=False, overwrite_b=True
        )
        self._known = len(solved)
        self._factor = np.empty((self._known + count, len(pool)))
        self._factor[: self._known] = solved
        self._variance: Array = model.signal - np.einsum("ij,ij->j", solved, solved)
        self._left = np.ones(len(pool), dtype=bool)

    def pick(self, untried: Untried) -> int | None:
        """The row with the highest expected improvement that may be suggested."""
        sd = np.sqrt(np.maximum(self._variance, VARIANCE_LEAST))
        scores = log_expected_improvement(self._mean, sd, best=self._best)
        scores = np.where(self._left, scores, TAKEN)
        while True:
            at = int(np.argmax(scores))
            if scores[at] == TAKEN:
                return None
            if untried.accepts(self._pool[at]):
                return at
            self._left[at] = False
            scores[at] = TAKEN

    def tell(self, at: int) -> None:
        """Row `at` was chosen: it comes back as expected, but not as better than the best."""
        self._left[at] = False
        distances = self._squares + self._squares[at] - 2 * self._scaled @ self._scaled[at]
        factor = self._factor[: self._known]
        shared = self._signal * gp.matern(distances) - factor.T @ factor[:, at]
        spread = float(np.sqrt(max(self._variance[at], VARIANCE_LEAST)))
        step = shared / spread
        believed = max(float(self._mean[at]), self._best)
        self._mean = self._mean + step * ((believed - float(self._mean[at])) / spread)
        self._variance = self._variance - step * step
        self._factor[self._known] = step
        self._known += 1
