"""Folds and seeds: several runs of one configuration, judged together.

The objective is mean - λ·std where the metric is maximised and mean + λ·std where it is minimised,
with the standard deviation of a sample (divided by n - 1). Of one value there is no spread, so the
objective is that value.

What becomes of a trial:
- pending until its first run starts, running until its last has ended;
- finished when all have a value; also when some failed, as long as at least half of them have one:
  it is then judged by those (a machine that dies does not throw four folds away);
- failed when fewer than half have one: folds on which a configuration breaks are not left out;
- stopped when a run of it was stopped early: its values are partial, and so is the mean.
"""

from __future__ import annotations

import math
import statistics
import sys
from collections.abc import Sequence

import msgspec

from steelyard.errors import Invalid
from steelyard.search.problem import CrossValidation, Goal
from steelyard.search.trials import TrialState

#: Keys of its configuration that tell a run its place.
FOLD, FOLDS, SEED, FRACTION = "fold", "folds", "seed", "fraction"
VALUES_SHARE_MIN = 0.5  # of the runs of a trial that need a value once all have ended


class FoldResult(msgspec.Struct, frozen=True, kw_only=True):
    """One run of a trial: the metric's value as logged; None, NaN and infinities are missing."""

    state: TrialState
    value: float | None = None


class Aggregate(msgspec.Struct, frozen=True, kw_only=True):
    """What the runs of one trial say together.

    Attributes:
        n: runs with a value, of `expected`; `failed` have ended without one.
        mean, std: of those values; std is None for fewer than two.
        objective: what the search learns from; None until the trial has ended, and if it failed.
        accepted: False when the values spread more than `max_std`: not eligible as the best.
        reason: a sentence for people.
    """

    state: TrialState
    n: int
    expected: int
    failed: int
    mean: float | None
    std: float | None
    objective: float | None
    accepted: bool
    reason: str


def runs_per_trial(rule: CrossValidation | None) -> int:
    return 1 if rule is None else max(1, rule.folds) * max(1, len(rule.seeds))


def aggregate(rule: CrossValidation | None, goal: Goal, results: Sequence[FoldResult]) -> Aggregate:
    """Judge a trial by its runs; those not handed out yet may be left out of `results`.

    Raises Invalid when there are more results than the trial has runs: a run that was repeated
    counts once, its last try.
    """
    expected = runs_per_trial(rule)
    if len(results) > expected:
        raise Invalid(
            f"{len(results)} results of a trial with {expected} runs; "
            "give one for each fold and seed"
        )
    ended = [result for result in results if result.state in ("finished", "failed", "stopped")]
    values = [v for r in ended if r.state != "failed" and (v := as_value(r.value)) is not None]
    state = find_state(results, len(ended), len(values), expected)
    mean = statistics.mean(values) if values else None  # exact: fmean overflows near 1e308
    std = spread_of(values) if len(values) > 1 else None
    objective = None
    if state in ("finished", "stopped") and mean is not None:
        penalty = 0.0 if rule is None else rule.penalty
        objective = as_value(penalise(mean, std, penalty=penalty, goal=goal))
    max_std = None if rule is None else rule.max_std
    accepted = max_std is None or std is None or std <= max_std
    found = Aggregate(
        state=state,
        n=len(values),
        expected=expected,
        failed=len(ended) - len(values),
        mean=mean,
        std=std,
        objective=objective,
        accepted=accepted,
        reason="",
    )
    return msgspec.structs.replace(found, reason=explain(found, max_std))


def spread_of(values: Sequence[float]) -> float:
    """Standard deviation of a sample; the largest number where it would be beyond that."""
    try:
        return statistics.stdev(values)
    except OverflowError:
        return sys.float_info.max


def as_value(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def penalise(mean: float, std: float | None, *, penalty: float, goal: Goal) -> float:
    """mean - penalty * std for "maximize", mean + penalty * std for "minimize"."""
    spread = penalty * (0.0 if std is None else std)
    return mean - spread if goal == "maximize" else mean + spread


def find_state(results: Sequence[FoldResult], ended: int, valued: int, expected: int) -> TrialState:
    if all(result.state == "pending" for result in results):
        return "pending"
    if ended < expected:
        return "running"
    if valued < expected * VALUES_SHARE_MIN or valued == 0:
        return "failed"
    if any(result.state == "stopped" for result in results):
        return "stopped"
    return "finished"


def explain(found: Aggregate, max_std: float | None) -> str:
    spread = "" if found.std is None else f" ± {found.std:.4g}"
    mean = "no value" if found.mean is None else f"{found.mean:.6g}{spread}"
    of_runs = f"{found.n} of {found.expected} runs"
    if found.state == "pending":
        return f"waits for the first of {found.expected} runs"
    if found.state == "running":
        return f"{mean} so far, from {of_runs}"
    if found.state == "failed":
        return f"failed: only {of_runs} gave a value, and half of them have to"
    lost = f"; {found.failed} gave none" if found.failed else ""
    if not found.accepted:
        lost += f"; not accepted, because the spread is above max_std = {max_std:g}"
    early = ", stopped early" if found.state == "stopped" else ""
    return f"{mean} from {of_runs}{early}{lost}"
