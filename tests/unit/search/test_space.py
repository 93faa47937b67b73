"""Spaces: what is active, what is the same experiment, and what they load."""

from __future__ import annotations

import random
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.errors import Infeasible
from steelyard.search import read_config
from steelyard.search.problem import Space
from tests.unit.search.test_distributions import shapes
from tests.unit.search.test_lattice import conditional_spaces


def space_of(parameters: dict[str, Any], **more: Any) -> Space:
    problem, found = read_config({"method": "random", "parameters": parameters, **more})
    assert problem is not None, found
    return problem.space


@given(parameters=conditional_spaces(), seed=st.integers(0, 999))
def test_a_sample_is_pruned_and_survives_nesting(parameters: dict[str, Any], seed: int) -> None:
    space = space_of(parameters)
    sample = space.sample(random.Random(seed))
    assert space.prune(sample) == sample
    assert list(space.prune(sample)) == list(sample)
    assert space.flatten(space.nest(sample)) == sample
    for parameter in space.parameters:
        assert (parameter.name in sample) is space.is_active(parameter, sample)
        if parameter.name in sample:
            assert sample[parameter.name] in parameter.values


@given(shape=shapes(), seed=st.integers(0, 999))
def test_a_sample_is_the_same_from_numpys_generator(shape: dict[str, Any], seed: int) -> None:
    problem = read_config({"method": "random", "parameters": {"x": shape}})[0]
    if problem is not None:
        samples = [problem.space.sample(np.random.default_rng(seed)) for _ in range(2)]
        assert samples[0] == samples[1]


def test_a_thousand_samples_keep_the_constraint() -> None:
    space = space_of(
        {"chunk_size": {"min": 100, "max": 1000}, "chunk_overlap": {"min": 0, "max": 1000}},
        constraints=["chunk_overlap < chunk_size"],
    )
    rng = random.Random(1)
    assert all(
        s["chunk_overlap"] < s["chunk_size"] for s in (space.sample(rng) for _ in range(1000))
    )


def test_an_impossible_constraint_ends_with_an_error() -> None:
    space = space_of(
        {"x": {"min": 0.0, "max": 1.0}, "y": {"min": 0.0, "max": 1.0}}, constraints=["x + y < 1"]
    )
    impossible = Space(
        parameters=space.parameters,
        constraints=space_of(
            {"x": {"min": 0.0, "max": 9.0}, "y": {"value": 1}}, constraints=["x + y > 3"]
        ).constraints,
    )
    with pytest.raises(Infeasible, match=r"constraints, 'x \+ y > 3' least of all"):
        impossible.sample(random.Random(1))


def test_a_constraint_says_nothing_where_its_parameter_is_inactive() -> None:
    space = space_of(
        {
            "opt": {"values": ["adam", "sgd"]},
            "m": {"min": 0.0, "max": 1.0, "condition": {"opt": "sgd"}},
            "n": {"min": 0, "max": 3},
        },
        constraints=["m < 0.5", "1 / n < 1"],
    )
    assert space.is_feasible({"opt": "adam", "n": 2})
    assert not space.is_feasible({"opt": "sgd", "m": 0.9, "n": 2})
    assert not space.is_feasible({"opt": "adam", "n": 0})  # 1/0 is no number
    assert [each.text for each in [space.broken_constraint({"opt": "adam", "n": 1})] if each] == [
        "1 / n < 1"
    ]


SPACE = {
    "a": {"values": [1, 2.5, "1", True, None, [1, 2], {"k": 1}, 0.3]},
    "b": {"min": 0.0, "max": 1.0},
    "c": {"value": 7},
}


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ({"a": 1}, {"a": 1.0}, True),
        ({"a": 1}, {"a": "1"}, False),
        ({"a": 1}, {"a": True}, False),
        ({"a": None}, {}, False),
        ({"a": [1, 2]}, {"a": [1.0, 2]}, True),
        ({"a": [1, 2]}, {"a": [2, 1]}, False),
        ({"a": {"k": 1}}, {"a": {"k": 1, "added_by_the_run": 2}}, True),
        ({"a": {"k": 1}}, {"a": {"k": 2}}, False),
        ({"a": 1, "c": 7}, {"a": 1, "c": 8}, True),
        ({"a": 1, "b": 0.5}, {"b": 0.5, "a": 1}, True),
        ({"a": 1, "b": 0.5}, {"a": 1, "b": 0.5000001}, False),
        ({"a": 0.1 * 3}, {"a": 0.3}, True),
        ({"a": 1, "unknown": 1}, {"a": 1}, True),
    ],
)
def test_equal_keys_are_the_same_experiment(
    one: dict[str, Any], other: dict[str, Any], is_same: bool
) -> None:
    space = space_of(SPACE)
    assert (space.key_of(one) == space.key_of(other)) is is_same


@given(parameters=conditional_spaces(), seeds=st.tuples(st.integers(0, 99), st.integers(0, 99)))
def test_keys_differ_where_configurations_differ(
    parameters: dict[str, Any], seeds: tuple[int, int]
) -> None:
    space = space_of(parameters)
    one, other = (space.sample(random.Random(seed)) for seed in seeds)
    assert (space.key_of(one) == space.key_of(other)) is (one == other)


def test_a_configuration_is_checked_and_drawn_without_numpy() -> None:
    """The client alone has neither numpy nor scipy."""
    code = (
        "import sys\n"
        "sys.modules['numpy'] = sys.modules['scipy'] = None\n"
        "from steelyard.search import read_config, suggest, decide\n"
        "from steelyard.search.describe import describe_parameters, describe_runs\n"
        "text = '''\n"
        "method: random\n"
        "metric: {name: loss, goal: minimize}\n"
        "early_terminate: {type: hyperband, min_iter: 3}\n"
        "parameters:\n"
        "  a: {distribution: q_beta, q: 0.1, a: 2, b: 3}\n"
        "  b: {distribution: log_normal}\n"
        "constraints: [a < b + 1]\n"
        "'''\n"
        "problem, found = read_config(text)\n"
        "assert problem is not None, found\n"
        "assert describe_parameters(problem) and describe_runs(problem)\n"
        "assert suggest(problem, [], seed=1).config\n"
        "assert decide(problem, []) == []\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
