"""A configuration with a narrower space: edits of its text, so that comments and layout stay."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from steelyard.search.config import read_config
from steelyard.search.diagnostics import Edit
from steelyard.search.distributions import bounds
from steelyard.search.lint import place_of
from steelyard.search.parameter import Parameter, same_value
from steelyard.search.yaml_source import Path, Source, SourceError, read_yaml

#: Distributions whose min and max are written as exponents of e.
_EXPONENTS = ("log_uniform", "q_log_uniform")
_INVERSE_EXPONENTS = ("inv_log_uniform",)


class Kept(msgspec.Struct, frozen=True):
    """What is to be left of a parameter: ranges of numbers, or some of its values.

    Of several ranges the one around all of them is left: a parameter has one.
    """

    ranges: list[tuple[float, float]] = []
    values: list[Any] | None = None


def narrow_text(text: str, kept: Mapping[str, Kept]) -> tuple[str, list[str]]:
    """The text with narrower parameters, and a sentence for each that could not be narrowed.

    Ranges are in the units of the values, whatever the distribution is written in. They never
    widen anything: what lies outside of the range there is is cut off.
    """
    problem, found = read_config(text)
    if problem is None:
        errors = [str(each) for each in found if each.severity == "error"]
        return text, [f"the configuration cannot be read: {'; '.join(errors)}"]
    try:
        source = read_yaml(text)
    except SourceError as error:  # read_config would have said so
        return text, [error.reason]
    edits: list[Edit] = []
    notes: list[str] = []
    for name, wanted in kept.items():
        parameter = problem.space.by_name.get(name)
        if parameter is None:
            notes.append(f"{name}: the configuration does not have it any more")
            continue
        made = _narrow(source, parameter, wanted)
        if isinstance(made, str):
            notes.append(f"{name}: {made}")
        else:
            edits += made
    for edit in sorted(edits, key=lambda each: -each.start):
        text = text[: edit.start] + edit.replacement + text[edit.end :]
    return text, notes


def _narrow(source: Source, parameter: Parameter, kept: Kept) -> list[Edit] | str:
    """The edits, or why there are none."""
    if parameter.is_constant:
        return "it is a constant"
    if parameter.is_categorical:
        return _narrow_values(source, parameter, kept)
    if not kept.ranges:
        return "no range of numbers was chosen"
    if parameter.min is None or parameter.max is None:
        return (
            f"{parameter.distribution} has no min and max; write another distribution to narrow it"
        )
    least, greatest = bounds(parameter)
    low = max(least, min(span[0] for span in kept.ranges))
    high = min(greatest, max(span[1] for span in kept.ranges))
    if not low < high and not (low == high and parameter.is_integer):
        return "nothing of its range is left"
    written = _as_written(parameter, low, high)
    if isinstance(written, str):
        return written
    place = place_of(parameter)
    edits = []
    for key, value in zip(("min", "max"), written, strict=True):
        edit = _edit_at(source, (*place, key), value)
        if isinstance(edit, str):
            return edit
        edits.append(edit)
    return edits


def _as_written(parameter: Parameter, low: float, high: float) -> tuple[str, str] | str:
    """min and max in the units of the configuration."""
    if parameter.distribution in _EXPONENTS:
        low, high = math.log(low), math.log(high)
    elif parameter.distribution in _INVERSE_EXPONENTS:
        low, high = -math.log(high), -math.log(low)
    elif parameter.is_integer:
        low, high = math.ceil(low), math.floor(high)
        return "no whole number is left" if low > high else (str(low), str(high))
    return _number_text(low), _number_text(high)


def _narrow_values(source: Source, parameter: Parameter, kept: Kept) -> list[Edit] | str:
    chosen = kept.values or []
    places = [
        index
        for index, value in enumerate(parameter.values)
        if any(same_value(value, each) for each in chosen)
    ]
    if not places:
        return "none of its values was chosen"
    if len(places) == len(parameter.values):
        return []
    place = place_of(parameter)
    edit = _edit_list(source, (*place, "values"), places, parameter.values)
    if isinstance(edit, str):
        return edit
    if parameter.probabilities is None:
        return [edit]
    total = sum(parameter.probabilities[index] for index in places)
    if total <= 0:
        return "the chosen values are never suggested"
    shares = [parameter.probabilities[index] / total for index in places]
    text = "[" + ", ".join(_number_text(share, digits=12) for share in shares) + "]"
    weights = _edit_at(source, (*place, "probabilities"), text)
    return weights if isinstance(weights, str) else [edit, weights]


def _edit_list(
    source: Source, path: Path, kept: Sequence[int], values: Sequence[Any]
) -> Edit | str:
    """The list with the kept items as they are written."""
    items = []
    for index in kept:
        place = source.places.get((*path, index))
        words = "" if place is None else (source.text or "")[place.start : place.end].strip()
        is_plain = words != "" and "\n" not in words and not words.startswith(("*", "&", "!"))
        items.append(words if is_plain else json.dumps(values[index], ensure_ascii=False))
    return _edit_at(source, path, "[" + ", ".join(items) + "]")


def _edit_at(source: Source, path: Path, replacement: str) -> Edit | str:
    place = source.places.get(path)
    if place is None or source.text is None:
        return f"{path[-1]} is not written where it can be edited; do it by hand"
    if place.shared:
        return f"{path[-1]} stands in an anchor that others use, too; edit it by hand"
    # The end of a block is where the next key begins: what lies between stays.
    words = source.text[place.start : place.end]
    return Edit(
        start=place.start,
        end=place.start + len(words.rstrip()),
        replacement=replacement,
    )


def _number_text(value: float, *, digits: int = 6) -> str:
    """A number as YAML reads one: `1e-06` would be a text for PyYAML, `1.0e-06` is not."""
    text = f"{value:.{digits}g}"
    mantissa, _, exponent = text.partition("e")
    if not exponent:
        return text
    return f"{mantissa if '.' in mantissa else mantissa + '.0'}e{exponent}"
