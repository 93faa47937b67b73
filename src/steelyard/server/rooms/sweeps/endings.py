"""How runs ended, as their agents saw it: before the run says so itself, or instead of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.engine import Connection

from steelyard.limits import SWEEP_LATE_END_S
from steelyard.server.rooms.runs.commands import finish_run, mark_preempting
from steelyard.server.rooms.runs.of_sweeps import RunOutcome, list_outcomes
from steelyard.server.rooms.runs.queries import find_run_by_id
from steelyard.server.rooms.sweeps.leases import LEASE_US, STOPPED_WITH_SWEEP, write_trial
from steelyard.server.rooms.sweeps.model import ACTIVE, AT_WORK, Ending, Sweep, SweepTrial
from steelyard.server.rooms.sweeps.queries import find_sweep, find_trials_of_runs

#: What the shell says of a process that SIGTERM ended.
EXIT_CODE_TERMINATED = 143
NEVER_BEGAN = "its program ended with an error before a run of it began"


def note_endings(
    conn: Connection,
    sweep: Sweep,
    trials: Sequence[SweepTrial],
    ended: Mapping[str, Ending],
    *,
    now_us: int,
) -> list[SweepTrial]:
    """The trials of an agent, after what it says of how their runs ended. Idempotent.

    A run that ended well may be in a sender that has not reached us yet, so that its trial waits
    for it longer than for one that nobody speaks of.
    """
    if not ended:
        return list(trials)
    outcomes = list_outcomes(conn, sweep.project_id, list(ended))
    return [
        _note(conn, sweep, trial, outcomes.get(trial.run_name), ended[trial.run_name], now_us)
        if trial.run_name in ended and trial.state in AT_WORK
        else trial
        for trial in trials
    ]


def find_sweep_stop(conn: Connection, run_id: int) -> tuple[str, bool] | None:
    """(why its sweep ends this run, whether its curve was judged); None when it does not."""
    run = find_run_by_id(conn, run_id)
    sweep = find_sweep(conn, run.project_id, run.sweep) if run is not None and run.sweep else None
    if run is None or sweep is None:
        return None
    for trial in find_trials_of_runs(conn, sweep.id, [run.name]):
        if trial.stop_reason is not None:
            is_judged = trial.stop_kind == "judged" and sweep.state != "canceled"
            return trial.stop_reason, is_judged
    return None


def _note(
    conn: Connection,
    sweep: Sweep,
    trial: SweepTrial,
    run: RunOutcome | None,
    ending: Ending,
    now_us: int,
) -> SweepTrial:
    if ending == "preempted":
        return _give_back(conn, sweep, trial, run, now_us)
    if run is None and ending == "failed":
        values: dict[str, Any] = {
            "state": "failed",
            "stop_reason": trial.stop_reason or NEVER_BEGAN,
            "lease_until_us": None,
            "gone_at_us": None,
            "ended_at_us": now_us,
        }
        return write_trial(conn, trial, values)
    if run is not None and run.has_ended:
        return trial  # what the run says counts
    if ending == "failed":
        return trial  # killed without a word: it has SWEEP_GONE_GRACE_S to be heard of
    wait_us = LEASE_US if run is None else SWEEP_LATE_END_S * 1_000_000
    return write_trial(conn, trial, {"gone_at_us": now_us, "lease_until_us": now_us + wait_us})


def _give_back(
    conn: Connection, sweep: Sweep, trial: SweepTrial, run: RunOutcome | None, now_us: int
) -> SweepTrial:
    """The next agent goes on with the run; one that never began is as if it was not handed out.

    A program that was at work and whose run we have not heard of may still send it: the next agent
    gets the configuration under another name, so that the two are not taken for one.
    """
    may_retry = sweep.state in ACTIVE
    if run is not None:
        if not run.has_ended:
            mark_preempting(conn, run.id, now_us=now_us)
            finish_run(conn, run.id, EXIT_CODE_TERMINATED, now_us=now_us)
        is_cut_off = not run.has_ended or run.state in ("failed", "crashed", "preempted")
        if not is_cut_off or trial.stop_reason is not None or not may_retry:
            return trial
        is_resumable = not run.has_ended or run.state == "preempted"
        return _lose(conn, trial, is_resumable=is_resumable, now_us=now_us)
    if trial.stop_reason is not None or not may_retry:
        reason = trial.stop_reason or STOPPED_WITH_SWEEP
        ended = {"state": "stopped", "stop_reason": reason, "ended_at_us": now_us}
        return write_trial(conn, trial, ended | {"lease_until_us": None, "gone_at_us": None})
    if trial.state == "running":
        return _lose(conn, trial, is_resumable=False, now_us=now_us)
    values: dict[str, Any] = {
        "state": "queued",
        "agent_id": None,
        "attempts": max(trial.attempts - 1, 0),
        "lease_until_us": None,
        "gone_at_us": None,
        "started_at_us": None,
    }
    return write_trial(conn, trial, values)


def _lose(conn: Connection, trial: SweepTrial, *, is_resumable: bool, now_us: int) -> SweepTrial:
    """Without an agent: see `is_given_back`. Whether it may be run again is settled later."""
    values: dict[str, Any] = {
        "state": "lost",
        "agent_id": None,
        "is_resumable": is_resumable,
        "lease_until_us": now_us,
        "gone_at_us": None,
    }
    return write_trial(conn, trial, values)
