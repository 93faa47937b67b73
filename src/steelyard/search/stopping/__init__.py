"""Early termination: which running runs are worth no further iteration, and why.

    from steelyard.search.stopping import Curve, decide

    for decision in decide(problem, curves):
        print(decision.id, decision.reason)

Pure and without memory: every call judges all running runs anew from all curves. The metric is the
problem's first. What is logged more than once is an iteration each time (see Curve).
"""

from __future__ import annotations

from collections.abc import Sequence

from steelyard.search.problem import Problem
from steelyard.search.stopping.asha import asha_brackets, asha_rungs, judge_asha
from steelyard.search.stopping.curves import Curve, Decision, Rung, as_losses
from steelyard.search.stopping.hyperband import (
    hyperband_brackets,
    hyperband_rungs,
    judge_hyperband,
)
from steelyard.search.stopping.median import WARMUP as MEDIAN_WARMUP
from steelyard.search.stopping.median import judge_median

__all__ = ["Curve", "Decision", "Rung", "brackets", "decide", "list_rungs"]

PREDICTIVE_WARMUP = 3


def decide(problem: Problem, curves: Sequence[Curve]) -> list[Decision]:
    """The running runs to stop now, in the order of `curves`; none without a rule or a metric.

    Curves of all runs of the sweep belong here, ended ones too: they are what is compared with.
    Cost: about a microsecond per logged value.
    """
    rule = problem.early_terminate
    if rule is None or not problem.metrics:
        return []
    goal = problem.metrics[0].goal
    losses = as_losses(curves, goal)
    match rule.type:
        case "hyperband":
            return judge_hyperband(rule, losses, goal)
        case "asha":
            return judge_asha(rule, losses, goal)
        case "median":
            return judge_median(rule, losses, goal)
        case "predictive":
            # numpy and scipy are needed for this rule alone, and take 0.2 s to load.
            from steelyard.search.stopping.predictive import judge_predictive

            return judge_predictive(rule, losses, goal)


def brackets(problem: Problem) -> list[int]:
    """The iterations at which runs are compared, ascending; empty: nothing is ever stopped.

    `median` and `predictive` decide at every iteration from a first one on: that one alone.
    """
    rule = problem.early_terminate
    if rule is None or not problem.metrics:
        return []
    match rule.type:
        case "hyperband":
            return hyperband_brackets(rule)
        case "asha":
            return asha_brackets(rule)
        case "median":
            return [1 + (MEDIAN_WARMUP if rule.warmup is None else rule.warmup)]
        case "predictive":
            return [max(1, PREDICTIVE_WARMUP if rule.warmup is None else rule.warmup)]


def list_rungs(problem: Problem, curves: Sequence[Curve]) -> list[Rung]:
    """The brackets that runs have reached and the next one, for a page; empty without brackets."""
    rule = problem.early_terminate
    if rule is None or not problem.metrics:
        return []
    goal = problem.metrics[0].goal
    if rule.type == "hyperband":
        return hyperband_rungs(rule, as_losses(curves, goal), goal)
    if rule.type == "asha":
        return asha_rungs(rule, as_losses(curves, goal), goal)
    return []
