"""Writes to sweeps. Each function is one decision inside the caller's transaction.

Locks are taken in one order: sweep, then run, then project.
"""

from __future__ import annotations

import secrets
import string
from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from steelyard.errors import Conflict, Invalid, TooLarge
from steelyard.limits import (
    DISPLAY_NAME_CHARS_MAX,
    NOTES_CHARS_MAX,
    SWEEP_AGENTS_MAX,
    SWEEP_CONTROLLER_CHARS_MAX,
    SWEEP_PRIOR_RUNS_MAX,
)
from steelyard.server.db.dialect import insert
from steelyard.server.rooms.accounts.model import Caller
from steelyard.server.rooms.projects.model import Project
from steelyard.server.rooms.runs.commands import request_stop
from steelyard.server.rooms.runs.json_text import dump_json, parse_json_object
from steelyard.server.rooms.runs.of_sweeps import list_outcomes
from steelyard.server.rooms.sweeps.configuration import ParsedConfig
from steelyard.server.rooms.sweeps.ends import EndKind, follow_edit, note_end
from steelyard.server.rooms.sweeps.model import ACTIVE, AT_WORK, Sweep, SweepAgent, SweepChanges
from steelyard.server.rooms.sweeps.overlay import encode_overlay, overlay_of
from steelyard.server.rooms.sweeps.queries import (
    count_agents,
    count_trials_in,
    find_agent_by_id,
    get_sweep_by_id,
    list_trials_in,
)
from steelyard.server.rooms.sweeps.tables import (
    sweep_agents,
    sweep_configs,
    sweep_trials,
    sweeps,
)

_NAME_CHARS = string.ascii_lowercase + string.digits
#: State that is asked for -> states it may be asked for in.
TRANSITIONS: dict[str, frozenset[str]] = {
    "pending": frozenset(),
    "running": frozenset({"pending", "paused", "finished", "canceled"}),
    "paused": frozenset({"pending", "running"}),
    "finished": frozenset({"pending", "running", "paused"}),
    "canceled": frozenset({"pending", "running", "paused"}),
}


def make_name(length: int = 8) -> str:
    """A random name as the official client's servers give them to sweeps, agents and runs."""
    return "".join(secrets.choice(_NAME_CHARS) for _ in range(length))


def create_sweep(
    conn: Connection,
    *,
    project: Project,
    caller: Caller,
    config: ParsedConfig,
    changes: SweepChanges = SweepChanges(),  # noqa: B008  # a frozen Struct
    seed: int,
    now_us: int,
) -> Sweep:
    """A new sweep, pending until its first agent comes. The caller may write to the project.

    Raises Invalid or TooLarge for values that a sweep may not have.
    """
    values = _checked(changes)
    prior_runs = [*(changes.prior_runs or ()), *config.problem.prior_runs]
    sweep_id = conn.execute(
        insert(conn, sweeps)
        .values(
            {
                "project_id": project.id,
                "name": make_name(),
                "user_id": caller.user_id,
                "description": config.problem.description,
                "state": "pending",
                "config_version": 1,
                "seed": seed,
                "trial_count": 0,
                "prior_runs": dump_json(_checked_prior_runs(prior_runs)),
                "created_at_us": now_us,
                "updated_at_us": now_us,
            }
            | config.columns()
            | values
        )
        .returning(sweeps.c.id)
    ).scalar_one()
    _insert_config(conn, sweep_id, 1, config, caller, now_us)
    sweep = get_sweep_by_id(conn, sweep_id)
    if changes.state is not None:
        return set_state(conn, sweep, changes.state, now_us=now_us)
    return sweep


