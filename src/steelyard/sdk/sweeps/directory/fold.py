"""From entries of the log to the sweep they make. Pure: the same entries give the same sweep.

Whoever appends decides on the sweep as of the entry before, so an event that does not fit is one
that a damaged entry left hanging. It is passed over, by everybody alike.
"""

from __future__ import annotations

from collections.abc import Iterable

from steelyard.sdk.sweeps.directory.model import (
    Agent,
    AgentCame,
    Began,
    Created,
    Drawn,
    Ended,
    Entry,
    Event,
    Exhausted,
    Leased,
    Lost,
    StateSet,
    Stopping,
    Sweep,
    Trial,
)


def fold(entries: Iterable[Entry | None]) -> Sweep:
    """The sweep of these entries from the first on; None stands for a damaged one."""
    sweep = Sweep()
    for entry in entries:
        follow(sweep, entry)
    return sweep


def follow(sweep: Sweep, entry: Entry | None) -> None:
    """Take the next entry in."""
    if entry is None:
        sweep.damaged.append(sweep.number)
    else:
        for event in entry.events:
            _apply(sweep, event, entry.at_us)
    sweep.number += 1


def _apply(sweep: Sweep, event: Event, at_us: int) -> None:
    match event:
        case Created():
            if sweep.head is None:
                sweep.head, sweep.created_at_us = event, at_us
        case StateSet():
            sweep.state = event.state
            has_ended = event.state in ("finished", "canceled")
            sweep.finished_at_us = at_us if has_ended else None
        case AgentCame():
            sweep.agents.setdefault(event.name, Agent(event.name, event.host, at_us))
            if sweep.state == "pending":
                sweep.state = "running"
        case Exhausted():
            sweep.exhausted_reason = event.reason
        case Drawn():
            if event.index not in sweep.trials:
                sweep.trials[event.index] = _trial_of(event, at_us)
        case Leased() | Began() | Lost() | Stopping() | Ended():
            trial = sweep.trials.get(event.index)
            if trial is not None and trial.is_open:
                _change(trial, event, at_us)


def _trial_of(event: Drawn, at_us: int) -> Trial:
    return Trial(
        index=event.index,
        run_name=event.run_name,
        config=event.config,
        key=event.key,
        kind=event.kind,
        reason=event.reason,
        mean=event.mean,
        std=event.std,
        state="leased",
        agent=event.agent,
        attempts=1,
        created_at_us=at_us,
        started_at_us=at_us,
    )


def _change(trial: Trial, event: Leased | Began | Lost | Stopping | Ended, at_us: int) -> None:
    match event:
        case Leased():
            if event.run_name != trial.run_name:
                trial.earlier_runs = [*trial.earlier_runs, trial.run_name]
            trial.run_name, trial.agent, trial.state = event.run_name, event.agent, "leased"
            trial.attempts += 1
            trial.started_at_us = at_us
        case Began():
            trial.state, trial.agent = "running", event.agent
        case Lost():
            trial.state, trial.is_resumable = "lost", event.resumable
        case Stopping():
            trial.stop_reason = trial.stop_reason or event.reason
            trial.is_judged = True
        case Ended():
            trial.state, trial.ended_at_us = event.state, at_us
            trial.stop_reason = event.reason or trial.stop_reason
            trial.values, trial.outcomes = event.values, event.outcomes
            trial.seconds = event.seconds
