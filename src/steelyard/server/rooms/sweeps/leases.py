"""The life of a trial: handed out under a lease, at work, lost and handed on, ended.

    queued ──▶ leased ──▶ running ──▶ finished | failed | stopped
                 ▲  │        │
                 │  └─▶ lost ◀┘   its agent and its run fell silent, or were preempted
                 └───────┘        the next agent gets the same configuration

A trial belongs to an agent as long as one of them is heard of: the agent that names the run, or
the run itself. A run that its agent no longer names has SWEEP_GONE_GRACE_S to say how it ended. A
trial that has ended never comes back. Where the sweep has `retries`, one whose run failed is queued
again and gets another run. `next_values` decides; it is pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from steelyard.limits import SWEEP_ATTEMPTS_MAX, SWEEP_GONE_GRACE_S, SWEEP_LEASE_S
from steelyard.search.problem import Problem
from steelyard.server.rooms.runs.json_text import dump_json
from steelyard.server.rooms.runs.of_sweeps import RunOutcome, list_outcomes
from steelyard.server.rooms.sweeps.labels import label_runs
from steelyard.server.rooms.sweeps.model import ACTIVE, ENDED, Sweep, SweepTrial, TrialResults
from steelyard.server.rooms.sweeps.overlay import overlay_of
from steelyard.server.rooms.sweeps.results import results_of
from steelyard.server.rooms.sweeps.scoring import is_plain, needed_names, rescore
from steelyard.server.rooms.sweeps.tables import sweep_trials

LEASE_US = SWEEP_LEASE_S * 1_000_000
GONE_GRACE_US = SWEEP_GONE_GRACE_S * 1_000_000
STOPPED_BY_HAND = "somebody asked this run to stop"
STOPPED_WITH_SWEEP = "its agent was lost after the sweep had ended"


class Again(msgspec.Struct, frozen=True):
    """Whether, and how often, a configuration is run again."""

    may_retry: bool
    retries: int | None

    @property
    def attempts_max(self) -> int:
        return SWEEP_ATTEMPTS_MAX if self.retries is None else self.retries + 1

    def after_failure(self, trial: SweepTrial) -> bool:
        """A failed run is run again only where the sweep says so."""
        return self.may_retry and self.retries is not None and trial.attempts <= self.retries


def settle_trials(
    conn: Connection,
    sweep: Sweep,
    problem: Problem,
    trials: Sequence[SweepTrial],
    *,
    now_us: int,
) -> list[SweepTrial]:
    """Bring open trials up to date with their runs and the clock; the trials as they then are.

    Idempotent: with the same clock and runs a second call changes nothing.
    """
    outcomes = list_outcomes(conn, sweep.project_id, [trial.run_name for trial in trials])
    settled, changed, has_ended = [], [], False
    overlay = overlay_of(sweep)
    for trial in trials:
        run = outcomes.get(trial.run_name)
        may_retry = sweep.state in ACTIVE
        values = next_values(
            trial, run, may_retry=may_retry, retries=problem.retries, now_us=now_us
        )
        if values is not None and values.get("state") in ENDED:
            has_ended = True
            parts = needed_names(problem, overlay)
            results = TrialResults() if run is None else results_of(problem, run, parts=parts)
            values["results"] = results
            if trial.trial_index is None and is_plain(problem, overlay):
                values["value"] = results.values[0] if results.values else None
        settled.append(trial if values is None else write_trial(conn, trial, values))
        if values is not None:
            changed.append(settled[-1])
    label_runs(conn, sweep, changed, outcomes, now_us=now_us)
    if has_ended and not (
        is_plain(problem, overlay) and all(t.trial_index is None for t in trials)
    ):
        rescore(conn, sweep, problem)
    return settled


def next_values(
    trial: SweepTrial,
    run: RunOutcome | None,
    *,
    may_retry: bool,
    now_us: int,
    retries: int | None = None,
) -> dict[str, Any] | None:
    """What changes of an open trial, given its run; None when nothing does.

    `may_retry`: the sweep goes on, so that a lost trial may be handed to another agent. `retries`:
    how often a lost or failed one is run again; None: a lost one as SWEEP_ATTEMPTS_MAX says, a
    failed one never.
    """
    again = Again(may_retry, retries)
    if trial.state not in ("leased", "running", "lost"):
        return None
    if is_given_back(trial) and (run is None or run.state != "finished"):
        kept = _lose(trial, again, resumable=trial.is_resumable, now_us=now_us)
        return None if kept["state"] == "lost" else kept
    if run is not None and run.has_ended and not _is_of_before(trial, run):
        return _after_end(trial, run, again, now_us=now_us)
    if trial.state == "lost":
        # Its agent is gone for good, or was cut off: a run that is heard of again goes on.
        is_at_work = run is not None and not run.has_ended and run.state != "preempting"
        heard_at_us = min(run.heartbeat_at_us, now_us) if run is not None and is_at_work else 0
        if heard_at_us > max(trial.lease_until_us or 0, now_us - LEASE_US):
            return _running(heard_at_us + LEASE_US)
        return None if may_retry else _stopped(STOPPED_WITH_SWEEP, now_us)
    alive = run if run is not None and not run.has_ended else None
    if (trial.lease_until_us or 0) > now_us:
        if trial.state == "leased" and alive is not None:
            return {"state": "running", "started_at_us": trial.started_at_us or now_us}
        return None
    if alive is not None:
        heard_until_us = alive.heartbeat_at_us + LEASE_US
        if trial.gone_at_us is not None:
            is_heard = alive.heartbeat_at_us > trial.gone_at_us
            heard_until_us = alive.heartbeat_at_us + GONE_GRACE_US if is_heard else 0
        if heard_until_us > now_us:
            return _running(heard_until_us) | {"gone_at_us": trial.gone_at_us}
    return _lose(trial, again, resumable=False, now_us=now_us)


def is_given_back(trial: SweepTrial) -> bool:
    """Its agent was told to go and said so: how its run was cut off, and when, is no news."""
    return trial.state == "lost" and trial.agent_id is None


def _is_of_before(trial: SweepTrial, run: RunOutcome) -> bool:
    """The end that the run shows is of an earlier life: since then it was handed out to go on."""
    # A run that was cut off while it was given back may say that it failed.
    ends = ("crashed", "preempted", "failed") if trial.is_resumable else ("crashed", "preempted")
    if run.state not in ends:
        return False
    if trial.state == "lost":
        return True  # it is lost for that very end; only another one is news
    ended_at_us = run.heartbeat_at_us if run.finished_at_us is None else run.finished_at_us
    return trial.is_resumable and ended_at_us <= (trial.started_at_us or 0)


def _after_end(trial: SweepTrial, run: RunOutcome, again: Again, *, now_us: int) -> dict[str, Any]:
    if run.state in ("crashed", "preempted") and trial.stop_reason is None:
        return _lose(trial, again, resumable=run.state == "preempted", now_us=now_us)
    if run.state == "failed" and trial.stop_reason is None and again.after_failure(trial):
        return {"state": "queued", "lease_until_us": None, "gone_at_us": None}
    ended: dict[str, Any] = {
        "state": "failed" if run.state == "failed" else "finished",
        "lease_until_us": None,
        "gone_at_us": None,
        "ended_at_us": now_us if run.finished_at_us is None else run.finished_at_us,
    }
    if trial.stop_reason is not None:
        ended["state"] = "stopped"
    elif run.state == "killed":
        ended |= {"state": "stopped", "stop_reason": STOPPED_BY_HAND}
    return ended


def _running(lease_until_us: int) -> dict[str, Any]:
    return {"state": "running", "lease_until_us": lease_until_us, "gone_at_us": None}


def _lose(trial: SweepTrial, again: Again, *, resumable: bool, now_us: int) -> dict[str, Any]:
    if not again.may_retry:
        return _stopped(trial.stop_reason or STOPPED_WITH_SWEEP, now_us)
    if trial.stop_reason is not None:
        return _stopped(trial.stop_reason, now_us)
    if trial.attempts >= again.attempts_max:
        return {
            "state": "failed",
            "stop_reason": f"lost {trial.attempts} times: its agents or its runs fell silent",
            "lease_until_us": None,
            "gone_at_us": None,
            "ended_at_us": now_us,
        }
    # The lease says when it was lost.
    return {
        "state": "lost",
        "is_resumable": resumable,
        "lease_until_us": now_us,
        "gone_at_us": None,
    }


def _stopped(reason: str, now_us: int) -> dict[str, Any]:
    return {
        "state": "stopped",
        "stop_reason": reason,
        "lease_until_us": None,
        "gone_at_us": None,
        "ended_at_us": now_us,
    }


def lease_trial(
    conn: Connection, trial: SweepTrial, *, agent_id: int, run_name: str, now_us: int
) -> SweepTrial:
    """Hand a trial that waits to an agent.

    A preempted run goes on under its name. Any other gets a new run, `run_name`, so that what the
    lost one logged stays as it is.
    """
    assert trial.state in ("queued", "lost"), trial.state
    values: dict[str, Any] = {
        "state": "leased",
        "agent_id": agent_id,
        "attempts": trial.attempts + 1,
        "lease_until_us": now_us + LEASE_US,
        "started_at_us": now_us,
        "gone_at_us": None,
    }
    is_retry = trial.state == "queued" and trial.attempts > 0  # its run failed
    if is_retry or (trial.state == "lost" and not trial.is_resumable):
        values |= {"run_name": run_name, "earlier_runs": [*trial.earlier_runs, trial.run_name]}
    return write_trial(conn, trial, values)


def write_trial(conn: Connection, trial: SweepTrial, values: dict[str, Any]) -> SweepTrial:
    """The trial with these values, given as the Struct has them. Unchanged ones cost nothing."""
    changed = {key: value for key, value in values.items() if getattr(trial, key) != value}
    if not changed:
        return trial
    stored = dict(changed)
    if "earlier_runs" in stored:
        stored["earlier_runs"] = dump_json(stored["earlier_runs"])
    if "results" in stored:
        stored["results"] = msgspec.json.encode(stored["results"]).decode()
    conn.execute(sa.update(sweep_trials).where(sweep_trials.c.id == trial.id).values(stored))
    return msgspec.structs.replace(trial, **changed)
