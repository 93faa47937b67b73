"""Suggestions without a Gaussian process: what do good runs have that the others have not?

A tree-structured Parzen estimator in the plain form: one product of one-dimensional densities over
the best quarter of the runs, one over the rest; the candidate with the highest ratio wins. It is
robust where a Gaussian process is not, in deep hierarchies above all.
Source: Bergstra et al. (2011), "Algorithms for hyper-parameter optimization", sec. 4.
"""

from __future__ import annotations

import math

import numpy as np

from steelyard.search.bayes.arrays import Array, Rng
from steelyard.search.bayes.candidates import best_quarter, draw_like_best
from steelyard.search.bayes.codec import Codec

WINDOW_MIN = 0.05
CANDIDATES = 128


def log_density(codec: Codec, rows: Array, at: Array) -> Array:
    """Log density of `at` in Parzen windows around `rows`, each mixed with a uniform one."""
    count = len(rows)
    windows = np.maximum(rows.std(0) * 1.06 * count**-0.2, WINDOW_MIN)
    total = np.zeros(len(at))
    for column in range(codec.width):
        have, ask = rows[:, column], at[:, column]
        if codec.is_category[column]:
            weight = (ask[:, None] == have).sum(1) + 1.0 / codec.category_counts[column]
        else:
            window = windows[column]
            bells = np.exp(-0.5 * ((ask[:, None] - have) / window) ** 2).sum(1)
            weight = bells / (window * math.sqrt(2 * math.pi)) + 1.0
        total += np.log(weight / (count + 1.0))
    return total


def rank_by_density(
    codec: Codec, rng: Rng, rows: Array, losses: Array, count: int = CANDIDATES
) -> tuple[Array, Array]:
    """Candidates with their log density ratios, good over bad."""
    order = np.argsort(losses, kind="stable")
    kept = best_quarter(losses)
    drawn = draw_like_best(codec, rng, rows, losses, count)
    good = log_density(codec, rows[order[:kept]], drawn)
    bad = log_density(codec, rows[order[kept:]], drawn) if kept < len(rows) else np.zeros(count)
    return drawn, good - bad
