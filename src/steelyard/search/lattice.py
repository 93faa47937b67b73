"""All configurations of a finite space, numbered without being built: 10^12 points cost nothing.

The order is that of W&B's grid (sweeps 0.3.0 grid_search.py): the parameters in the order of the
space, the last one fastest. An inactive parameter has no values, so no point is there twice.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from steelyard.errors import Invalid
from steelyard.limits import SEARCH_LATTICE_STATES_MAX
from steelyard.search import distributions
from steelyard.search.parameter import Parameter, is_number
from steelyard.search.space import Space, canonical_value

# Which conditions on a parent its value fulfils, for each parent that later parameters ask for;
# None where the parent is inactive itself.
State = tuple[tuple[str, tuple[bool, ...] | None], ...]


class Axis:
    """One parameter of a lattice: its values, cut where its children's conditions change."""

    def __init__(self, parameter: Parameter, values: Sequence[Any], space: Space) -> None:
        self.parameter = parameter
        self.asked = [
            condition
            for child in space.parameters
            for condition in child.conditions
            if condition.parameter == parameter.name
        ]
        self.conditions = parameter.conditions
        self.needs: list[tuple[str, int]] = []  # its conditions: the parent, and which it asks
        self.values = values
        self._positions: dict[str, int] | None = None
        if not isinstance(values, range | distributions.Steps):
            distinct: dict[str, Any] = {}
            for value in values:
                distinct.setdefault(canonical_value(parameter, value), value)
            self.values = list(distinct.values())
            self._positions = {key: at for at, key in enumerate(distinct)}
        self.segments = self._cut() if self.asked else [(len(self.values), None)]

    def position_of(self, value: Any) -> int | None:
        """Where a value stands; None where the axis has not got it."""
        if self._positions is not None:
            return self._positions.get(canonical_value(self.parameter, value))
        if not is_number(value) or not math.isfinite(value):
            return None
        if isinstance(self.values, distributions.Steps):
            at = self.values.nearest(value)
        else:
            at = round(value - self.values[0]) if self.values else 0
        if not 0 <= at < len(self.values):
            return None
        near = math.isclose(self.values[at], value, rel_tol=1e-9, abs_tol=1e-12)
        return at if near else None

    def _cut(self) -> list[tuple[int, tuple[bool, ...] | None]]:
        """(length, fulfilled conditions) of stretches of values that are alike to the children."""
        named: dict[int, tuple[bool, ...]] = {}
        for condition in self.asked:
            for value in condition.values:
                at = self.position_of(value)
                if at is not None:
                    flat = {self.parameter.name: self.values[at]}
                    named[at] = tuple(each.holds(flat) for each in self.asked)
        nothing = (False,) * len(self.asked)
        segments: list[tuple[int, tuple[bool, ...] | None]] = []
        start = 0
        for at, fulfilled in sorted(named.items()):
            if at > start:
                segments.append((at - start, nothing))
            segments.append((1, fulfilled))
            start = at + 1
        if start < len(self.values):
            segments.append((len(self.values) - start, nothing))
        return segments


