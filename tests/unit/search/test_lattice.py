"""Grids are numbered without being built, in W&B's order, and conditions make no duplicates."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.errors import Invalid
from steelyard.search.config import read_config
from steelyard.search.lattice import finite_support, grid_of
from steelyard.search.problem import Space


def space_of(parameters: dict[str, Any], **more: Any) -> Space:
    problem, found = read_config({"method": "grid", "run_cap": 1, "parameters": parameters, **more})
    assert problem is not None, found
    return problem.space


def test_the_order_is_that_of_sweeps_0_3_0() -> None:
    """Recorded from sweeps 0.3.0, `grid_search_next_runs`: names sorted, capitals first."""
    space = space_of(
        {
            "b": {"values": [3, 1]},
            "Z": {"min": 1, "max": 2},
            "a": {
                "parameters": {
                    "y": {"values": ["x"]},
                    "A": {"distribution": "q_uniform", "min": 0.1, "max": 0.5, "q": 0.1},
                }
            },
        }
    )
    lattice = grid_of(space)
    assert lattice.size == 16
    # numpy.arange(0.1, 0.5, 0.1) ends at 0.4 and rounds like this.
    steps = [0.1, 0.2, 0.30000000000000004, 0.4]
    expected = [
        {"Z": z, "a": {"A": step, "y": "x"}, "b": b}
        for z, step, b in itertools.product([1, 2], steps, [3, 1])
    ]
    assert [space.nest(lattice.at(number)) for number in range(16)] == expected


def test_a_parameter_that_is_inactive_makes_no_duplicates() -> None:
    space = space_of(
        {
            "optimizer": {"values": ["adam", "sgd"]},
            "momentum": {"values": [0.0, 0.9], "condition": {"optimizer": "sgd"}},
            "lr": {"values": [1, 2]},
        }
    )
    lattice = grid_of(space)
    points = [lattice.at(number) for number in range(lattice.size)]
    assert len(points) == 6
    assert len({space.key_of(point) for point in points}) == 6
    assert {"lr": 1, "optimizer": "adam"} in points


def test_ten_to_the_twelve_points_cost_nothing() -> None:
    lattice = grid_of(space_of({name: {"min": 0, "max": 999_999} for name in ("a", "b")}))
    assert lattice.size == 10**12
    assert lattice.at(10**12 - 1) == {"a": 999_999, "b": 999_999}
    assert lattice.index_of({"a": 123_456, "b": 7}) == 123_456_000_007


def test_a_condition_on_one_of_a_million_values_counts_right() -> None:
    space = space_of(
        {"a": {"min": 0, "max": 999_999}, "b": {"values": [1, 2, 3], "condition": {"a": 500}}}
    )
    lattice = grid_of(space)
    assert lattice.size == 1_000_002
    assert [lattice.at(number).get("b") for number in (499, 500, 501, 502, 503)] == [
        None, 1, 2, 3, None,
    ]  # fmt: skip


def test_a_continuous_parameter_is_named() -> None:
    problem = read_config({"method": "random", "parameters": {"x": {"min": 0.0, "max": 1.0}}})[0]
    assert problem is not None
    with pytest.raises(Invalid, match="x is continuous"):
        grid_of(problem.space)
    assert finite_support(problem.space) is None


def test_what_is_no_point_has_no_number() -> None:
    lattice = grid_of(space_of({"a": {"values": [1, 2]}, "b": {"value": 5}}))
    assert lattice.index_of({"a": 3, "b": 5}) is None
    assert lattice.index_of({"b": 5}) is None
    assert lattice.index_of({"a": 2.0}) == 1  # a run's JSON may say 2.0, and has its constants
    with pytest.raises(IndexError):
        lattice.at(2)


@st.composite
def conditional_spaces(draw: st.DrawFn) -> dict[str, Any]:
    """Up to six parameters of which some depend on an earlier one."""
    parameters: dict[str, Any] = {}
    for at in range(draw(st.integers(1, 6))):
        values = draw(st.lists(st.integers(0, 5), min_size=1, max_size=4, unique=True))
        parameter: dict[str, Any] = {"values": values}
        if parameters and draw(st.booleans()):
            parent = draw(st.sampled_from(sorted(parameters)))
            wanted = draw(st.lists(st.sampled_from(parameters[parent]["values"]), min_size=1))
            parameter["condition"] = {parent: wanted}
        parameters[draw(st.sampled_from("abc")) + str(at)] = parameter
    return parameters


@given(parameters=conditional_spaces())
def test_every_configuration_is_there_once(parameters: dict[str, Any]) -> None:
    """Against the plain product of all values, with what is inactive left out."""
    space = space_of(parameters)
    lattice = grid_of(space)
    points = [lattice.at(number) for number in range(lattice.size)]
    names = [parameter.name for parameter in space.parameters]
    product = itertools.product(*(parameter.values for parameter in space.parameters))
    everything = {
        space.key_of(space.prune(dict(zip(names, values, strict=True)))) for values in product
    }
    assert {space.key_of(point) for point in points} == everything
    assert len(points) == len(everything)
    assert [lattice.index_of(point) for point in points] == list(range(lattice.size))
