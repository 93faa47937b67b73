"""Configurations for agents that ask together."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from steelyard.search import read_config
from steelyard.search.batch import suggest_batch
from steelyard.search.problem import Problem
from steelyard.search.suggest import suggest
from steelyard.search.trials import Exhausted, Suggestion, Trial

SPACE = """
metric: {name: loss, goal: minimize}
parameters:
  x: {min: 0.0, max: 1.0}
  y: {min: 0, max: 40}
  kind: {values: [a, b, c]}
"""


def problem_of(text: str) -> Problem:
    problem, _ = read_config(text)
    assert problem is not None
    return problem


def loss_of(config: dict[str, Any]) -> float:
    return float((config["x"] - 0.3) ** 2 + abs(config["y"] - 20) / 40 + (config["kind"] != "b"))


def tried(problem: Problem, count: int) -> list[Trial]:
    rng = np.random.default_rng(3)
    trials = []
    for number in range(count):
        config = problem.space.sample(rng)
        trials.append(
            Trial(id=str(number), config=config, state="finished", values=(loss_of(config),))
        )
    return trials


@pytest.mark.parametrize("method", ["bayes", "random", "grid"])
def test_a_batch_begins_as_a_suggestion_alone_and_repeats_nothing(method: str) -> None:
    text = SPACE if method != "grid" else SPACE.replace("min: 0.0, max: 1.0", "values: [0, 0.3]")
    problem = problem_of(f"method: {method}\n{text}")
    trials = tried(problem, 12)
    found = suggest_batch(problem, trials, seed=1, count=20)
    assert found == suggest_batch(problem, trials, seed=1, count=20)
    assert found[0] == suggest(problem, trials, seed=1)
    suggestions = [each for each in found if isinstance(each, Suggestion)]
    assert len(suggestions) == 20
    known = {problem.space.key_of(trial.config) for trial in trials}
    keys = [problem.space.key_of(each.config) for each in suggestions]
    assert len(set(keys)) == 20
    assert method == "random" or not known & set(keys)
    assert all("together with 19 others" in each.reason for each in suggestions[1:])
    assert "together" not in suggestions[0].reason


def test_a_batch_is_about_as_good_as_suggestions_one_by_one() -> None:
    problem = problem_of("method: bayes\n" + SPACE)
    trials = tried(problem, 25)
    together = suggest_batch(problem, trials, seed=1, count=12)
    values = [loss_of(each.config) for each in together if isinstance(each, Suggestion)]
    at_random = [loss_of(problem.space.sample(np.random.default_rng(i))) for i in range(200)]
    assert np.median(values) < np.quantile(at_random, 0.15)


def test_a_batch_ends_with_the_space() -> None:
    problem = problem_of(
        "method: bayes\nmetric: {name: loss}\nparameters: {x: {values: [1, 2, 3, 4, 5]}}\n"
    )
    found = suggest_batch(problem, [], seed=1, count=9)
    assert sorted(each.config["x"] for each in found if isinstance(each, Suggestion)) == [
        1, 2, 3, 4, 5
    ]  # fmt: skip
    done = [
        Trial(id=str(at), config=each.config, state="finished", values=(1.0,))
        for at, each in enumerate(found)
        if isinstance(each, Suggestion)
    ]
    [nothing] = suggest_batch(problem, done, seed=1, count=9)
    assert isinstance(nothing, Exhausted)
