"""define_metric: what it takes, and which definition holds."""

from __future__ import annotations

from typing import Any

import pytest

from steelyard.errors import Invalid, TooLarge
from steelyard.sdk import metric as metric_module
from steelyard.sdk.metric import Metric, MetricRules, parse_metric


def test_a_definition_says_what_was_given() -> None:
    metric = parse_metric(
        "train/*", step_metric="epoch", hidden=True, summary=" Min, max", goal="minimize"
    )
    assert metric == Metric(
        name="train/*",
        step_metric="epoch",
        step_sync=True,
        hidden=True,
        summary=("min", "max"),
        goal="minimize",
    )
    assert metric.is_glob
    assert parse_metric("a", step_metric=Metric(name="epoch")).step_metric == "epoch"
    assert parse_metric("a").step_sync is False
    assert parse_metric("a", step_metric="b", step_sync=False).step_sync is False


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("", {}, "name of a metric"),
        (5, {}, "name of a metric"),
        ("a*b", {}, "at the end"),
        ("a", {"summary": "median"}, "'median'; it knows min, max"),
        ("a", {"summary": ["min"]}, "text like"),
        ("a", {"step_metric": 3}, "step_metric"),
        ("a", {"step_sync": 1}, "step_sync"),
        ("a", {"hidden": "yes"}, "hidden"),
        ("a", {"goal": "up"}, "goal"),
    ],
)
def test_what_means_nothing_is_refused(name: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(Invalid, match=message):
        parse_metric(name, **options)


def test_the_exact_name_wins_over_globs_and_longer_globs_over_shorter_ones() -> None:
    rules = MetricRules()
    for name in ("*", "train/loss", "train/*", "train/deep/*"):
        rules.add(parse_metric(name, summary="max"))

    def found(key: str) -> str | None:
        metric = rules.find(key)
        return metric.name if metric else None

    assert found("train/loss") == "train/loss"
    assert found("train/acc") == "train/*"
    assert found("train/deep/x") == "train/deep/*"
    assert found("eval") == "*"
    assert found("_step") is None


def test_a_glob_does_not_take_its_own_step_metric() -> None:
    rules = MetricRules()
    rules.add(parse_metric("*", step_metric="epoch"))
    assert rules.find("epoch") is None
    assert rules.list_missing_steps({"loss": 1, "acc": 2}) == ["epoch"]
    assert rules.list_missing_steps({"loss": 1, "epoch": 2}) == []
    assert rules.list_missing_steps({"epoch": 2}) == []


def test_definitions_of_one_name_are_merged_unless_overwritten() -> None:
    rules = MetricRules()
    rules.add(parse_metric("a", step_metric="epoch", summary="max"))
    merged = rules.add(parse_metric("a", hidden=True))
    assert (merged.step_metric, merged.step_sync, merged.summary) == ("epoch", True, ("max",))
    assert merged.hidden is True
    assert rules.add(parse_metric("a", hidden=True), overwrite=True).step_metric is None
    assert not rules.has_summaries
    assert not rules.has_synced_steps


def test_a_later_definition_holds_for_keys_seen_before() -> None:
    rules = MetricRules()
    assert rules.find("a") is None
    rules.add(parse_metric("a", summary="min"))
    assert rules.find("a") is not None


def test_definitions_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metric_module, "METRIC_DEFINITIONS_MAX", 3)
    rules = MetricRules()
    for number in range(3):
        rules.add(parse_metric(f"m{number}"))
    rules.add(parse_metric("m1", hidden=True))
    with pytest.raises(TooLarge, match="METRIC_DEFINITIONS_MAX"):
        rules.add(parse_metric("m3"))
