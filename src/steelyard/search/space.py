"""A search space: parameters, when they exist, and which combinations are allowed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from steelyard.errors import Infeasible
from steelyard.limits import SEARCH_SAMPLE_TRIES_MAX
from steelyard.search.parameter import Parameter, is_number

if TYPE_CHECKING:
    from steelyard.search.expression import Expression


class Randomness(Protocol):
    """What a sample needs: `numpy.random.Generator` and `random.Random` both have it."""

    def random(self) -> float: ...


class Constraint(msgspec.Struct, frozen=True, kw_only=True):
    """A condition that every configuration, or every result, has to meet.

    Over parameters alone ("chunk_overlap < chunk_size") it is known before a run, and no
    configuration that breaks it is ever suggested. As soon as it names something else
    ("gpu_hours <= 2") that is a metric, and only a run shows whether it holds.
    """

    text: str
    expression: Expression


class Space(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """All parameters, parents before the parameters that depend on them, and the constraints."""

    parameters: tuple[Parameter, ...]
    constraints: tuple[Constraint, ...] = ()

    @cached_property
    def by_name(self) -> Mapping[str, Parameter]:
        return {parameter.name: parameter for parameter in self.parameters}

    @cached_property
    def searched(self) -> tuple[Parameter, ...]:
        """The parameters that are no constants."""
        return tuple(p for p in self.parameters if not p.is_constant)

    @cached_property
    def input_constraints(self) -> tuple[Constraint, ...]:
        """Those that are known before a run: they name parameters only."""
        return tuple(c for c in self.constraints if c.expression.names <= self.by_name.keys())

    @cached_property
    def outcome_constraints(self) -> tuple[Constraint, ...]:
        """Those that only a run shows: they name at least one metric."""
        return tuple(c for c in self.constraints if not c.expression.names <= self.by_name.keys())

    def is_active(self, parameter: Parameter, flat: Mapping[str, Any]) -> bool:
        """Whether the parameter exists, given its parents' values in `flat`."""
        if not parameter.conditions:
            return True
        return all(condition.holds(flat) for condition in parameter.conditions)

    def broken_constraint(self, flat: Mapping[str, Any]) -> Constraint | None:
        """The first input constraint that a configuration breaks.

        A constraint that cannot be decided because it names an inactive parameter says nothing
        about that configuration; one that cannot be computed (division by zero) is broken.
        """
        for constraint in self.input_constraints:
            names = constraint.expression.names
            holds = constraint.expression.holds({n: flat[n] for n in names if n in flat})
            if holds is False or (holds is None and all(name in flat for name in names)):
                return constraint
        return None

    def is_feasible(self, flat: Mapping[str, Any]) -> bool:
        """Whether a pruned configuration keeps every constraint known before a run."""
        return self.broken_constraint(flat) is None

    def prune(self, flat: Mapping[str, Any]) -> dict[str, Any]:
        """Only the active parameters, in the order of the space; everything else is left out."""
        pruned: dict[str, Any] = {}
        for parameter in self.parameters:
            if parameter.name in flat and self.is_active(parameter, pruned):
                pruned[parameter.name] = flat[parameter.name]
        return pruned

    def sample(self, rng: Randomness) -> dict[str, Any]:
        """A random configuration: flat, active parameters only, feasible.

        Draws one number per active parameter and throws away what breaks a constraint. Raises
        Infeasible after SEARCH_SAMPLE_TRIES_MAX configurations in a row that break one.
        """
        broken_count: dict[str, int] = {}
        for _ in range(SEARCH_SAMPLE_TRIES_MAX):
            flat: dict[str, Any] = {}
            for parameter in self.parameters:
                if self.is_active(parameter, flat):
                    u = 0.0 if parameter.is_constant else float(rng.random())
                    flat[parameter.name] = parameter.from_unit(u)
            broken = self.broken_constraint(flat)
            if broken is None:
                return flat
            broken_count[broken.text] = broken_count.get(broken.text, 0) + 1
        worst = max(broken_count, key=lambda text: broken_count[text])
        raise Infeasible(worst, tries=SEARCH_SAMPLE_TRIES_MAX)

    def nest(self, flat: Mapping[str, Any]) -> dict[str, Any]:
        """The configuration as a run sees it: {"optimizer": {"lr": 0.1}}."""
        nested: dict[str, Any] = {}
        for parameter in self.parameters:
            if parameter.name not in flat:
                continue
            place = nested
            for key in parameter.path[:-1]:
                place = place.setdefault(key, {})
            place[parameter.path[-1]] = flat[parameter.name]
        return nested

    def flatten(self, nested: Mapping[str, Any]) -> dict[str, Any]:
        """The parameters found in a run's configuration, by dotted name; other keys are ignored.

        Both spellings are found: {"optimizer": {"lr": 0.1}} and {"optimizer.lr": 0.1}.
        """
        flat: dict[str, Any] = {}
        for parameter in self.parameters:
            if parameter.name in nested:
                flat[parameter.name] = nested[parameter.name]
                continue
            place: Any = nested
            for key in parameter.path:
                if not isinstance(place, Mapping) or key not in place:
                    break
                place = place[key]
            else:
                flat[parameter.name] = place
        return flat

    def key_of(self, flat: Mapping[str, Any]) -> bytes:
        """Identity of a configuration, 16 bytes: equal keys are the same experiment.

        Constants and inactive parameters do not count, nor the order, nor whether an integer is
        written 3 or 3.0. Of values that are maps only the keys that the space names count: a run
        adds its own, and is the same experiment all the same (sweeps 0.3.0 grid_search.py).
        """
        # Sorted by name: the same space with other conditions may be in another order.
        parts = sorted(
            (name, canonical_value(self.by_name[name], value))
            for name, value in self.prune(flat).items()
            if not self.by_name[name].is_constant
        )
        text = repr(parts).encode("utf-8", "surrogatepass")
        return hashlib.blake2b(text, digest_size=16).digest()


def canonical_value(parameter: Parameter, value: Any) -> str:
    """A text that is the same for values that are the same experiment; see Space.key_of."""
    kind = type(value)
    if kind is float:
        # 3.0 is 3, and 3 * 0.1, which is 0.30000000000000004, is 0.3.
        return str(int(value)) if value.is_integer() else f"{value:.15g}"
    if kind is int:
        return str(value)
    if kind is str:
        return f'"{value}'
    return json.dumps(_canonical(_known_keys(parameter, value)), ensure_ascii=False, default=str)


def _known_keys(parameter: Parameter, value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    known = {key for each in parameter.values if isinstance(each, Mapping) for key in each}
    return {key: item for key, item in value.items() if key in known}


def _canonical(value: Any) -> Any:
    if is_number(value) and isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {"map": sorted((str(key), _canonical(item)) for key, item in value.items())}
    if isinstance(value, list | tuple):
        return [_canonical(item) for item in value]
    return value
