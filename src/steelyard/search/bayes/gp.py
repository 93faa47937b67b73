"""An exact Gaussian process: Matern-5/2, one length-scale per parameter, fitted with gradients.

theta is (log inverse squared length-scale per parameter, log signal variance, log noise variance);
targets have mean 0 and variance 1. Squared distances come from inner products of features, for
values and gradients alike: at 200 rows of 40 parameters that is ten times less memory traffic than
a distance matrix per parameter.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
import numpy as np
from scipy import linalg, optimize

from steelyard.search.bayes.arrays import Array, Indices, Rng

ROOT5 = math.sqrt(5.0)
JITTER = 1e-8
SCALE_BOUNDS = (-12.0, 7.0)
SIGNAL_BOUNDS = (-3.0, 3.0)
NOISE_BOUNDS = (math.log(1e-6), 0.0)
SCALE_SD = 2.5  # of the prior of log inverse squared length-scales: weak
START_SCALES = (0.0, 2.5, -2.5)  # log inverse squared length-scales
NOISE_MEAN, NOISE_SD = math.log(1e-4), 2.5
LEAPS = 8  # steps of one Hamiltonian path
LEAP = 0.35  # length of a step, in the mean


class Posterior(msgspec.Struct):
    """The process after rows were seen: what it takes to predict others."""

    weights: Array  # of the columns of features
    scaled: Array  # features of the rows, scaled
    squares: Array  # their squared norms
    lower: Array  # Cholesky factor of the covariance of the rows
    solved: Array  # covariance^-1 targets
    signal: float

    def predict(self, features: Array) -> tuple[Array, Array]:
        """Mean and standard deviation (> 0) at rows given by their features."""
        scaled = features * self.weights
        distances = (scaled * scaled).sum(1)[:, None] + self.squares - 2 * scaled @ self.scaled.T
        covariance = self.signal * matern(distances)
        mean = covariance @ self.solved
        explained = linalg.solve_triangular(
            self.lower, covariance.T, lower=True, check_finite=False, overwrite_b=True
        )
        variance = self.signal - np.einsum("ij,ij->j", explained, explained)
        return mean, np.sqrt(np.maximum(variance, 1e-10))


def matern(squared: Array) -> Array:
    """Matern-5/2 correlation at squared scaled distances (those below 0 by rounding are 0)."""
    distance = ROOT5 * np.sqrt(np.maximum(squared, 0.0))
    result: Array = (1 + distance + distance * distance / 3) * np.exp(-distance)
    return result


def negative_log_posterior(
    theta: Array, features: Array, owners: Indices, targets: Array, scale_mean: float
) -> tuple[float, Array]:
    """-log p(targets | theta) p(theta) without constants, and its gradient.

    Source: Rasmussen & Williams (2006), eq. 5.8 and 5.9.
    """
    width, count = len(theta) - 2, len(targets)
    scales, signal, noise = np.exp(theta[:width]), math.exp(theta[-2]), math.exp(theta[-1])
    scaled = features * np.sqrt(scales[owners])
    squares = (scaled * scaled).sum(1)
    distance = squares[:, None] + squares - 2 * scaled @ scaled.T
    np.maximum(distance, 0.0, out=distance)
    np.sqrt(distance, out=distance)
    distance *= ROOT5
    decay = np.exp(-distance)
    linear = 1 + distance
    correlation = (linear + distance * distance / 3) * decay
    covariance = signal * correlation
    covariance.flat[:: count + 1] += noise + JITTER
    try:
        lower = linalg.cholesky(covariance, lower=True, check_finite=False)
    except linalg.LinAlgError:
        return 1e10, np.zeros_like(theta)
    inverse, _ = linalg.lapack.dpotri(lower, lower=1)  # its upper half stays 0
    inverse = inverse + inverse.T
    inverse.flat[:: count + 1] *= 0.5
    solved = inverse @ targets
    value = 0.5 * float(targets @ solved) + float(np.log(np.diag(lower)).sum())
    pull = inverse - np.outer(solved, solved)
    slope = pull * ((-5.0 / 6.0) * signal * linear * decay)
    per_column = 2 * (slope.sum(1) @ (features * features) - (features * (slope @ features)).sum(0))
    gradient = np.empty_like(theta)
    gradient[:width] = 0.5 * scales * np.bincount(owners, per_column, minlength=width)
    gradient[-2] = 0.5 * signal * float((pull * correlation).sum())
    gradient[-1] = 0.5 * noise * float(np.trace(pull))
    off = (theta[:width] - scale_mean) / SCALE_SD
    quiet = (theta[-1] - NOISE_MEAN) / NOISE_SD
    value += 0.5 * float(off @ off) + 0.5 * theta[-2] ** 2 + 0.5 * quiet**2
    gradient[:width] += off / SCALE_SD
    gradient[-2] += theta[-2]
    gradient[-1] += quiet / NOISE_SD
    return value, gradient


def fit(
    features: Array,
    owners: Indices,
    targets: Array,
    *,
    starts: Sequence[Array] = (),
    steps: int = 40,
    scale_mean: float = 0.0,
) -> Array:
    """theta of the highest posterior density found from `starts`, `steps` iterations each at most.

    The density has several peaks where there are few rows: everything is noise, or everything
    varies quickly, or neither.
    """
    width = int(owners[-1]) + 1
    bounds = bounds_of(width)
    found = [
        optimize.minimize(
            negative_log_posterior,
            np.clip(start, bounds[:, 0], bounds[:, 1]),
            args=(features, owners, targets, scale_mean),
            jac=True,
            method="L-BFGS-B",
            bounds=bounds,
            options={"maxiter": steps},
        )
        for start in starts or [start_at(width, scale) for scale in START_SCALES]
    ]
    return np.asarray(min(found, key=lambda each: float(each.fun)).x, dtype=np.float64)


def draw(
    features: Array, owners: Indices, targets: Array, theta: Array, rng: Rng, count: int
) -> list[Array]:
    """`count` thetas as probable as their posterior says, from a short walk that begins at `theta`.

    Few results are explained by many length-scales. A model that has only the likeliest ones is
    too sure of itself; the mean over several is not.
    Source: Neal (2011), "MCMC using Hamiltonian dynamics", with walls at the bounds.
    """
    bounds = bounds_of(len(theta) - 2)
    low, high = bounds[:, 0], bounds[:, 1]
    drawn: list[Array] = []
    value, slope = negative_log_posterior(theta, features, owners, targets, 0.0)
    for _ in range(count):
        speed = rng.normal(size=len(theta))
        energy = value + 0.5 * float(speed @ speed)
        leap = LEAP * rng.uniform(0.5, 1.2)
        place, there, pull = theta, value, slope
        for _ in range(LEAPS):
            speed = speed - 0.5 * leap * pull
            place = place + leap * speed
            below, above = place < low, place > high
            speed = np.where(below | above, -speed, speed)
            place = np.where(below, 2 * low - place, np.where(above, 2 * high - place, place))
            place = np.clip(place, low, high)
            there, pull = negative_log_posterior(place, features, owners, targets, 0.0)
            speed = speed - 0.5 * leap * pull
        if math.log(1 - rng.random()) < energy - there - 0.5 * float(speed @ speed):
            theta, value, slope = place, there, pull
        drawn.append(theta)
    return drawn


def bounds_of(width: int) -> Array:
    return np.array([SCALE_BOUNDS] * width + [SIGNAL_BOUNDS, NOISE_BOUNDS])


def start_at(width: int, scale: float) -> Array:
    """theta with one length-scale for all parameters."""
    return np.concatenate([np.full(width, scale), [0.0, math.log(1e-3)]])


def condition(features: Array, owners: Indices, targets: Array, theta: Array) -> Posterior:
    """The process with `theta` after the rows were seen."""
    weights = np.sqrt(np.exp(theta[:-2]))[owners]
    signal, noise = math.exp(theta[-2]), math.exp(theta[-1])
    scaled = features * weights
    squares = (scaled * scaled).sum(1)
    covariance = signal * matern(squares[:, None] + squares - 2 * scaled @ scaled.T)
    covariance[np.diag_indices(len(targets))] = signal + noise + JITTER
    lower = linalg.cholesky(covariance, lower=True, check_finite=False)
    solved = linalg.cho_solve((lower, True), targets, check_finite=False)
    return Posterior(weights, scaled, squares, lower, solved, signal)
