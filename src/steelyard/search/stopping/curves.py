"""What an early-termination rule sees, and what it says."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import msgspec

from steelyard.search.problem import Goal, StoppingRule
from steelyard.search.trials import TrialState


class Curve(msgspec.Struct, frozen=True, kw_only=True):
    """One run's metric, as logged and in that order; what is no finite number is passed over.

    An iteration is one logged finite number: a run that logs its metric every tenth step has
    taken one iteration after ten steps.
    """

    id: str
    values: Sequence[Any]
    state: TrialState


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """Stop this run now.

    Attributes:
        reason: a sentence for people.
        bracket: the iteration at which runs were compared; None where the rule has none.
        value: what the run was judged by, in units of the metric.
        threshold: what it should have reached, likewise.
        iteration: how many values the run has logged.
        compared: how many runs the threshold comes from.
        chance: by rule `predictive`: the estimated probability that it would have become the best.
    """

    id: str
    rule: StoppingRule
    reason: str
    bracket: int | None
    value: float
    threshold: float
    iteration: int
    compared: int
    chance: float | None = None


class Rung(msgspec.Struct, frozen=True, kw_only=True):
    """A bracket as a page shows it: what is asked of a run that gets there, and who has."""

    iteration: int
    threshold: float | None  # None until a run gets there
    reached: int
    passed: int


class Losses(msgspec.Struct, frozen=True):
    """The finite values of one curve, turned so that lower is better."""

    curve: Curve
    values: list[float]


def as_losses(curves: Sequence[Curve], goal: Goal) -> list[Losses]:
    sign = -1.0 if goal == "maximize" else 1.0
    return [
        Losses(curve, [sign * value for value in curve.values if is_usable(value)])
        for curve in curves
    ]


def is_usable(value: Any) -> bool:
    """Whether W&B counts it: a finite number, no truth value. sweeps 0.3.0 run.py: is_number"""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # an int beyond float64
        return False


def in_units(loss: float, goal: Goal) -> float:
    return -loss if goal == "maximize" else loss


def compare_words(goal: Goal) -> tuple[str, str]:
    """How a value is that misses a threshold, and one that keeps it."""
    return ("below", "at least") if goal == "maximize" else ("above", "at most")
