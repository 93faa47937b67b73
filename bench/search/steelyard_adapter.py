"""The shipped engine as an optimiser of `hpo_bench`: link or copy this file into its `optimizers/`
as `steelyard.py`; `--opt steelyard` finds it there. See RESULTS.md.
"""

from __future__ import annotations

from typing import Any

import msgspec

from steelyard.search.problem import Condition, Metric, Parameter, Problem, Space
from steelyard.search.suggest import suggest
from steelyard.search.trials import Exhausted, Trial

try:
    from hpo_bench.base import Optimizer
except ImportError:  # alone, where only its shape matters
    Optimizer = object


def parameter_of(p: Any) -> Parameter:
    """A parameter of the benchmark in the words of a sweep configuration."""
    conditions = tuple(
        Condition(parameter=parent, values=tuple(sorted(values, key=repr)))
        for parent, values in p.conditions
    )
    words: dict[str, Any] = {"name": p.name, "path": (p.name,), "conditions": conditions}
    if p.kind == "cat":
        return Parameter(distribution="categorical", values=tuple(p.choices), **words)
    if p.kind == "int":
        words |= {"min": int(p.lo), "max": int(p.hi)}
        if p.log:
            return Parameter(distribution="q_log_uniform_values", q=1, **words)
        return Parameter(distribution="int_uniform", **words)
    words |= {"min": float(p.lo), "max": float(p.hi)}
    return Parameter(distribution="log_uniform_values" if p.log else "uniform", **words)


class Steelyard(Optimizer):
    """Ask and tell over the stateless `suggest`: the trials are kept here."""

    supports_conditions = True

    def __init__(self, space: Any, seed: int, budget: int = 100, metrics: int = 1) -> None:
        if Optimizer is not object:
            super().__init__(space, seed, budget)
        self.seed = seed
        self.problem = Problem(
            method="bayes",
            space=Space(parameters=tuple(parameter_of(p) for p in space.params)),
            metrics=tuple(Metric(name=f"loss{i}") for i in range(metrics)),
        )
        self.trials: dict[Any, Trial] = {}
        self.left = space  # configurations at random, should a finite space be exhausted
        self.last_reason = ""

    def ask(self) -> tuple[Any, dict[str, Any]]:
        token = len(self.trials)
        found = suggest(self.problem, list(self.trials.values()), seed=self.seed)
        if isinstance(found, Exhausted):
            import numpy as np

            return ("again", token), self.left.sample(np.random.default_rng([self.seed, token]))
        self.last_reason = found.reason
        self.trials[token] = Trial(id=str(token), config=found.config, state="running")
        return token, found.config

    def tell(self, token: Any, config: dict[str, Any], loss: Any) -> None:
        values = tuple(loss) if isinstance(loss, (list, tuple)) else (loss,)
        told = Trial(id=str(token), config=config, state="finished", values=values)
        if token in self.trials:
            told = msgspec.structs.replace(self.trials[token], state="finished", values=values)
        self.trials[token] = told
