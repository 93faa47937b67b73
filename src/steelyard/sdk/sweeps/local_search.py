"""The engine of the server for a controller in this process: `pip install steelyard[sweeps]`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from steelyard.errors import Infeasible, MissingExtra

if TYPE_CHECKING:
    from steelyard.sdk.sweeps.controller_runs import SweepRun
    from steelyard.search.problem import Problem
    from steelyard.search.trials import Trial, TrialState

#: State of a run → what a search makes of it.
STATES: dict[str, TrialState] = {
    "pending": "pending",
    "running": "running",
    "preempting": "running",
    "preempted": "running",
    "finished": "finished",
    "failed": "failed",
    "crashed": "failed",
    "killed": "stopped",
}


def suggest_run(problem: Problem, runs: Sequence[SweepRun], *, seed: int) -> SweepRun | None:
    """The next run; None when everything was tried. Raises MissingExtra without numpy and scipy."""
    from steelyard.sdk.sweeps.controller_runs import SweepRun

    try:
        from steelyard.search.suggest import suggest
    except ModuleNotFoundError as error:
        raise MissingExtra("sweeps") from error
    from steelyard.search.trials import Suggestion

    trials = list_trials(problem, runs)
    limit = problem.run_cap
    if limit is not None and len(runs) >= limit:
        return None
    try:
        found = suggest(problem, trials, seed=seed, index=len(runs))
    except Infeasible:
        return None
    if not isinstance(found, Suggestion):
        return None
    nested = problem.space.nest(found.config)
    return SweepRun(config={name: {"value": value} for name, value in nested.items()})


def list_trials(problem: Problem, runs: Sequence[SweepRun]) -> list[Trial]:
    """What the runs so far say to a search."""
    from steelyard.search.results import fit_config, value_of
    from steelyard.search.trials import Trial

    trials = []
    for index, run in enumerate(runs):
        config = fit_config(problem.space, _plain(run.config))
        if config is None:
            continue
        trials.append(
            Trial(
                id=run.name or str(index),
                config=config,
                state=STATES.get(run.state, "failed"),
                values=tuple(value_of(metric, run.summary_metrics) for metric in problem.metrics),
            )
        )
    return trials


def find_stops(problem: Problem, runs: Sequence[SweepRun]) -> list[SweepRun]:
    """The running runs that the rule of the configuration ends now, with why."""
    from steelyard.search.stopping import Curve, decide

    if not problem.metrics:
        return []
    name = problem.metrics[0].name
    curves = [
        Curve(
            id=run.name or "",
            values=[row[name] for row in run.history if _is_number(row.get(name))],
            state=STATES.get(run.state, "failed"),
        )
        for run in runs
    ]
    reasons = {decision.id: decision.reason for decision in decide(problem, curves)}
    found = [run for run in runs if run.name in reasons and not run.should_stop]
    for run in found:
        run.early_terminate_info = {"reason": reasons[run.name or ""]}
    return found


def _plain(config: dict[str, Any]) -> dict[str, Any]:
    return {
        key: value["value"] if isinstance(value, dict) and "value" in value else value
        for key, value in config.items()
    }


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
