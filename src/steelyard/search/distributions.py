"""Quantiles of W&B's distributions, and back, without numpy.

Source of every formula here: sweeps 0.3.0 params.py (which asks scipy.stats); the tests compare
with scipy. `u` is a quantile, 0 <= u <= 1.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, overload

from steelyard.errors import Invalid
from steelyard.search import beta

if TYPE_CHECKING:
    from steelyard.search.parameter import Parameter

UNBOUNDED_EDGE = 1e-12  # quantile where normal distributions end: seven standard deviations
NORMAL = NormalDist()


def quantile(parameter: Parameter, u: float) -> Any:
    """The value at quantile `u`; see Parameter.from_unit."""
    assert 0.0 <= u <= 1.0, u
    if parameter.is_constant:
        return parameter.values[0]
    if parameter.is_categorical:
        return parameter.values[_index_at(parameter, u)]
    low, high = bounds(parameter)
    if parameter.distribution == "int_uniform":
        count = int(high) - int(low) + 1
        # scipy.stats.randint.ppf: a boundary belongs to the smaller value.
        return int(low) + min(max(math.ceil(u * count) - 1, 0), count - 1)
    value = min(max(_continuous_quantile(parameter, u), low), high)
    if parameter.q is None:
        return value
    return _step_value(parameter, _step_near(parameter, value))


def quantile_of(parameter: Parameter, value: Any) -> float:
    """The middle of the quantiles that give `value`; see Parameter.to_unit."""
    if parameter.is_constant:
        return 0.5
    if parameter.is_categorical:
        edges = cumulative(parameter)
        index = index_of(parameter, value)
        return (edges[index] + edges[index + 1]) / 2
    low, high = bounds(parameter)
    if parameter.distribution == "int_uniform":
        count = int(high) - int(low) + 1
        offset = min(max(round(float(value) - low), 0), count - 1)
        return (offset + 0.5) / count
    if parameter.q is None:
        return _cumulative_at(parameter, float(value))
    step = _step_near(parameter, float(value))
    first, last = _steps_within(parameter)
    below = 0.0 if step == first else _cumulative_at(parameter, (step - 0.5) * parameter.q)
    above = 1.0 if step == last else _cumulative_at(parameter, (step + 0.5) * parameter.q)
    return (below + above) / 2


def bounds(parameter: Parameter) -> tuple[float, float]:
    """The smallest and largest value of a numeric distribution; infinite where it has none."""
    kind = _base(parameter)
    if kind in ("normal", "log_normal"):
        return (-math.inf if kind == "normal" else 0.0), math.inf
    if kind == "beta":
        return 0.0, 1.0
    assert parameter.min is not None and parameter.max is not None, parameter.name
    if kind == "log_uniform":
        return _exp(parameter.min), _exp(parameter.max)
    if kind == "inv_log_uniform":
        return _exp(-parameter.max), _exp(-parameter.min)
    return parameter.min, parameter.max


def grid_values(parameter: Parameter) -> Sequence[Any] | None:
    """The values of a grid; see Parameter.grid_values."""
    if parameter.is_constant:
        return parameter.values
    if parameter.is_categorical:
        return parameter.values
    if parameter.distribution == "int_uniform":
        assert parameter.min is not None and parameter.max is not None
        return range(int(parameter.min), int(parameter.max) + 1)
    low, high = bounds(parameter)
    if parameter.q is None or math.isinf(low) or math.isinf(high):
        return None
    if parameter.distribution == "q_uniform":
        assert parameter.min is not None and parameter.max is not None
        # numpy.arange's own rounding, so that the values are W&B's to the last digit.
        step = (parameter.min + parameter.q) - parameter.min
        count = math.ceil((parameter.max - parameter.min) / parameter.q)
        return Steps(parameter.min, step, count)
    return _multiples(parameter)


def support(parameter: Parameter) -> Sequence[Any] | None:
    """Every value that `quantile` gives, where they are finitely many; else None.

    Differs from the grid: a grid of q_uniform starts at min and leaves out max, and a value of
    probability 0 is never drawn.
    """
    if parameter.probabilities is not None:
        chances = zip(parameter.values, parameter.probabilities, strict=True)
        return [value for value, probability in chances if probability > 0]
    if parameter.q is None:
        return grid_values(parameter)
    low, high = bounds(parameter)
    if math.isinf(low) or math.isinf(high):
        return None
    return _multiples(parameter)


class Steps(Sequence[Any]):
    """start, start + step, …: `count` numbers of which none is stored.

    Two ways to round: numpy.arange's for a grid, and whole multiples of the step for quantised
    draws (`start` is then the number of the first multiple).
    """

    def __init__(self, start: float, step: float, count: int, *, multiples: bool = False) -> None:
        self.first, self.step, self.size, self.multiples = start, step, count, multiples

    def __len__(self) -> int:
        return self.size

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> list[Any]: ...
    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return [self._value(at) for at in range(self.size)[index]]
        return self._value(range(self.size)[index])

    def nearest(self, value: float) -> int:
        """The position whose value is nearest to `value`, which may be outside."""
        return round((value - self._value(0)) / self.step)

    def _value(self, at: int) -> float:
        return (self.first + at) * self.step if self.multiples else self.first + at * self.step


def cumulative(parameter: Parameter) -> list[float]:
    """The edges of a categorical's values on the unit interval: one more than it has values."""
    count = len(parameter.values)
    if parameter.probabilities is None:
        return [index / count for index in range(count + 1)]
    total = math.fsum(parameter.probabilities)
    edges = [0.0]
    for probability in parameter.probabilities:
        edges.append(min(edges[-1] + probability / total, 1.0))
    return edges


