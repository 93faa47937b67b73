"""Curves of a classifier's thresholds, without numpy. Pure.

Scores are taken in descending order; equal scores are one threshold.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate


def count_by_threshold(
    is_positive: Sequence[bool], scores: Sequence[float]
) -> tuple[list[int], list[int]]:
    """(false positives, true positives) at each distinct score, from the greatest downwards.

    Source: scikit-learn 1.9 metrics/_ranking.py _binary_clf_curve.
    """
    order = sorted(range(len(scores)), key=scores.__getitem__, reverse=True)
    ordered = [scores[place] for place in order]
    hits = list(accumulate(int(is_positive[place]) for place in order))
    ends = [
        place
        for place in range(len(ordered))
        if place + 1 == len(ordered) or ordered[place + 1] != ordered[place]
    ]
    return [1 + end - hits[end] for end in ends], [hits[end] for end in ends]


def roc_points(
    is_positive: Sequence[bool], scores: Sequence[float]
) -> tuple[list[float], list[float]]:
    """(false positive rates, true positive rates) from (0, 0) on.

    Points on a straight line between their neighbours are left out. A rate of none is NaN.
    Source: scikit-learn 1.9 metrics/_ranking.py roc_curve; Fawcett (2006), An introduction to ROC
    analysis.
    """
    false, true = count_by_threshold(is_positive, scores)
    if len(false) > 2:
        kept = [
            place
            for place in range(len(false))
            if place in (0, len(false) - 1)
            or false[place + 1] - 2 * false[place] + false[place - 1] != 0
            or true[place + 1] - 2 * true[place] + true[place - 1] != 0
        ]
        false, true = [false[place] for place in kept], [true[place] for place in kept]
    return _rates([0, *false]), _rates([0, *true])


def _rates(counts: list[int]) -> list[float]:
    total = counts[-1]
    return [count / total if total else math.nan for count in counts]


def precision_recall_points(
    is_positive: Sequence[bool], scores: Sequence[float]
) -> tuple[list[float], list[float]]:
    """(precisions, recalls) from the least threshold to the greatest, and (1, 0) at the end.

    Without positives the recall is 1. Source: scikit-learn 1.9 metrics/_ranking.py
    precision_recall_curve.
    """
    false, true = count_by_threshold(is_positive, scores)
    total = true[-1] if true else 0
    precisions = [
        hits / (hits + misses) if hits + misses else 0.0
        for hits, misses in zip(true, false, strict=True)
    ]
    recalls = [hits / total if total else 1.0 for hits in true]
    return [*reversed(precisions), 1.0], [*reversed(recalls), 0.0]


def interpolate_precision(
    precisions: Sequence[float], recalls: Sequence[float], wanted: Sequence[float]
) -> list[float]:
    """The best precision that is possible at each of the wanted recalls, or more.

    Source: wandb 0.31.0 plot/pr_curve.py; Manning, Raghavan & Schütze (2008), sec. 8.4.
    """
    best = list(accumulate(precisions, max))[::-1]
    rising = list(recalls)[::-1]
    return [best[bisect_left(rising, recall)] for recall in wanted]
