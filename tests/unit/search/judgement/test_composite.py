"""Composite metrics over many runs: the same answer as run by run, and weights moved afterwards."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from steelyard.errors import ExpressionError, Invalid
from steelyard.search.composite import compose, compose_metrics
from steelyard.search.expression import parse
from steelyard.search.problem import Metric
from steelyard.search.weighting import rank_runs, reweigh, split_terms, term_values, weigh

SCORE = "0.6*accuracy + 0.3*(1/avg_latency) + 0.1*(1/training_cost)"


def make_rows(count: int, seed: int = 0) -> list[dict[str, Any]]:
    rng = np.random.default_rng(seed)
    return [
        {"accuracy": float(a), "avg_latency": float(b), "training_cost": float(c)}
        for a, b, c in rng.uniform(0.1, 1.0, size=(count, 3))
    ]


def test_a_run_without_a_value_gets_none_and_a_sentence_says_why() -> None:
    rows = make_rows(4)
    rows[1]["avg_latency"] = 0.0
    del rows[2]["accuracy"]
    found = compose(parse(SCORE), rows)
    assert np.isnan(found.values).tolist() == [False, True, True, False]
    assert found.warnings == (
        "no value for 1 of 4 runs: 'accuracy' is missing",
        "no value for 1 of 4 runs: it is not defined there, such as a division by zero, or the "
        "logarithm of a negative number",
    )
    assert compose(parse(SCORE), []).values.tolist() == []


def test_metrics_with_and_without_a_formula_are_computed_for_all_runs() -> None:
    metrics = [
        Metric(name="loss"),
        Metric(name="score", goal="maximize", expression="zscore(accuracy) - loss"),
    ]
    rows = [{"loss": 1.0, "accuracy": 0.5}, {"loss": math.nan, "accuracy": 0.7}, {"loss": 2}]
    assert compose_metrics(metrics, rows) == [(1.0, pytest.approx(-2.0)), (None, None), (2.0, None)]
    assert compose_metrics(metrics, []) == []
    assert compose_metrics([], rows) == [(), (), ()]


def test_zscore_is_scipys_over_the_runs_that_have_it() -> None:
    values = [3.0, None, 5.0, 10.0, math.nan, -2.0]
    found = compose(parse("zscore(x)", across_runs=True), [{"x": value} for value in values])
    expected = stats.zscore([3.0, 5.0, 10.0, -2.0])
    assert found.values[[0, 2, 3, 5]] == pytest.approx(expected)
    assert np.isnan(found.values[[1, 4]]).all()


@pytest.mark.parametrize("values", [[0.1, 0.1, 0.1], [7.0], [1e300, 1e300]])
def test_zscore_of_runs_that_are_alike_is_zero(values: list[float]) -> None:
    found = compose(parse("zscore(x)", across_runs=True), [{"x": value} for value in values])
    assert found.values.tolist() == [0.0] * len(values)


def test_zscore_of_nothing_is_none() -> None:
    assert np.isnan(compose(parse("zscore(x)", across_runs=True), [{}, {}]).values).all()
    assert parse("zscore(x)", across_runs=True).evaluate({"x": 1.0}) is None


OPERATORS = st.sampled_from(["+", "-", "*", "/", "//", "%", "**", "<", ">=", "==", "and", "or"])
EXPRESSIONS = st.recursive(
    st.sampled_from(["a", "b", "c", "2", "0.5", "0", "-1"]),
    lambda inner: (
        st.tuples(
            inner,
            st.sampled_from(
                ["+", "-", "*", "/", "//", "%", "**", "<", "<=", ">", ">=", "==", "!=", "and", "or"]
            ),
            inner,
        ).map(lambda parts: f"({' '.join(parts)})")
        | inner.map(lambda text: f"(not {text})")
        | st.tuples(st.sampled_from(["abs", "sqrt", "log", "exp", "log2", "log10"]), inner).map(
            lambda parts: f"{parts[0]}({parts[1]})"
        )
        | st.tuples(st.sampled_from(["min", "max", "norm_cap"]), inner, inner).map(
            lambda parts: f"{parts[0]}({parts[1]}, {parts[2]})"
        )
        | st.tuples(inner, inner, inner).map(lambda parts: f"clip({', '.join(parts)})")
    ),
    max_leaves=12,
)
VALUES = st.sampled_from([None, math.nan, math.inf, 0.0, -0.0, 1.0, -2.5, 1e200, True, "text", 3])


@given(
    text=EXPRESSIONS,
    rows=st.lists(st.fixed_dictionaries({"a": VALUES, "b": VALUES, "c": VALUES}), max_size=6),
)
def test_many_runs_at_once_give_what_each_gives_alone(
    text: str, rows: list[dict[str, Any]]
) -> None:
    try:
        expression = parse(text)
    except ExpressionError as error:
        assert "EXPRESSION_DEPTH_MAX" in str(error)
        return
    together = compose(expression, rows).values
    for row, found in zip(rows, together, strict=True):
        alone = expression.evaluate(row)
        if alone is None:
            assert math.isnan(found)
        else:
            assert found == pytest.approx(alone, rel=1e-9, abs=1e-300)


@pytest.mark.parametrize("text", ["x == 'a'", "'a' != x", "x == y", "x == 'a' == y", "x != 1"])
def test_text_is_compared_as_it_is_run_by_run(text: str) -> None:
    there = [None, "a", "b", 1.0]
    rows = [{"x": x, "y": y} for x in there for y in there]
    expression = parse(text)
    for row, found in zip(rows, compose(expression, rows).values, strict=True):
        alone = expression.evaluate(row)
        assert (None if math.isnan(found) else found) == alone


def test_a_score_is_the_sum_of_its_weighted_terms() -> None:
    terms = split_terms(parse(SCORE))
    assert [(term.weight, term.text) for term in terms] == [
        (0.6, "accuracy"),
        (0.3, "(1/avg_latency)"),
        (0.1, "(1/training_cost)"),
    ]


@pytest.mark.parametrize(
    ("text", "weights", "texts"),
    [
        ("a", [1], ["a"]),
        ("-a", [-1], ["a"]),
        ("2", [2], ["1"]),
        ("a - 0.5*b", [1, -0.5], ["a", "b"]),
        ("a - b/4 + 3", [1, -0.25, 3], ["a", "b", "1"]),
        ("2*a*3/b", [6], ["a/b"]),
        ("2/a", [2], ["1/a"]),
        ("a/0", [1], ["a/0"]),
        ("-(-2*a)", [2], ["a"]),
        ("0.5*norm_cap(a, 10) + 0.5*(a + b)", [0.5, 0.5], ["norm_cap(a, 10)", "(a + b)"]),
        ("2*a // 3", [1], ["(2*a // 3)"]),
        ("a < b", [1], ["(a < b)"]),
    ],
)
def test_weights_are_the_numbers_before_the_terms(
    text: str, weights: list[float], texts: list[str]
) -> None:
    terms = split_terms(parse(text))
    assert [term.weight for term in terms] == pytest.approx(weights)
    assert [term.text for term in terms] == texts


@given(text=EXPRESSIONS, a=st.floats(-5, 5), b=st.floats(-5, 5))
def test_splitting_and_weighing_again_changes_no_value(text: str, a: float, b: float) -> None:
    try:
        expression = parse(f"0.5*a - {text} + b/3*2")
        again = reweigh(expression, [term.weight for term in split_terms(expression)])
    except ExpressionError as error:
        assert "EXPRESSION_DEPTH_MAX" in str(error)
        return
    row = {"a": a, "b": b, "c": 1.5}
    expected, found = expression.evaluate(row), again.evaluate(row)
    if expected is None or found is None:
        return  # a product out of range may be in range in another order
    assert found == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_other_weights_rank_the_runs_anew() -> None:
    rows = [{"quality": 0.9, "cost": 10.0}, {"quality": 0.5, "cost": 1.0}, {"quality": 0.7}]
    expression = parse("1*quality - 0.01*cost")
    terms = term_values(expression, rows)
    assert rank_runs(weigh(terms, [1.0, -0.01]), "maximize") == [0, 1, 2]
    assert rank_runs(weigh(terms, [1.0, -0.5]), "maximize") == [1, 0, 2]
    # A weight of zero takes the term away: the run without a cost has a value again.
    assert rank_runs(weigh(terms, [1.0, 0.0]), "maximize") == [0, 2, 1]
    assert rank_runs(weigh(terms, [1.0, 0.0]), "minimize") == [1, 2, 0]
    changed = reweigh(expression, [1.0, -0.5])
    assert changed.text == "1.0*quality + -0.5*cost"
    assert compose(changed, rows[:2]).values == pytest.approx(weigh(terms, [1.0, -0.5])[:2])


def test_terms_across_runs_are_weighed_like_others() -> None:
    rows = make_rows(50)
    expression = parse("0.7*zscore(accuracy) - 0.3*zscore(avg_latency)", across_runs=True)
    weighed = weigh(term_values(expression, rows), [0.7, -0.3])
    assert weighed == pytest.approx(compose(expression, rows).values)
    assert reweigh(expression, [0.1, 0.9]).across_runs


def test_wrong_weights_are_refused() -> None:
    expression = parse(SCORE)
    with pytest.raises(Invalid, match="3 summands and 2 weights"):
        reweigh(expression, [1.0, 2.0])
    with pytest.raises(Invalid, match="not finite"):
        weigh(term_values(expression, make_rows(2)), [1.0, math.nan, 0.0])
