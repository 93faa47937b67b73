"""From runs to what a search learns of them: configurations, values, outcomes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from steelyard.search.problem import Problem
from steelyard.search.results import fit_config, outcome_names, read_number, value_of
from steelyard.search.trials import Trial, TrialState
from steelyard.server.rooms.runs.json_text import parse_json_object
from steelyard.server.rooms.runs.of_sweeps import RunOutcome
from steelyard.server.rooms.sweeps.model import SweepTrial, TrialResults

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


def plain_config(run: RunOutcome) -> dict[str, Any]:
    """{key: value} of a run's configuration, as its script sees it."""
    config = parse_json_object(run.config, "the config of a run")
    return {
        key: entry["value"] if isinstance(entry, dict) and "value" in entry else entry
        for key, entry in config.items()
        if key not in ("_wandb", "wandb_version")
    }
