"""What is searched: the problem as it stands after a configuration was read and checked.

Nothing here reads YAML, and nothing needs numpy: a search space can be looked at, linted and
sampled on a machine that has neither numpy nor scipy.
"""

from typing import Any, Literal

import msgspec

from steelyard.search.parameter import Condition, Parameter
from steelyard.search.space import Constraint, Space

__all__ = [
    "Budget",
    "Condition",
    "Constraint",
    "CrossValidation",
    "EarlyTerminate",
    "Goal",
    "Method",
    "Metric",
    "Parameter",
    "Phase",
    "Problem",
    "Space",
]

Goal = Literal["minimize", "maximize"]
Method = Literal["grid", "random", "bayes", "custom"]
Impute = Literal["worst", "best", "latest"]
ImputeWhileRunning = Literal["worst", "best", "latest", "false"]
StoppingRule = Literal["hyperband", "asha", "median", "predictive"]


class Metric(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to be made small or large.

    Attributes:
        name: the key that runs log, or with `expression` the name of what is computed from them.
        target: the search is over as soon as a run reaches it.
        impute: what a failed run counts as; impute_while_running the same for one under way.
        weight: of this metric where several are folded into one number; None: all alike.
        expression: the text of a formula over logged metrics, `name: "0.6*accuracy + 0.1/cost"`.
    """

    name: str
    goal: Goal = "minimize"
    target: float | None = None
    impute: Impute = "worst"
    impute_while_running: ImputeWhileRunning = "false"
    weight: float | None = None
    expression: str | None = None


class EarlyTerminate(msgspec.Struct, frozen=True, kw_only=True):
    """The rule by which runs that do badly are stopped; None where nothing was written.

    Attributes:
        min_iter, max_iter, s, eta, strict: as W&B's hyperband; asha uses them, too.
        warmup: iterations before which `median` and `predictive` stop nothing.
        min_trials: finished runs that `median` and `predictive` need before they stop any.
        confidence: of `predictive`, between 0 and 1: how sure it has to be that a run ends worse.
    """

    type: StoppingRule
    min_iter: int | None = None
    max_iter: int | None = None
    s: int | float | None = None
    eta: float | None = None
    strict: bool | None = None
    warmup: int | None = None
    min_trials: int | None = None
    confidence: float | None = None


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """What a sweep may use up in all; None is no limit.

    Attributes:
        hours: by the clock, from its first run on.
        stop_running: runs under way are stopped when a limit is reached; else they may end.
    """

    runs: int | None = None
    hours: float | None = None
    gpu_hours: float | None = None
    usd: float | None = None
    stop_running: bool = True


class CrossValidation(msgspec.Struct, frozen=True, kw_only=True):
    """Every configuration is run `folds` times `seeds` times, and judged by all results together.

    Attributes:
        folds: runs see `fold` (0 …) and `folds` in their configuration; 1 is none.
        seeds: the same with `seed`, one run for each number.
        penalty: the objective is mean - penalty * std where it is maximised, + where minimised.
        max_std: a configuration whose results spread more is not accepted as the best.
    """

    folds: int = 1
    seeds: tuple[int, ...] = ()
    penalty: float = 0.0
    max_std: float | None = None


class Phase(msgspec.Struct, frozen=True, kw_only=True):
    """One part of a search in phases.

    Attributes:
        fraction: of the data, above 0 up to 1: runs see it as `fraction` in their configuration.
        runs: after so many the next phase begins; None: until the sweep ends.
        top: so many of the best configurations of the phase before seed this one …
        margin: … and its ranges are the box around them, wider by this share on each side.
        narrow: whether the ranges are narrowed at all.
        gate: an expression over the best run of the phase before that has to hold, or "approval".
    """

    name: str
    fraction: float = 1.0
    runs: int | None = None
    top: int = 10
    margin: float = 0.1
    narrow: bool = True
    gate: str | None = None


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a configuration of a sweep says, in the words of this package.

    Attributes:
        cost: the metric that says what a run cost ("seconds" is its duration); suggestions then
            weigh the expected gain against it. None: every run costs the same.
        priority: sweeps with more of it get free slots first.
        retries: how often a configuration whose run was lost or failed is run again; None: as the
            server has it.
        prior_runs: ids of runs that the search learns from before its own.
        raw: the configuration as it was read, for whoever stores or shows it.
    """

    method: Method
    space: Space
    metrics: tuple[Metric, ...] = ()
    early_terminate: EarlyTerminate | None = None
    run_cap: int | None = None
    budget: Budget | None = None
    cost: str | None = None
    cross_validation: CrossValidation | None = None
    phases: tuple[Phase, ...] = ()
    prior_runs: tuple[str, ...] = ()
    priority: int = 0
    retries: int | None = None
    program: str | None = None
    command: tuple[str, ...] | None = None
    name: str | None = None
    description: str | None = None
    entity: str | None = None
    project: str | None = None
    raw: dict[str, Any] = {}
