"""The beta distribution in plain Python: a sweep can be checked where scipy is not installed."""

import math

TINY = 1e-300
FRACTION_TERMS_MAX = 500  # it converges in a few dozen unless a or b is in the ten thousands
HALVINGS_MAX = 1100  # from 1 down to the smallest number there is


def cumulative(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function I_x(a, b), for a, b > 0.

    Source: Abramowitz & Stegun 26.5.8, evaluated by the modified Lentz method.
    """
    if x <= 0.0:
        return 0.0
    if x >= 1.0:
        return 1.0
    front = math.exp(
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    )
    # The fraction converges quickly on the near side of the mean; the other side is its mirror.
    if x < (a + 1.0) / (a + b + 2.0):
        return min(front * _fraction(x, a, b) / a, 1.0)
    return max(1.0 - front * _fraction(1.0 - x, b, a) / b, 0.0)


def quantile(u: float, a: float, b: float) -> float:
    """The x with I_x(a, b) = u, by halving: slow (about 0.2 ms) and never wrong."""
    if u <= 0.0 or u >= 1.0:
        return float(u >= 1.0)
    if a == 1.0 and b == 1.0:
        return u
    low, high = 0.0, 1.0
    for _ in range(HALVINGS_MAX):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        if cumulative(middle, a, b) < u:
            low = middle
        else:
            high = middle
    return high


def _fraction(x: float, a: float, b: float) -> float:
    c = 1.0
    d = 1.0 / _away_from_zero(1.0 - (a + b) * x / (a + 1.0))
    value = d
    for m in range(1, FRACTION_TERMS_MAX):
        even = m * (b - m) * x / ((a + 2 * m - 1.0) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1.0))
        for term in (even, odd):
            d = 1.0 / _away_from_zero(1.0 + term * d)
            c = _away_from_zero(1.0 + term / c)
            value *= c * d
        if abs(c * d - 1.0) < 1e-16:
            break
    return value


def _away_from_zero(value: float) -> float:
    return value if abs(value) > TINY else TINY
