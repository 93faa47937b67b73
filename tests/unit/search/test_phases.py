"""From one phase of a search to the next: the box around the best, and what is carried over."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.search import read_config, suggest
from steelyard.search.phases import (
    Range,
    apply_ranges,
    as_priors,
    best_first,
    narrow,
    seeds_count,
)
from steelyard.search.problem import Problem, Space
from steelyard.search.trials import Suggestion, Trial

SHAPES: dict[str, dict[str, Any]] = {
    "uniform": {"min": 0.5, "max": 10.0},
    "integer": {"min": 1, "max": 40},
    "exponents": {"distribution": "log_uniform", "min": -9, "max": -2},
    "log": {"distribution": "log_uniform_values", "min": 1e-5, "max": 0.1},
    "inverse": {"distribution": "inv_log_uniform", "min": 1, "max": 5},
    "inverse_values": {"distribution": "inv_log_uniform_values", "min": 0.1, "max": 9},
    "steps": {"distribution": "q_uniform", "min": 0, "max": 10, "q": 2},
    "log_steps": {"distribution": "q_log_uniform_values", "min": 1, "max": 900, "q": 4},
    "normal": {"distribution": "normal", "mu": 100, "sigma": 10},
    "log_normal": {"distribution": "log_normal", "mu": 1, "sigma": 0.5},
    "normal_steps": {"distribution": "q_normal", "mu": 0, "sigma": 3, "q": 0.5},
    "beta": {"distribution": "beta", "a": 2, "b": 5},
    "words": {"values": ["a", "b", "c", "d"]},
    "likely": {"values": ["a", "b", "c"], "probabilities": [0.5, 0.25, 0.25]},
    "sizes": {"values": [64, 16, 32, 8]},
    "fixed": {"value": 3},
}


def problem_of(parameters: dict[str, Any], **more: Any) -> Problem:
    config = {"method": "bayes", "metric": {"name": "loss", "goal": "minimize"}}
    problem, found = read_config(config | {"parameters": parameters} | more)
    assert problem is not None, found
    return problem


@st.composite
def boxes(draw: st.DrawFn) -> tuple[Space, list[dict[str, Any]], float]:
    """A space of a few parameters, configurations of it, and a margin."""
    names = draw(st.lists(st.sampled_from(sorted(SHAPES)), min_size=1, max_size=5, unique=True))
    space = problem_of({name: SHAPES[name] for name in names}).space
    rng = random.Random(draw(st.integers(0, 10_000)))
    configs = [space.sample(rng) for _ in range(draw(st.integers(1, 6)))]
    return space, configs, draw(st.sampled_from([0.0, 0.05, 0.1, 0.4, 1.0]))


def holds(range_: Range, value: Any) -> bool:
    if range_.values:
        return value in range_.values
    assert range_.low is not None and range_.high is not None
    return bool(range_.low <= value <= range_.high)


@given(box=boxes())
def test_the_box_holds_what_it_comes_from_and_stays_within_the_range_before(
    box: tuple[Space, list[dict[str, Any]], float],
) -> None:
    space, configs, margin = box
    ranges = narrow(space, configs, margin=margin)
    narrowed = apply_ranges(space, ranges)
    for config in configs:
        assert all(holds(ranges[name], config[name]) for name in ranges)
        assert narrowed.key_of(config) == space.key_of(config)
    rng = random.Random(1)
    for _ in range(10):
        sample = narrowed.sample(rng)
        assert list(sample) == [parameter.name for parameter in space.parameters]
        for parameter in space.parameters:
            value = sample[parameter.name]
            if parameter.is_categorical:
                assert value in parameter.values
            elif parameter.name in ranges and parameter.q is None:
                assert holds(ranges[parameter.name], value)
            if not parameter.is_constant:
                assert 0.0 <= parameter.to_unit(value) <= 1.0
            assert type(value) in {type(config[parameter.name]) for config in configs}


@given(box=boxes(), more=st.floats(0, 1))
def test_a_wider_margin_never_leaves_out_what_a_smaller_one_has(
    box: tuple[Space, list[dict[str, Any]], float], more: float
) -> None:
    space, configs, margin = box
    small = narrow(space, configs, margin=margin)
    large = narrow(space, configs, margin=margin + more)
    for name, each in small.items():
        ends = each.values or (each.low, each.high)
        assert all(
            holds(large[name], end)
            or holds(large[name], pytest.approx(end))
            or end == pytest.approx(large[name].low)
            or end == pytest.approx(large[name].high)
            for end in ends
        )


@given(box=boxes())
def test_a_margin_of_one_narrows_nothing(box: tuple[Space, list[dict[str, Any]], float]) -> None:
    space, configs, _ = box
    for name, each in narrow(space, configs, margin=1.0).items():
        parameter = space.by_name[name]
        if each.values:
            assert each.values == parameter.values
        else:
            assert each.low is not None and each.high is not None
            assert each.low <= parameter.from_unit(0.001)
            assert each.high >= parameter.from_unit(0.999)


@given(box=boxes(), seed=st.integers(0, 50))
def test_the_search_goes_on_inside_of_every_box(
    box: tuple[Space, list[dict[str, Any]], float], seed: int
) -> None:
    """Also where the best agree in everything, so that a range is one point."""
    space, configs, margin = box
    problem = Problem(
        method="random",
        space=apply_ranges(space, narrow(space, configs, margin=margin)),
        metrics=problem_of({"x": {"value": 1}}).metrics,
    )
    found = suggest(problem, [], seed=seed)
    assert isinstance(found, Suggestion)


def test_bayes_goes_on_inside_of_a_box_of_one_point() -> None:
    problem = problem_of({name: SHAPES[name] for name in ("log", "words", "integer")})
    config = problem.space.sample(random.Random(3))
    space = apply_ranges(problem.space, narrow(problem.space, [config], margin=0.0))
    inside = Problem(method="bayes", space=space, metrics=problem.metrics)
    found = suggest(inside, [], seed=1)
    assert isinstance(found, Suggestion)
    assert found.config == pytest.approx(config)


def test_ranges_of_parameters_that_an_edit_has_changed_are_ignored() -> None:
    space = problem_of({"x": {"min": 0.0, "max": 1.0}, "w": {"values": ["a", "b"]}}).space
    ranges = {"x": Range(low=3.0, high=4.0), "w": Range(values=("z",)), "gone": Range(low=1)}
    assert apply_ranges(space, ranges) == space


def trial(name: str, x: float, loss: float | None, state: Any = "finished", **more: Any) -> Trial:
    return Trial(id=name, config={"x": x}, state=state, values=(loss,), **more)


def test_the_best_come_first_and_what_failed_or_broke_a_limit_not_at_all() -> None:
    problem = problem_of({"x": {"min": 0.0, "max": 1.0}}, constraints=["gpu_hours <= 2"])
    trials = [
        trial("worse", 0.1, 3.0),
        trial("failed", 0.2, 0.0, "failed"),
        trial("dear", 0.3, 0.5, outcomes={"gpu_hours": 3.0}),
        trial("best", 0.4, 1.0, outcomes={"gpu_hours": 1.0}),
        trial("nothing", 0.5, None),
        trial("stopped", 0.6, 2.0, "stopped"),
    ]
    assert [each.id for each in best_first(problem, trials)] == ["best", "stopped", "worse"]


def test_of_several_metrics_the_front_comes_first() -> None:
    problem = problem_of({"x": {"min": 0.0, "max": 1.0}})
    two = Problem(method="bayes", space=problem.space, metrics=problem.metrics * 2)
    values = {"middle": (2.0, 2.0), "beaten": (3.0, 3.0), "one end": (1.0, 9.0)}
    trials = [
        Trial(id=name, config={"x": at / 10}, state="finished", values=pair)
        for at, (name, pair) in enumerate(values.items())
    ]
    assert [each.id for each in best_first(two, trials)][-1] == "beaten"


def test_what_a_part_of_the_data_gives_is_corrected_by_what_all_of_it_gave() -> None:
    space = problem_of({"x": {"min": 0.0, "max": 1.0}}).space
    before = [trial("a", 0.1, 1.0), trial("b", 0.2, 2.0), trial("c", 0.3, 3.0)]
    before += [trial("d", 0.4, None, "failed"), trial("e", 0.5, None)]
    now = [trial("a2", 0.1, 0.5), trial("b2", 0.2, 1.5)]
    priors = as_priors(space, before, now)
    assert [(each.id, each.values, each.state) for each in priors] == [
        ("c", (2.5,), "finished"),
        ("d", (None,), "failed"),
    ]
    assert all(each.is_prior for each in priors)
    assert as_priors(space, before[:3], [])[0].values == (1.0,)


@given(top=st.integers(1, 100), runs=st.one_of(st.none(), st.integers(1, 200)))
def test_no_more_than_half_of_a_phase_repeats_the_one_before(top: int, runs: int | None) -> None:
    count = seeds_count(top, runs)
    assert 1 <= count <= top
    assert runs is None or count <= (runs + 1) // 2
