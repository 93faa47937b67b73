"""What becomes of trials at work: ended, lost, given back. Decisions only, as events."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import msgspec

from steelyard.limits import SWEEP_ATTEMPTS_MAX
from steelyard.sdk.sweeps.directory.model import (
    ACTIVE,
    Began,
    Ended,
    Event,
    Lost,
    StateSet,
    Sweep,
    SweepState,
    Trial,
)
from steelyard.sdk.sweeps.directory.readings import Reading
from steelyard.sdk.sweeps.queue import RunState, Stop

STOPPED_BY_HAND = "its agent was asked to stop it"
STOPPED_WITH_SWEEP = "its agent was lost after the sweep had ended"
ENDED_FIRST = "the sweep was ended first"
CANCELED = "the sweep was canceled"
PREEMPTED = "its run was preempted"
GIVEN_BACK = "its agent ended before it began"
GIVEN_AWAY = "its agent was not heard of for so long that another one runs this now"
NEVER_BEGAN = "its program ended before a run of it began"
DIED = "its run died without a word"
FAILED = "its run failed"
SILENT = "its agent and its run fell silent"

ReadRun = Callable[[Trial], Reading]


class Again(msgspec.Struct, frozen=True):
    """How often a configuration is run again. `retries` is that of the sweep's configuration."""

    retries: int | None

    @property
    def attempts_max(self) -> int:
        return SWEEP_ATTEMPTS_MAX if self.retries is None else self.retries + 1

    def after_failure(self, trial: Trial) -> bool:
        """A failed run is run again only where the sweep says so."""
        return self.retries is not None and trial.attempts <= self.retries


def settle_own(
    sweep: Sweep,
    agent: str,
    run_states: Mapping[str, RunState],
    *,
    again: Again,
    read_run: ReadRun,
) -> list[Event]:
    """What an agent says of its runs.

    One that was given up for lost, and is named again, is its own again, unless another agent has
    got the configuration in the meantime.
    """
    events: list[Event] = []
    for trial in sweep.trials.values():
        said = run_states.get(trial.run_name)
        is_own = trial.state == "lost" or (trial.is_at_work and trial.agent == agent)
        if said is None or not is_own:
            continue
        if said == "running":
            if trial.state != "running":
                events.append(Began(trial.index, agent))
            continue
        ended = settle_end(sweep, trial, read_run(trial), said, again)
        if trial.state != "lost" or isinstance(ended, Ended):
            events.append(ended)
    return events


def settle_silent(
    sweep: Sweep,
    *,
    is_named: Callable[[Trial], bool],
    is_silent: Callable[[Trial], bool],
    again: Again,
    read_run: ReadRun,
) -> list[Event]:
    """What becomes of trials whose agent says nothing of them any more.

    A run may have ended, and its agent been killed before it said so: then that counts.
    """
    events: list[Event] = []
    for trial in sweep.trials.values():
        if trial.state == "lost" and not trial.is_resumable:
            reading = read_run(trial)
            if reading.exit_code is not None:
                ended = settle_end(sweep, trial, reading, None, again)
                if isinstance(ended, Ended):
                    events.append(ended)
        elif trial.is_at_work and not is_named(trial) and is_silent(trial):
            events.append(settle_end(sweep, trial, read_run(trial), None, again))
    return events


def settle_end(
    sweep: Sweep, trial: Trial, reading: Reading, said: RunState | None, again: Again
) -> Ended | Lost:
    """How a trial ended, or that it is to be run again.

    What the run itself says counts, as on a server; else what its agent says, None where that is
    silent. A run that died without a word is lost, whatever its agent makes of it.
    """
    if said == "stopped" or trial.stop_reason is not None:
        return _end(trial, reading, "stopped", trial.stop_reason or STOPPED_BY_HAND)
    code = reading.exit_code
    if said == "preempted" or (code and reading.is_preempted):
        return _lose(sweep, trial, reading, again, resumable=True, reason=PREEMPTED)
    if code is None and said == "failed" and not reading.has_begun:
        return _end(trial, reading, "failed", NEVER_BEGAN)
    if code is None and said != "finished":
        reason = SILENT if said is None else DIED
        return _lose(sweep, trial, reading, again, resumable=reading.is_preempted, reason=reason)
    if not code:
        return _end(trial, reading, "finished", None)
    if sweep.state in ACTIVE and again.after_failure(trial):
        return Lost(trial.index, False, FAILED)
    return _end(trial, reading, "failed", None)


def _end(
    trial: Trial,
    reading: Reading,
    state: Literal["finished", "failed", "stopped"],
    reason: str | None,
) -> Ended:
    return Ended(
        index=trial.index,
        state=state,
        reason=reason,
        values=reading.values,
        outcomes=reading.outcomes,
        seconds=reading.seconds,
    )


def _lose(
    sweep: Sweep, trial: Trial, reading: Reading, again: Again, *, resumable: bool, reason: str
) -> Lost | Ended:
    """It waits for the next agent, if it may be run again at all."""
    if sweep.state not in ACTIVE:
        return _end(trial, reading, "stopped", STOPPED_WITH_SWEEP)
    if trial.attempts >= again.attempts_max:
        return _end(trial, reading, "failed", f"lost {trial.attempts} times: {reason}")
    return Lost(trial.index, resumable, reason)


def give_back(sweep: Sweep, agent: str, run_states: Mapping[str, RunState]) -> list[Event]:
    """An agent that ends had something handed out to it, and did not begin."""
    return [
        Lost(trial.index, trial.is_resumable, GIVEN_BACK)
        for trial in sweep.trials.values()
        if trial.state == "leased" and trial.agent == agent and trial.run_name not in run_states
    ]


def list_stops(sweep: Sweep, agent: str, running: Sequence[str]) -> list[Stop]:
    """Which of the runs that an agent has at work are to end, and why."""
    by_run = {trial.run_name: trial for trial in sweep.trials.values()}
    earlier = {name for trial in sweep.trials.values() for name in trial.earlier_runs}
    stops = []
    for name in running:
        trial = by_run.get(name)
        if trial is not None and trial.stop_reason is not None:
            stops.append(Stop(run_name=name, reason=trial.stop_reason, is_early=trial.is_judged))
        elif sweep.state == "canceled":
            stops.append(Stop(run_name=name, reason=CANCELED))
        elif name in earlier or (trial is not None and trial.agent != agent):
            stops.append(Stop(run_name=name, reason=GIVEN_AWAY))
    return stops


def finish_if_done(sweep: Sweep) -> list[Event]:
    """The sweep is finished when nothing is left to hand out and nothing may still end."""
    if sweep.exhausted_reason is None or sweep.state not in ("pending", "running"):
        return []
    is_open = any(trial.is_open for trial in sweep.trials.values())
    return [] if is_open else [StateSet("finished")]


def change_state(sweep: Sweep, state: SweepState) -> list[Event]:
    """Pause, resume, stop or cancel it; nothing when that is its state."""
    if sweep.state == state:
        return []
    events: list[Event] = [StateSet(state)]
    if state in ("finished", "canceled"):
        events += [
            Ended(index=trial.index, state="stopped", reason=ENDED_FIRST)
            for trial in sweep.trials.values()
            if trial.state == "lost"
        ]
    return events
