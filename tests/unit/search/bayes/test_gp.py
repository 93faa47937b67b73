"""The Gaussian process, against finite differences and scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern

from steelyard.search.bayes import gp
from steelyard.search.bayes.codec import Codec
from steelyard.search.problem import Space
from tests.support.search_problems import choice, uniform

SPACE = Space(parameters=(uniform("x"), choice("c", "a", "b", "d"), uniform("y")))


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_the_gradient_is_that_of_finite_differences(seed: int) -> None:
    rng = np.random.default_rng(seed)
    codec = Codec(SPACE)
    features = codec.features(codec.place(rng.random((12, 3))))
    targets = rng.normal(size=12)
    theta = np.concatenate([rng.normal(size=3), rng.normal(size=1), rng.normal(size=1) - 3])

    def value(at: np.ndarray) -> float:
        return gp.negative_log_posterior(at, features, codec.owners, targets, 0.0)[0]

    _, gradient = gp.negative_log_posterior(theta, features, codec.owners, targets, 0.0)
    step = 1e-6
    for i in range(len(theta)):
        nudge = np.zeros(len(theta))
        nudge[i] = step
        slope = (value(theta + nudge) - value(theta - nudge)) / (2 * step)
        assert gradient[i] == pytest.approx(slope, rel=1e-3, abs=1e-3)


def test_predictions_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(1)
    rows, at = rng.random((20, 2)), rng.random((30, 2))
    targets = np.sin(5 * rows).sum(1)
    theta = np.array([1.2, -0.4, 0.3, -6.0])
    model = gp.condition(rows, np.array([0, 1]), targets, theta)
    mean, sd = model.predict(at)
    kernel = ConstantKernel(np.exp(0.3)) * Matern(np.exp([-0.6, 0.2]), nu=2.5)
    second = GaussianProcessRegressor(kernel, alpha=np.exp(-6.0) + gp.JITTER, optimizer=None)
    expected, spread = second.fit(rows, targets).predict(at, return_std=True)
    assert mean == pytest.approx(expected, abs=1e-8)
    assert sd == pytest.approx(spread, rel=1e-6)


def test_a_fit_finds_out_which_parameter_matters() -> None:
    rng = np.random.default_rng(2)
    rows = rng.random((40, 2))
    targets = np.sin(8 * rows[:, 0])
    targets = (targets - targets.mean()) / targets.std()
    theta = gp.fit(rows, np.array([0, 1]), targets)
    assert theta[0] > theta[1] + 3


def test_draws_of_length_scales_that_no_result_speaks_of_are_those_of_the_prior() -> None:
    """One result at the mean says nothing about how far its neighbours are like it."""
    rng = np.random.default_rng(3)
    begin = gp.start_at(1, 0.0)
    draws = np.array(gp.draw(np.zeros((1, 1)), np.array([0]), np.zeros(1), begin, rng, 1500))
    low, high = gp.bounds_of(1).T
    assert ((draws >= low) & (draws <= high)).all()
    assert draws[:, 0].mean() == pytest.approx(0.0, abs=0.4)
    assert draws[:, 0].std() == pytest.approx(gp.SCALE_SD, rel=0.12)
