"""`condition:` of a parameter or a group: when it exists at all.

    momentum: {min: 0.0, max: 0.99, condition: {optimizer: sgd}}
    schedule: {condition: {optimizer: [sgd, adamw]}, parameters: {warmup: {values: [0, 100]}}}

The name is looked for in the same group, then in the groups around it, then as a dotted path.
Several names have all to hold. A parameter whose parent is inactive is inactive, too.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from steelyard.search import distributions
from steelyard.search.diagnostics import Report, Section, did_you_mean, kind_of, listing, short
from steelyard.search.parameter import Condition, Parameter, is_number, same_value
from steelyard.search.yaml_source import Path


class Found(msgspec.Struct, kw_only=True):
    """A parameter before its conditions are known: `wanted` are their names and values.

    `parameter` is None where it has errors; it is kept so that nobody misses its name.
    """

    name: str
    parameter: Parameter | None
    place: Path
    wanted: list[tuple[Path, str, Any]]


def read_condition(section: Section, prefix: tuple[str, ...]) -> list[tuple[Path, str, Any]]:
    """(place, group and name, values) of each condition that a parameter or group states."""
    if "condition" not in section:
        return []
    value = section.get("condition")
    if not isinstance(value, Mapping) or not value:
        section.report.error(
            section.at("condition"),
            f"must be a map from a parameter to its values, not {kind_of(value)}",
            "write condition: {optimizer: sgd} or {optimizer: [sgd, rmsprop]}",
        )
        return []
    near = ".".join(prefix)
    return [
        (section.at("condition", name), f"{near}\0{name}" if near else name, wanted)
        for name, wanted in value.items()
    ]


def attach_conditions(report: Report, found: list[Found]) -> tuple[Parameter, ...]:
    """Resolve the names in conditions and put every parent before what depends on it."""
    by_name = {each.name: each.parameter for each in found}
    attached: dict[str, Parameter] = {}
    for each in found:
        if each.parameter is None:
            continue
        conditions = []
        for place, name, wanted in each.wanted:
            parent_name = _find_parent(name, by_name)
            if parent_name is None or parent_name == each.name:
                shown = name.rpartition("\0")[2]
                what = f"no parameter is called {shown!r}"
                if parent_name is not None:
                    what = "a parameter cannot depend on itself"
                others = [other for other in by_name if other != each.name]
                near = did_you_mean(shown, others) or f"there are {listing(others[:10])}"
                report.error(place, what, near if others else None)
                continue
            parent = by_name[parent_name]
            if parent is None:
                continue  # it has an error of its own
            values = tuple(wanted) if isinstance(wanted, list) else (wanted,)
            _check_values(report, place, parent, values)
            conditions.append(Condition(parameter=parent.name, values=values))
        attached[each.name] = msgspec.structs.replace(each.parameter, conditions=tuple(conditions))
    return _parents_first(report, found, attached)


def _find_parent(name: str, names: Collection[str]) -> str | None:
    """The parameter of that name in the same group, or in one further out, or anywhere."""
    group, _, plain = name.rpartition("\0")
    while group:
        if f"{group}.{plain}" in names:
            return f"{group}.{plain}"
        group = group.rpartition(".")[0]
    return plain if plain in names else None


def _check_values(report: Report, place: Path, parent: Parameter, values: tuple[Any, ...]) -> None:
    if not values:
        report.error(place, "is empty", f"name the values of {parent.name}")
        return
    if parent.is_constant or parent.is_categorical:
        strange = [v for v in values if not any(same_value(v, p) for p in parent.values)]
        suggestion = f"its values are {list(parent.values)!r}"
        if strange and isinstance(strange[0], str):
            texts = [value for value in parent.values if isinstance(value, str)]
            suggestion = did_you_mean(strange[0], texts) or suggestion
    elif parent.q is None and parent.distribution != "int_uniform":
        report.error(
            place,
            f"{parent.name} is continuous and never has exactly {short(values[0])}",
            "a condition needs a parent with a list of values",
        )
        return
    else:
        low, high = distributions.bounds(parent)
        strange = [v for v in values if not is_number(v) or not low <= v <= high]
        suggestion = f"it goes from {short(low)} to {short(high)}"
    if strange:
        report.error(place, f"{parent.name} is never {strange[0]!r}", suggestion)


def _parents_first(
    report: Report, found: list[Found], parameters: dict[str, Parameter]
) -> tuple[Parameter, ...]:
    ordered: dict[str, Parameter] = {}
    waiting = list(parameters.values())
    while waiting:
        ready = [p for p in waiting if all(c.parameter in ordered for c in p.conditions)]
        if not ready:
            names = listing([p.name for p in waiting])
            place = next(f.place for f in found if f.name == waiting[0].name)
            report.error(place, f"the conditions go in a circle: {names}", "remove one of them")
            break
        # One at a time, so that the order differs from W&B's no more than it must.
        ordered[ready[0].name] = ready[0]
        waiting.remove(ready[0])
    return tuple(ordered.values())
