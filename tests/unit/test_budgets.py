"""Every budget names something that its bench measures."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from bench.__main__ import NAMES, look_up, report

BENCH = Path(__file__).resolve().parents[2] / "bench"
BUDGETS = tomllib.loads((BENCH / "budgets.toml").read_text())["budget"]
RESULTS = {"runs": "results-sqlite.json"}


@pytest.mark.parametrize("budget", BUDGETS, ids=lambda budget: "/".join(budget["path"]))
def test_a_budget_is_about_a_measured_number_and_kept_in_the_published_results(
    budget: dict[str, Any],
) -> None:
    name = budget["bench"]
    assert name in NAMES
    results = json.loads((BENCH / name / RESULTS.get(name, "results.json")).read_text())
    assert report(budget, results)


def test_a_missed_budget_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert not report({"bench": "x", "path": ["a"], "most": 1}, {"a": 2})
    assert not report({"bench": "x", "path": ["a"], "least": 3}, {"a": 2})
    assert capsys.readouterr().out.count("MISSED") == 2


def test_entries_of_lists_are_found_by_what_they_are() -> None:
    assert (
        look_up(
            {"measured": [{"what": "p", "ms": 1}, {"what": "q", "ms": 2}]}, ["measured", "q", "ms"]
        )
        == 2
    )
