"""What a model says between the runs: right where the truth is known, else modest."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.errors import Invalid
from steelyard.search.config import read_config
from steelyard.search.space import Space
from steelyard.search.surface import RUNS_MIN, SurfaceModel, choose_rows

PARAMETERS: dict[str, Any] = {
    "lr": {"min": 1e-5, "max": 1e-1, "distribution": "log_uniform_values"},
    "depth": {"values": [2, 4, 8, 16]},
    "optimizer": {"values": ["adam", "sgd"]},
    "momentum": {"min": 0.0, "max": 1.0, "condition": {"optimizer": "sgd"}},
    "seed": {"value": 3},
}


def make_space(parameters: dict[str, Any] = PARAMETERS) -> Space:
    problem, diagnostics = read_config({"method": "random", "parameters": parameters})
    assert problem is not None, diagnostics
    return problem.space


def draw(space: Space, count: int, seed: int = 0) -> list[dict[str, Any]]:
    rng = np.random.default_rng(seed)
    return [space.sample(rng) for _ in range(count)]


def loss_of(config: dict[str, Any]) -> float:
    bowl = (math.log10(config["lr"]) + 3.0) ** 2
    return float(bowl + (1.0 if config["optimizer"] == "sgd" else 0.0))


def make_model(count: int = 80, goal: Any = "minimize", sign: float = 1.0) -> SurfaceModel:
    space = make_space()
    configs = draw(space, count)
    return SurfaceModel(space, configs, [sign * loss_of(each) for each in configs], goal=goal)


def test_a_bowl_is_found_along_its_parameter_within_the_interval() -> None:
    surface = make_model().slice("lr")
    [mean], [low], [high] = surface.mean, surface.low, surface.high
    assert (surface.x.kind, surface.x.scale, surface.y) == ("number", "log", None)
    best = surface.x.values[int(np.argmin(np.array(mean)))]
    assert 3e-4 < best < 3e-3
    for each, a, b, c in zip(surface.x.values, low, mean, high, strict=True):
        assert a is not None and b is not None and c is not None
        assert a <= b <= c
        assert b == pytest.approx((math.log10(each) + 3.0) ** 2 + 0.5, abs=0.6)
    assert surface.explained > 0.9
    assert "80 runs" in surface.note


def test_what_is_maximised_is_the_mirror_image_of_what_is_minimised() -> None:
    down, up = make_model().slice("lr"), make_model(goal="maximize", sign=-1.0).slice("lr")
    assert np.array(up.mean) == pytest.approx(-np.array(down.mean), rel=1e-6)
    assert np.array(up.low) == pytest.approx(-np.array(down.high), rel=1e-6)


def test_a_contour_has_a_row_for_each_value_of_y_and_a_gap_where_both_never_exist() -> None:
    model = make_model()
    surface = model.contour("depth", "optimizer")
    assert surface.y is not None
    assert (surface.x.values, surface.y.values) == ([2, 4, 8, 16], ["adam", "sgd"])
    adam, sgd = np.array(surface.mean, dtype=float)
    assert (sgd > adam).all()
    gaps = model.contour("momentum", "optimizer")
    assert all(value is None for value in gaps.mean[0])  # adam has no momentum
    assert all(value is not None for value in gaps.mean[1])


def test_what_is_no_searched_parameter_is_refused_with_the_nearest() -> None:
    model = make_model()
    with pytest.raises(Invalid, match="did you mean 'depth'"):
        model.slice("dept")
    with pytest.raises(Invalid, match="one value only"):
        model.slice("seed")
    with pytest.raises(Invalid, match="twice"):
        model.contour("lr", "lr")


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ([1.0] * (RUNS_MIN - 1), "a model is made from"),
        ([2.5] * 20, "all results are alike"),
        ([math.nan] * 10 + [None] * 10, "0 runs have a result"),
    ],
)
def test_without_anything_to_learn_there_are_axes_and_a_reason(
    values: list[float | None], says: str
) -> None:
    space = make_space()
    surface = SurfaceModel(space, draw(space, len(values)), values, goal="minimize").slice("depth")
    assert surface.x.values == [2, 4, 8, 16]
    assert surface.mean == []
    assert says in surface.note


def test_runs_of_an_earlier_wider_space_are_left_out() -> None:
    space = make_space({"x": {"min": 0.0, "max": 1.0}})
    configs = [{"x": place / 10} for place in range(20)]
    surface = SurfaceModel(space, configs, [each["x"] for each in configs], goal="minimize")
    assert surface.slice("x").runs == 11


@settings(max_examples=25)
@given(
    values=st.lists(
        st.floats(-1e12, 1e12) | st.just(math.nan) | st.just(math.inf), min_size=12, max_size=12
    )
)
def test_whatever_the_results_are_the_interval_holds_the_mean(values: list[float]) -> None:
    space = make_space({"x": {"min": 0.0, "max": 1.0}, "y": {"values": ["a", "b"]}})
    surface = SurfaceModel(space, draw(space, 12), values, goal="maximize").contour("x", "y")
    for means, lows, highs in zip(surface.mean, surface.low, surface.high, strict=True):
        for mean, low, high in zip(means, lows, highs, strict=True):
            assert mean is not None and low is not None and high is not None
            assert math.isfinite(mean)
            assert low <= mean <= high


@given(st.integers(1, 60), st.integers(3, 30))
def test_chosen_rows_are_different_ones_and_the_best_is_among_them(rows: int, count: int) -> None:
    losses = np.random.default_rng(rows).random(rows)
    chosen = choose_rows(losses, count)
    assert len(chosen) == min(rows, count) == len(set(chosen.tolist()))
    assert int(losses.argmin()) in chosen
