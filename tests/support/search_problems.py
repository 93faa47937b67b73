"""Small search problems, and searches on them that end at once because a function is the run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from steelyard.search.expression import parse
from steelyard.search.problem import Condition, Constraint, Goal, Metric, Parameter, Problem, Space
from steelyard.search.suggest import suggest
from steelyard.search.trials import Exhausted, Suggestion, Trial


def uniform(name: str, low: float = 0.0, high: float = 1.0, **more: Any) -> Parameter:
    return make(name, distribution="uniform", min=low, max=high, **more)


def log_uniform(name: str, low: float, high: float, **more: Any) -> Parameter:
    return make(name, distribution="log_uniform_values", min=low, max=high, **more)


def integer(name: str, low: int, high: int, **more: Any) -> Parameter:
    return make(name, distribution="int_uniform", min=low, max=high, **more)


def choice(name: str, *values: Any, **more: Any) -> Parameter:
    return make(name, distribution="categorical", values=values, **more)


def make(name: str, **words: Any) -> Parameter:
    conditions = tuple(
        Condition(parameter=parent, values=values) for parent, values in words.pop("when", ())
    )
    return Parameter(name=name, path=tuple(name.split(".")), conditions=conditions, **words)


def problem(
    *parameters: Parameter,
    goal: Goal = "minimize",
    metrics: Sequence[Metric] = (),
    constraints: Sequence[str] = (),
    cost: str | None = None,
) -> Problem:
    return Problem(
        method="bayes",
        space=Space(
            parameters=parameters,
            constraints=tuple(Constraint(text=c, expression=parse(c)) for c in constraints),
        ),
        metrics=tuple(metrics) or (Metric(name="loss", goal=goal),),
        cost=cost,
    )


def finished(number: int, config: dict[str, Any], *values: float, **more: Any) -> Trial:
    return Trial(id=f"t{number}", config=config, state="finished", values=values, **more)


def next_of(task: Problem, trials: Sequence[Trial], seed: int = 0) -> Suggestion:
    suggestion = suggest(task, trials, seed=seed)
    assert isinstance(suggestion, Suggestion), suggestion
    return suggestion


def search(
    task: Problem,
    run: Callable[[dict[str, Any]], Trial | tuple[float, ...] | float],
    count: int,
    *,
    seed: int = 0,
    trials: Sequence[Trial] = (),
) -> list[Trial]:
    """`count` runs one after the other, fewer where the space is exhausted."""
    done = list(trials)
    for _ in range(count):
        suggestion = suggest(task, done, seed=seed)
        if isinstance(suggestion, Exhausted):
            break
        result = run(suggestion.config)
        if isinstance(result, Trial):
            done.append(msgspec.structs.replace(result, id=f"t{len(done)}"))
            continue
        values = result if isinstance(result, tuple) else (result,)
        done.append(finished(len(done), suggestion.config, *values))
    return done
