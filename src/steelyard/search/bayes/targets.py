"""From losses to what the models learn: mean 0, variance 1, robust against odd distributions.

Losses of real searches have long bad tails (diverged runs) and thin good ones. A Gaussian process
wants neither. Two answers, used in turn, because each is fooled by something: the values with the
bad side clipped and straightened by a power transform, and half of that with half of the ranks.
"""

from __future__ import annotations

import numpy as np
from scipy import special, stats

from steelyard.search.bayes.arrays import Array

TINY = 1e-12


def standardise(values: Array) -> Array:
    """Values with mean 0 and variance 1, whatever their unit was; all 0 where they are equal."""
    low, high = float(values.min()), float(values.max())
    if high <= low:
        return np.zeros(len(values))
    # To [0, 1] first: squares of the values themselves may be too large or too small for a float.
    scaled = (values - low) / (high - low)
    result: Array = (scaled - scaled.mean()) / scaled.std()
    return result


def clip_bad_side(losses: Array, widths: float) -> Array:
    """Losses no further above the median than `widths` times the best is below it.

    Unless half of the runs are as good as the best one: then all that is known is who is worse.
    """
    middle, best = float(np.median(losses)), float(losses.min())
    return np.minimum(losses, middle + widths * (middle - best)) if middle > best else losses


def by_value(losses: Array) -> Array:
    """Clipped, then Yeo-Johnson with the most likely power, where that is a sane one.

    Source: Yeo & Johnson (2000), Biometrika 87.
    """
    values = standardise(clip_bad_side(losses, 3.0))
    if not values.any():  # all are equal: one of several metrics may be
        return values
    with np.errstate(all="ignore"):
        power = stats.yeojohnson_normmax(values)
        if -2 < power < 4:
            straightened = stats.yeojohnson(values, power)
            if np.isfinite(straightened).all() and np.ptp(straightened) > 1e-6:
                values = np.asarray(straightened, dtype=np.float64)
    return standardise(values)


def by_half_rank(losses: Array) -> Array:
    """The sum of clipped values and normal scores of the ranks."""
    ranks = (stats.rankdata(losses) - 0.5) / len(losses)
    scores = special.ndtri(ranks)
    return standardise(standardise(clip_bad_side(losses, 1.5)) + standardise(scores))


def are_alike(losses: Array) -> bool:
    """Whether the losses differ by no more than rounding, so that there is nothing to learn."""
    spread = float(losses.max() - losses.min())
    return spread <= 1e-12 * max(1e-300, float(np.abs(losses).max()))


def back_to_losses(target: float, targets: Array, losses: Array) -> float:
    """The loss that a target stands for, by the pairs that are known, straight on beyond them."""
    order = np.argsort(targets)
    xs, ys = targets[order], losses[order]
    if target < xs[0] or target > xs[-1]:
        slope = float(losses.std()) / max(float(targets.std()), TINY)
        end = 0 if target < xs[0] else -1
        return float(ys[end] + slope * (target - xs[end]))
    return float(np.interp(target, xs, ys))
