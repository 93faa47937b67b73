"""Importance finds what was planted, and says so beside the correlation."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from steelyard.search.importance import RUNS_MIN, correlate, measure_importance, rank_values


def make_uniform(runs: int, names: int, seed: int) -> tuple[np.ndarray, list[dict[str, Any]]]:
    table = np.random.default_rng(seed).random((runs, names))
    return table, [{f"p{i:02}": float(value) for i, value in enumerate(row)} for row in table]


@pytest.mark.parametrize("seed", range(4))
def test_a_planted_order_is_found_among_many_parameters(seed: int) -> None:
    table, configs = make_uniform(300, 12, seed)
    noise = np.random.default_rng(seed + 100).normal(size=300)
    values = 4 * table[:, 7] + 2 * table[:, 2] - 1 * table[:, 5] + 0.1 * noise
    found = measure_importance(configs, values.tolist())
    assert [item.name for item in found.items[:3]] == ["p07", "p02", "p05"]
    assert sum(item.share for item in found.items) == pytest.approx(1.0)
    first, second, third = found.items[:3]
    assert first.low > second.high > second.low > third.high  # the intervals do not touch
    assert found.explained > 0.7
    assert first.spearman is not None and first.spearman > 0.5
    assert third.spearman is not None and third.spearman < 0


def test_a_parabola_has_importance_and_no_correlation() -> None:
    rng = np.random.default_rng(0)
    x = np.linspace(-1, 1, 300)
    configs = [{"x": float(value), "noise": float(rng.random())} for value in x]
    found = measure_importance(configs, (x**2).tolist())
    (item, other) = found.items
    assert item.name == "x"
    assert item.share > 0.95
    assert abs(item.pearson or 0) < 0.01 and abs(item.spearman or 0) < 0.01
    assert "hardly any correlation: not a straight line" in item.note
    assert other.note == "next to no effect, or none that stands out from chance in these runs"


def test_two_parameters_that_matter_together_are_both_found() -> None:
    table, configs = make_uniform(400, 5, seed=3)
    values = (table[:, 1] - 0.5) * (table[:, 3] - 0.5)
    found = measure_importance(configs, values.tolist())
    assert {item.name for item in found.items[:2]} == {"p01", "p03"}
    assert all(abs(item.spearman or 0) < 0.2 for item in found.items)


def test_a_category_is_found_whatever_its_names_are() -> None:
    rng = np.random.default_rng(5)
    effect = {"adam": 0.0, "sgd": 2.0, "lion": 1.0, "muon": 3.0}
    configs = [{"opt": str(rng.choice(list(effect))), "lr": rng.random()} for _ in range(200)]
    values = [effect[config["opt"]] + 0.5 * config["lr"] for config in configs]
    found = measure_importance(configs, values)
    assert [item.name for item in found.items] == ["opt", "lr"]
    assert (found.items[0].kind, found.items[0].pearson) == ("category", None)
    assert found.items[0].distinct == 4


def test_a_parameter_that_is_often_inactive_does_not_take_its_parents_importance() -> None:
    rng = np.random.default_rng(6)
    configs: list[dict[str, Any]] = []
    for _ in range(300):
        parent = str(rng.choice(["sgd", "adam"]))
        child = {"momentum": float(rng.random())} if parent == "sgd" else {}
        configs.append({"opt": parent, **child, "noise": float(rng.random())})
    values = [(config["opt"] == "sgd") + 0.01 * rng.random() for config in configs]
    found = {item.name: item for item in measure_importance(configs, values).items}
    assert found["opt"].share > 0.9
    assert found["momentum"].runs == sum("momentum" in config for config in configs)
    effect = [3 * c.get("momentum", 0.0) + (c["opt"] == "sgd") for c in configs]
    found = {item.name: item for item in measure_importance(configs, effect).items}
    assert found["momentum"].low > 0.1
    assert found["noise"].share < 0.02


def test_noise_seldom_stands_out() -> None:
    outstanding = 0
    for seed in range(10):
        _, configs = make_uniform(60, 8, seed)
        values = np.random.default_rng(seed + 50).normal(size=60)
        found = measure_importance(configs, values.tolist())
        outstanding += sum(item.low > 0 for item in found.items)
        assert found.explained < 0.2
        assert "the order says little" in found.note
    assert outstanding <= 16  # of 80; one in twenty is what a 90 % interval allows on one side


def test_a_run_that_diverged_does_not_decide_alone() -> None:
    table, configs = make_uniform(100, 4, seed=9)
    values = table[:, 0] + 0.2 * table[:, 1]
    values[17] = 1e30
    found = measure_importance(configs, values.tolist())
    assert found.items[0].name == "p00"
    again = measure_importance(configs, np.exp(np.minimum(values, 100)).tolist())
    assert [item.name for item in again.items] == [item.name for item in found.items]


def test_the_same_runs_give_the_same_answer() -> None:
    table, configs = make_uniform(80, 6, seed=1)
    values = table[:, 0].tolist()
    assert measure_importance(configs, values) == measure_importance(configs, values)
    assert measure_importance(configs, values, seed=1) != measure_importance(configs, values)


def test_runs_without_a_result_are_left_out() -> None:
    table, configs = make_uniform(60, 3, seed=2)
    values = [*table[:, 1].tolist(), None, math.nan, math.inf]
    found = measure_importance([*configs, {}, {"p00": 1.0}, {"p01": 0.0}], values)
    assert found == measure_importance(configs, table[:, 1].tolist())
    assert found.runs == 60


def test_too_few_runs_say_nothing() -> None:
    found = measure_importance([{"x": i} for i in range(RUNS_MIN - 1)], list(range(RUNS_MIN - 1)))
    assert found.items == ()
    assert found.note == f"{RUNS_MIN - 1} runs have a result; importance is computed from 8 on"


def test_a_constant_result_has_no_important_parameter() -> None:
    _, configs = make_uniform(20, 3, seed=0)
    found = measure_importance(configs, [1.0] * 20)
    assert [item.share for item in found.items] == [0.0] * 3
    assert found.note == "all 20 runs have the same result, so no parameter matters in them"


def test_a_constant_parameter_and_an_unknown_one_say_so() -> None:
    table, configs = make_uniform(30, 1, seed=0)
    configs = [{**config, "fixed": 3} for config in configs]
    found = measure_importance(configs, table[:, 0].tolist(), names=["p00", "fixed", "absent"])
    notes = {item.name: item.note for item in found.items}
    assert notes["fixed"] == "it has one value in all these runs, so nothing can be said about it"
    assert notes["absent"] == "none of these runs has it"


ANY = st.sampled_from([0, 1, -3.5, 1e300, True, "text", "", None, (1, 2), [1], math.nan])


@settings(max_examples=30)
@given(
    configs=st.lists(
        st.fixed_dictionaries({}, optional={"a": ANY, "b": ANY, "c": ANY}), min_size=8, max_size=25
    ),
    data=st.data(),
)
def test_whatever_is_configured_gives_shares_and_correlations(
    configs: list[dict[str, Any]], data: st.DataObject
) -> None:
    floats = st.floats(allow_nan=True, width=64)
    values = data.draw(st.lists(floats, min_size=len(configs), max_size=len(configs)))
    found = measure_importance(configs, values)
    assert 0 <= found.explained <= 1
    for item in found.items:
        assert 0 <= item.low <= item.share <= 1
        assert item.high <= 1
        for coefficient in (item.pearson, item.spearman):
            assert coefficient is None or -1 <= coefficient <= 1
    total = sum(item.share for item in found.items)
    assert total == pytest.approx(1.0) or total == 0.0


@given(
    pairs=st.lists(
        st.tuples(st.integers(-50, 50).map(float), st.integers(-50, 50).map(float)),
        min_size=3,
        max_size=30,
    )
)
def test_correlations_are_scipys(pairs: list[tuple[float, float]]) -> None:
    a, b = (np.array(column) for column in zip(*pairs, strict=True))
    found = correlate(a, b)
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        assert found is None
        return
    assert found == pytest.approx(stats.pearsonr(a, b).statistic, abs=1e-9)
    ranked = correlate(rank_values(a), rank_values(b))
    assert ranked == pytest.approx(stats.spearmanr(a, b).statistic, abs=1e-9)
