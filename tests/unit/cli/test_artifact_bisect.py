"""Versions in a row on a command line: where a metric got worse."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.cli.artifact_bisect import check_metric, find_worst, print_steps
from steelyard.errors import UsageError

deltas = st.lists(st.none() | st.integers(-9, 9), max_size=8)


def step(index: int, delta: float | None) -> dict[str, Any]:
    return {
        "version": {"version": f"v{index}", "aliases": [], "created_by_run": {"name": "r"}},
        "before": f"v{index - 1}" if index else None,
        "value": None if delta is None else delta + 1,
        "delta": delta,
        "causes": {"inputs": 1, "config": 0, "code": 2, "environment": 0} if index else None,
    }


@given(given_deltas=deltas, goal=st.sampled_from([None, "max", "min"]))
def test_the_worst_step_is_the_one_furthest_from_the_goal(
    given_deltas: list[float | None], goal: str | None
) -> None:
    found = find_worst([step(i, delta) for i, delta in enumerate(given_deltas)], goal)
    sign = {"max": -1, "min": 1}.get(goal or "")
    harms = [abs(d) if sign is None else sign * d for d in given_deltas if d is not None]
    worst = max((harm for harm in harms if harm > 0), default=None)
    if found is None:
        assert worst is None
    else:
        delta = found["delta"]
        assert (abs(delta) if sign is None else sign * delta) == worst


def test_steps_are_a_table_and_the_worst_a_line_beside_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_steps("model", "acc", [step(2, -0.5), step(1, 0.25), step(0, None)], "max")
    told = capsys.readouterr()
    assert told.out.splitlines() == [
        "VERSION\tALIASES\tacc\tCHANGE\tDATA\tCONFIG\tCODE\tENVIRONMENT\tRUN",
        "v2\t\t0.5\t-0.5\t1\t0\t2\t0\tr",
        "v1\t\t1.25\t+0.25\t1\t0\t2\t0\tr",
        "v0\t\t\t\t\t\t\t\tr",
    ]
    assert "got worst from v1 to v2: acc -0.5" in told.err
    assert "steelyard diff model:v1 v2" in told.err


def test_a_metric_that_no_run_has_is_answered_with_those_there_are() -> None:
    check_metric("acc", ["acc"], "model")
    with pytest.raises(UsageError, match=r"did you mean 'accuracy'\? .*there are accuracy, loss"):
        check_metric("acuracy", ["accuracy", "loss"], "model")
    with pytest.raises(UsageError, match=r"choose a metric: --metric KEY .there are loss"):
        check_metric(None, ["loss"], "model")
    with pytest.raises(UsageError, match="no run behind the newest versions of model"):
        check_metric("loss", [], "model")
