"""From runs to what a search learns of them: configurations, values, outcomes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from steelyard.errors import Invalid
from steelyard.search.expression import parse
from steelyard.search.problem import Metric, Problem
from steelyard.search.space import Space
from steelyard.search.trials import Trial, TrialState
from steelyard.server.rooms.runs.fields import MISSING, find_nested
from steelyard.server.rooms.runs.json_text import parse_json_object
from steelyard.server.rooms.runs.of_sweeps import RunOutcome
from steelyard.server.rooms.sweeps.model import SweepTrial, TrialResults

#: The cost that is no metric: how long a run took.
SECONDS = "seconds"
_SEARCH_STATES: dict[str, TrialState] = {
    "queued": "pending",
    "leased": "pending",
    "lost": "pending",
    "running": "running",
    "finished": "finished",
    "failed": "failed",
    "stopped": "stopped",
}


def results_of(problem: Problem, run: RunOutcome) -> TrialResults:
    """What a run brought, as its summary has it. NaN and infinities count as missing."""
    summary = parse_json_object(run.summary, "the summary of a run")
    ended_at_us = run.heartbeat_at_us if run.finished_at_us is None else run.finished_at_us
    seconds = max(0.0, (ended_at_us - run.created_at_us) / 1e6)
    return TrialResults(
        values=[value_of(metric, summary) for metric in problem.metrics],
        outcomes={
            name: value
            for name in sorted(outcome_names(problem))
            if (value := read_number(summary, name)) is not None
        },
        seconds=seconds,
    )


def value_of(metric: Metric, summary: Mapping[str, Any]) -> float | None:
    """The value of a metric in a summary, or of its formula over what is logged."""
    if metric.expression is None:
        return read_number(summary, metric.name, goal=metric.goal)
    expression = parse(metric.expression)
    values = {name: read_number(summary, name) for name in expression.names}
    value = expression.evaluate({k: v for k, v in values.items() if v is not None})
    return value if value is not None and math.isfinite(value) else None


def read_number(summary: Mapping[str, Any], name: str, *, goal: str | None = None) -> float | None:
    """The finite number at a dotted path of a summary.

    A metric that was defined with several summaries is a map of them: the one that suits the goal
    counts, else the last value.
    """
    value = find_nested(dict(summary), tuple(name.split(".")))
    if isinstance(value, dict):
        best = {"minimize": "min", "maximize": "max"}.get(goal or "", "last")
        chosen = next((key for key in (best, "best", "last", "mean") if key in value), None)
        value = MISSING if chosen is None else value[chosen]
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def outcome_names(problem: Problem) -> set[str]:
    """Metrics that constraints on outcomes and the cost name."""
    parameters = problem.space.by_name.keys()
    named = {
        name
        for constraint in problem.space.outcome_constraints
        for name in constraint.expression.names
        if name not in parameters
    }
    if problem.cost is not None and problem.cost != SECONDS:
        named.add(problem.cost)
    return named


def search_trials(
    problem: Problem, trials: Iterable[SweepTrial], priors: Iterable[RunOutcome]
) -> list[Trial]:
    """What the search learns from: prior runs first, then the sweep's own in their order.

    Configurations that the space does not know, because it was edited since or because they come
    from elsewhere, are left out: nothing can be learned from half of one.
    """
    found: list[Trial] = []
    for run in priors:
        config = fit_config(problem.space, plain_config(run))
        if config is None:
            continue
        results = results_of(problem, run)
        state: TrialState = "running"
        if run.has_ended:
            state = "finished" if run.state == "finished" else "failed"
        found.append(
            Trial(
                id=run.name,
                config=config,
                state=state,
                values=tuple(results.values),
                outcomes=results.outcomes,
                seconds=results.seconds,
                is_prior=True,
            )
        )
    for trial in trials:
        own = fit_config(problem.space, trial.config)
        if own is None:
            continue
        brought = trial.results or TrialResults()
        found.append(
            Trial(
                id=trial.run_name,
                config=own,
                state=_SEARCH_STATES[trial.state],
                values=tuple(brought.values),
                outcomes=brought.outcomes,
                seconds=brought.seconds,
            )
        )
    return found


def fit_config(space: Space, config: Mapping[str, Any]) -> dict[str, Any] | None:
    """The configuration in terms of the space; None where a value is missing or impossible."""
    flat = space.prune(space.flatten(config))
    for parameter in space.parameters:
        if not space.is_active(parameter, flat):
            continue
        if parameter.is_constant:
            flat.setdefault(parameter.name, parameter.values[0])
            continue
        if parameter.name not in flat:
            return None
        try:
            parameter.to_unit(flat[parameter.name])
        except (Invalid, TypeError, ValueError, OverflowError):
            return None
    return flat


def plain_config(run: RunOutcome) -> dict[str, Any]:
    """{key: value} of a run's configuration, as its script sees it."""
    config = parse_json_object(run.config, "the config of a run")
    return {
        key: entry["value"] if isinstance(entry, dict) and "value" in entry else entry
        for key, entry in config.items()
        if key not in ("_wandb", "wandb_version")
    }
