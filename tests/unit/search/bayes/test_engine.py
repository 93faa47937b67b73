"""What `method: bayes` suggests, whatever the trials look like."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from steelyard.errors import Infeasible, Invalid
from steelyard.search.problem import Metric, Problem
from steelyard.search.suggest import suggest
from steelyard.search.trials import Exhausted, Suggestion, Trial, TrialState
from tests.support.search_problems import (
    choice,
    finished,
    integer,
    log_uniform,
    make,
    next_of,
    problem,
    search,
    uniform,
)

MIXED = problem(
    log_uniform("lr", 1e-5, 1e-1),
    integer("layers", 1, 6),
    choice("optimizer", "adam", "sgd"),
    uniform("momentum", 0.0, 0.99, when=[("optimizer", ("sgd",))]),
    choice("batch_size", 16, 32, 64, 128),
)


def loss(config: dict[str, Any]) -> float:
    """Best near lr = 1e-3, 3 layers, sgd with a momentum of 0.9."""
    value = (math.log10(config["lr"]) + 3) ** 2 + 0.1 * (config["layers"] - 3) ** 2
    if config["optimizer"] == "sgd":
        return value + (config["momentum"] - 0.9) ** 2
    return value + 0.5


def test_the_same_trials_and_seed_give_the_same_suggestion() -> None:
    trials = search(MIXED, loss, 14, seed=5)
    for count in (0, 1, 5, 9, 14):
        again = next_of(MIXED, trials[:count], seed=5)
        assert again == next_of(MIXED, trials[:count], seed=5)
        if count < len(trials):
            assert again.config == trials[count].config
    assert next_of(MIXED, trials, seed=6) != next_of(MIXED, trials, seed=5)
    assert suggest(MIXED, trials, seed=5, index=40) != next_of(MIXED, trials, seed=5)


@pytest.mark.parametrize("known", [0, 12])
def test_fifty_agents_that_ask_before_any_ends_get_fifty_configurations(known: int) -> None:
    trials = search(MIXED, loss, known)
    for number in range(50):
        config = next_of(MIXED, trials).config
        trials.append(Trial(id=f"p{number}", config=config, state="running"))
    assert len({MIXED.space.key_of(trial.config) for trial in trials}) == 50 + known


def test_a_search_with_branches_begins_in_the_middle_of_each() -> None:
    trials = search(MIXED, loss, 2)
    assert {trial.config["optimizer"] for trial in trials} == {"adam", "sgd"}
    for count, trial in enumerate(trials):
        assert trial.config["lr"] == pytest.approx(1e-3)
        assert trial.config.get("momentum", 0.495) == pytest.approx(0.495)
        of_branch = f"the middle of the part with optimizer = {trial.config['optimizer']}"
        assert of_branch in next_of(MIXED, trials[:count]).reason
    plain = next_of(problem(uniform("x")), [])
    assert plain.config == {"x": 0.5}
    assert "the middle of the search space" in plain.reason


def test_a_finite_space_is_exhausted_once_each_configuration_was_tried() -> None:
    task = problem(
        choice("a", 1, 2, 3),
        choice("b", "x", "y"),
        integer("c", 0, 2, when=[("b", ("y",))]),
        constraints=["a != 2"],
    )
    trials = search(task, lambda config: float(config["a"]), 100)
    assert len(trials) == 2 * (1 + 3)
    assert len({task.space.key_of(trial.config) for trial in trials}) == len(trials)
    end = suggest(task, trials, seed=0)
    assert isinstance(end, Exhausted)
    assert "every configuration" in end.reason


def test_a_space_of_constants_has_one_configuration() -> None:
    task = problem(make("epochs", distribution="constant", values=(3,)))
    assert next_of(task, []).config == {"epochs": 3}
    assert isinstance(suggest(task, [finished(0, {"epochs": 3}, 1.0)], seed=0), Exhausted)


values = st.none() | st.floats(allow_nan=True, allow_infinity=True)
states = st.sampled_from(["pending", "running", "finished", "failed", "stopped"])


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(
    results=st.lists(st.tuples(states, values, st.booleans()), max_size=25),
    seed=st.integers(0, 1000),
    impute=st.sampled_from(["worst", "best", "latest"]),
)
def test_whatever_runs_report_the_next_configuration_is_new_and_within_the_space(
    results: list[tuple[TrialState, float | None, bool]], seed: int, impute: Any
) -> None:
    metric = Metric(name="loss", goal="maximize", impute=impute, impute_while_running=impute)
    task = msgspec.structs.replace(MIXED, metrics=(metric,))
    rng = np.random.default_rng(seed)
    trials: list[Trial] = []
    for number, (state, value, is_prior) in enumerate(results):
        config = task.space.sample(rng)
        trial = Trial(id=str(number), config=config, state=state, values=(value,))
        trials.append(msgspec.structs.replace(trial, is_prior=is_prior))
    suggestion = next_of(task, trials, seed=seed)
    config = suggestion.config
    assert task.space.prune(config) == config
    assert 1e-5 <= config["lr"] <= 1e-1
    assert config["layers"] in range(1, 7)
    assert config["batch_size"] in (16, 32, 64, 128)
    assert ("momentum" in config) == (config["optimizer"] == "sgd")
    tried = {task.space.key_of(t.config) for t in trials if not (t.is_prior and is_open(t))}
    assert task.space.key_of(config) not in tried
    assert len(suggestion.reason) > 20


def is_open(trial: Trial) -> bool:
    """Whether a prior trial has no result yet, so that it is to be tried."""
    value = trial.values[0]
    return trial.state != "failed" and (value is None or not math.isfinite(value))


@pytest.mark.parametrize("bad", [math.nan, math.inf, None])
def test_runs_without_a_number_teach_the_search_to_stay_away(bad: Any) -> None:
    """Where x > 0.5 every run diverges."""
    task = problem(uniform("x"), uniform("y"))

    def run(config: dict[str, Any]) -> Trial:
        value = bad if config["x"] > 0.5 else (config["x"] - 0.2) ** 2 + config["y"]
        return Trial(id="", config=config, state="finished", values=(value,))

    trials = search(task, run, 30)
    diverged = [trial.config["x"] > 0.5 for trial in trials[10:]]
    assert sum(diverged) <= 6
    assert min(trial.values[0] for trial in trials if trial.config["x"] <= 0.5) < 0.05


def test_a_search_in_which_every_run_fails_goes_on_and_repeats_nothing() -> None:
    trials = search(MIXED, lambda c: Trial(id="", config=c, state="failed"), 30)
    assert len({MIXED.space.key_of(trial.config) for trial in trials}) == 30


def test_a_constant_objective_is_explored_and_the_reason_says_so() -> None:
    trials = search(MIXED, lambda config: 0.25, 20)
    assert len({MIXED.space.key_of(trial.config) for trial in trials}) == 20
    assert "equal" in next_of(MIXED, trials).reason


def test_a_constraint_on_parameters_is_never_broken() -> None:
    task = problem(
        integer("chunk", 100, 1000), integer("overlap", 0, 500), constraints=["overlap*4 < chunk"]
    )
    trials = search(task, lambda config: -config["overlap"], 25)
    assert len(trials) == 25
    assert all(trial.config["overlap"] * 4 < trial.config["chunk"] for trial in trials)
    assert max(trial.config["overlap"] for trial in trials) > 200


def test_constraints_that_nothing_keeps_are_an_error_and_no_endless_loop() -> None:
    task = problem(uniform("x"), uniform("y"), constraints=["x + y > 3"])
    with pytest.raises(Infeasible, match="x \\+ y > 3"):
        suggest(task, [], seed=0)


def test_bayes_without_a_metric_is_refused() -> None:
    task = Problem(method="bayes", space=MIXED.space)
    with pytest.raises(Invalid, match="metric"):
        suggest(task, [], seed=0)


def test_prior_configurations_come_first_and_prior_results_count() -> None:
    good = {"lr": 1e-3, "layers": 3, "optimizer": "sgd", "momentum": 0.9, "batch_size": 32}
    wanted = [Trial(id="w", config=good, state="pending", is_prior=True)]
    first = next_of(MIXED, wanted)
    assert (first.kind, first.config) == ("prior", good)
    second = next_of(MIXED, [*wanted, finished(0, good, loss(good))])
    assert second.kind == "start"
    assert second.config != good

    earlier = [
        msgspec.structs.replace(trial, is_prior=True) for trial in search(MIXED, loss, 20, seed=9)
    ]
    assert next_of(MIXED, earlier).kind == "model"


def test_trials_of_a_space_that_was_wider_are_left_out() -> None:
    trials = search(problem(uniform("x", -5.0, 5.0)), lambda c: (c["x"] - 0.7) ** 2, 12)
    assert abs(next_of(problem(uniform("x", 0.0, 1.0)), trials).config["x"] - 0.5) <= 0.5


@pytest.mark.parametrize("seed", range(3))
def test_a_planted_optimum_is_found_with_a_third_of_the_runs_of_random_search(seed: int) -> None:
    rng = np.random.default_rng(seed)
    best_of_random = min(loss(MIXED.space.sample(rng)) for _ in range(75))
    trials = search(MIXED, loss, 25, seed=seed)
    assert min(trial.values[0] for trial in trials) < best_of_random


def test_a_search_that_is_stuck_looks_elsewhere() -> None:
    """Two valleys: the search was in the shallow one and has found its bottom long ago."""
    task = problem(uniform("x"), uniform("y"))

    def two_valleys(config: dict[str, Any]) -> float:
        x, y = config["x"], config["y"]
        return min((x - 0.2) ** 2 + (y - 0.2) ** 2, (x - 0.8) ** 2 + (y - 0.8) ** 2 + 0.01)

    rng = np.random.default_rng(3)
    configs = [{"x": 0.2, "y": 0.2}, *(task.space.sample(rng) for _ in range(30))]
    trials = [finished(i, config, two_valleys(config)) for i, config in enumerate(configs)]
    found = [suggest(task, trials, seed=0, index=index) for index in range(30, 48)]
    suggestions = [each for each in found if isinstance(each, Suggestion)]
    elsewhere = [each.config for each in suggestions if "elsewhere" in each.reason]
    assert len(elsewhere) == 3
    assert all(math.hypot(c["x"] - 0.2, c["y"] - 0.2) > 0.1 for c in elsewhere)
    assert sum(each.kind == "tpe" for each in suggestions) == 3


def test_maximising_is_minimising_the_negative() -> None:
    down = problem(uniform("x"), uniform("y"))
    up = problem(uniform("x"), uniform("y"), goal="maximize")
    one = search(down, lambda c: (c["x"] - 0.3) ** 2 + c["y"], 12)
    other = search(up, lambda c: -((c["x"] - 0.3) ** 2) - c["y"], 12)
    assert [trial.config for trial in one] == [trial.config for trial in other]


def test_a_suggestion_of_the_model_says_what_it_expects_and_where_it_lies() -> None:
    task = problem(uniform("x"), uniform("y"), goal="maximize")
    trials = search(task, lambda c: 70 - (c["x"] - 0.3) ** 2 - c["y"], 9)
    suggestion = next_of(task, trials)
    assert suggestion.kind == "model"
    assert suggestion.mean is not None
    assert suggestion.std is not None
    assert 60 < suggestion.mean < 80
    assert "the model of 9 runs expects loss = " in suggestion.reason
    assert "best so far (" in suggestion.reason


def test_a_thousand_trials_of_forty_parameters_are_no_trouble() -> None:
    task = problem(
        *(uniform(f"u{i}") for i in range(20)),
        *(integer(f"i{i}", 1, 1000) for i in range(10)),
        *(choice(f"c{i}", "a", "b", "c", "d") for i in range(10)),
    )
    rng = np.random.default_rng(0)
    configs = [task.space.sample(rng) for _ in range(1000)]
    trials = [finished(i, c, c["u0"] + (c["c0"] == "a")) for i, c in enumerate(configs)]
    suggestion = next_of(task, trials)
    assert isinstance(suggestion, Suggestion)
    assert suggestion.config["u0"] < 0.3
    assert suggestion.config["c0"] != "a"


def test_a_deep_hierarchy_takes_turns_with_densities() -> None:
    branches = ("a", "b", "c", "d")
    task = problem(
        choice("kind", *branches),
        *(uniform(f"{b}{i}", when=[("kind", (b,))]) for b in branches for i in range(3)),
    )
    trials = search(task, lambda c: sum(value for value in c.values() if value not in branches), 11)
    kinds = {next_of(task, trials[:count]).kind for count in (9, 10, 11)}
    assert kinds == {"model", "tpe"}