def update_sweep(
    conn: Connection,
    sweep: Sweep,
    changes: SweepChanges,
    *,
    config: ParsedConfig | None,
    caller: Caller,
    now_us: int,
) -> Sweep:
    """The sweep, which must be locked, with `changes` made and another configuration.

    A configuration that says something else becomes a new version: earlier trials stay, and a
    sweep that had tried everything goes on with what is new.
    """
    values = _checked(changes)
    if changes.prior_runs is not None:
        values["prior_runs"] = dump_json(_checked_prior_runs(changes.prior_runs))
    if config is not None and config.text != sweep.config:
        version = sweep.config_version + 1
        _insert_config(conn, sweep.id, version, config, caller, now_us)
        over = msgspec.structs.replace(overlay_of(sweep), phase_over=None)
        values |= config.columns() | {
            "config_version": version,
            "exhausted_reason": None,
            "waits_reason": None,
        }
        values["overlay"] = encode_overlay(over)
        if sweep.state == "finished" and sweep.exhausted_reason is not None:
            values |= {"state": "running", "finished_at_us": None}
        if changes.description is None and config.problem.description is not None:
            values["description"] = config.problem.description
    before, sweep = sweep, write_sweep(conn, sweep, values, now_us=now_us)
    if config is not None and before.config_version != sweep.config_version:
        follow_edit(conn, before, sweep, config.problem)
    if changes.state is not None:
        sweep = set_state(conn, sweep, changes.state, now_us=now_us)
    return sweep


def set_state(conn: Connection, sweep: Sweep, state: str, *, now_us: int) -> Sweep:
    """Pause, resume, stop (running runs end by themselves) or cancel (they are asked to stop).

    Asking for the state it has is no error. Raises Invalid for a word that is no state, Conflict
    for a state that cannot follow.
    """
    asked = state.lower()
    if asked not in TRANSITIONS:
        raise Invalid(f"{state!r} is no state of a sweep; use one of {', '.join(TRANSITIONS)}")
    if asked == sweep.state:
        return sweep
    if sweep.state not in TRANSITIONS[asked]:
        raise Conflict(
            f"the sweep {sweep.path} is {sweep.state} and cannot become {asked}; "
            "resume it first, or make a new one"
        )
    values: dict[str, Any] = {"state": asked, "finished_at_us": None}
    if asked in ("finished", "canceled"):
        values["finished_at_us"] = now_us
        drop_waiting_trials(conn, sweep.id, now_us)
    if asked == "canceled":
        _stop_runs(conn, sweep, now_us)
    sweep = write_sweep(conn, sweep, values, now_us=now_us)
    if asked in ("finished", "canceled"):
        kind: EndKind = "canceled" if asked == "canceled" else "finished"
        note_end(conn, sweep, kind, reason="somebody asked for it", now_us=now_us)
    return sweep


def exhaust(conn: Connection, sweep: Sweep, reason: str, *, now_us: int) -> Sweep:
    """Nothing more is begun, for `reason`: the sweep, which must be locked, ends with the runs
    that it has at work. Idempotent."""
    if sweep.state not in ACTIVE:
        return sweep
    if sweep.exhausted_reason is None:
        values = {"exhausted_reason": reason, "waits_reason": None}
        sweep = write_sweep(conn, sweep, values, now_us=now_us)
    drop_waiting_trials(conn, sweep.id, now_us)
    return finish_if_done(conn, sweep, now_us=now_us)


def finish_if_done(conn: Connection, sweep: Sweep, *, now_us: int) -> Sweep:
    """Finish a sweep that has nothing left to suggest and no trial that may still end."""
    if sweep.exhausted_reason is None or sweep.state not in ("pending", "running"):
        return sweep
    if count_trials_in(conn, sweep.id, ("queued", "lost", *AT_WORK)):
        return sweep
    ended = {"state": "finished", "finished_at_us": now_us}
    sweep = write_sweep(conn, sweep, ended, now_us=now_us)
    note_end(conn, sweep, "finished", reason=sweep.exhausted_reason, now_us=now_us)
    return sweep


def drop_waiting_trials(conn: Connection, sweep_id: int, now_us: int) -> None:
    """Trials that no agent has will not be run any more."""
    c = sweep_trials.c
    conn.execute(
        sa.update(sweep_trials)
        .where(c.sweep_id == sweep_id, c.state.in_(("queued", "lost")))
        .values(state="stopped", stop_reason="the sweep was ended first", ended_at_us=now_us)
    )


