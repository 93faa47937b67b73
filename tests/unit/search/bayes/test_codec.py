"""From configurations to rows and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.search.bayes.codec import NEUTRAL, NO_CATEGORY, Codec
from steelyard.search.problem import Parameter, Space
from tests.support.search_problems import choice, integer, log_uniform, make, uniform


@st.composite
def parameters(draw: st.DrawFn, name: str) -> Parameter:
    kind = draw(st.sampled_from(["int", "uniform", "log", "q", "qlog", "normal", "list", "words"]))
    if kind == "int":
        low = draw(st.integers(-50, 50))
        return integer(name, low, low + draw(st.integers(0, 300) | st.just(6000)))
    if kind == "uniform":
        low = draw(st.floats(-10, 10))
        return uniform(name, low, low + draw(st.floats(0.01, 100)))
    if kind == "log":
        low = draw(st.floats(1e-8, 1e2))
        return log_uniform(name, low, low * draw(st.floats(1.5, 1e5)))
    if kind == "q":
        low, q = draw(st.integers(-20, 20)), draw(st.sampled_from([1, 2, 5, 0.5, 0.1]))
        high = low + draw(st.integers(1, 40)) * q
        return make(name, distribution="q_uniform", min=float(low), max=float(high), q=q)
    if kind == "qlog":
        high = draw(st.integers(2, 300) | st.just(6000))
        return make(name, distribution="q_log_uniform_values", min=1, max=high, q=1)
    if kind == "normal":
        return make(name, distribution="normal", mu=draw(st.floats(-5, 5)), sigma=2.0)
    numbers = st.lists(st.integers(-5, 5) | st.floats(-1, 1), min_size=1, max_size=6, unique=True)
    words = st.lists(
        st.sampled_from(["a", "b", "c", True, False, None, 1, (1, 2)]), min_size=1, max_size=6
    )
    return choice(name, *draw(numbers if kind == "list" else words))


@st.composite
def spaces(draw: st.DrawFn) -> Space:
    """Up to six parameters, some of which exist only with certain values of the one before."""
    made: list[Parameter] = []
    for number in range(draw(st.integers(1, 6))):
        parameter = draw(parameters(f"p{number}"))
        if made and made[-1].is_categorical and draw(st.booleans()):
            values = made[-1].values[: draw(st.integers(1, len(made[-1].values)))]
            condition = [(made[-1].name, values)]
            words = {"q": parameter.q, "mu": parameter.mu, "sigma": parameter.sigma}
            words |= {"min": parameter.min, "max": parameter.max, "values": parameter.values}
            kind = parameter.distribution
            parameter = make(parameter.name, distribution=kind, when=condition, **words)
        made.append(parameter)
    return Space(parameters=tuple(made))


@settings(deadline=None, max_examples=40)
@given(space=spaces(), seed=st.integers(0, 2**32 - 1))
def test_a_configuration_survives_the_way_through_its_row(space: Space, seed: int) -> None:
    codec = Codec(space)
    rng = np.random.default_rng(seed)
    configs = [space.sample(rng) for _ in range(8)]
    rows, inside = codec.encode(configs)
    assert inside.all()
    for config, row in zip(configs, rows, strict=True):
        back = codec.decode(row)
        assert back.keys() == config.keys()
        for name, value in config.items():
            assert back[name] == (pytest.approx(value) if isinstance(value, float) else value)


@settings(deadline=None, max_examples=40)
@given(space=spaces(), seed=st.integers(0, 2**32 - 1))
def test_every_point_of_the_cube_is_a_configuration_of_the_space(space: Space, seed: int) -> None:
    codec = Codec(space)
    rows = codec.place(np.random.default_rng(seed).random((16, codec.width)))
    configs = [codec.decode(row) for row in rows]
    again, inside = codec.encode(configs)
    assert inside.all()
    for config, row in zip(configs, again, strict=True):
        back = codec.decode(row)
        assert back.keys() == config.keys()
        for name, value in config.items():
            assert back[name] == (pytest.approx(value) if isinstance(value, float) else value)
    assert (codec.settle(rows) == rows).all()


@settings(deadline=None, max_examples=40)
@given(space=spaces(), seed=st.integers(0, 2**32 - 1))
def test_squared_distances_of_features_are_those_of_the_parameters(space: Space, seed: int) -> None:
    codec = Codec(space)
    rows = codec.place(np.random.default_rng(seed).random((5, codec.width)))
    features = codec.features(rows)
    apart = ((features[:, None] - features) ** 2).sum(2)
    gaps = np.abs(rows[:, None] - rows)
    gaps[:, :, codec.is_category] = gaps[:, :, codec.is_category] > 0
    assert apart == pytest.approx((gaps**2).sum(2), abs=1e-12)


def test_parameters_of_another_branch_are_neutral() -> None:
    codec = Codec(
        Space(
            parameters=(
                choice("optimizer", "adam", "sgd"),
                uniform("momentum", when=[("optimizer", ("sgd",))]),
                choice("nesterov", "on", "off", when=[("optimizer", ("sgd",))]),
                uniform("beta", when=[("optimizer", ("adam",))]),
            )
        )
    )
    rows, _ = codec.encode([{"optimizer": "adam", "beta": 0.25}])
    assert rows.tolist() == [[0.0, NEUTRAL, NO_CATEGORY, 0.25]]
    assert codec.decode(rows[0]) == {"optimizer": "adam", "beta": 0.25}


def test_a_parameter_below_a_constant_exists_where_the_constant_has_the_value() -> None:
    constant = make("mode", distribution="constant", values=("fast",))
    space = Space(
        parameters=(
            constant,
            uniform("a", when=[("mode", ("fast",))]),
            uniform("b", when=[("mode", ("slow",))]),
        )
    )
    codec = Codec(space)
    assert codec.decode(codec.place(np.full((1, 2), 0.5))[0]) == {"mode": "fast", "a": 0.5}


@pytest.mark.parametrize(
    "config",
    [{"x": 3.0, "c": "a"}, {"x": 0.5, "c": "z"}, {"x": "1", "c": "a"}, {"x": 0.5, "c": True}],
)
def test_what_lies_outside_of_the_space_is_told_apart(config: dict[str, Any]) -> None:
    codec = Codec(Space(parameters=(uniform("x"), choice("c", "a", "b", 1))))
    _, inside = codec.encode([config, {"x": 0.5, "c": 1}])
    assert inside.tolist() == [False, True]


def test_numbers_in_a_list_are_near_each_other_by_rank() -> None:
    codec = Codec(Space(parameters=(choice("batch_size", 128, 16, 32, 64),)))
    rows, _ = codec.encode([{"batch_size": size} for size in (16, 32, 64, 128)])
    assert rows[:, 0].tolist() == [0.125, 0.375, 0.625, 0.875]
    assert codec.decode(rows[1]) == {"batch_size": 32}


def test_a_value_of_probability_zero_is_never_placed() -> None:
    rare = make(
        "c",
        distribution="categorical_w_probabilities",
        values=("never", "often", "seldom"),
        probabilities=(0.0, 0.9, 0.1),
    )
    codec = Codec(Space(parameters=(rare,)))
    rows = codec.place(np.linspace(0, 1, 1001)[:-1, None])
    drawn = [codec.decode(row)["c"] for row in rows]
    assert {name: drawn.count(name) for name in set(drawn)} == {"often": 900, "seldom": 100}
