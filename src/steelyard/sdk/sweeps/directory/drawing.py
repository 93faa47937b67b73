"""Suggestions for a sweep in a directory, and who draws the next one."""

from __future__ import annotations

import contextlib
import os
import random
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from steelyard.errors import Infeasible, MissingExtra, SweepInvalid
from steelyard.limits import SWEEP_DIRECTORY_DRAWING_S, SWEEP_DIRECTORY_TRIALS_MAX
from steelyard.sdk.sweeps.directory.model import Sweep, Trial
from steelyard.search.problem import Metric, Problem
from steelyard.search.results import fit_config
from steelyard.search.stopping import Curve, Decision, decide
from steelyard.search.trials import Exhausted, Suggestion, TrialState
from steelyard.search.trials import Trial as SearchTrial

# A sweep of a server has the same words for it: what is lost is still to be run.
_SEARCH_STATES: dict[str, TrialState] = {
    "leased": "pending",
    "lost": "pending",
    "running": "running",
    "finished": "finished",
    "failed": "failed",
    "stopped": "stopped",
}


def read_problem(sweep: Sweep) -> Problem:
    """What is searched. Raises SweepInvalid for what only an older version could read."""
    from steelyard.search.config import read_config

    assert sweep.head is not None
    problem, found = read_config(sweep.head.config)
    if problem is None:
        said = "; ".join(str(each) for each in found if each.severity == "error")
        raise SweepInvalid(
            f"the configuration of the sweep {sweep.head.name} can no longer be read: {said}",
            diagnostics=[],
        )
    return problem


def run_limit(problem: Problem) -> int:
    """How many configurations there may be at most."""
    limits = [problem.run_cap, problem.budget.runs if problem.budget else None]
    said = [each for each in limits if each is not None]
    return min([*said, SWEEP_DIRECTORY_TRIALS_MAX])


def find_reached(
    sweep: Sweep, problem: Problem, read_values: Callable[[Trial], list[float | None]]
) -> str | None:
    """Which run has reached the targets of all metrics that have one; None while none has.

    A run at work that reaches it ends the search, too, as on a server; a failed one has not.
    """
    targets = [metric for metric in problem.metrics if metric.target is not None]
    for trial in sweep.trials.values() if targets else ():
        if trial.state not in ("running", "finished", "stopped"):
            continue
        values = read_values(trial) if trial.state == "running" else trial.values
        by_name = dict(zip((metric.name for metric in problem.metrics), values, strict=False))
        if all(_is_reached(metric, by_name.get(metric.name)) for metric in targets):
            said = " and ".join(
                f"{metric.name} of {by_name[metric.name]:.6g} (target {metric.target:.6g})"
                for metric in targets
            )
            return f"the target is reached: the run {trial.run_name} has {said}"
    return None


def _is_reached(metric: Metric, value: float | None) -> bool:
    assert metric.target is not None
    if value is None:
        return False
    return value >= metric.target if metric.goal == "maximize" else value <= metric.target


def suggest_next(sweep: Sweep, problem: Problem) -> Suggestion | Exhausted:
    """The next configuration of the sweep: what a server would say with the same seed and results.

    Raises MissingExtra where numpy or scipy is needed and not installed.
    """
    assert sweep.head is not None
    trials = search_trials(problem, [sweep.trials[index] for index in sorted(sweep.trials)])
    try:
        # numpy and scipy load here, half a second that those who do not draw save.
        from steelyard.search.suggest import suggest

        with _named_extra():
            return suggest(problem, trials, seed=sweep.head.seed, index=sweep.trial_count)
    except Infeasible as error:
        return Exhausted(reason=str(error))


def search_trials(problem: Problem, trials: Sequence[Trial]) -> list[SearchTrial]:
    """What the search learns from, in the order in which it was drawn."""
    found = []
    for trial in trials:
        config = fit_config(problem.space, trial.config)
        if config is None:
            continue
        found.append(
            SearchTrial(
                id=trial.run_name,
                config=config,
                state=_SEARCH_STATES[trial.state],
                values=tuple(trial.values),
                outcomes=trial.outcomes,
                seconds=trial.seconds,
            )
        )
    return found


def find_stops(
    sweep: Sweep, problem: Problem, curves: dict[str, list[float]]
) -> dict[int, Decision]:
    """Trials to stop early now, by index, with the reason. `curves`: by name of the run."""
    trials = [sweep.trials[index] for index in sorted(sweep.trials)]
    shown = [
        Curve(id=str(trial.index), values=curves[trial.run_name], state=_state_in_curve(trial))
        for trial in trials
        if trial.run_name in curves and trial.state not in ("leased", "lost")
    ]
    with _named_extra():  # the rule `predictive` needs it
        return {int(found.id): found for found in decide(problem, shown)}


@contextlib.contextmanager
def _named_extra() -> Iterator[None]:
    """Say what to install where numpy or scipy is missing. Raises MissingExtra."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in ("numpy", "scipy"):
            raise MissingExtra("sweeps") from error
        raise


def _state_in_curve(trial: Trial) -> TrialState:
    if trial.stop_reason is not None:
        return "stopped"  # asked to, and on its way out
    return _SEARCH_STATES[trial.state]


@contextlib.contextmanager
def held_for_drawing(path: Path) -> Iterator[None]:
    """Held while a suggestion is computed, so that of sixty-four agents not all compute the same.

    It only saves work: what keeps configurations apart is the log. So a file system without locks,
    a holder that hangs, and a mount whose locks do not reach other machines do no harm.
    """
    try:
        import fcntl

        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except (ImportError, OSError):
        yield
        return
    try:
        deadline = time.monotonic() + SWEEP_DIRECTORY_DRAWING_S
        while time.monotonic() < deadline:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(random.uniform(0.01, 0.05))  # noqa: S311  # no secret
            except OSError:
                break
        yield
    finally:
        os.close(fd)
