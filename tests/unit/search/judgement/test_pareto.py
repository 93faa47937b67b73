"""Pareto fronts and hypervolumes against brute force."""

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.errors import Invalid
from steelyard.search.pareto import (
    hypervolume,
    hypervolume_history,
    pareto_front,
    pareto_ranks,
    reference_point,
)
from steelyard.search.problem import Goal

GOALS = st.lists(st.sampled_from(["minimize", "maximize"]), min_size=1, max_size=4)
LEVELS = st.sampled_from([0.0, 1.0, 2.0, 2.5, 3.0, None, math.nan, math.inf])


@st.composite
def tables(draw: Any, metrics_max: int = 4) -> tuple[list[list[float | None]], list[Goal]]:
    goals = draw(GOALS)[:metrics_max]
    row = st.lists(LEVELS, min_size=len(goals), max_size=len(goals))
    return draw(st.lists(row, max_size=9)), goals


def dominates(a: list[float], b: list[float]) -> bool:
    return all(x <= y for x, y in zip(a, b, strict=True)) and a != b


def losses_of(rows: list[list[float | None]], goals: list[Goal]) -> dict[int, list[float]]:
    signs = [-1 if goal == "maximize" else 1 for goal in goals]
    return {
        place: [s * v for s, v in zip(signs, row, strict=True)]  # type: ignore[operator]
        for place, row in enumerate(rows)
        if all(v is not None and math.isfinite(v) for v in row)
    }


def volume_by_inclusion(losses: list[list[float]], reference: list[float]) -> float:
    """Inclusion and exclusion over all sets of boxes: exponential, and independent of ours."""
    total = 0.0
    inside = [row for row in losses if all(x < r for x, r in zip(row, reference, strict=True))]
    for size in range(1, len(inside) + 1):
        for rows in itertools.combinations(inside, size):
            corner = [max(column) for column in zip(*rows, strict=True)]
            box = math.prod(r - x for x, r in zip(corner, reference, strict=True))
            total += (-1) ** (size + 1) * box
    return total


@given(table=tables())
def test_the_front_is_what_nothing_dominates(table: Any) -> None:
    rows, goals = table
    losses = losses_of(rows, goals)
    expected = [
        place
        for place, row in losses.items()
        if not any(dominates(other, row) for other in losses.values())
    ]
    assert pareto_front(rows, goals) == expected


@given(table=tables())
def test_ranks_peel_off_one_front_after_the_other(table: Any) -> None:
    rows, goals = table
    ranks = pareto_ranks(rows, goals)
    left = list(losses_of(rows, goals))
    assert [place for place, rank in enumerate(ranks) if rank is not None] == left
    rank = 0
    while left:
        front = {left[place] for place in pareto_front([rows[place] for place in left], goals)}
        assert {place for place in left if ranks[place] == rank} == front
        left = [place for place in left if place not in front]
        rank += 1


@given(table=tables(metrics_max=3), offset=st.sampled_from([0.0, 0.5, 1.0]))
def test_the_hypervolume_is_that_of_all_boxes_together(table: Any, offset: float) -> None:
    rows, goals = table
    signs = [-1 if goal == "maximize" else 1 for goal in goals]
    reference = [(2.5 + offset) if sign > 0 else -(offset - 0.5) for sign in signs]
    expected = volume_by_inclusion(
        list(losses_of(rows, goals).values()),
        [sign * value for sign, value in zip(signs, reference, strict=True)],
    )
    assert hypervolume(rows, goals, reference) == pytest.approx(expected, abs=1e-9)


@given(table=tables(metrics_max=3))
def test_the_hypervolume_never_falls_with_more_runs(table: Any) -> None:
    rows, goals = table
    reference = [3.5 if goal == "minimize" else -0.5 for goal in goals]
    history = hypervolume_history(rows, goals, reference)
    assert len(history) == len(rows)
    assert history == sorted(history)
    for count, found in enumerate(history, start=1):
        assert found == pytest.approx(hypervolume(rows[:count], goals, reference), abs=1e-9)


@pytest.mark.parametrize("metrics", [2, 3])
def test_the_hypervolume_of_a_curved_front_is_what_dots_in_it_say(metrics: int) -> None:
    rng = np.random.default_rng(metrics)
    points = np.abs(rng.normal(size=(200, metrics)))
    points /= np.linalg.norm(points, axis=1)[:, None]
    dots = rng.random((40_000, metrics))
    inside = np.zeros(len(dots), dtype=bool)
    for point in points:
        inside |= (dots <= point).all(axis=1)
    found = hypervolume(points, ["maximize"] * metrics, [0.0] * metrics)
    assert found == pytest.approx(inside.mean(), abs=0.01)


def test_the_reference_point_lies_a_tenth_beyond_the_worst() -> None:
    goals: list[Goal] = ["minimize", "maximize"]
    rows = [[1.0, 10.0], [3.0, 30.0], [None, 0.0], [9.0, math.nan]]
    assert reference_point(rows, goals) == pytest.approx([3.2, 8.0])
    assert reference_point([[0.0, 5.0]], goals) == pytest.approx([0.1, 4.5])
    assert reference_point([[None, 1.0]], goals) is None
    assert reference_point([], goals) is None
    found = reference_point(rows, goals)
    assert found is not None
    assert hypervolume(rows, goals, found) > 0


def test_nothing_is_no_front_and_no_volume() -> None:
    assert pareto_front([], ["minimize", "maximize"]) == []
    assert pareto_ranks([], ["minimize", "maximize"]) == []
    assert hypervolume([], ["minimize", "maximize"], [1.0, 0.0]) == 0.0
    assert hypervolume_history([], ["minimize"], [1.0]) == []


def test_equal_runs_are_all_on_the_front() -> None:
    assert pareto_front([[1.0, 1.0], [1.0, 1.0], [2.0, 2.0]], ["minimize", "minimize"]) == [0, 1]


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(Invalid, match="runs have 2 values, and there are 1 goals"):
        pareto_front([[1.0, 2.0]], ["minimize"])
    with pytest.raises(Invalid, match="there are 4"):
        hypervolume([[1.0] * 4], ["minimize"] * 4, [2.0] * 4)
    with pytest.raises(Invalid, match="not finite"):
        hypervolume([[1.0]], ["minimize"], [math.inf])
    with pytest.raises(Invalid, match="1 values"):
        hypervolume([[1.0, 1.0]], ["minimize", "minimize"], [1.0])
