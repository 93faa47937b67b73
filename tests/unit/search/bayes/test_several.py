"""Several metrics, outcome constraints and cost."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from steelyard.search.bayes.outcomes import slack
from steelyard.search.bayes.several import area_gained, on_front
from steelyard.search.expression import parse
from steelyard.search.problem import Metric
from steelyard.search.trials import Trial
from tests.support.search_problems import finished, next_of, problem, search, uniform

SPACE = tuple(uniform(f"x{i}") for i in range(4))


def two(config: dict[str, Any]) -> tuple[float, float]:
    """ZDT1: the front is where all but x0 are 0."""
    rest = 1 + 9 * sum(config[f"x{i}"] for i in (1, 2, 3)) / 3
    return config["x0"], rest * (1 - (config["x0"] / rest) ** 0.5)


def area(losses: np.ndarray) -> float:
    """What the front dominates below (1, 10)."""
    corner, area = np.array([1.0, 10.0]), 0.0
    for i, point in enumerate(losses):
        front = losses[:i][on_front(losses[:i])]
        area += float(area_gained(point[None], front.reshape(-1, 2), corner)[0])
    return area


def test_the_front_of_two_metrics_is_found_with_fewer_runs_than_by_chance() -> None:
    task = problem(*SPACE, metrics=[Metric(name="a"), Metric(name="b")])
    found = np.array([trial.values for trial in search(task, two, 24)])
    rng = np.random.default_rng(0)
    by_chance = np.array([two(task.space.sample(rng)) for _ in range(96)])
    assert area(found) > area(by_chance)
    assert "a = " in (reason := next_of(task, search(task, two, 9)).reason)
    assert "b = " in reason


def test_thousands_of_results_of_two_metrics_are_no_trouble() -> None:
    task = problem(*SPACE, metrics=[Metric(name="a"), Metric(name="b")])
    rng = np.random.default_rng(0)
    configs = [task.space.sample(rng) for _ in range(5000)]
    trials = [finished(i, config, *two(config)) for i, config in enumerate(configs)]
    config = next_of(task, trials).config
    assert config["x1"] + config["x2"] + config["x3"] < 0.6


def test_three_metrics_are_all_improved() -> None:
    task = problem(
        *SPACE, metrics=[Metric(name="a"), Metric(name="b", goal="maximize"), Metric(name="c")]
    )

    def run(config: dict[str, Any]) -> tuple[float, float, float]:
        x = [config[f"x{i}"] for i in range(4)]
        return x[0] + x[3], -((x[1] - 0.5) ** 2) - x[3], abs(x[2] - 0.2) + x[3]

    found = search(task, run, 24)
    late = np.median([trial.config["x3"] for trial in found[12:]])
    assert late < 0.2


def test_an_outcome_constraint_is_learned() -> None:
    """The loss falls with x0, and the memory that it takes grows beyond what there is."""
    task = problem(*SPACE, constraints=["memory_gb <= 6"])

    def run(config: dict[str, Any]) -> Trial:
        outcomes = {"memory_gb": 10 * config["x0"]}
        values = (1 - config["x0"] + config["x1"],)
        return Trial(id="", config=config, state="finished", values=values, outcomes=outcomes)

    trials = search(task, run, 26)
    kept = [trial for trial in trials if trial.outcomes["memory_gb"] <= 6]
    assert len([trial for trial in kept if trial in trials[14:]]) >= 7
    assert min(trial.values[0] for trial in kept if trial.values[0] is not None) < 0.6


def test_a_search_with_no_run_that_keeps_the_constraint_looks_for_one() -> None:
    task = problem(*SPACE, constraints=["memory_gb <= 1"])

    def run(config: dict[str, Any]) -> Trial:
        outcomes = {"memory_gb": 20 * config["x0"] + 10 * config["x1"]}
        return Trial(
            id="", config=config, state="finished", values=(config["x2"],), outcomes=outcomes
        )

    trials = search(task, run, 25)
    assert any(trial.outcomes["memory_gb"] <= 1 for trial in trials)


def test_with_a_cost_cheap_runs_are_preferred_where_they_are_as_good() -> None:
    def seconds(config: dict[str, Any]) -> float:
        return float(np.exp(6 * config["x0"]))

    def run(config: dict[str, Any]) -> Trial:
        value = sum((config[f"x{i}"] - 0.5) ** 2 for i in (1, 2, 3))
        return Trial(
            id="", config=config, state="finished", values=(value,), seconds=seconds(config)
        )

    spent = [
        sum(seconds(trial.config) for trial in search(problem(*SPACE, cost=cost), run, 24)[8:])
        for cost in ("seconds", None)
    ]
    assert spent[0] < 0.5 * spent[1]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a <= 2", 0.5),
        ("a > 2", -0.5),
        ("0 < a < 2", 0.5),
        ("a <= 2 and b <= 1", -2.0),
        ("a <= 2 or b <= 1", 0.5),
        ("not a <= 2", -0.5),
        ("b == 3", 1.0),
        ("a <= missing", None),
    ],
)
def test_the_slack_of_a_constraint_is_how_far_it_is_kept(text: str, expected: float) -> None:
    assert slack(parse(text).root, {"a": 1.5, "b": 3.0}) == expected
