"""Curves of classifiers against scikit-learn, and what they refuse."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

import steelyard
from steelyard.errors import Invalid, WrongType
from steelyard.sdk.plot.curves import (
    interpolate_precision,
    precision_recall_points,
    roc_points,
)

SAMPLES = st.lists(
    st.tuples(st.booleans(), st.one_of(st.integers(0, 5), st.floats(0, 1, width=16))),
    min_size=1,
    max_size=60,
)


@given(SAMPLES)
def test_the_roc_curve_is_that_of_scikit_learn(samples: list[tuple[bool, float]]) -> None:
    truth, scores = [each for each, _ in samples], [float(score) for _, score in samples]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns where one class is missing
        expected = metrics.roc_curve(truth, scores, pos_label=True)
    found = roc_points(truth, scores)
    assert np.allclose(found[0], expected[0], equal_nan=True)
    assert np.allclose(found[1], expected[1], equal_nan=True)


@given(SAMPLES)
def test_precision_and_recall_are_those_of_scikit_learn(samples: list[tuple[bool, float]]) -> None:
    truth, scores = [each for each, _ in samples], [float(score) for _, score in samples]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = metrics.precision_recall_curve(truth, scores, pos_label=True)
    found = precision_recall_points(truth, scores)
    assert np.allclose(found[0], expected[0])
    assert np.allclose(found[1], expected[1])


@given(SAMPLES, st.integers(2, 30))
def test_the_precision_at_a_recall_is_the_best_from_there_on(
    samples: list[tuple[bool, float]], count: int
) -> None:
    truth, scores = [each for each, _ in samples], [float(score) for _, score in samples]
    precisions, recalls = precision_recall_points(truth, scores)
    wanted = np.linspace(0, 1, count)[::-1].tolist()
    found = interpolate_precision(precisions, recalls, wanted)
    for recall, best in zip(wanted, found, strict=True):
        possible = [p for p, r in zip(precisions, recalls, strict=True) if r >= recall]
        assert best == max(possible)
    assert found == sorted(found)


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=40),
)
def test_the_confusion_matrix_is_that_of_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    truth, found = [a for a, _ in pairs], [b for _, b in pairs]
    chart = steelyard.plot.confusion_matrix(preds=found, y_true=truth)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of one class alone
        expected = metrics.confusion_matrix(truth, found)
    counts = np.array([row[2] for row in chart.table.data]).reshape(expected.shape)
    assert (counts == expected).all()


def test_arrays_and_lists_give_the_same_chart() -> None:
    truth, probas = [0, 1, 1], [[0.9, 0.1], [0.3, 0.7], [0.6, 0.4]]
    for make in (steelyard.plot.roc_curve, steelyard.plot.pr_curve):
        assert make(truth, probas).table == make(np.array(truth), np.array(probas)).table
    one = steelyard.plot.confusion_matrix(probs=probas, y_true=truth).table
    assert one == steelyard.plot.confusion_matrix(np.array(probas), np.array(truth)).table


def test_a_long_curve_keeps_its_ends() -> None:
    count = 30_000
    truth = [place % 2 for place in range(count)]
    probas = [[1 - place / count, place / count] for place in range(count)]
    table = steelyard.plot.roc_curve(truth, probas, classes_to_plot=[1]).table
    assert len(table.data) <= 10_000
    assert (table.data[0][1:], table.data[-1][1:]) == ([0.0, 0.0], [1.0, 1.0])


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda plot: plot.confusion_matrix(), "probs or preds"),
        (lambda plot: plot.confusion_matrix(preds=[1]), "needs y_true"),
        (lambda plot: plot.confusion_matrix(preds=[1], y_true=[1, 2]), "1 predictions for 2"),
        (lambda plot: plot.confusion_matrix(preds=[5], y_true=[0], class_names=["a"]), "also 5"),
        (lambda plot: plot.roc_curve([0, 1], None), "y_probas"),
        (lambda plot: plot.roc_curve([0, 1], [[0.5, 0.5]]), "1 rows of y_probas for 2"),
        (lambda plot: plot.roc_curve([0, 1], [[0.5], [0.5]]), "one per class"),
        (lambda plot: plot.roc_curve([0, 1], [[0.5, 0.5], [0.5]]), "row 1"),
        (lambda plot: plot.roc_curve([0, 1], [0.5, 0.5]), "row 0"),
        (lambda plot: plot.roc_curve([0, 1], [[float("nan"), 1], [0, 1]]), "NaN"),
        (lambda plot: plot.roc_curve([0, "a"], [[0, 1], [0, 1]]), "one kind"),
        (lambda plot: plot.roc_curve([0, 5], [[0, 1], [0, 1]], labels=["a"]), "class 5"),
        (lambda plot: plot.pr_curve([0, 1], [[0, 1], [0, 1]], interp_size=1), "interp_size"),
        (lambda plot: plot.line_series([], [[1]]), "at least one x"),
        (lambda plot: plot.line_series([[1], [2]], [[1]]), "2 lists of x for 1 lines"),
        (lambda plot: plot.line_series([1], [[1]], keys=["a", "b"]), "2 keys for 1 lines"),
    ],
)
def test_what_is_no_curve_says_why(call: Any, says: str) -> None:
    with pytest.raises(Invalid, match=says):
        call(steelyard.plot)


def test_a_chart_is_made_of_a_table() -> None:
    with pytest.raises(WrongType, match="Table"):
        steelyard.plot_table("wandb/line/v0", [[1]], {})  # type: ignore[arg-type]  # on purpose
    with pytest.raises(WrongType, match="Table"):
        steelyard.visualize("panel", 5)  # type: ignore[arg-type]  # on purpose
    chart = steelyard.plot.bar(steelyard.Table(columns=["l", "v"]), "l", "v")
    with pytest.raises(Invalid, match="logged"):
        _ = chart.spec.table_key
