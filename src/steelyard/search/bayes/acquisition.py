"""How much a run at a place is worth."""

from __future__ import annotations

import math

import numpy as np
from scipy import special

from steelyard.search.bayes.arrays import Array


def log_expected_improvement(mean: Array, sd: Array, *, best: float) -> Array:
    """Logarithm of the expected amount by which each place falls below `best`.

    Args:
        mean, sd: float64[n], in the units of `best`; sd > 0.
    Returns:
        float64[n]; finite far below the range of its exponential, so that places can be compared
        where the improvement itself underflows.
    Source: Ament et al. (2023), "Unexpected improvements to expected improvement", eq. 9.
    """
    z = (best - mean) / sd
    result = np.empty_like(z)
    likely = z > -1
    zl = z[likely]
    result[likely] = np.log(special.ndtr(zl) * zl + np.exp(-zl * zl / 2) / math.sqrt(2 * math.pi))
    zu = np.maximum(z[~likely], -1e6)
    ratio = -zu * special.erfcx(-zu / math.sqrt(2)) * math.sqrt(math.pi / 2)
    with np.errstate(divide="ignore"):
        tail = np.log1p(-np.minimum(ratio, 1.0))
    # 1 - ratio is about z^-2, and lost to rounding beyond -1e4 or so
    tail = np.where(zu < -1e3, -2 * np.log(-zu), tail)
    result[~likely] = -zu * zu / 2 - 0.5 * math.log(2 * math.pi) + tail
    return result + np.log(sd)


def improvement_chance(mean: float, sd: float, best: float) -> float:
    """Probability that a normal variable falls below `best`."""
    return float(special.ndtr((best - mean) / sd))
