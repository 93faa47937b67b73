"""Filters: what is accepted, what is refused with which reason, and what odd values match."""

import math

import pytest

from steelyard.errors import Invalid
from steelyard.server.rooms.runs.fields import (
    MISSING,
    Field,
    find_in_config,
    find_nested,
    parse_field,
)
from steelyard.server.rooms.runs.filters import matches, parse_filter
from steelyard.server.rooms.runs.order import NEWEST_FIRST, parse_order


def passes(condition, value):
    """Does a run pass whose `config.x` is `value`?"""
    return matches(parse_filter({"config.x": condition}), lambda _: value)


@pytest.mark.parametrize(
    ("condition", "matched", "unmatched"),
    [
        (1, [1, 1.0, [1, 2]], [2, True, "1", None, MISSING]),
        (True, [True], [1, "true", MISSING]),
        (None, [None, MISSING, [None]], [0, "", False]),
        ({"$ne": 1}, [2, "1", None, MISSING], [1, [1]]),
        ({"$gt": 1}, [2, math.inf], [1, math.nan, "2", True, None, MISSING]),
        ({"$lte": "b"}, ["a", "b", ""], ["c", 1, MISSING]),
        ({"$gt": 1, "$lt": 3}, [2], [1, 3, MISSING]),
        ({"$in": [1, "a", None]}, [1, "a", None, MISSING, ["a"]], ["b", True]),
        ({"$nin": [1]}, [2, MISSING], [1, [1, 2]]),
        ({"$exists": True}, [None, 0], [MISSING]),
        ({"$exists": False}, [MISSING], [None, 0]),
        ({"$regex": "^a.c"}, ["abcd", ["x", "aXc"]], ["xabc", 1, MISSING]),
        ({"$regex": "ABC", "$options": "i"}, ["xabc"], ["ab"]),
        ({"$not": {"$gt": 1}}, [1, "a", MISSING], [2]),
        ({"n": {"m": 1}}, [{"n": {"m": 1.0}}], [{"n": {"m": True}}, {"n": {}}]),
        ([1, 2], [[1, 2], [[1, 2], 3]], [[2, 1], 1]),
    ],
)
def test_conditions_match_as_mongodb_says(condition, matched, unmatched):
    assert [passes(condition, value) for value in matched] == [True] * len(matched)
    assert [passes(condition, value) for value in unmatched] == [False] * len(unmatched)


def test_groups_nest_and_neighbours_must_all_hold():
    values = {"config.a": 1, "state": "finished"}
    parsed = parse_filter(
        {
            "state": "finished",
            "$or": [{"config.a": 2}, {"$nor": [{"config.a": 3}, {"config.b": {"$exists": True}}]}],
            "$not": {"config.a": 5},
        }
    )
    assert matches(parsed, lambda field: values.get(field.name, MISSING))


def test_times_are_iso_8601_and_utc_unless_they_say():
    def created(text):
        return matches(parse_filter({"createdAt": text}), lambda _: 1_767_225_600_000_000)

    assert created("2026-01-01")
    assert created("2026-01-01T00:00:00Z")
    assert created("2026-01-01T02:00:00+02:00")
    assert not created("2026-01-01T00:00:00.000001")


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ([], "must be a JSON object"),
        ({"$where": "x"}, "cannot stand here"),
        ({"$or": []}, "at least one filter"),
        ({"$and": {}}, "needs a list"),
        ({"lr": 1}, "no field 'lr'"),
        ({"config.": 1}, "no field"),
        ({"config.a": {"$near": 1}}, "no operator we know"),
        ({"config.a": {"$gt": 1, "b": 2}}, "no operator we know"),
        ({"config.a": {"$gt": None}}, "needs a number or a text"),
        ({"config.a": {"$in": 1}}, "needs a list"),
        ({"config.a": {"$in": [0] * 10_001}}, "the limit is 10,000"),
        ({"config.a": {"$regex": 1}}, "needs a text"),
        ({"config.a": {"$regex": "("}}, "not a regular expression"),
        ({"config.a": {"$regex": "a", "$options": "x"}}, "ignore case"),
        ({"createdAt": "yesterday"}, "no time"),
        ({"createdAt": {"$gt": 5}}, "is a time"),
        ({"createdAt": {"$regex": "2026"}}, "compare it with"),
    ],
)
def test_what_is_no_filter_is_refused_with_the_reason(value, reason):
    with pytest.raises(Invalid, match=reason):
        parse_filter(value)


def test_filters_of_any_size_and_depth_are_bounded():
    deep: dict = {"config.a": 1}
    for _ in range(40):
        deep = {"$and": [deep]}
    with pytest.raises(Invalid, match="nested deeper"):
        parse_filter(deep)
    with pytest.raises(Invalid, match="more than 1000 conditions"):
        parse_filter({"$or": [{"config.a": i} for i in range(1001)]})


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("displayName", Field("column", ("display_name",))),
        ("created_at", Field("column", ("created_at",))),
        ("summary_metrics.a.b", Field("summary", ("a", "b"))),
        ("keys_info.keys.a.b", Field("key", ("a", "b"))),
    ],
)
def test_fields_are_known_by_every_spelling(path, field):
    assert parse_field(path) == field


def test_config_values_are_found_with_and_without_value():
    config = {
        "a.b": {"value": {"c": 1}},
        "a": {"value": {"b": {"d": 2}}},
        "v": {"value": {"value": 3}},
    }

    def find(path):
        return find_in_config(config, tuple(path.split(".")))

    assert find("a.b.c") == find("a.b.value.c") == 1
    assert find("a.b.d") == find("a.value.b.d") == 2
    assert find("v.value") == {"value": 3}
    assert find("v.value.value") == 3
    assert find("none") is MISSING


def test_keys_with_dots_win_over_nested_ones():
    assert find_nested({"a.b": 1, "a": {"b": 2}}, ("a", "b")) == 1
    assert find_nested({"a": {"b.c": 3}}, ("a", "b", "c")) == 3


def test_orders_are_signed_paths_and_newest_first_without_any():
    order = parse_order("+created_at, -summary_metrics.acc")
    assert [(part.field.name, part.is_descending) for part in order] == [
        ("created_at", False),
        ("summary.acc", True),
    ]
    assert parse_order("") == parse_order(None) == NEWEST_FIRST
    with pytest.raises(Invalid, match="8 fields"):
        parse_order(",".join(["name"] * 9))
