"""The rules of our own: asha, median and predictive."""

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.search.problem import EarlyTerminate, Metric, Problem
from steelyard.search.space import Space
from steelyard.search.stopping import Curve, Decision, brackets, decide, list_rungs

RULES = ["hyperband", "asha", "median", "predictive"]
STATES = ["pending", "running", "finished", "failed", "stopped"]


def make_problem(kind: str, goal: str = "minimize", **rule: Any) -> Problem:
    metric = Metric(name="m", goal=goal)  # type: ignore[arg-type]
    early = EarlyTerminate(type=kind, **rule)  # type: ignore[arg-type]
    return Problem(
        method="random", space=Space(parameters=()), metrics=(metric,), early_terminate=early
    )


def make_curve(name: str, values: list[Any], state: str = "running") -> Curve:
    return Curve(id=name, values=values, state=state)  # type: ignore[arg-type]


def stopped(problem: Problem, curves: list[Curve]) -> list[str]:
    return [decision.id for decision in decide(problem, curves)]


def test_asha_keeps_the_best_third_of_a_rung() -> None:
    curves = [make_curve(str(place), [float(place)]) for place in range(9)]
    problem = make_problem("asha", min_iter=1)
    assert stopped(problem, curves) == ["4", "5", "6", "7", "8"]
    assert stopped(make_problem("asha", goal="maximize", min_iter=1), curves) == list("01234")
    (decision, *_) = decide(problem, curves)
    assert (decision.bracket, decision.value, decision.threshold) == (1, 4.0, 3.0)
    assert decision.reason == (
        "asha, rung 1: its best value in the first 1 iterations is 4, above 3, the bound of the "
        "best 1 in 3 of 9 runs that got there"
    )


def test_asha_judges_by_the_best_value_up_to_the_rung() -> None:
    curves = [
        make_curve("fell", [1.0, 0.1, 5.0]),
        make_curve("late", [1.0, 1.0, 1.0, 0.0]),
        make_curve("even", [1.0, 0.5, 0.4]),
    ]
    assert stopped(make_problem("asha", min_iter=3), curves) == ["late"]


@pytest.mark.parametrize(
    ("rule", "rungs"),
    [
        ({}, [3, 9, 27, 81]),
        ({"min_iter": 1}, [1, 3, 9, 27]),
        ({"min_iter": 4, "eta": 2}, [4, 8, 16, 32]),
        ({"max_iter": 20}, [3, 9]),
        ({"max_iter": 9, "min_iter": 3}, [3]),
        ({"max_iter": 27, "s": 2}, [3, 9]),
        ({"eta": 1.0}, []),
    ],
)
def test_the_rungs_of_asha(rule: dict[str, Any], rungs: list[int]) -> None:
    assert brackets(make_problem("asha", **rule))[:4] == rungs


def test_the_page_shows_reached_rungs_and_the_next() -> None:
    curves = [make_curve("a", [3.0, 2.0, 1.0]), make_curve("b", [1.0]), make_curve("c", [2.0])]
    rungs = list_rungs(make_problem("asha", goal="maximize", min_iter=1), curves)
    assert [(r.iteration, r.threshold, r.reached, r.passed) for r in rungs] == [
        (1, 2.0, 3, 2),
        (3, 3.0, 1, 1),
        (9, None, 0, 0),
    ]
    assert list_rungs(make_problem("median"), curves) == []


def test_median_waits_for_enough_ended_runs_and_iterations() -> None:
    ended = [make_curve(str(n), [1.0, 0.9, 0.8, 0.7 + n / 10], "finished") for n in range(5)]
    bad = make_curve("bad", [2.0, 2.0, 2.0, 2.0])
    good = make_curve("good", [2.0, 2.0, 2.0, 0.1])
    young = make_curve("young", [2.0, 2.0, 2.0])
    problem = make_problem("median")
    assert stopped(problem, [*ended, bad, good, young]) == ["bad"]
    assert stopped(problem, [*ended[:4], bad]) == []
    assert stopped(make_problem("median", min_trials=4, warmup=0), [*ended[:4], young]) == ["young"]
    assert brackets(problem) == [4]
    (decision,) = decide(problem, [*ended, bad])
    assert decision.reason == (
        "median: after 4 iterations its best value is 2, above 0.8, the median of the 5 ended runs "
        "that got as far"
    )


def make_learning(count: int, seed: int, length: int = 30) -> list[list[float]]:
    """Losses that fall to levels of their own, with a little noise."""
    rng = np.random.default_rng(seed)
    steps = np.arange(1, length + 1)
    curves = []
    for level, rate in zip(rng.uniform(0, 1, count), rng.uniform(0.3, 1.0, count), strict=True):
        clean = level + (2.0 - level) * steps**-rate
        curves.append((clean + rng.normal(scale=0.01, size=length)).tolist())
    return curves


def test_predictive_stops_what_will_not_win_and_says_how_likely_it_was() -> None:
    finished = [
        make_curve(str(place), values, "finished")
        for place, values in enumerate(make_learning(12, seed=1))
    ]
    best = min(min(curve.values) for curve in finished)
    hopeless = make_curve("hopeless", [5.0 - 0.01 * step for step in range(10)])
    leading = make_curve("leading", [best - 0.1] * 10)
    problem = make_problem("predictive")
    (decision,) = decide(problem, [*finished, hopeless, leading])
    assert decision.id == "hopeless"
    assert decision.chance is not None and decision.chance < 0.05
    assert decision.threshold == best - 0.1
    assert "to beat the best so far" in decision.reason
    assert "(from 12 finished runs)" in decision.reason


