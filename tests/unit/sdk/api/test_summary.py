"""Summaries of runs on the server."""

from __future__ import annotations

from typing import Any

import pytest

from steelyard.sdk.api.summary import RunSummary


def make(values: dict[str, Any]) -> tuple[RunSummary, list[dict[str, Any]]]:
    sent: list[dict[str, Any]] = []
    return RunSummary(values, send=lambda whole: sent.append(dict(whole))), sent


def test_values_are_items_and_attributes() -> None:
    summary, _ = make({"acc": 0.5, "deep": {"a": {"b": 1}}})
    assert (summary["acc"], summary.acc, summary.get("no", 7)) == (0.5, 0.5, 7)
    assert summary["deep"]["a"].b == 1
    assert sorted(summary.keys()) == ["acc", "deep"]
    assert dict(summary.items())["acc"] == 0.5
    assert ("acc" in summary, "no" in summary, len(summary)) == (True, False, 2)
    with pytest.raises(KeyError):
        summary["no"]
    with pytest.raises(AttributeError, match="no"):
        _ = summary.no


def test_what_is_set_is_sent_by_update_and_only_then() -> None:
    summary, sent = make({"a": 1})
    summary["b"] = 2
    summary.c = {"d": 3}
    assert sent == []
    summary.update()
    assert sent == [{"a": 1, "b": 2, "c": {"d": 3}}]
    summary.update()
    assert len(sent) == 1
    summary["c"].update({"d": 4})
    assert sent[-1]["c"] == {"d": 4}
    del summary["a"]
    summary.update({"b": 5}, overwrite=False)
    assert sent[-1] == {"b": 2, "c": {"d": 4}}
    assert "a" not in sent[-1]
