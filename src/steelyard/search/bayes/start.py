"""The first runs: the middle of the space, or of each of its branches, then points that fill it."""

from __future__ import annotations

import numpy as np
from scipy.stats import qmc

from steelyard.search.bayes.arrays import Array, Rng
from steelyard.search.bayes.codec import NEUTRAL, Codec

STARTS_MAX = 10
WIDENED = 1.4  # numbers are drawn apart: the ends of ranges are worth a look, and teach the most
RESULTS_MIN = 3  # below so many a model says nothing


def count_starts(width: int) -> int:
    """How many runs come before the model: 4 to 10, more with more parameters."""
    return min(max(4, round(0.5 * width) + 3), STARTS_MAX)


def branches(codec: Codec, seed: int) -> tuple[int, list[int]]:
    """The category that decides about most of the parameters, and those of its values that are
    tried in the middle of the rest, in a random order; (-1, []) where there is none.

    They are at most two thirds of the start design.
    """
    deciding = [
        column
        for parents in codec.parents
        for column, _ in parents
        if column >= 0 and codec.is_category[column] and not codec.parents[column]
    ]
    if not deciding:
        return -1, []
    column = max(sorted(set(deciding)), key=deciding.count)
    values = np.random.default_rng([seed, 4]).permutation(int(codec.category_counts[column]))
    return column, values[: count_starts(codec.width) * 2 // 3].tolist()


def start_row(codec: Codec, seed: int, number: int, *, widened: float = WIDENED) -> Array:
    """Point `number` of the start design of a seed: middles first, the rest a Sobol sequence.

    Any number is a good one, so 64 agents that start together get 64 well-spread points.

    Args:
        widened: how many times as far from the middle numbers are drawn; beyond the ends they are
            clipped. The best value of one metric is often at an end of a range. A front is not:
            1 for several metrics.
    """
    column, values = branches(codec, seed)
    middles = max(len(values), 1)
    if number < middles:
        chance = np.random.default_rng([seed, 1, number]).random(codec.width)
        middle = np.where(codec.is_category, chance, NEUTRAL)[None]
        row = codec.spread(middle)
        if values:
            row[0, column] = values[number]
        return np.asarray(codec.settle(row)[0])
    sequence = qmc.Sobol(codec.width, scramble=True, seed=np.random.default_rng([seed, 2]))
    if number > middles:
        sequence.fast_forward(number - middles)
    units = sequence.random(1)
    wide = np.clip(NEUTRAL + widened * (units - NEUTRAL), 0.0, 1.0)
    return np.asarray(codec.place(np.where(codec.is_category, units, wide))[0])


def middle_of(codec: Codec, seed: int, number: int) -> str | None:
    """What a point of the start design is the middle of, in words; None if of nothing."""
    column, values = branches(codec, seed)
    if not values:
        return "the middle of the search space" if number == 0 else None
    if number >= len(values):
        return None
    value = codec.choices[column][values[number]]
    return f"the middle of the part with {codec.parameters[column].name} = {value}"


def spread_rows(codec: Codec, rng: Rng, count: int) -> Array:
    """At least `count` rows (the next power of two) that fill the space evenly."""
    sequence = qmc.Sobol(codec.width, scramble=True, seed=rng)
    return codec.place(sequence.random_base2(max(count - 1, 1).bit_length()))
