"""What becomes of trials at work: ended, lost, given back. Decisions only, as events."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

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
SILENT = "its agent and its run fell silent"

ReadRun = Callable[[Trial], Reading]


def settle_own(
    sweep: Sweep, agent: str, run_states: Mapping[str, RunState], read_run: ReadRun
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
        elif said == "preempted":
            if trial.state != "lost":
                events.append(lose(sweep, trial, read_run(trial), resumable=True, reason=PREEMPTED))
        else:
            reason = trial.stop_reason or (STOPPED_BY_HAND if said == "stopped" else None)
            events.append(end(trial, read_run(trial), said, reason=reason))
    return events


def settle_silent(
    sweep: Sweep,
    *,
    is_named: Callable[[Trial], bool],
    is_silent: Callable[[Trial], bool],
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
                events.append(end_by_itself(trial, reading))
        elif trial.is_at_work and not is_named(trial) and is_silent(trial):
            reading = read_run(trial)
            if reading.exit_code is not None and not reading.is_preempted:
                events.append(end_by_itself(trial, reading))
            else:
                resumable = reading.is_preempted
                events.append(lose(sweep, trial, reading, resumable=resumable, reason=SILENT))
    return events


def end_by_itself(trial: Trial, reading: Reading) -> Ended:
    """The end that the journals of the run tell of."""
    return end(trial, reading, "failed" if reading.exit_code else "finished")


def end(trial: Trial, reading: Reading, said: RunState, *, reason: str | None = None) -> Ended:
    """The trial with what its run brought; one that was to stop early counts as stopped."""
    reason = reason or trial.stop_reason
    is_stopped = said == "stopped" or trial.stop_reason is not None
    return Ended(
        index=trial.index,
        state="stopped" if is_stopped else "failed" if said == "failed" else "finished",
        reason=reason,
        values=reading.values,
        outcomes=reading.outcomes,
        seconds=reading.seconds,
    )


def lose(
    sweep: Sweep, trial: Trial, reading: Reading, *, resumable: bool, reason: str
) -> Lost | Ended:
    """It waits for the next agent, if it may be run again at all."""
    if sweep.state not in ACTIVE or trial.stop_reason is not None:
        why = trial.stop_reason or STOPPED_WITH_SWEEP
        return end(trial, reading, "stopped", reason=why)
    if trial.attempts >= SWEEP_ATTEMPTS_MAX:
        why = f"lost {trial.attempts} times: {reason}"
        return end(trial, reading, "failed", reason=why)
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
