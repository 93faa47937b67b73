"""Early termination `hyperband`, decision for decision as W&B's.

Source: the published package `sweeps` 0.3.0, hyperband_stopping.py and config/schema.json; its
decisions on recorded curves are kept in tests/unit/search/stopping. What it does, in our words:

- Brackets are iterations. With `max_iter` and `s`: max_iter/eta, max_iter/eta^2, … (s of them, cut
  to whole numbers, until below 1). Else with `min_iter`: min_iter, min_iter*eta, …, 100 of them.
- The threshold of a bracket is the value at place int(n/eta), counted from 0, of the sorted values
  that the n runs which got there had at exactly that iteration, whatever became of those runs.
- A running run is judged by the last bracket it has passed, each time anew: it is stopped when its
  value at that bracket (`strict`), or the best of all its values (not strict), is worse than the
  threshold. Equal is good enough.
- `eta` is 3 and `strict` is true where they are not given. (`max_iter` beside `min_iter` and
  without `s` makes W&B fail; here it is all brackets down to 1.)
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from steelyard.search.problem import EarlyTerminate, Goal
from steelyard.search.stopping.curves import (
    Decision,
    Losses,
    Rung,
    compare_words,
    in_units,
)

BRACKETS_MAX = 100  # sweeps 0.3.0 hyperband_stopping.py: range(100)
ETA = 3.0
ITERATIONS_MAX = 2**53  # larger brackets are no exact floats, and no run gets there


def hyperband_brackets(rule: EarlyTerminate) -> list[int]:
    """The iterations at which runs are compared, ascending and different; empty: it never fires."""
    eta = ETA if rule.eta is None else rule.eta
    if eta <= 1:
        return []
    if rule.max_iter is not None:
        count = BRACKETS_MAX if rule.s is None else min(max(int(rule.s), 0), BRACKETS_MAX)
        found = falling_brackets(rule.max_iter, eta, count)
    elif rule.min_iter is not None:
        found = rising_brackets(rule.min_iter, eta)
    else:
        found = []
    return sorted(set(found))


def falling_brackets(max_iter: int, eta: float, count: int) -> list[int]:
    found = []
    bracket = float(max_iter)
    for _ in range(count):
        bracket /= eta
        if bracket < 1:
            break
        found.append(int(bracket))
    return found


def rising_brackets(min_iter: int, eta: float) -> list[int]:
    found = []
    bracket = float(min_iter)
    for _ in range(BRACKETS_MAX):
        if bracket > ITERATIONS_MAX:
            break
        if bracket >= 1:
            found.append(int(bracket))
        bracket *= eta
    return found


def find_threshold(losses: Sequence[Losses], bracket: int, eta: float) -> tuple[float, int]:
    """The loss that a run may have at a bracket, and how many runs it comes from; inf for none."""
    there = sorted(run.values[bracket - 1] for run in losses if len(run.values) >= bracket)
    if not there:
        return math.inf, 0
    # The product, not a division: 1/eta is rounded before it is multiplied, as W&B does.
    return there[int((1.0 / eta) * len(there))], len(there)


def judge_hyperband(rule: EarlyTerminate, losses: Sequence[Losses], goal: Goal) -> list[Decision]:
    """The running runs that are to be stopped, in the order they are given."""
    brackets = hyperband_brackets(rule)
    eta = ETA if rule.eta is None else rule.eta
    thresholds: dict[int, tuple[float, int]] = {}
    decisions = []
    for run in losses:
        if run.curve.state != "running":
            continue
        bracket = last_passed(brackets, len(run.values))
        if bracket is None:
            continue
        if bracket not in thresholds:
            thresholds[bracket] = find_threshold(losses, bracket, eta)
        threshold, compared = thresholds[bracket]
        loss = run.values[bracket - 1] if is_strict(rule) else min(run.values)
        if loss > threshold:
            decisions.append(as_decision(rule, run, goal, bracket, loss, threshold, compared))
    return decisions


def is_strict(rule: EarlyTerminate) -> bool:
    return rule.strict is None or rule.strict


def last_passed(brackets: Sequence[int], iteration: int) -> int | None:
    passed = [bracket for bracket in brackets if bracket <= iteration]
    return passed[-1] if passed else None


def as_decision(
    rule: EarlyTerminate,
    run: Losses,
    goal: Goal,
    bracket: int,
    loss: float,
    threshold: float,
    compared: int,
) -> Decision:
    worse, _ = compare_words(goal)
    value, limit = in_units(loss, goal), in_units(threshold, goal)
    which = f"at iteration {bracket}" if is_strict(rule) else f"by iteration {len(run.values)}"
    share = 1.0 / (ETA if rule.eta is None else rule.eta)
    reason = (
        f"hyperband, bracket {bracket}: its best value {which} is {value:.6g}, {worse} "
        f"{limit:.6g}, the bound of the best {share:.0%} of {compared} runs that got there"
    )
    if is_strict(rule):
        reason = reason.replace("its best value", "its value")
    return Decision(
        id=run.curve.id,
        rule="hyperband",
        reason=reason,
        bracket=bracket,
        value=value,
        threshold=limit,
        iteration=len(run.values),
        compared=compared,
    )


def hyperband_rungs(rule: EarlyTerminate, losses: Sequence[Losses], goal: Goal) -> list[Rung]:
    """Every bracket that a run has reached, and the next one."""
    eta = ETA if rule.eta is None else rule.eta
    rungs = []
    for bracket in hyperband_brackets(rule):
        threshold, reached = find_threshold(losses, bracket, eta)
        passed = sum(
            len(run.values) >= bracket and loss_at(rule, run, bracket) <= threshold
            for run in losses
        )
        limit = in_units(threshold, goal) if reached else None
        rungs.append(Rung(iteration=bracket, threshold=limit, reached=reached, passed=passed))
        if not reached:
            break
    return rungs


def loss_at(rule: EarlyTerminate, run: Losses, bracket: int) -> float:
    return run.values[bracket - 1] if is_strict(rule) else min(run.values)
