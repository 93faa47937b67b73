"""From runs to what a search learns of them: configurations, values, outcomes."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from steelyard.search.expression import parse
from steelyard.search.problem import Metric, Problem
from steelyard.search.results import outcome_names, read_number, value_of
from steelyard.search.trials import TrialState
from steelyard.server.rooms.runs.json_text import parse_json_object
from steelyard.server.rooms.runs.of_sweeps import RunOutcome
from steelyard.server.rooms.sweeps.model import TrialResults

SEARCH_STATES: dict[str, TrialState] = {
    "queued": "pending",
    "leased": "pending",
    "lost": "pending",
    "running": "running",
    "finished": "finished",
    "failed": "failed",
    "stopped": "stopped",
}


def results_of(problem: Problem, run: RunOutcome, *, parts: Collection[str] = ()) -> TrialResults:
    """What a run brought, as its summary has it. NaN and infinities count as missing.

    `parts`: keys that formulas over all runs need later.
    """
    summary = parse_json_object(run.summary, "the summary of a run")
    ended_at_us = run.heartbeat_at_us if run.finished_at_us is None else run.finished_at_us
    seconds = max(0.0, (ended_at_us - run.created_at_us) / 1e6)
    goals = {metric.name: metric.goal for metric in problem.metrics}
    values = [value_of(metric, summary) for metric in problem.metrics]
    return TrialResults(
        values=values,
        outcomes={
            name: value
            for name in sorted(outcome_names(problem))
            if (value := read_number(summary, name)) is not None
        },
        seconds=seconds,
        parts={
            name: value
            for name in sorted(parts)
            if (value := read_number(summary, name, goal=goals.get(name))) is not None
        },
        warnings=[
            explain_missing(metric, summary)
            for metric, value in zip(problem.metrics, values, strict=True)
            if value is None and metric.expression is not None and not is_across_runs(metric)
        ],
    )


def is_across_runs(metric: Metric) -> bool:
    """Whether the formula of a metric compares runs."""
    text = metric.expression
    return text is not None and parse(text, across_runs=True).across_runs


def explain_missing(metric: Metric, summary: dict[str, Any]) -> str:
    """Why a formula has no value for a run: for people."""
    assert metric.expression is not None
    names = sorted(parse(metric.expression, across_runs=True).names)
    missing = [name for name in names if read_number(summary, name) is None]
    if missing:
        return f"no {metric.name!r}: the run logged no {', '.join(map(repr, missing))}"
    return (
        f"no {metric.name!r}: {metric.expression} is not defined for this run, such as a division "
        "by zero"
    )


def plain_config(run: RunOutcome) -> dict[str, Any]:
    """{key: value} of a run's configuration, as its script sees it."""
    config = parse_json_object(run.config, "the config of a run")
    return {
        key: entry["value"] if isinstance(entry, dict) and "value" in entry else entry
        for key, entry in config.items()
        if key not in ("_wandb", "wandb_version")
    }
