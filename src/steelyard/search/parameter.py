"""One parameter of a search space: what values it takes, and when it exists at all."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from steelyard.search import distributions

CATEGORICAL = frozenset({"categorical", "categorical_w_probabilities"})


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """A parameter exists only where `parameter` exists and has one of `values`."""

    parameter: str
    values: tuple[Any, ...]

    def holds(self, flat: Mapping[str, Any]) -> bool:
        return self.parameter in flat and any(
            same_value(flat[self.parameter], value) for value in self.values
        )


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """One parameter with its distribution, in W&B's words.

    Attributes:
        name: the dotted path, "optimizer.lr"; `path` is the same as a tuple.
        distribution: constant, categorical, categorical_w_probabilities, int_uniform, uniform,
            q_uniform, [q_|inv_]log_uniform[_values], [q_][log_]normal, [q_]beta.
        values: of a constant (one) or a categorical.
        min, max: as written: exponents of e for log_uniform, values for log_uniform_values, and for
            inv_log_uniform exponents with the opposite sign.
        q: the values are multiples of it; where it was written as an integer they are integers.
        conditions: all of them must hold.
    """

    name: str
    path: tuple[str, ...]
    distribution: str
    values: tuple[Any, ...] = ()
    probabilities: tuple[float, ...] | None = None
    min: float | int | None = None
    max: float | int | None = None
    mu: float | None = None
    sigma: float | None = None
    q: float | int | None = None
    a: float | None = None
    b: float | None = None
    conditions: tuple[Condition, ...] = ()

    @property
    def is_constant(self) -> bool:
        return self.distribution == "constant"

    @property
    def is_categorical(self) -> bool:
        """Has a list of values. A constant has not: it is never searched."""
        return self.distribution in CATEGORICAL

    @property
    def is_integer(self) -> bool:
        """Every value is an integer, in steps of a distribution (never a categorical)."""
        return self.distribution == "int_uniform" or (
            self.distribution.startswith("q_") and isinstance(self.q, int)
        )

    @property
    def is_ordered(self) -> bool:
        """A categorical whose values are all numbers, so that near means something."""
        return self.is_categorical and all(is_number(value) for value in self.values)

    def from_unit(self, u: float) -> Any:
        """The value at quantile `u` of the distribution, 0 <= u <= 1; never outside its bounds.

        Source: sweeps 0.3.0 params.py, `HyperParameter.ppf`, number by number, with two
        differences: a quantised value stays within min and max (there `q_uniform` of 1 to 10 by 3
        begins at 0), and the ends of unbounded distributions are finite.
        """
        return distributions.quantile(self, u)

    def to_unit(self, value: Any) -> float:
        """The quantile of a value: the middle of all that `from_unit` maps to it.

        Values between the possible ones go to the nearest; values outside to the end (0 or 1 for a
        continuous distribution). Raises Invalid for a value that a categorical does not have.
        """
        return distributions.quantile_of(self, value)

    def grid_values(self) -> Sequence[Any] | None:
        """The values a grid takes, in order; None where it is continuous or unbounded.

        Long sequences are not stored: 10^12 integers are a `range`.

        Source: sweeps 0.3.0 grid_search.py: int_uniform includes max, q_uniform goes from min in
        steps of q and does not include max.
        """
        return distributions.grid_values(self)


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def same_value(one: Any, other: Any) -> bool:
    """Equal as values of a configuration: 3 is 3.0, but True is not 1 and "1" is not 1.

    Numbers are compared to twelve digits: the third multiple of 0.1 is 0.30000000000000004.
    """
    if isinstance(one, bool) is not isinstance(other, bool):
        return False
    if isinstance(one, float) and is_number(other):
        return bool(one == other) or abs(one - other) <= 1e-12 * abs(one)
    if isinstance(other, float) and is_number(one):
        return same_value(other, one)
    return bool(one == other)
