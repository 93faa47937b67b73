"""A metric between the runs: what a model makes of one or two parameters, and how sure it is.

The model is a Gaussian process over all parameters of the space, that of `method: bayes`. A point
of a grid is the mean of the model over the other parameters as the runs have them (partial
dependence: Friedman, 2001, Annals of Statistics 29, 1189-1232, section 8.2), and its interval is
that of this mean, not of a single run: the covariances between the places that are averaged count.
Results are straightened before they are learned from, so the mean is that of a typical run, and one
that diverged does not bend it.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec
import numpy as np
import numpy.typing as npt
from scipy import linalg

from steelyard.errors import Invalid
from steelyard.limits import SEARCH_MODEL_ROWS_MAX
from steelyard.search.bayes import gp
from steelyard.search.bayes.codec import Codec
from steelyard.search.bayes.targets import are_alike, by_value, clip_bad_side
from steelyard.search.importance import is_finite
from steelyard.search.parameter import Parameter
from steelyard.search.problem import Goal
from steelyard.search.space import Space

Array = npt.NDArray[np.float64]

RUNS_MIN = 6  # fewer say nothing about what lies between them
SLICE_POINTS = 48
CONTOUR_POINTS = 24  # on each side
BACKGROUND_ROWS = 32  # places that a point of a grid is averaged over
STANDARD_DEVIATIONS = 1.6448536269514722  # of a normal distribution, on both sides: 90 %
CLIPPED_BEYOND = 3.0  # as by_value does
UNSURE_BELOW = 0.2  # share of the variance explained


class GridAxis(msgspec.Struct, frozen=True, kw_only=True):
    """One parameter of a grid: the values where it was computed, in the order of their places."""

    name: str
    kind: Literal["number", "category"]
    scale: Literal["linear", "log"]
    values: list[Any]


class Surface(msgspec.Struct, frozen=True, kw_only=True):
    """A metric over one or two parameters, in its own units.

    Attributes:
        mean, low, high: one row for each value of `y` (a single one without it), one number for
            each value of `x`; low and high are the 90 % interval of the mean. None where the two
            parameters never exist together; all are empty where there is no model.
        runs: with a result that lie in the space; fitted: those that the model has seen.
        explained: the share of the variance that the model predicts in runs left out one by one.
        note: a sentence for people about how far it can be trusted.
    """

    x: GridAxis
    y: GridAxis | None
    mean: list[list[float | None]]
    low: list[list[float | None]]
    high: list[list[float | None]]
    runs: int
    fitted: int
    explained: float
    note: str


class SurfaceModel:
    """A model of one metric, fitted once; slices and contours of it are cheap.

    Args:
        configs: flat configurations, one per run; those that lie outside of the space are left out.
        values: the metric of each; None, NaN and infinities are left out.
    Cost: 0.3 s CPU to fit 200 runs of 40 parameters, 0.03 s for a contour.
    """

    def __init__(
        self,
        space: Space,
        configs: Sequence[Mapping[str, Any]],
        values: Sequence[float | None],
        *,
        goal: Goal,
    ) -> None:
        self.codec = Codec(space)
        sign = -1.0 if goal == "maximize" else 1.0
        there = [place for place, value in enumerate(values) if is_finite(value)]
        rows, inside = self.codec.encode([configs[place] for place in there])
        losses = np.array([sign * float(values[place] or 0.0) for place in there])[inside]
        self.sign = sign
        self.rows: Array = rows[inside]
        self.losses: Array = losses
        self.theta: Array | None = None
        self.fitted = 0
        self.explained = 0.0
        if self.codec.width and len(losses) >= RUNS_MIN and not are_alike(losses):
            self._fit()

    def _fit(self) -> None:
        chosen = choose_rows(self.losses, SEARCH_MODEL_ROWS_MAX)
        self.rows_fitted = self.rows[chosen]
        # What by_value takes for one, a run that diverged and one that did badly, is one here, too.
        self.losses_fitted = clip_bad_side(self.losses[chosen], CLIPPED_BEYOND)
        self.targets = by_value(self.losses_fitted)
        features = self.codec.features(self.rows_fitted)
        theta = gp.fit(features, self.codec.owners, self.targets)
        self.posterior = gp.condition(features, self.codec.owners, self.targets, theta)
        self.theta = theta
        self.fitted = len(chosen)
        self.explained = leave_one_out(self.posterior, self.targets)

    def slice(self, x: str) -> Surface:
        """The metric along one parameter. Raises Invalid for one that is not searched."""
        return self._grid(x, None, points=SLICE_POINTS)

    def contour(self, x: str, y: str) -> Surface:
        """The metric over two parameters. Raises Invalid for one that is not searched, or twice
        the same.
        """
        if x == y:
            raise Invalid(f"a contour needs two different parameters, and {x!r} was given twice")
        return self._grid(x, y, points=CONTOUR_POINTS)

    def _grid(self, x: str, y: str | None, *, points: int) -> Surface:
        columns = [self._column(name) for name in (x, y) if name is not None]
        codes = [self._codes(column, points) for column in columns]
        axes = [self._axis(column, places) for column, places in zip(columns, codes, strict=True)]
        means: list[list[float | None]] = []
        lows: list[list[float | None]] = []
        highs: list[list[float | None]] = []
        if self.theta is not None:
            meshes = np.meshgrid(*codes)  # the first varies along a row
            grid = np.stack([mesh.ravel() for mesh in meshes], axis=1)
            mean, half = self._average(columns, grid)
            half *= STANDARD_DEVIATIONS
            shape = (-1, len(codes[0]))
            first, last = self._in_units(mean - half), self._in_units(mean + half)
            means = as_lists(self._in_units(mean).reshape(shape))
            lows = as_lists(np.minimum(first, last).reshape(shape))
            highs = as_lists(np.maximum(first, last).reshape(shape))
        return Surface(
            x=axes[0],
            y=axes[1] if y is not None else None,
            mean=means,
            low=lows,
            high=highs,
            runs=len(self.losses),
            fitted=self.fitted,
            explained=self.explained,
            note=self._note(),
        )

    def _column(self, name: str) -> int:
        column = self.codec.columns.get(name)
        if column is not None:
            return column
        if name in self.codec.space.by_name:
            raise Invalid(f"{name!r} has one value only; choose a parameter that is searched")
        near = difflib.get_close_matches(name, self.codec.columns, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise Invalid(f"the search has no parameter {name!r}{hint}")

    def _codes(self, column: int, points: int) -> Array:
        """Places of the grid along one column, ascending."""
        count = int(self.codec.category_counts[column])
        if count:
            return np.arange(min(count, points), dtype=np.float64)
        ladder = self.codec.ladders.get(column)
        if ladder is not None:
            steps = len(ladder.codes)
            chosen = np.unique(np.linspace(0, steps - 1, min(points, steps)).round().astype(int))
            places: Array = ladder.codes[chosen]
            return places
        parameter = self.codec.parameters[column]
        low, high = (0.0, 1.0) if parameter.max is not None else (0.005, 0.995)
        return np.linspace(low, high, points)

    def _axis(self, column: int, places: Array) -> GridAxis:
        parameter = self.codec.parameters[column]
        if self.codec.is_category[column]:
            names = [self.codec.choices[column][int(place)] for place in places]
            return GridAxis(name=parameter.name, kind="category", scale="linear", values=names)
        ladder = self.codec.ladders.get(column)
        values = [
            parameter.from_unit(float(place))
            if ladder is None
            else ladder.values[int(np.argmin(np.abs(ladder.codes - place)))]
            for place in places
        ]
        return GridAxis(
            name=parameter.name,
            kind="number",
            scale=scale_of(parameter, values),
            values=values,
        )

    def _average(self, columns: Sequence[int], grid: Array) -> tuple[Array, Array]:
        """Mean and standard deviation, in units of the targets, of the model's average over the
        background at every row of `grid`; NaN where no row of it has the parameters.
        """
        step = max(1, len(self.rows_fitted) // BACKGROUND_ROWS)
        background = self.rows_fitted[::step][:BACKGROUND_ROWS]
        count, size = len(grid), len(background)
        rows = np.repeat(background[None], count, axis=0)
        for place, column in enumerate(columns):
            rows[:, :, column] = grid[:, place, None]
        flat = self.codec.settle(rows.reshape(count * size, -1))
        active = self.codec.active(flat)[:, list(columns)].all(axis=1).reshape(count, size)
        shares = active / np.maximum(active.sum(axis=1), 1)[:, None]
        known = self.posterior
        scaled = self.codec.features(flat) * known.weights
        squares = (scaled * scaled).sum(1)
        distances = squares[:, None] + known.squares - 2 * scaled @ known.scaled.T
        covariance = known.signal * gp.matern(distances).reshape(count, size, -1)
        averaged = np.einsum("gm,gmn->gn", shares, covariance)
        mean = averaged @ known.solved
        prior = self._prior(scaled.reshape(count, size, -1), shares)
        explained = linalg.solve_triangular(known.lower, averaged.T, lower=True)
        variance = prior - np.einsum("ij,ij->j", explained, explained)
        nowhere = ~active.any(axis=1)
        mean[nowhere] = np.nan
        return mean, np.sqrt(np.maximum(variance, 0.0))

    def _prior(self, scaled: Array, shares: Array) -> Array:
        """The variance of the averages before anything was seen."""
        squares = (scaled * scaled).sum(2)
        inner = scaled @ scaled.transpose(0, 2, 1)
        distances = squares[:, :, None] + squares[:, None, :] - 2 * inner
        correlation = gp.matern(distances)
        prior: Array = self.posterior.signal * np.einsum(
            "gm,gmk,gk->g", shares, correlation, shares
        )
        return prior

    def _in_units(self, targets: Array) -> Array:
        """The metric that targets stand for, by the pairs that are known; straight on beyond."""
        order = np.argsort(self.targets)
        xs, ys = self.targets[order], self.losses_fitted[order]
        losses = np.interp(targets, xs, ys)
        slope = float(ys.std()) / max(float(xs.std()), 1e-12)
        losses += np.minimum(targets - xs[0], 0.0) * slope + np.maximum(targets - xs[-1], 0) * slope
        units: Array = self.sign * losses
        return units

    def _note(self) -> str:
        runs = len(self.losses)
        if runs < RUNS_MIN:
            return f"{runs} runs have a result; a model is made from {RUNS_MIN} on"
        if self.theta is None:
            return "all results are alike, so there is nothing to model"
        seen = f"{runs:,} runs" if self.fitted == runs else f"{self.fitted} of {runs:,} runs"
        share = (
            f"the model of {seen} predicts {self.explained:.0%} of the variance in runs left out"
        )
        if self.explained < UNSURE_BELOW:
            return f"{share}: read it as a guess"
        return share


def choose_rows(losses: Array, count: int) -> npt.NDArray[np.intp]:
    """Ascending places of at most `count` rows: the best third, and others spread over the rest."""
    if len(losses) <= count:
        return np.arange(len(losses))
    order = np.argsort(losses, kind="stable")
    best, rest = order[: count // 3], np.sort(order[count // 3 :])
    spread = rest[np.linspace(0, len(rest) - 1, count - len(best)).astype(int)]
    return np.sort(np.concatenate([best, spread]))


def leave_one_out(posterior: gp.Posterior, targets: Array) -> float:
    """The share of the variance of the targets that is predicted when each row is left out, >= 0.

    Source: Rasmussen & Williams (2006), eq. 5.12, with the length-scales of all rows.
    """
    identity = np.eye(len(targets))
    inverse = linalg.cho_solve((posterior.lower, True), identity)
    errors = posterior.solved / np.diag(inverse)
    return max(0.0, 1.0 - float(np.mean(errors**2)) / max(float(targets.var()), 1e-12))


def scale_of(parameter: Parameter, values: Sequence[Any]) -> Literal["linear", "log"]:
    """Whether values are better seen by their logarithms: so they are drawn, or so they spread."""
    if not values or min(values) <= 0:
        return "linear"
    if "log" in parameter.distribution:
        return "log"
    if parameter.is_categorical and len(values) > 2:
        steps = np.diff(np.log(np.array(values, dtype=np.float64)))
        even = np.diff(np.array(values, dtype=np.float64))
        return "log" if spread(steps) < spread(even) else "linear"
    return "linear"


def spread(steps: Array) -> float:
    return float(steps.std() / np.abs(steps).mean())


def as_lists(table: Array) -> list[list[float | None]]:
    return [[None if math.isnan(each) else float(each) for each in row] for row in table]