def _stop_runs(conn: Connection, sweep: Sweep, now_us: int) -> None:
    """Ask every run at work to stop, whichever way it hears of it first."""
    trials = list_trials_in(conn, sweep.id, AT_WORK, limit=SWEEP_AGENTS_MAX)
    outcomes = list_outcomes(conn, sweep.project_id, [trial.run_name for trial in trials])
    for outcome in sorted(outcomes.values(), key=lambda each: each.id):
        if not outcome.has_ended:
            request_stop(conn, outcome.id, now_us=now_us)
    c = sweep_trials.c
    conn.execute(
        sa.update(sweep_trials)
        .where(c.sweep_id == sweep.id, c.state.in_(AT_WORK), c.stop_reason.is_(None))
        .values(stop_reason="the sweep was canceled")
    )


# ---- agents


def create_agent(
    conn: Connection, sweep: Sweep, *, caller: Caller, host: str, now_us: int
) -> SweepAgent:
    """Register an agent; the first one starts the sweep, which must be locked.

    Raises TooLarge when SWEEP_AGENTS_MAX have come already.
    """
    count = count_agents(conn, sweep.id)
    if count >= SWEEP_AGENTS_MAX:
        raise TooLarge(
            "the list of agents of a sweep",
            size=count + 1,
            limit=SWEEP_AGENTS_MAX,
            limit_name="SWEEP_AGENTS_MAX",
        )
    agent_id = conn.execute(
        insert(conn, sweep_agents)
        .values(
            sweep_id=sweep.id,
            name=make_name(),
            host=_checked_text(host, "host", DISPLAY_NAME_CHARS_MAX),
            user_id=caller.user_id,
            created_at_us=now_us,
            heartbeat_at_us=now_us,
        )
        .returning(sweep_agents.c.id)
    ).scalar_one()
    if sweep.state == "pending":
        write_sweep(conn, sweep, {"state": "running"}, now_us=now_us)
    agent = find_agent_by_id(conn, agent_id)
    assert agent is not None
    return agent


# ---- the row itself


def lock_sweep(conn: Connection, sweep_id: int) -> Sweep:
    """The sweep, held for this transaction. Raises SweepNotFound when it was deleted."""
    conn.execute(sa.select(sweeps.c.id).where(sweeps.c.id == sweep_id).with_for_update())
    return get_sweep_by_id(conn, sweep_id)


def write_sweep(conn: Connection, sweep: Sweep, values: dict[str, Any], *, now_us: int) -> Sweep:
    """The sweep with these columns. Nothing is written when nothing is given."""
    if not values:
        return sweep
    changed = values | {"updated_at_us": now_us}
    conn.execute(sa.update(sweeps).where(sweeps.c.id == sweep.id).values(changed))
    return get_sweep_by_id(conn, sweep.id)


def _insert_config(
    conn: Connection,
    sweep_id: int,
    version: int,
    config: ParsedConfig,
    caller: Caller,
    now_us: int,
) -> None:
    conn.execute(
        insert(conn, sweep_configs).values(
            sweep_id=sweep_id,
            version=version,
            text=config.text,
            user_id=caller.user_id,
            created_at_us=now_us,
        )
    )


def _checked(changes: SweepChanges) -> dict[str, Any]:
    """Column values of the plain fields that are not None."""
    values: dict[str, Any] = {}
    if changes.display_name is not None:
        values["display_name"] = _checked_text(
            changes.display_name, "display name", DISPLAY_NAME_CHARS_MAX
        )
    if changes.description is not None:
        values["description"] = _checked_text(changes.description, "description", NOTES_CHARS_MAX)
    if changes.controller is not None:
        text = _checked_text(changes.controller, "controller", SWEEP_CONTROLLER_CHARS_MAX)
        parse_json_object(text, "the controller of a sweep")
        values["controller"] = text
    return values


def _checked_text(text: str, field: str, longest: int) -> str:
    if len(text) > longest:
        raise TooLarge(f"{field} of a sweep", size=len(text), limit=longest, limit_name=field)
    return text.replace("\x00", "")  # PostgreSQL cannot keep it


def _checked_prior_runs(names: Sequence[str]) -> list[str]:
    unique = list(dict.fromkeys(names))
    if len(unique) > SWEEP_PRIOR_RUNS_MAX:
        raise TooLarge(
            "the list of prior runs",
            size=len(unique),
            limit=SWEEP_PRIOR_RUNS_MAX,
            limit_name="SWEEP_PRIOR_RUNS_MAX",
        )
    return unique