def test_predictive_waits_for_finished_runs_and_lets_nearly_finished_ones_end() -> None:
    curves = [
        make_curve(str(n), values, "finished") for n, values in enumerate(make_learning(9, 2))
    ]
    early = make_curve("early", [9.0, 9.0])
    late = make_curve("late", [9.0] * 29)
    bad = make_curve("bad", [9.0] * 10)
    problem = make_problem("predictive")
    assert stopped(problem, [*curves, early, late, bad]) == ["bad"]
    assert stopped(problem, [*curves[:3], bad]) == []
    assert stopped(make_problem("predictive", min_trials=10), [*curves, bad]) == []
    assert stopped(make_problem("predictive", warmup=20), [*curves, bad]) == []
    assert brackets(problem) == [3]


def test_more_confidence_stops_no_more_runs() -> None:
    learned = make_learning(40, seed=3)
    finished = [make_curve(str(n), values, "finished") for n, values in enumerate(learned[:20])]
    running = [make_curve(f"r{n}", values[:8]) for n, values in enumerate(learned[20:])]
    found = [
        set(stopped(make_problem("predictive", confidence=sure), [*finished, *running]))
        for sure in (0.6, 0.8, 0.95, 0.999)
    ]
    assert all(more >= fewer for more, fewer in itertools.pairwise(found))
    assert len(found[0]) > len(found[-1])


@given(scale=st.sampled_from([1e-9, 0.1, 3.0, 1e6]), shift=st.sampled_from([-5.0, 0.0, 7.0]))
def test_predictions_do_not_depend_on_the_unit(scale: float, shift: float) -> None:
    learned = make_learning(30, seed=4)

    def turned(factor: float, offset: float, sign: float) -> list[Curve]:
        return [
            make_curve(
                str(n),
                [
                    sign * (value * factor + offset * factor)
                    for value in values[: 30 if n < 15 else 9]
                ],
                "finished" if n < 15 else "running",
            )
            for n, values in enumerate(learned)
        ]

    plain = stopped(make_problem("predictive", confidence=0.8), turned(1.0, 0.0, 1.0))
    assert plain
    minimised = make_problem("predictive", confidence=0.8)
    maximised = make_problem("predictive", goal="maximize", confidence=0.8)
    assert stopped(minimised, turned(scale, shift, 1.0)) == plain
    assert stopped(maximised, turned(scale, shift, -1.0)) == plain


def test_finished_runs_that_are_alike_are_no_reason_to_divide_by_zero() -> None:
    curves = [make_curve(str(n), [1.0] * 20, "finished") for n in range(6)]
    assert stopped(make_problem("predictive"), [*curves, make_curve("same", [1.0] * 5)]) == []
    assert stopped(make_problem("predictive"), [*curves, make_curve("bad", [2.0] * 5)]) == ["bad"]


VALUES = st.one_of(
    st.floats(-1e300, 1e300), st.sampled_from([math.nan, math.inf, None, True, "x", 10**400, 0, 1])
)


@given(
    kind=st.sampled_from(RULES),
    goal=st.sampled_from(["minimize", "maximize"]),
    rule=st.fixed_dictionaries(
        {},
        optional={
            "min_iter": st.integers(1, 4),
            "max_iter": st.integers(1, 30),
            "s": st.integers(0, 4),
            "eta": st.sampled_from([1.5, 2.0, 3.0, 10.0]),
            "warmup": st.integers(0, 3),
            "min_trials": st.integers(0, 4),
        },
    ),
    runs=st.lists(st.tuples(st.lists(VALUES, max_size=12), st.sampled_from(STATES)), max_size=10),
)
def test_only_running_runs_are_stopped_each_with_its_reason(
    kind: str, goal: str, rule: dict[str, Any], runs: list[tuple[list[Any], str]]
) -> None:
    curves = [make_curve(str(n), values, state) for n, (values, state) in enumerate(runs)]
    problem = make_problem(kind, goal, strict=False, **rule)
    found = decide(problem, curves)
    running = [curve.id for curve in curves if curve.state == "running"]
    assert [d.id for d in found] == [name for name in running if name in {d.id for d in found}]
    assert all(is_explained(decision, kind, goal) for decision in found)
    assert decide(problem, curves) == found
    for rung in list_rungs(problem, curves):
        assert 0 <= rung.passed <= rung.reached <= len(curves)


def is_explained(decision: Decision, kind: str, goal: str) -> bool:
    worse = decision.value < decision.threshold
    if goal == "minimize":
        worse = decision.value > decision.threshold
    return (
        decision.reason.startswith(kind)
        and decision.iteration >= 1
        and decision.compared >= 1
        and (worse or kind == "predictive")
    )


@pytest.mark.parametrize("kind", RULES)
def test_no_curves_no_decisions(kind: str) -> None:
    assert decide(make_problem(kind, min_iter=1), []) == []
    assert decide(make_problem(kind, min_iter=1), [make_curve("a", [])]) == []
