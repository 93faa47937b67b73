"""Configurations as rows of numbers, and back.

One column per searched parameter. A number is its quantile in the parameter's distribution, so that
a prior over the space is uniform over the unit cube; integers and quantised values sit on the
middles of their cells. A category is its index, compared by equality alone. A parameter that a
configuration does not have is neutral: 0.5, or -1 for a category, so that the parameters of one
branch say nothing about another branch.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from steelyard.limits import SEARCH_LADDER_VALUES_MAX
from steelyard.search.bayes.arrays import Array, Indices, Mask
from steelyard.search.parameter import Parameter, is_number, same_value
from steelyard.search.space import Space

NEUTRAL = 0.5  # of a number
NO_CATEGORY = -1.0
LOGARITHMIC = {"log_uniform", "log_uniform_values"}


class Ladder(msgspec.Struct, frozen=True):
    """The values of a number that takes finitely many, from the lowest code to the highest."""

    values: tuple[Any, ...]
    codes: Array  # where each value sits in the unit interval
    edges: Array  # upper ends of their cells, the last one (1) left out
    known: dict[Any, float]  # codes by value

    def snap(self, column: Array) -> Array:
        return self.codes[np.searchsorted(self.edges, column, side="right")]


class Codec:
    """The columns of a space; see the module."""

    def __init__(self, space: Space) -> None:
        self.space = space
        self.parameters: tuple[Parameter, ...] = space.searched
        self.ladders: dict[int, Ladder] = {}
        self.choices: dict[int, tuple[Any, ...]] = {}
        self.shares: dict[int, Array] = {}  # cumulative probabilities of the choices
        category_counts = np.zeros(len(self.parameters))
        for column, parameter in enumerate(self.parameters):
            ladder = ladder_of(parameter)
            if ladder is not None:
                self.ladders[column] = ladder
            elif parameter.is_categorical:
                possible = possible_values(parameter)
                self.choices[column] = tuple(parameter.values[index] for index in possible)
                self.shares[column] = np.cumsum(list(possible.values()))
                category_counts[column] = len(possible)
        self.category_counts: Array = category_counts
        self.is_category: Mask = category_counts > 0
        self.columns = {parameter.name: i for i, parameter in enumerate(self.parameters)}
        self.parents = [self._parents_of(parameter) for parameter in self.parameters]
        self.is_conditional = any(self.parents)
        self.is_rounded = any(
            column not in self.ladders and is_stepped(parameter)
            for column, parameter in enumerate(self.parameters)
        )

    @property
    def width(self) -> int:
        return len(self.parameters)

    def _parents_of(self, parameter: Parameter) -> list[tuple[int, Array]]:
        """(column, codes that let the parameter exist) for each condition; -1: it never exists."""
        parents: list[tuple[int, Array]] = []
        for condition in parameter.conditions:
            parent = self.space.by_name.get(condition.parameter)
            column = self.columns.get(condition.parameter)
            if column is not None:
                parents.append((column, self._codes_of(column, condition.values)))
            elif parent is None or not condition.holds({parent.name: parent.values[0]}):
                parents.append((-1, np.array([])))
            else:  # a constant exists where its own parents let it
                parents.extend(self._parents_of(parent))
        return parents

    def _codes_of(self, column: int, wanted: Sequence[Any]) -> Array:
        if column in self.ladders:
            ladder = self.ladders[column]
            pairs = list(zip(ladder.values, ladder.codes.tolist(), strict=True))
        elif self.is_category[column]:
            pairs = [(value, float(i)) for i, value in enumerate(self.choices[column])]
        else:
            parameter = self.parameters[column]
            pairs = [(value, parameter.to_unit(value)) for value in wanted if is_number(value)]
        fits = [code for value, code in pairs if any(same_value(value, w) for w in wanted)]
        return np.array(fits)

    def encode(self, configs: Sequence[Mapping[str, Any]]) -> tuple[Array, Mask]:
        """Rows of configurations, and which of them lie within the space.

        Those that do not (of an earlier, wider space, or with an unknown category) are moved to
        the nearest place, which is good enough to avoid them, but not to learn from them.
        """
        rows = np.where(self.is_category, NO_CATEGORY, NEUTRAL) * np.ones((len(configs), 1))
        inside = np.ones(len(configs), bool)
        for column, parameter in enumerate(self.parameters):
            have = [i for i, config in enumerate(configs) if parameter.name in config]
            if not have:
                continue
            values = [configs[i][parameter.name] for i in have]
            if column in self.choices:
                codes = category_codes(self.choices[column], values)
            else:
                codes = number_codes(parameter, self.ladders.get(column), values)
            unknown = np.isnan(codes) | (codes < -1e-6)
            if not self.is_category[column]:
                unknown |= codes > 1 + 1e-6
            inside[np.array(have)[unknown]] = False
            neutral = NO_CATEGORY if self.is_category[column] else NEUTRAL
            rows[have, column] = np.where(np.isnan(codes), neutral, codes)
        return self.settle(rows), inside

    def settle(self, rows: Array) -> Array:
        """The nearest rows that are configurations: clipped, snapped, inactive columns neutral."""
        rows = rows.copy()
        numbers = ~self.is_category
        rows[:, numbers] = np.clip(rows[:, numbers], 0.0, 1.0)
        for column, ladder in self.ladders.items():
            rows[:, column] = ladder.snap(rows[:, column])
        if self.is_conditional:
            active = self.active(rows)
            neutral = np.where(self.is_category, NO_CATEGORY, NEUTRAL)
            rows = np.where(active, rows, neutral)
        return rows

    def active(self, rows: Array) -> Mask:
        """Which parameters exist in each row, given the codes of their parents."""
        active = np.ones(rows.shape, bool)
        for column, parents in enumerate(self.parents):
            for parent, codes in parents:
                if parent < 0:
                    active[:, column] = False
                else:
                    active[:, column] &= active[:, parent] & np.isin(rows[:, parent], codes)
        return active

    def place(self, units: Array) -> Array:
        """Rows at points of the unit cube, as the distributions of the parameters spread them."""
        return self.settle(self.spread(units))

    def spread(self, units: Array) -> Array:
        """The same before it is settled: all parameters have values, whether they exist or not."""
        rows = units.copy()
        for column, shares in self.shares.items():
            rows[:, column] = np.minimum(
                np.searchsorted(shares, units[:, column], side="right"), len(shares) - 1
            )
        return rows

    def decode(self, row: Array) -> dict[str, Any]:
        """The configuration of a row: flat, active parameters only, constants included."""
        flat: dict[str, Any] = {}
        for parameter in self.space.parameters:
            if not self.space.is_active(parameter, flat):
                continue
            column = self.columns.get(parameter.name)
            if column is None:
                flat[parameter.name] = parameter.values[0]
            elif column in self.ladders:
                ladder = self.ladders[column]
                nearest = int(np.argmin(np.abs(ladder.codes - row[column])))
                flat[parameter.name] = ladder.values[nearest]
            elif self.is_category[column]:
                flat[parameter.name] = self.choices[column][max(int(row[column]), 0)]
            else:
                flat[parameter.name] = parameter.from_unit(float(row[column]))
        return flat

    @functools.cached_property
    def owners(self) -> Indices:
        """The parameter behind each column of `features`."""
        owners: list[int] = []
        for column, count in enumerate(self.category_counts):
            owners += [column] * (int(count) + 1 if count else 1)
        return np.array(owners, dtype=np.intp)

    def features(self, rows: Array) -> Array:
        """Coordinates whose squared distances are those of the numbers, and 0 or 1 for categories.

        A category becomes one column per value (and one for its absence) of 0 or sqrt(1/2).
        """
        columns: list[Array] = []
        for column, count in enumerate(self.category_counts):
            if count:
                indicator = rows[:, column, None] == np.arange(-1, int(count))
                columns.append(indicator * math.sqrt(0.5))
            else:
                columns.append(rows[:, column, None])
        return np.hstack(columns)


def possible_values(parameter: Parameter) -> dict[int, float]:
    """Indices of the different values of a list that can be taken, with their probabilities."""
    weights = parameter.probabilities or (1.0,) * len(parameter.values)
    total = math.fsum(weights)
    shares: dict[int, float] = {}
    for index, weight in enumerate(weights):
        value = parameter.values[index]
        first = next((i for i in shares if same_value(parameter.values[i], value)), index)
        if weight > 0:
            shares[first] = shares.get(first, 0.0) + weight / total
    return shares


def ladder_of(parameter: Parameter) -> Ladder | None:
    """The ladder of integers, quantised values and lists of three or more different numbers."""
    if parameter.is_categorical:
        return list_ladder(parameter)
    if is_stepped(parameter):
        # Conditions may hold what cannot be hashed, and say nothing about the values.
        return stepped_ladder(msgspec.structs.replace(parameter, conditions=()))
    return None


def is_stepped(parameter: Parameter) -> bool:
    return parameter.distribution == "int_uniform" or parameter.distribution.startswith("q_")


def list_ladder(parameter: Parameter) -> Ladder | None:
    """Numbers in a list are placed by rank: such lists are geometric as often as arithmetic."""
    if not parameter.is_ordered:
        return None
    possible = possible_values(parameter)
    shares = {parameter.values[index]: share for index, share in possible.items()}
    if len(shares) < 3 or not all(map(math.isfinite, shares)):
        return None
    values = sorted(shares)
    edges = np.cumsum([shares[value] for value in values])[:-1]
    codes = np.concatenate([[0.0], edges, [1.0]])
    return make_ladder(values, (codes[1:] + codes[:-1]) / 2, edges)


@functools.lru_cache(maxsize=1024)
def stepped_ladder(parameter: Parameter) -> Ladder | None:
    """All steps from the lowest to the highest; None where they are too many to list.

    The cache saves 10 ms per suggestion for a thousand steps.
    """
    step = parameter.q or 1
    low, high = parameter.from_unit(0.0), parameter.from_unit(1.0)
    if (high - low) / step > SEARCH_LADDER_VALUES_MAX:
        return None
    middle = range(math.ceil(low / step), math.floor(high / step) + 1)
    codes: dict[Any, float] = {}
    for value in (low, *(number * step for number in middle), high):
        code = parameter.to_unit(value)
        codes[parameter.from_unit(code)] = code
    values = sorted(codes)
    if len(values) > 1 and codes[values[0]] > codes[values[-1]]:
        values.reverse()
    placed = np.maximum.accumulate(np.array([codes[value] for value in values]))
    return make_ladder(values, placed, cell_edges(placed))


def make_ladder(values: Sequence[Any], codes: Array, edges: Array) -> Ladder:
    return Ladder(tuple(values), codes, edges, dict(zip(values, codes.tolist(), strict=True)))


def cell_edges(codes: Array) -> Array:
    """Upper ends of cells whose middles are `codes` and that fill the unit interval."""
    edges, edge = [], 0.0
    for code, following in itertools.pairwise(codes.tolist()):
        edge = min(max(2 * code - edge, code), following)
        edges.append(edge)
    return np.array(edges)


def number_codes(parameter: Parameter, ladder: Ladder | None, values: Sequence[Any]) -> Array:
    """Codes of values of a number; NaN where a value cannot be one of the parameter's."""
    if ladder is not None:
        return np.array([ladder_code(parameter, ladder, value) for value in values])
    numbers = np.array([float(v) if is_number(v) else math.nan for v in values])
    low, high = parameter.from_unit(0.0), parameter.from_unit(1.0)
    outside = (numbers < min(low, high)) | (numbers > max(low, high))
    if parameter.distribution == "uniform" and high > low:
        codes = (numbers - low) / (high - low)
    elif parameter.distribution in LOGARITHMIC and high > low:
        with np.errstate(divide="ignore", invalid="ignore"):
            codes = np.log(numbers / low) / math.log(high / low)
    else:
        codes = np.array([parameter.to_unit(v) if math.isfinite(v) else math.nan for v in numbers])
    near = np.abs(np.clip(codes, 0, 1) - codes) < 1e-6
    return np.where(outside & ~near, math.nan, codes)


def ladder_code(parameter: Parameter, ladder: Ladder, value: Any) -> float:
    if not is_number(value):
        return math.nan
    code = ladder.known.get(value)
    if code is not None:
        return code
    low, high = sorted((ladder.values[0], ladder.values[-1]))
    if parameter.is_categorical or not low <= value <= high:
        return math.nan
    return parameter.to_unit(value)


def category_codes(choices: Sequence[Any], values: Sequence[Any]) -> Array:
    """Indices of values in a list; NaN where it has no such value."""
    codes = np.full(len(values), math.nan)
    for place, value in enumerate(values):
        for index, choice in enumerate(choices):
            if same_value(choice, value):
                codes[place] = index
                break
    return codes
