"""Several metrics at once: a Gaussian process for each, and one number for what a run adds.

Two metrics: the expected hypervolume improvement over the front, by sampling. Three or more: the
expected improvement of a random augmented Chebyshev scalarisation, a new one for every suggestion.
Sources: Emmerich (2005) for the first, Knowles (2006), "ParEGO", for the second.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from steelyard.search.bayes import gp
from steelyard.search.bayes.arrays import Array, Mask, Rng
from steelyard.search.bayes.codec import Codec

DRAWS = 48
FLOOR = 1e-12  # below any improvement that matters, so that its logarithm is finite


def on_front(losses: Array) -> Mask:
    """Which rows no other row beats: none is at least as good everywhere and better somewhere."""
    result = np.ones(len(losses), bool)
    for i, row in enumerate(losses):
        result[i] = not ((losses <= row).all(1) & (losses < row).any(1)).any()
    return result


def reference_of(targets: Array, front: Array) -> Array:
    """The corner from which hypervolume counts: a little beyond the worst ends of the front."""
    worst, best = front.max(0), front.min(0)
    beyond = worst + 0.1 * np.maximum(worst - best, 0.3)
    return np.asarray(np.maximum(beyond, np.quantile(targets, 0.7, axis=0)))


def area_gained(samples: Array, front: Array, reference: Array) -> Array:
    """Area that each point of float64[..., 2] adds to what `front` dominates below `reference`."""
    front = front[(front < reference).all(1)]
    front = front[np.argsort(front[:, 0], kind="stable")]
    left = np.concatenate([[-np.inf], front[:, 0], [reference[0]]])
    height = np.concatenate([[reference[1]], front[:, 1]])
    first, second = samples[..., 0], samples[..., 1]
    gained = np.zeros(first.shape)
    for i in range(len(height)):  # the stripe between two neighbours of the front
        width = np.clip(left[i + 1] - np.maximum(first, left[i]), 0.0, None)
        gained += width * np.clip(height[i] - second, 0.0, None)
    return gained


class Chebyshev:
    """The largest weighted distance from the ideal, plus a little of their sum; lower is better."""

    def __init__(self, weights: Array, front: Array) -> None:
        self.weights, self.ideal = weights, front.min(0)
        self.ranges = np.maximum(front.max(0) - self.ideal, 1e-6)

    def of(self, losses: Array) -> Array:
        relative = (losses - self.ideal) / self.ranges
        result: Array = (self.weights * relative).max(-1) + 0.05 * relative @ self.weights
        return result


class Improvement:
    """What a run is expected to add: log hypervolume, or log Chebyshev improvement."""

    def __init__(
        self, codec: Codec, models: Sequence[gp.Posterior], targets: Array, rng: Rng
    ) -> None:
        self.codec, self.models = codec, models
        self.front = targets[on_front(targets)]
        self.reference = reference_of(targets, self.front)
        count = targets.shape[1]
        self.deviates = rng.normal(size=(DRAWS, count))
        self.scalar = Chebyshev(rng.dirichlet(np.ones(count)), self.front)
        self.best = float(self.scalar.of(targets).min())
        self.by_area = count == 2

    def score(self, rows: Array) -> Array:
        features = self.codec.features(rows)
        predicted = [model.predict(features) for model in self.models]
        means = np.column_stack([mean for mean, _ in predicted])
        sds = np.column_stack([sd for _, sd in predicted])
        samples = means[:, None, :] + sds[:, None, :] * self.deviates
        if self.by_area:
            gained = area_gained(samples, self.front, self.reference)
        else:
            gained = np.maximum(self.best - self.scalar.of(samples), 0.0)
        return np.asarray(np.log(gained.mean(1) + FLOOR))