def index_of(parameter: Parameter, value: Any) -> int:
    """Where a categorical has a value. Raises Invalid where it has not."""
    from steelyard.search.parameter import same_value

    for index, each in enumerate(parameter.values):
        if same_value(each, value):
            return index
    raise Invalid(f"{parameter.name}: {value!r} is none of its values {list(parameter.values)!r}")


def _index_at(parameter: Parameter, u: float) -> int:
    count = len(parameter.values)
    if parameter.probabilities is None:
        return min(max(math.ceil(u * count) - 1, 0), count - 1)
    # A value of probability 0 is never taken: its two edges are one, and u lies on neither side.
    edges = cumulative(parameter)
    possible = [i for i, p in enumerate(parameter.probabilities) if p > 0]
    return next((i for i in possible if u < edges[i + 1]), possible[-1])


def _base(parameter: Parameter) -> str:
    return parameter.distribution.removeprefix("q_")


def _continuous_quantile(parameter: Parameter, u: float) -> float:
    kind = _base(parameter)
    if kind in ("normal", "log_normal"):
        mu, sigma = _or(parameter.mu, 0.0), _or(parameter.sigma, 1.0)
        u = min(max(u, UNBOUNDED_EDGE), 1 - UNBOUNDED_EDGE)
        value = mu + sigma * NORMAL.inv_cdf(u)
        return value if kind == "normal" else _exp(value)
    if kind == "beta":
        return beta.quantile(u, _or(parameter.a, 1.0), _or(parameter.b, 1.0))
    low, high = _line(parameter)
    value = low + u * (high - low)
    return value if kind == "uniform" else _exp(value)


def _cumulative_at(parameter: Parameter, value: float) -> float:
    kind = _base(parameter)
    if kind in ("normal", "log_normal"):
        mu, sigma = _or(parameter.mu, 0.0), _or(parameter.sigma, 1.0)
        if kind == "log_normal":
            value = _log(value)
        if sigma == 0.0:
            return 0.5 if value == mu else float(value > mu)
        return NORMAL.cdf((value - mu) / sigma)
    if kind == "beta":
        return beta.cumulative(value, _or(parameter.a, 1.0), _or(parameter.b, 1.0))
    low, high = _line(parameter)
    if kind != "uniform":
        value = _log(value)
    if low == high:
        return 0.5
    return min(max((value - low) / (high - low), 0.0), 1.0)


def _line(parameter: Parameter) -> tuple[float, float]:
    """Both ends of the scale on which the distribution is uniform."""
    kind = _base(parameter)
    low, high = parameter.min, parameter.max
    assert low is not None and high is not None, parameter.name
    if kind.endswith("_values"):
        return math.log(low), math.log(high)
    if kind == "inv_log_uniform":
        return -high, -low
    return low, high


def _steps_within(parameter: Parameter) -> tuple[int | float, int | float]:
    """First and last multiple of q within the bounds; the nearest one where none lies within."""
    assert parameter.q is not None
    low, high = bounds(parameter)
    slack = 1e-9  # 0.3 / 0.1 is 2.9999999999999996, and 0.3 counts as a multiple of 0.1
    first = low if math.isinf(low) else math.ceil(low / parameter.q - slack)
    last = high if math.isinf(high) else math.floor(high / parameter.q + slack)
    if first > last:
        nearest = round((low + high) / 2 / parameter.q)
        return nearest, nearest
    return first, last


def _multiples(parameter: Parameter) -> Steps:
    assert parameter.q is not None
    first, last = _steps_within(parameter)
    return Steps(first, parameter.q, int(last - first) + 1, multiples=True)


def _step_near(parameter: Parameter, value: float) -> int:
    assert parameter.q is not None
    first, last = _steps_within(parameter)
    return int(min(max(round(value / parameter.q), first), last))


def _step_value(parameter: Parameter, step: int | float) -> int | float:
    assert parameter.q is not None
    return step * parameter.q


def _or(value: float | None, default: float) -> float:
    return default if value is None else value


def _exp(value: float) -> float:
    try:
        return math.exp(value)
    except OverflowError:
        return sys.float_info.max


def _log(value: float) -> float:
    return math.log(value) if value > 0 else -math.inf
