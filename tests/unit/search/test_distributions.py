"""Every distribution against scipy, the second source; and there and back again."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats  # type: ignore[import-untyped]

from steelyard.errors import Invalid
from steelyard.search import beta, distributions
from steelyard.search.config import read_config
from steelyard.search.parameter import Parameter
from steelyard.search.yaml_source import scalar_of

QUANTILES = [0.001, 0.1, 0.25, 0.3333, 0.5, 0.61803, 0.75, 0.9, 0.999]


def parameter_of(**shape: Any) -> Parameter:
    """The parameter that a configuration with this shape has."""
    problem, found = read_config({"method": "random", "parameters": {"x": shape}})
    assert problem is not None, found
    return problem.space.parameters[0]


# W&B asks the same functions of scipy: sweeps 0.3.0 params.py. Recorded side by side with it.
E = math.e
CONTINUOUS = [
    ({"min": 0.5, "max": 10.0}, stats.uniform(0.5, 9.5)),
    ({"distribution": "log_uniform", "min": -6, "max": -4}, stats.loguniform(E**-6, E**-4)),
    ({"distribution": "log_uniform_values", "min": 1e-6, "max": 1}, stats.loguniform(1e-6, 1)),
    ({"distribution": "inv_log_uniform", "min": 1, "max": 5}, stats.loguniform(E**-5, 1 / E)),
    ({"distribution": "inv_log_uniform_values", "min": 0.1, "max": 9}, stats.loguniform(0.1, 9)),
    ({"distribution": "normal", "mu": 100, "sigma": 10}, stats.norm(100, 10)),
    ({"distribution": "normal"}, stats.norm(0, 1)),
    ({"distribution": "log_normal", "mu": 1, "sigma": 0.5}, stats.lognorm(0.5, scale=E)),
    ({"distribution": "beta", "a": 2, "b": 5}, stats.beta(2, 5)),
    ({"distribution": "beta", "a": 0.3, "b": 0.9}, stats.beta(0.3, 0.9)),
]


@pytest.mark.parametrize(("shape", "scipys"), CONTINUOUS)
def test_quantiles_are_scipys(shape: dict[str, Any], scipys: Any) -> None:
    parameter = parameter_of(**shape)
    for u in QUANTILES:
        assert parameter.from_unit(u) == pytest.approx(scipys.ppf(u), rel=1e-9)
        assert parameter.to_unit(scipys.ppf(u)) == pytest.approx(u, abs=1e-9)


QUANTISED = [each for each in CONTINUOUS if "log_uniform" not in each[0].get("distribution", "")]


@pytest.mark.parametrize(("shape", "scipys"), QUANTISED)
def test_quantised_values_are_rounded_to_multiples(shape: dict[str, Any], scipys: Any) -> None:
    distribution = shape.get("distribution", "uniform")
    q = 0.25
    parameter = parameter_of(**{**shape, "distribution": f"q_{distribution}", "q": q})
    for u in QUANTILES:
        assert parameter.from_unit(u) == round(scipys.ppf(u) / q) * q


def test_whole_numbers_are_scipys_randint() -> None:
    parameter = parameter_of(min=1, max=10)
    for u in QUANTILES:
        assert parameter.from_unit(u) == stats.randint(1, 11).ppf(u)
        assert isinstance(parameter.from_unit(u), int)


def test_probabilities_are_kept() -> None:
    parameter = parameter_of(values=["a", "b", "c"], probabilities=[0.25, 0.75, 0.0])
    drawn = [parameter.from_unit((at + 0.5) / 1000) for at in range(1000)]
    assert (drawn.count("a"), drawn.count("b")) == (250, 750)
    assert parameter.from_unit(1.0) == "b"


def test_a_quantised_value_is_an_integer_where_q_is_one() -> None:
    assert isinstance(parameter_of(distribution="q_uniform", min=0, max=9, q=2).from_unit(0.4), int)
    assert isinstance(parameter_of(distribution="q_uniform", min=0, max=9).from_unit(0.4), float)


def test_a_quantised_value_stays_within_its_bounds() -> None:
    """W&B begins at 0 here, below min."""
    parameter = parameter_of(distribution="q_uniform", min=1, max=10, q=3)
    assert {parameter.from_unit(at / 100) for at in range(101)} == {3, 6, 9}


def test_a_value_that_a_categorical_lacks_is_refused() -> None:
    with pytest.raises(Invalid, match="none of its values"):
        parameter_of(values=[1, "1"]).to_unit(True)


@given(a=st.floats(0.05, 50), b=st.floats(0.05, 50), x=st.floats(1e-6, 1 - 1e-6))
def test_the_beta_distribution_is_scipys(a: float, b: float, x: float) -> None:
    assert beta.cumulative(x, a, b) == pytest.approx(special.betainc(a, b, x), rel=1e-9, abs=1e-12)


# PyYAML writes the text 1e3 without quotes, for to it that is no number.
TEXTS = st.text().filter(lambda text: scalar_of(text) == text)
UNITS = st.floats(0.0, 1.0)


@st.composite
def shapes(draw: st.DrawFn) -> dict[str, Any]:
    """Any parameter with a distribution, as a configuration states it."""
    kind = draw(
        st.sampled_from(
            ["int", "uniform", "log", "values_log", "inv", "inv_values", "normal", "log_normal",
             "beta", "categorical", "probabilities"]
        )
    )  # fmt: skip
    q = draw(st.sampled_from([None, 1, 0.5, 0.1, 3]))
    if kind == "int":
        low = draw(st.integers(-1000, 1000))
        return {"min": low, "max": low + draw(st.integers(1, 100_000))}
    if kind == "categorical":
        return {"values": draw(st.lists(st.integers() | TEXTS, min_size=1, max_size=8))}
    if kind == "probabilities":
        weights = draw(st.lists(st.integers(0, 9), min_size=2, max_size=6).filter(any))
        total = sum(weights)
        return {"values": list(range(len(weights))), "probabilities": [w / total for w in weights]}
    if kind in ("normal", "log_normal"):
        mu, sigma = draw(st.floats(-3, 3)), draw(st.floats(0.1, 3))
        shape = {"distribution": kind, "mu": mu, "sigma": sigma}
    elif kind == "beta":
        shape = {"distribution": "beta", "a": draw(st.floats(0.5, 9)), "b": draw(st.floats(0.5, 9))}
        q = draw(st.sampled_from([None, 0.1, 0.25]))
    else:
        low, width = draw(st.floats(-5, 5)), draw(st.floats(4, 8))
        names = {"log": "log_uniform", "values_log": "log_uniform_values",
                 "inv": "inv_log_uniform", "inv_values": "inv_log_uniform_values"}  # fmt: skip
        shape = {"distribution": names.get(kind, kind), "min": low, "max": low + width}
        if kind.endswith("values") or kind == "values_log":
            shape |= {"min": math.exp(low), "max": math.exp(low + width)}
        if kind.startswith("inv"):
            q = None
    if q is None:
        return shape
    return {**shape, "distribution": f"q_{shape['distribution']}", "q": q}


def readable(shape: dict[str, Any]) -> Parameter | None:
    """None where no multiple of q lies between the bounds, which is refused."""
    problem = read_config({"method": "random", "parameters": {"x": shape}})[0]
    return None if problem is None else problem.space.parameters[0]


@given(shape=shapes(), u=UNITS)
def test_a_value_goes_to_the_unit_interval_and_back(shape: dict[str, Any], u: float) -> None:
    parameter = readable(shape)
    if parameter is None:
        return
    value = parameter.from_unit(u)
    there = parameter.to_unit(value)
    assert 0.0 <= there <= 1.0
    back = parameter.from_unit(there)
    if isinstance(value, float) and parameter.q is None:
        assert back == pytest.approx(value, rel=1e-6, abs=1e-9)
    else:
        assert back == value


@given(shape=shapes(), us=st.tuples(UNITS, UNITS))
def test_larger_quantiles_have_larger_values_within_bounds(
    shape: dict[str, Any], us: tuple[float, float]
) -> None:
    parameter = readable(shape)
    if parameter is None or parameter.is_categorical:
        return
    low, high = distributions.bounds(parameter)
    first, second = (parameter.from_unit(u) for u in sorted(us))
    slack = 1e-9 * (parameter.q or 0.0)
    assert low - slack <= first <= second <= high + slack
    assert math.isfinite(first) and math.isfinite(second)


@given(shape=shapes(), seed=st.integers(0, 10**6))
def test_what_is_drawn_from_a_finite_distribution_is_in_its_support(
    shape: dict[str, Any], seed: int
) -> None:
    parameter = readable(shape)
    if parameter is None:
        return
    support = distributions.support(parameter)
    if support is not None and len(support) <= 1000:
        assert parameter.from_unit(random.Random(seed).random()) in list(support)