class Lattice:
    """The points of a space whose parameters all have finitely many values.

    `values_of` names the values of a parameter. Raises Invalid for a continuous parameter, naming
    it, and where conditions make more than SEARCH_LATTICE_STATES_MAX different cases.
    """

    def __init__(
        self, space: Space, values_of: Callable[[Parameter], Sequence[Any] | None]
    ) -> None:
        self.space = space
        self.axes: list[Axis] = []
        for parameter in space.parameters:
            values = values_of(parameter)
            if values is None:
                raise Invalid(
                    f"{parameter.name} is continuous ({parameter.distribution}): a grid needs "
                    "finitely many values; give it values: [...], or q_uniform and q"
                )
            self.axes.append(Axis(parameter, values, space))
        asked = {axis.parameter.name: axis.asked for axis in self.axes}
        for axis in self.axes:
            axis.needs = [(c.parameter, asked[c.parameter].index(c)) for c in axis.conditions]
        last_asked = {
            condition.parameter: at
            for at, parameter in enumerate(space.parameters)
            for condition in parameter.conditions
        }
        self._kept = [
            frozenset(name for name, last in last_asked.items() if last > at)
            for at in range(len(self.axes))
        ]
        self._counts = self._count()
        self.size: int = self._counts[0][()] if self._counts else 1

    def at(self, index: int) -> dict[str, Any]:
        """The configuration with that number: flat, active parameters only."""
        if not 0 <= index < self.size:
            raise IndexError(index)
        flat: dict[str, Any] = {}
        state: State = ()
        for level, axis in enumerate(self.axes):
            if not self._is_active(axis, state):
                state = self._after(level, state, None)
                continue
            start = 0
            for length, fulfilled in axis.segments:
                following = self._after(level, state, fulfilled)
                each = self._counts[level + 1][following]
                if index < length * each:
                    flat[axis.parameter.name] = axis.values[start + index // each]
                    index %= each
                    state = following
                    break
                index -= length * each
                start += length
        return flat

    def index_of(self, flat: Mapping[str, Any]) -> int | None:
        """The number of a configuration; None where it is no point of the lattice."""
        index = 0
        state: State = ()
        for level, axis in enumerate(self.axes):
            if not self._is_active(axis, state):
                state = self._after(level, state, None)
                continue
            if axis.parameter.is_constant:
                position: int | None = 0  # what a run made of a constant makes no difference
            elif axis.parameter.name in flat:
                position = axis.position_of(flat[axis.parameter.name])
            else:
                position = None
            if position is None:
                return None
            for length, fulfilled in axis.segments:
                following = self._after(level, state, fulfilled)
                each = self._counts[level + 1][following]
                index += min(position, length) * each
                if position < length:
                    state = following
                    break
                position -= length
        return index

    def _is_active(self, axis: Axis, state: State) -> bool:
        fulfilled = dict(state) if axis.needs else {}
        for parent, at in axis.needs:
            met = fulfilled[parent]
            if met is None or not met[at]:
                return False
        return True

    def _after(self, level: int, state: State, fulfilled: tuple[bool, ...] | None) -> State:
        kept = self._kept[level]
        following = [each for each in state if each[0] in kept]
        name = self.axes[level].parameter.name
        if name in kept:
            following.append((name, fulfilled))
        return tuple(following)

    def _count(self) -> list[dict[State, int]]:
        """For every level and state, how many ways there are to choose the rest."""
        levels: list[set[State]] = [{()}]
        state_count = 1
        for level, axis in enumerate(self.axes):
            following: set[State] = set()
            for state in levels[level]:
                if self._is_active(axis, state):
                    following |= {self._after(level, state, f) for _, f in axis.segments}
                else:
                    following.add(self._after(level, state, None))
            state_count += len(following)
            if state_count > SEARCH_LATTICE_STATES_MAX:
                raise Invalid(
                    "the conditions of the parameters make more than "
                    f"{SEARCH_LATTICE_STATES_MAX:,} different cases; use method random or bayes"
                )
            levels.append(following)
        counts: list[dict[State, int]] = [{} for _ in self.axes]
        counts.append(dict.fromkeys(levels[-1], 1))
        for level in range(len(self.axes) - 1, -1, -1):
            axis, rest = self.axes[level], counts[level + 1]
            for state in levels[level]:
                if self._is_active(axis, state):
                    counts[level][state] = sum(
                        length * rest[self._after(level, state, fulfilled)]
                        for length, fulfilled in axis.segments
                    )
                else:
                    counts[level][state] = rest[self._after(level, state, None)]
        return counts


def grid_of(space: Space) -> Lattice:
    """The points of `method: grid`. Raises Invalid for a space with a continuous parameter."""
    return Lattice(space, distributions.grid_values)


def finite_support(space: Space) -> Lattice | None:
    """Everything that sampling can give, where that is finite; else None."""
    try:
        return Lattice(space, distributions.support)
    except Invalid:
        return None
