"""Charts of how well a classifier does, computed here: no library is needed.

Arrays of numpy and torch are taken as well as lists.
Source: wandb 0.31.0 plot/{confusion_matrix,pr_curve,roc_curve}.py, for what is in the tables.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from steelyard.errors import Invalid, WrongType
from steelyard.limits import CHART_POINTS_LOGGED_MAX
from steelyard.sdk.plot.chart import CustomChart, plot_table
from steelyard.sdk.plot.curves import (
    interpolate_precision,
    precision_recall_points,
    roc_points,
)
from steelyard.sdk.tables.table import Table
from steelyard.sdk.terminal import termwarn

_DIGITS = 3
_AREA = "wandb/area-under-curve/v0"


def confusion_matrix(
    probs: Any = None,
    y_true: Any = None,
    preds: Any = None,
    class_names: Sequence[str] | None = None,
    title: str = "Confusion Matrix Curve",
    split_table: bool = False,
) -> CustomChart:
    """How often each class was taken for each other.

    Args:
        probs: for each sample a number per class; the greatest counts. Or
        preds: the class that was predicted.
        y_true: the true classes.
        class_names: names of the classes 0, 1, … Default: Class_1, Class_2, … of those that occur.

    Raises Invalid for both or neither of `probs` and `preds`, and for other numbers of samples.
    """
    if (probs is None) == (preds is None):
        raise Invalid("confusion_matrix() takes probs or preds, one of them")
    if y_true is None:
        raise Invalid("confusion_matrix() needs y_true, the true classes")
    truth = _values(y_true, "y_true")
    predicted = _values(preds, "preds") if probs is None else [_argmax(row) for row in _rows(probs)]
    if len(predicted) != len(truth):
        raise Invalid(f"there are {len(predicted)} predictions for {len(truth)} true classes")
    occurring = set(truth) | set(predicted)
    if class_names is None:
        classes: list[Any] = sorted(occurring)
        names = [f"Class_{place + 1}" for place in range(len(classes))]
    else:
        names = list(class_names)
        classes = list(range(len(names)))
        if unknown := occurring - set(classes):
            raise Invalid(
                f"class_names has {len(names)} names, for the classes 0 to {len(names) - 1}; "
                f"there is also {min(unknown, key=str)!r}"
            )
    place_of = {each: place for place, each in enumerate(classes)}
    counts = [[0.0] * len(classes) for _ in classes]
    for actual, found in zip(truth, predicted, strict=True):
        counts[place_of[actual]][place_of[found]] += 1
    columns = ["Actual", "Predicted", "nPredictions"]
    rows = [
        [names[actual], names[found], counts[actual][found]]
        for actual in range(len(classes))
        for found in range(len(classes))
    ]
    return plot_table(
        "wandb/confusion_matrix/v1",
        Table(columns=columns, data=rows),
        {name: name for name in columns},
        {"title": title},
        split_table,
    )


def roc_curve(
    y_true: Any,
    y_probas: Any = None,
    labels: Sequence[str] | None = None,
    classes_to_plot: Sequence[Any] | None = None,
    title: str = "ROC Curve",
    split_table: bool = False,
) -> CustomChart:
    """True positives over false positives of each class against the others.

    Args:
        y_true: the true classes.
        y_probas: for each sample a number per class, in the order of the classes.
        labels: names of the classes 0, 1, …
        classes_to_plot: only these.
    """
    rows: list[list[Any]] = []
    for label, is_positive, scores in _one_against_others(
        y_true, y_probas, labels, classes_to_plot
    ):
        false_rates, true_rates = roc_points(is_positive, scores)
        rows += [
            [label, _round(x), _round(y)] for x, y in zip(false_rates, true_rates, strict=True)
        ]
    return plot_table(
        _AREA,
        Table(columns=["class", "fpr", "tpr"], data=_thin_out(rows)),
        {"x": "fpr", "y": "tpr", "class": "class"},
        {
            "title": title,
            "x-axis-title": "False positive rate",
            "y-axis-title": "True positive rate",
        },
        split_table,
    )


def pr_curve(
    y_true: Any = None,
    y_probas: Any = None,
    labels: Sequence[str] | None = None,
    classes_to_plot: Sequence[Any] | None = None,
    interp_size: int = 21,
    title: str = "Precision-Recall Curve",
    split_table: bool = False,
) -> CustomChart:
    """Precision over recall of each class against the others.

    Args:
        y_true: the true classes.
        y_probas: for each sample a number per class, in the order of the classes.
        labels: names of the classes 0, 1, …
        classes_to_plot: only these.
        interp_size: at so many recalls, equally far apart from 1 to 0.
    """
    if isinstance(interp_size, bool) or not isinstance(interp_size, int) or interp_size < 2:
        raise Invalid(f"interp_size is a whole number from 2 on, not {interp_size!r}")
    wanted = [1 - place / (interp_size - 1) for place in range(interp_size)]
    rows: list[list[Any]] = []
    for label, is_positive, scores in _one_against_others(
        y_true, y_probas, labels, classes_to_plot
    ):
        precisions, recalls = precision_recall_points(is_positive, scores)
        found = interpolate_precision(precisions, recalls, wanted)
        rows += [
            [label, _round(precision), _round(recall)]
            for precision, recall in zip(found, wanted, strict=True)
        ]
    return plot_table(
        _AREA,
        Table(columns=["class", "precision", "recall"], data=_thin_out(rows)),
        {"x": "recall", "y": "precision", "class": "class"},
        {"title": title, "x-axis-title": "Recall", "y-axis-title": "Precision"},
        split_table,
    )


def _one_against_others(
    y_true: Any, y_probas: Any, labels: Sequence[str] | None, classes_to_plot: Any
) -> Iterable[tuple[Any, list[bool], list[float]]]:
    """(label, whether each sample is of the class, its scores) for each class that is plotted."""
    if y_true is None or y_probas is None:
        raise Invalid("the curve needs y_true, the true classes, and y_probas, numbers per class")
    truth = _values(y_true, "y_true")
    probabilities = _rows(y_probas)
    if len(truth) != len(probabilities) or not truth:
        raise Invalid(f"there are {len(probabilities)} rows of y_probas for {len(truth)} of y_true")
    try:
        classes = sorted(set(truth))
    except TypeError:
        raise WrongType("y_true holds classes of one kind: all numbers, or all text") from None
    if len(probabilities[0]) < len(classes):
        raise Invalid(
            f"y_true has {len(classes)} classes, and a row of y_probas {len(probabilities[0])} "
            "numbers; it needs one per class"
        )
    wanted = set(classes) if classes_to_plot is None else set(_values(classes_to_plot, "classes"))
    for place, each in enumerate(classes):
        if each not in wanted:
            continue
        label = each
        if labels is not None and isinstance(each, int):
            if not 0 <= each < len(labels):
                raise Invalid(f"labels has {len(labels)} names, and there is a class {each}")
            label = labels[each]
        yield label, [value == each for value in truth], [row[place] for row in probabilities]


def _values(given: Any, name: str) -> list[Any]:
    if hasattr(given, "detach"):
        given = given.detach().cpu()
    found = given.tolist() if hasattr(given, "tolist") else given
    if isinstance(found, str | bytes) or not isinstance(found, Iterable):
        raise WrongType(f"{name} is a list or an array, not {given!r:.100}")
    values = [each.item() if hasattr(each, "item") else each for each in found]
    if any(isinstance(each, list | tuple) for each in values):
        raise Invalid(f"{name} has one value per sample, not a list of them")
    return values


def _rows(given: Any) -> list[list[float]]:
    if hasattr(given, "detach"):
        given = given.detach().cpu()
    found = given.tolist() if hasattr(given, "tolist") else given
    rows = []
    for place, row in enumerate(found):
        numbers = row.tolist() if hasattr(row, "tolist") else row
        if not isinstance(numbers, list | tuple) or not numbers:
            raise Invalid(
                f"row {place} of the probabilities is {row!r:.100}, not numbers per class"
            )
        rows.append([float(number) for number in numbers])
        if len(rows[-1]) != len(rows[0]):
            raise Invalid(f"row {place} of the probabilities is not as long as the first")
        if any(map(math.isnan, rows[-1])):
            raise Invalid(f"row {place} of the probabilities holds NaN")
    return rows


def _argmax(row: Sequence[float]) -> int:
    return max(range(len(row)), key=row.__getitem__)


def _round(number: float) -> float:
    return number if math.isnan(number) else round(number, _DIGITS)


def _thin_out(rows: list[list[Any]]) -> list[list[Any]]:
    """At most CHART_POINTS_LOGGED_MAX of the points, evenly chosen, the last included.

    The official client draws them at random, which loses the ends.
    """
    count = len(rows)
    if count <= CHART_POINTS_LOGGED_MAX:
        return rows
    termwarn(
        f"the curve has {count:,} points; {CHART_POINTS_LOGGED_MAX:,} of them are logged",
        repeat=False,
    )
    last = CHART_POINTS_LOGGED_MAX - 1
    return [rows[place * (count - 1) // last] for place in range(CHART_POINTS_LOGGED_MAX)]
