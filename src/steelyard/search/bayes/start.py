"""The first runs: the middle of the space, then points that fill it evenly."""

from __future__ import annotations

import numpy as np
from scipy.stats import qmc

from steelyard.search.bayes.arrays import Array, Rng
from steelyard.search.bayes.codec import NEUTRAL, Codec

STARTS_MAX = 7
RESULTS_MIN = 3  # below so many a model says nothing


def count_starts(width: int) -> int:
    """How many runs come before the model: 4 to 7, more with more parameters."""
    return min(max(4, round(0.5 * width) + 3), STARTS_MAX)


def start_row(codec: Codec, seed: int, number: int) -> Array:
    """Point `number` of the start design of a seed: 0 is the middle, the rest a Sobol sequence.

    Any number is a good one, so 64 agents that start together get 64 well-spread points.
    """
    rng = np.random.default_rng([seed, 1])
    if number == 0:
        middle = np.full((1, codec.width), NEUTRAL)
        for column in codec.shares:
            middle[0, column] = rng.random()
        return np.asarray(codec.place(middle)[0])
    sequence = qmc.Sobol(codec.width, scramble=True, seed=np.random.default_rng([seed, 2]))
    if number > 1:
        sequence.fast_forward(number - 1)
    return np.asarray(codec.place(sequence.random(1))[0])


def spread_rows(codec: Codec, rng: Rng, count: int) -> Array:
    """At least `count` rows (the next power of two) that fill the space evenly."""
    sequence = qmc.Sobol(codec.width, scramble=True, seed=rng)
    return codec.place(sequence.random_base2(max(count - 1, 1).bit_length()))
