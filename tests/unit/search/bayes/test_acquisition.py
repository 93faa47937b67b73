"""What a place is worth, against integrals and counting."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from steelyard.search.bayes.acquisition import log_expected_improvement
from steelyard.search.bayes.several import area_gained, on_front


@pytest.mark.parametrize("z", [-6.0, -3.0, -1.0, -0.5, 0.0, 1.0, 4.0])
def test_the_expected_improvement_is_the_integral_that_defines_it(z: float) -> None:
    mean, sd = 2.0, 0.7
    best = mean + z * sd
    expected, _ = integrate.quad(
        lambda y: (best - y) * stats.norm.pdf(y, mean, sd), mean - 12 * sd, best, epsabs=0
    )
    found = log_expected_improvement(np.array([mean]), np.array([sd]), best=best)
    assert math.exp(found[0]) == pytest.approx(expected, rel=1e-6)


@settings(deadline=None)
@given(z=st.floats(-1e8, 1e3), step=st.floats(1e-3, 1e3))
def test_more_distance_below_the_best_is_always_worth_more(z: float, step: float) -> None:
    one, more = log_expected_improvement(np.array([-z, -z - step]), np.ones(2), best=0.0)
    assert math.isfinite(one)
    assert more >= one or math.isclose(one, more, rel_tol=1e-6)


corner = st.tuples(st.integers(0, 9), st.integers(0, 9))


@settings(deadline=None)
@given(losses=st.lists(corner, min_size=1, max_size=12), point=corner)
def test_the_area_gained_is_the_number_of_cells_gained(
    losses: list[tuple[int, int]], point: tuple[int, int]
) -> None:
    def cells(points: list[tuple[int, int]]) -> set[tuple[int, int]]:
        return {(i, j) for x, y in points for i in range(x, 10) for j in range(y, 10)}

    table = np.array(losses, float)
    front = table[on_front(table)]
    gained = area_gained(np.array([point], float), front, np.array([10.0, 10.0]))
    assert gained[0] == pytest.approx(len(cells([*losses, point]) - cells(losses)))
