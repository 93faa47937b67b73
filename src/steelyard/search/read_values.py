"""`values:` and `probabilities:` of a parameter, with the slips that YAML invites."""

from __future__ import annotations

import json
import math
from typing import Any

from steelyard.search.diagnostics import Edit, Section, is_searchable, kind_of, short
from steelyard.search.parameter import is_number, same_value
from steelyard.search.yaml_source import BOOLS, scalar_of

TRUTH_WORDS = frozenset(word for word in BOOLS if word.lower() not in ("true", "false"))


def read_values(section: Section) -> tuple[Any, ...]:
    """The list of values; errors and an empty tuple where there is none."""
    value, report = section.get("values"), section.report
    place = section.at("values")
    if value in (None, [], "", {}):
        report.error(place, "is empty", "list at least one value, or remove the parameter")
        return ()
    if not isinstance(value, list):
        report.error(
            place,
            f"must be a list, not {kind_of(value)}",
            "write value: for a single one",
            fix=report.key_edit(place, "value"),
        )
        return ()
    _warn_of_numbers_as_text(section, value)
    _warn_of_truth_words(section, value)
    distinct: list[Any] = []
    for at, each in enumerate(value):
        if is_number(each) and not is_searchable(each):
            what = f"is {each}" if isinstance(each, float) else "is too large"
            report.error(section.at("values", at), f"{what}, which is no number to search with")
        elif any(same_value(each, other) for other in distinct):
            report.warn(
                section.at("values", at), f"{each!r} stands twice in the list", "remove one"
            )
        else:
            distinct.append(each)
    has_probabilities = section.get("distribution") == "categorical_w_probabilities" or (
        "probabilities" in section
    )
    return tuple(value) if has_probabilities else tuple(distinct)


def read_probabilities(section: Section, count: int) -> tuple[float, ...] | None:
    """One number per value, adding up to 1."""
    value, report = section.get("probabilities"), section.report
    place = section.at("probabilities")
    if not isinstance(value, list) or not all(is_number(each) for each in value):
        report.error(place, "must be a list of numbers", "give one probability for each value")
        return None
    if count and len(value) != count:
        report.error(
            place,
            f"has {len(value)} numbers for {count} values",
            "give one probability for each value",
        )
        return None
    for at, each in enumerate(value):
        if not 0 <= each <= 1:
            report.error(section.at("probabilities", at), f"must be from 0 to 1, not {short(each)}")
            return None
    total = math.fsum(value)
    if not math.isclose(total, 1.0, rel_tol=1e-5, abs_tol=1e-8):  # numpy.isclose, as W&B asks it
        shares = [round(each / total, 4) for each in value] if total else []
        report.error(
            place,
            f"adds up to {short(total)}, not to 1",
            f"in the same proportion: {shares}" if shares else "give one value a chance",
        )
        return None
    return tuple(float(each) for each in value)


def _warn_of_numbers_as_text(section: Section, value: list[Any]) -> None:
    """`"1e-4"` in quotes is text, not a number."""
    texts = [
        (at, each)
        for at, each in enumerate(value)
        if isinstance(each, str) and is_number(scalar_of(each.strip()))
    ]
    if not texts:
        return
    report, edits = section.report, list[Edit]()
    for at, each in texts:
        edits += report.value_edit(section.at("values", at), each.strip())
    others = [each for each in value if not isinstance(each, str)]
    all_of_them = len(texts) == len(value)
    if not (all_of_them or others):
        return  # names among which one looks like a number: "7b" beside "13"
    at, first = texts[0]
    number = json.dumps(scalar_of(first.strip()))
    report.warn(
        section.at("values", at),
        f"{first!r} is text, so runs get a text and the search sees no order",
        f"write {number} without quotes if it is a number",
        fix=edits if len(edits) == len(texts) else (),
    )


def _warn_of_truth_words(section: Section, value: list[Any]) -> None:
    """`[on, off]`: YAML reads true and false."""
    for at, each in enumerate(value):
        word = section.report.text_at(section.at("values", at))
        if isinstance(each, bool) and word in TRUTH_WORDS:
            section.report.warn(
                section.at("values", at),
                f"{word} without quotes means {str(each).lower()}",
                f'write "{word}" for the text, {str(each).lower()} for the truth value',
            )
            return
