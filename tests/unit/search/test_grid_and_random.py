"""`method: grid` and `method: random`: every configuration once, and an end."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.errors import Infeasible
from steelyard.limits import SEARCH_GRID_SKIPPED_MAX
from steelyard.search import Exhausted, Suggestion, Trial, read_config, suggest
from steelyard.search.problem import Problem


def problem_of(method: str, parameters: dict[str, Any], **more: Any) -> Problem:
    problem, found = read_config({"method": method, "parameters": parameters, **more})
    assert problem is not None, found
    return problem


def run_through(problem: Problem, *, most: int = 100, seed: int = 7) -> tuple[list[Any], str]:
    """All suggestions up to the end, nested, and why it is the end."""
    trials: list[Trial] = []
    for _ in range(most):
        step = suggest(problem, trials, seed=seed)
        if isinstance(step, Exhausted):
            return [problem.space.nest(trial.config) for trial in trials], step.reason
        trials.append(Trial(id=str(len(trials)), config=step.config, state="running"))
    return [problem.space.nest(trial.config) for trial in trials], ""


def test_the_sample_with_two_learning_rates_has_two_runs() -> None:
    problem = problem_of(
        "grid",
        {"learning_rate": {"values": [0.1, 0.01]}},
        program="wandb_sweep.py",
        metric={"goal": "maximize", "name": "Validation Accuracy"},
    )
    runs, reason = run_through(problem)
    assert runs == [{"learning_rate": 0.1}, {"learning_rate": 0.01}]
    assert reason == "all 2 points of the grid were tried"


def test_a_grid_goes_on_where_it_stands_and_fills_gaps_last() -> None:
    problem = problem_of("grid", {"a": {"min": 0, "max": 4}})
    trials = [Trial(id=str(a), config={"a": a}, state="finished") for a in (0, 2)]
    order = []
    while isinstance(step := suggest(problem, trials, seed=0), Suggestion):
        order.append(step.config["a"])
        trials.append(Trial(id="x", config=step.config, state="pending"))
    assert order == [3, 4, 1]


def test_a_grid_keeps_its_constraints() -> None:
    problem = problem_of(
        "grid",
        {"chunk": {"values": [128, 256]}, "overlap": {"values": [64, 128, 200]}},
        constraints=["overlap < chunk"],
    )
    runs, reason = run_through(problem)
    assert [(run["chunk"], run["overlap"]) for run in runs] == [
        (128, 64), (256, 64), (256, 128), (256, 200),
    ]  # fmt: skip
    assert "4 points of the grid that keep the constraints" in reason


def test_a_grid_whose_points_all_break_a_constraint_ends_with_an_error() -> None:
    problem = problem_of(
        "grid",
        {"a": {"min": 0, "max": 10 * SEARCH_GRID_SKIPPED_MAX}},
        constraints=[f"a >= {9 * SEARCH_GRID_SKIPPED_MAX}"],
    )
    with pytest.raises(Infeasible, match="keeps the constraint"):
        suggest(problem, [], seed=0)


def test_a_grid_whose_last_points_all_break_a_constraint_goes_back_to_its_gaps() -> None:
    last = 2 * SEARCH_GRID_SKIPPED_MAX
    problem = problem_of("grid", {"a": {"min": 0, "max": 5 * last}}, constraints=[f"a <= {last}"])
    trials = [Trial(id="1", config={"a": last}, state="finished")]
    step = suggest(problem, trials, seed=0)
    assert isinstance(step, Suggestion)
    assert step.config == {"a": 0}


def test_a_condition_on_a_rounded_value_holds() -> None:
    """The third multiple of 0.1 is 0.30000000000000004, and nobody writes that."""
    problem = problem_of(
        "random",
        {
            "x": {"distribution": "q_uniform", "min": 0.1, "max": 0.4, "q": 0.1},
            "y": {"values": [1, 2], "condition": {"x": 0.3}},
        },
    )
    runs = run_through(problem)[0]
    assert len(runs) == 5
    assert {round(run["x"], 6) for run in runs if "y" in run} == {0.3}


def test_random_draws_every_combination_of_a_finite_space_once() -> None:
    problem = problem_of("random", {name: {"min": 0, "max": 3} for name in "ab"})
    runs, reason = run_through(problem)
    assert sorted((run["a"], run["b"]) for run in runs) == [
        (a, b) for a in range(4) for b in range(4)
    ]
    assert reason == "all 16 combinations of the space were tried"


def test_random_finds_the_one_combination_in_ten_thousand_that_is_allowed() -> None:
    problem = problem_of(
        "random",
        {name: {"min": 0, "max": 99} for name in "ab"},
        constraints=["a + b >= 198"],
    )
    assert run_through(problem)[0] == [{"a": 99, "b": 99}]


def test_random_is_the_same_for_the_same_seed_and_index_alone() -> None:
    problem = problem_of("random", {"a": {"min": 0.0, "max": 1.0}})
    assert run_through(problem, most=5) == run_through(problem, most=5)
    assert run_through(problem, most=5)[0] != run_through(problem, most=5, seed=8)[0]
    fourth = suggest(problem, [], seed=7, index=3)
    assert isinstance(fourth, Suggestion)
    assert fourth.config == run_through(problem, most=4)[0][3]


def test_random_never_draws_a_value_of_probability_zero() -> None:
    problem = problem_of("random", {"a": {"values": [1, 2], "probabilities": [1.0, 0.0]}})
    assert run_through(problem)[0] == [{"a": 1}]


@given(seed=st.integers(0, 2**32), folds=st.integers(2, 20))
def test_random_samples_keep_the_constraint_of_the_documentation(seed: int, folds: int) -> None:
    problem = problem_of(
        "random",
        {"chunk_size": {"min": 100, "max": 1000}, "chunk_overlap": {"min": 0, "max": 1000}},
        constraints=["chunk_overlap < chunk_size"],
    )
    for index in range(folds):
        step = suggest(problem, [], seed=seed, index=index)
        assert isinstance(step, Suggestion)
        assert step.config["chunk_overlap"] < step.config["chunk_size"]
