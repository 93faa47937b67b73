"""Early termination `median`: a run that is worse than the median of the others is stopped.

Source: Golovin et al. (2017), Google Vizier, KDD, section 3.2.2: stop a run at an iteration when
its best value so far is strictly worse than the median of what ended runs had by that iteration.
We compare best values with best values where Vizier takes running averages of the others: on a
curve that falls, an average lags behind and lets nearly everything pass.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from steelyard.search.problem import EarlyTerminate, Goal
from steelyard.search.stopping.curves import Decision, Losses, compare_words, in_units

WARMUP = 3  # iterations in which nothing is stopped
TRIALS_MIN = 5  # ended runs to compare with
ENDED = ("finished", "stopped")


def judge_median(rule: EarlyTerminate, losses: Sequence[Losses], goal: Goal) -> list[Decision]:
    """The running runs whose best value is worse than the median of the ended runs."""
    warmup = WARMUP if rule.warmup is None else rule.warmup
    trials_min = max(1, TRIALS_MIN if rule.min_trials is None else rule.min_trials)
    ended = [run for run in losses if run.curve.state in ENDED]
    medians: dict[int, tuple[float, int]] = {}
    decisions = []
    for run in losses:
        iteration = len(run.values)
        if run.curve.state != "running" or iteration <= warmup:
            continue
        if iteration not in medians:
            there = [
                min(other.values[:iteration]) for other in ended if len(other.values) >= iteration
            ]
            medians[iteration] = (statistics.median(there) if there else 0.0, len(there))
        median, compared = medians[iteration]
        loss = min(run.values)
        if compared < trials_min or loss <= median:
            continue
        decisions.append(as_decision(run, goal, loss, median, compared))
    return decisions


def find_median(ended: Sequence[Losses], iteration: int) -> tuple[float, int]:
    """The median of the best losses by an iteration, and of how many runs that got as far."""
    there = [min(run.values[:iteration]) for run in ended if len(run.values) >= iteration]
    return (statistics.median(there) if there else 0.0, len(there))


def as_decision(run: Losses, goal: Goal, loss: float, median: float, compared: int) -> Decision:
    value, limit = in_units(loss, goal), in_units(median, goal)
    iteration = len(run.values)
    return Decision(
        id=run.curve.id,
        rule="median",
        reason=(
            f"median: after {iteration} iterations its best value is {value:.6g}, "
            f"{compare_words(goal)[0]} {limit:.6g}, the median of the {compared} ended runs that "
            "got as far"
        ),
        bracket=None,
        value=value,
        threshold=limit,
        iteration=iteration,
        compared=compared,
    )
