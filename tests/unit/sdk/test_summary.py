"""The summary: what rows come to, and what users set in it."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.errors import Invalid
from steelyard.sdk import summary as summary_module
from steelyard.sdk.metric import MetricRules, parse_metric
from steelyard.sdk.summary import Summary, SummaryTracker


def track(rows: list[dict[str, Any]], **rules: str) -> dict[str, Any]:
    known = MetricRules()
    for name, text in rules.items():
        rule, _, goal = text.partition(":")
        known.add(parse_metric(name, summary=rule, goal=goal or None))
    tracker = SummaryTracker(known)
    for row in rows:
        tracker.follow(row)
    return tracker.values


def test_without_rules_the_last_value_stands() -> None:
    rows: list[dict[str, Any]] = [
        {"a": 1, "n": {"x": 1, "y": {"z": 1}}},
        {"a": 2, "n": {"y": {"w": 2}}, "h": {"_type": "histogram", "values": [1]}},
        {"n": {"x": 5}, "h": {"_type": "histogram", "bins": [2]}},
    ]
    assert track(rows) == {
        "a": 2,
        "n": {"x": 5, "y": {"z": 1, "w": 2}},
        "h": {"_type": "histogram", "bins": [2]},
    }


def test_a_number_may_become_a_map_and_back() -> None:
    assert track([{"a": 1}, {"a": {"b": 2}}]) == {"a": {"b": 2}}
    assert track([{"a": {"b": 2}}, {"a": 1}]) == {"a": 1}


@given(st.lists(st.floats(-1e9, 1e9) | st.integers(-100, 100), min_size=1))
def test_rules_answer_what_python_says(values: list[float]) -> None:
    found = track([{"a": value} for value in values], a="min,max,mean,first,last")["a"]
    assert found == {
        "min": min(values),
        "max": max(values),
        "mean": pytest.approx(math.fsum(values) / len(values), rel=1e-6, abs=1e-6),
        "first": values[0],
        "last": values[-1],
    }


def test_nan_is_neither_least_nor_greatest_unless_there_is_nothing_else() -> None:
    rows = [{"a": value} for value in (math.nan, 3, 1, math.nan, 2)]
    found = track(rows, a="min,max")["a"]
    assert (found["min"], found["max"]) == (1, 3)
    assert math.isnan(track(rows[:1], a="max")["a"]["max"])


def test_best_follows_the_goal() -> None:
    rows = [{"a": value} for value in (2, 5, 1)]
    assert track(rows, a="best:maximize") == {"a": {"best": 5}}
    assert track(rows, a="best") == {"a": {"best": 1}}


def test_none_keeps_a_metric_out_and_copy_keeps_it_plain() -> None:
    assert track([{"a": 1, "b": 2}], a="none") == {"b": 2}
    assert track([{"a": 1, "b": 2}], a="max,none") == {"b": 2}
    assert track([{"a": 1}, {"a": 2}], a="copy") == {"a": 2}
    assert track([{"a": "text"}], a="max") == {"a": "text"}


def test_rules_reach_into_nested_maps_by_dotted_name() -> None:
    rows = [{"n": {"x": 1, "y": 1}}, {"n": {"x": 5, "y": 5}}, {"n": {"x": 2, "y": 2}}]
    assert track(rows, **{"n.x": "max"}) == {"n": {"x": {"max": 5}, "y": 2}}
    assert track(rows, **{"n.*": "min"}) == {"n": {"x": {"min": 1}, "y": {"min": 1}}}


def test_keys_are_bounded_and_known_ones_still_follow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(summary_module, "SUMMARY_KEYS_MAX", 10)
    tracker = SummaryTracker(MetricRules())
    for number in range(50):
        tracker.follow({"loss": number, f"key{number}": number})
    assert len(tracker.values) == 10
    assert tracker.values["loss"] == 49
    assert tracker.is_cut


def test_a_metric_set_by_hand_is_its_last_value_until_it_is_defined_anew() -> None:
    rules = MetricRules()
    rules.add(parse_metric("a", summary="max"))
    tracker = SummaryTracker(rules)
    tracker.follow({"a": 5})
    tracker.set({"a": 77}, [])
    assert tracker.values == {"a": 77}
    tracker.follow({"a": 3})
    assert tracker.values == {"a": 3}
    tracker.define("a")
    tracker.follow({"a": 4})
    assert tracker.values == {"a": {"max": 5}}


class Written:
    """A summary that keeps what is set in it."""

    def __init__(self, **values: Any) -> None:
        self.values = values
        self.said: list[tuple[dict[str, Any], list[str]]] = []
        self.summary = Summary(lambda: self.values, self.write)

    def write(self, changed: dict[str, Any], removed: list[str]) -> None:
        self.said.append((changed, removed))
        self.values.update(changed)
        for key in removed:
            self.values.pop(key)


def test_values_are_set_as_items_attributes_and_by_update() -> None:
    it = Written(loss=1.0)
    it.summary["best"] = 0.5
    it.summary.epoch = 3
    it.summary.update({"a": 1}, b=2)
    assert it.said == [({"best": 0.5}, []), ({"epoch": 3}, []), ({"a": 1, "b": 2}, [])]
    assert it.summary["best"] == it.summary.best == it.summary.get("best") == 0.5
    assert it.summary.get("none", 7) == 7
    assert it.summary == {"loss": 1.0, "best": 0.5, "epoch": 3, "a": 1, "b": 2}
    assert dict(it.summary.items()) == dict(it.values)
    assert [*it.summary] == it.summary.keys() == ["loss", "best", "epoch", "a", "b"]
    assert len(it.summary) == 5
    assert "loss" in it.summary
    assert repr(it.summary) == repr(it.values)


def test_what_is_not_there_is_said_the_way_python_does() -> None:
    it = Written(loss=1.0)
    with pytest.raises(KeyError):
        it.summary["nope"]
    with pytest.raises(KeyError):
        del it.summary["nope"]
    assert not hasattr(it.summary, "nope")
    with pytest.raises(AttributeError, match="'nope'; it has"):
        _ = it.summary.nope


def test_values_are_removed() -> None:
    it = Written(a=1, b=2)
    del it.summary["a"]
    del it.summary.b
    assert it.said == [({}, ["a"]), ({}, ["b"])]


def test_setting_in_a_nested_map_sets_the_whole_key() -> None:
    it = Written(n={"x": {"y": 1}, "z": 2})
    it.summary["n"]["x"]["w"] = 5
    assert it.said == [({"n": {"x": {"y": 1, "w": 5}, "z": 2}}, [])]
    it.summary.n.q = 1
    del it.summary["n"]["z"]
    assert it.values == {"n": {"x": {"y": 1, "w": 5}, "q": 1}}
    assert it.summary["n"]["x"] == {"y": 1, "w": 5}


def test_keys_that_are_no_text_and_values_that_are_nothing_are_refused() -> None:
    it = Written()
    with pytest.raises(Invalid, match="text"):
        it.summary[5] = 1  # type: ignore[index]
    with pytest.raises(Invalid, match="'a'"):
        it.summary["a"] = object()
    with pytest.raises(Invalid, match="dict"):
        it.summary.update([("a", 1)])  # type: ignore[arg-type]
    assert it.said == []
