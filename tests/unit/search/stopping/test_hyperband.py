"""Our `hyperband` against the decisions that W&B's published package makes on the same curves."""

import json
from pathlib import Path
from typing import Any

import pytest

from steelyard.search.problem import EarlyTerminate, Metric, Problem
from steelyard.search.space import Space
from steelyard.search.stopping import Curve, brackets, decide, list_rungs

# Made by bench/search/record_hyperband.py: 350 cases, the curves of 150 real networks among them.
RECORDED = json.loads((Path(__file__).parent / "wandb_hyperband.json").read_text())
STATES = {"killed": "stopped", "crashed": "failed"}


def make_problem(goal: str | None = None, **rule: Any) -> Problem:
    metric = Metric(name="m") if goal is None else Metric(name="m", goal=goal)  # type: ignore[arg-type]
    early = EarlyTerminate(**{"type": "hyperband", **rule})
    return Problem(
        method="random", space=Space(parameters=()), metrics=(metric,), early_terminate=early
    )


def make_curves(runs: list[list[Any]]) -> list[Curve]:
    curves = []
    for place, (state, *what) in enumerate(runs):
        values = what[0] if len(what) == 1 else RECORDED["curves"][what[0]][: what[1]]
        curves.append(Curve(id=str(place), values=values, state=STATES.get(state, state)))
    return curves


def make_case(case: dict[str, Any]) -> tuple[Problem, list[Curve]]:
    return make_problem(case["goal"], **case["rule"]), make_curves(case["runs"])


@pytest.mark.parametrize("number", range(len(RECORDED["cases"])))
def test_every_recorded_decision_is_made_again(number: int) -> None:
    case = RECORDED["cases"][number]
    problem, curves = make_case(case)
    assert [int(decision.id) for decision in decide(problem, curves)] == case["stopped"]


@pytest.mark.parametrize("number", range(len(RECORDED["cases"])))
def test_every_recorded_threshold_is_on_the_page(number: int) -> None:
    case = RECORDED["cases"][number]
    problem, curves = make_case(case)
    sign = -1 if case["goal"] == "maximize" else 1
    shown = [
        [rung.iteration, sign * rung.threshold]
        for rung in list_rungs(problem, curves)
        if rung.threshold is not None
    ]
    assert case["thresholds"] in (shown, None)
    for decision in decide(problem, curves):
        assert [decision.bracket, sign * decision.threshold] in shown


def test_the_recording_holds_what_it_should() -> None:
    cases = RECORDED["cases"]
    assert len(cases) >= 300
    assert sum(len(case["stopped"]) for case in cases) >= 300
    assert {case["goal"] for case in cases} == {"minimize", "maximize", None}
    assert {case["rule"].get("strict") for case in cases} == {True, False, None}


def test_the_brackets_of_min_iter_5_are_5_15_45() -> None:
    assert brackets(make_problem(min_iter=5))[:4] == [5, 15, 45, 135]


def test_the_brackets_of_max_iter_are_counted_down() -> None:
    assert brackets(make_problem(max_iter=27, s=2)) == [3, 9]
    assert brackets(make_problem(max_iter=27, s=9)) == [1, 3, 9]
    assert brackets(make_problem(max_iter=27, s=2, min_iter=5)) == [3, 9]


@pytest.mark.parametrize(
    "rule",
    [{}, {"max_iter": 2, "s": 3}, {"max_iter": 9, "s": 0}, {"min_iter": 1, "eta": 1}],
)
def test_a_rule_without_brackets_stops_nothing(rule: dict[str, Any]) -> None:
    problem = make_problem(**rule)
    assert brackets(problem) == []
    curves = [
        Curve(id="a", values=[0.0] * 9, state="running"),
        Curve(id="b", values=[1.0] * 9, state="running"),
    ]
    assert decide(problem, curves) == []
    assert list_rungs(problem, curves) == []


def test_a_decision_explains_itself() -> None:
    problem = make_problem(goal="maximize", min_iter=2)
    curves = [
        Curve(id="good", values=[0.5, 0.9], state="finished"),
        Curve(id="bad", values=[0.2, 0.3], state="running"),
    ]
    (decision,) = decide(problem, curves)
    assert (decision.id, decision.bracket, decision.value, decision.threshold) == (
        "bad",
        2,
        0.3,
        0.9,
    )
    assert decision.reason == (
        "hyperband, bracket 2: its value at iteration 2 is 0.3, below 0.9, "
        "the bound of the best 33% of 2 runs that got there"
    )


def test_without_a_rule_or_a_metric_nothing_is_stopped() -> None:
    curves = make_curves([["running", [1.0, 2.0]], ["running", [0.0, 0.0]]])
    assert decide(Problem(method="random", space=Space(parameters=())), curves) == []
    bare = Problem(
        method="random",
        space=Space(parameters=()),
        early_terminate=EarlyTerminate(type="hyperband", min_iter=1),
    )
    assert decide(bare, curves) == []
    assert brackets(bare) == []
    assert list_rungs(bare, curves) == []
