"""Writes to runs. Each function is one decision inside the caller's transaction.

Locks are taken in one order, run before project, so that writers seldom wait in a circle.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from steelyard.errors import Invalid, RunNotFound
from steelyard.server.columns import console, edit
from steelyard.server.db.dialect import insert
from steelyard.server.rooms.accounts.model import Caller
from steelyard.server.rooms.files.commands import delete_run_files
from steelyard.server.rooms.projects.changes import next_change, next_deletion, next_run_number
from steelyard.server.rooms.projects.model import Project
from steelyard.server.rooms.runs.branches import (
    BranchPoint,
    copy_source,
    inherit_config,
    inherit_summary,
    parse_branch_point,
    summary_at_end,
)
from steelyard.server.rooms.runs.changes import values_of
from steelyard.server.rooms.runs.journal_writers import delete_journals
from steelyard.server.rooms.runs.json_text import dump_json
from steelyard.server.rooms.runs.model import ENDED_STATES, Run, RunChanges
from steelyard.server.rooms.runs.names import check_run_name, invent_display_name
from steelyard.server.rooms.runs.queries import find_run, find_run_by_id
from steelyard.server.rooms.runs.tables import alerts, run_costs, runs

#: Where `update_state` may lead, and from where. Source: docstring of Run.update_state of the
#: official client.
TRANSITIONS: dict[str, frozenset[str]] = {
    "pending": frozenset({"running", "failed", "crashed", "preempted"}),
    "failed": frozenset({"pending", "running"}),
}


# ---- creating and changing


def upsert_run(
    conn: Connection, *, project: Project, caller: Caller, changes: RunChanges, now_us: int
) -> tuple[Run, bool]:
    """(run, made now): the run `changes.name` of the project, created or changed. Idempotent.

    Whoever names the run writes it, so it is running again if it had ended, unless another state is
    asked for. Raises Invalid for a name or value that no run may have, RunNotFound when it is to
    fork from a run that does not exist.
    """
    name = check_run_name(changes.name or "")
    found = lock_run_named(conn, project.id, name)
    if found is not None:
        return update_run(conn, found, changes, now_us=now_us), False
    made = _insert_run(conn, project, caller, name, changes, now_us)
    if made is not None:
        return made, True
    found = lock_run_named(conn, project.id, name)  # another writer was first
    assert found is not None
    return update_run(conn, found, changes, now_us=now_us), False


def update_run(conn: Connection, run: Run, changes: RunChanges, *, now_us: int) -> Run:
    """The run with `changes` made. Nothing is written when nothing would differ."""
    values = values_of(changes)
    is_writer = changes.name is not None
    if is_writer and run.forked_from is not None:
        values |= _with_inherited(run, values)
    if is_writer:
        values |= _awake(run, changes.state)
    elif changes.state is not None:
        values["state"] = changes.state
    differing = {key: value for key, value in values.items() if _current(run, key) != value}
    if is_writer:
        differing["heartbeat_at_us"] = now_us
    if not differing:
        return run
    return _write(conn, run, differing, now_us)


def _with_inherited(run: Run, values: dict[str, Any]) -> dict[str, Any]:
    """Documents of a run that continues another: its process sends only the keys it knows of."""
    kept: dict[str, Any] = {}
    if "config" in values:
        kept["config"] = inherit_config(run.config, values["config"])
    if "summary" in values:
        kept["summary"] = inherit_summary(run.summary, values["summary"])
    return kept


def _awake(run: Run, state: str | None) -> dict[str, Any]:
    """What changes when a process starts, or goes on, to write the run."""
    if state == "pending":
        return {"state": "pending"}
    if run.state in ENDED_STATES or run.state in ("pending", "preempting"):
        return {
            "state": state or "running",
            "exit_code": None,
            "finished_at_us": None,
            "stop_requested": False,
        }
    return {"state": state} if state else {}


def _insert_run(
    conn: Connection, project: Project, caller: Caller, name: str, changes: RunChanges, now_us: int
) -> Run | None:
    """The new run, or None when another transaction has just created it."""
    values = values_of(changes)
    branch = parse_branch_point(changes.config)
    source = None if branch is None else find_run(conn, project.id, branch.run_name)
    if branch is not None and source is None:
        raise RunNotFound(
            f"{project.entity}/{project.name}/{branch.run_name}, which {name!r} is to continue"
        )
    if source is not None:
        values["config"] = inherit_config(source.config, changes.config or "{}")
        values["forked_from"] = f"{source.name}?_step={branch.step}" if branch else None
    change_seq = next_change(conn, project.id, now_us)
    values.setdefault("state", "running")
    values.setdefault("display_name", "")
    run_id = conn.execute(
        insert(conn, runs)
        .values(
            project_id=project.id,
            name=name,
            user_id=caller.user_id,
            created_at_us=now_us,
            updated_at_us=now_us,
            heartbeat_at_us=now_us,
            change_seq=change_seq,
            **values,
        )
        .on_conflict_do_nothing(index_elements=["project_id", "name"])
        .returning(runs.c.id)
    ).scalar()
    if run_id is None:
        return None
    run = _get(conn, run_id)
    if not run.display_name:
        number = next_run_number(conn, project.id)
        run = _write(conn, run, {"display_name": invent_display_name(number, seed=name)}, now_us)
    if source is not None and branch is not None:
        summary = copy_source(conn, source, run, branch, now_us)
        run = _write(conn, run, {"summary": summary}, now_us)
    return run


# ---- life


def record_activity(conn: Connection, run_id: int, *, now_us: int) -> bool:
    """Note that the run's process lives: a heartbeat. True when it has been asked to stop.

    A run taken for dead runs again; a killed one stays killed, since somebody asked for its end.
    Raises RunNotFound when it was deleted. This is on the path of every upload.
    """
    stays = runs.c.state.in_(("running", "killed", "preempting"))
    alive = (
        sa.update(runs)
        .where(runs.c.id == run_id)
        .values(
            heartbeat_at_us=now_us,
            updated_at_us=now_us,
            state=sa.case((stays, runs.c.state), else_="running"),
            exit_code=sa.case((stays, runs.c.exit_code), else_=None),
            finished_at_us=sa.case((stays, runs.c.finished_at_us), else_=None),
        )
        .returning(runs.c.project_id, runs.c.stop_requested)
    )
    row = conn.execute(alive).first()
    if row is None:
        raise RunNotFound(f"with the id {run_id}")
    change_seq = next_change(conn, row.project_id, now_us)
    conn.execute(sa.update(runs).where(runs.c.id == run_id).values(change_seq=change_seq))
    return bool(row.stop_requested)


def finish_run(
    conn: Connection,
    run_id: int,
    exit_code: int,
    *,
    now_us: int,
    is_crash: bool = False,
    finished_at_us: int | None = None,
) -> Run:
    """Note the exit code of the run's process: finished, failed, crashed, killed or preempted.

    `finished_at_us`: when it ended, if that was not now.
    """
    run = lock_run(conn, run_id)
    state = "finished" if exit_code == 0 else "failed"
    if run.stop_requested and exit_code != 0:
        state = "killed"  # whatever its process made of it: nobody is to go on with this run
    elif run.state == "preempting" and exit_code != 0:
        state = "preempted"
    elif is_crash:
        state = "crashed"
    values = {
        "state": state,
        "exit_code": exit_code,
        "finished_at_us": now_us if finished_at_us is None else finished_at_us,
        "heartbeat_at_us": now_us,
    }
    return _write(conn, run, values, now_us)


def mark_preempting(conn: Connection, run_id: int, *, now_us: int) -> Run:
    """Note that the run's machine is about to be taken away."""
    return _write(conn, lock_run(conn, run_id), {"state": "preempting"}, now_us)


def request_stop(conn: Connection, run_id: int, *, now_us: int) -> bool:
    """Ask a run to stop; its process hears of it with its next upload. False when it has ended."""
    run = lock_run(conn, run_id)
    if run.state in ENDED_STATES:
        return False
    if not run.stop_requested:
        _write(conn, run, {"stop_requested": True}, now_us)
    return True


def update_state(conn: Connection, run: Run, state: str, *, now_us: int) -> Run:
    """Move a run to `pending` or `failed` by hand. Raises Invalid where TRANSITIONS forbids it."""
    if run.state not in TRANSITIONS.get(state, frozenset()):
        raise Invalid(f"invalid state transition: {run.path} is {run.state}, not {state}")
    finished_at_us = now_us if state == "failed" else None
    return _write(conn, run, {"state": state, "finished_at_us": finished_at_us}, now_us)


def mark_crashed(conn: Connection, *, now_us: int, silent_for_us: int) -> list[int]:
    """Mark running runs crashed when their last heartbeat is older than `silent_for_us`.

    Returns their ids. Idempotent: a second call with the same clock changes nothing.
    """
    assert silent_for_us > 0
    silent = sa.and_(
        runs.c.state.in_(("running", "preempting")),
        runs.c.heartbeat_at_us < now_us - silent_for_us,
    )
    found = conn.execute(sa.select(runs.c.id).where(silent).with_for_update(skip_locked=True))
    crashed = []
    for run_id in found.scalars().all():
        run = _get(conn, run_id)
        state = "preempted" if run.state == "preempting" else "crashed"
        values = {"state": state, "finished_at_us": run.heartbeat_at_us}
        _write(conn, run, values, now_us)
        crashed.append(run_id)
    return crashed


# ---- history


def fork_run(conn: Connection, run: Run, branch: BranchPoint, *, now_us: int) -> Run:
    """Give a run without rows the history of another up to a step, its config and summary too.

    Raises RunNotFound when there is no such run in the project, Conflict when `run` has rows.
    """
    source = find_run(conn, run.project_id, branch.run_name)
    if source is None:
        raise RunNotFound(
            f"{run.entity}/{run.project}/{branch.run_name}, which {run.name!r} is to continue"
        )
    values = {
        "config": inherit_config(source.config, run.config),
        "summary": copy_source(conn, source, run, branch, now_us),
        "forked_from": f"{source.name}?_step={branch.step}",
    }
    return _write(conn, run, values, now_us)


def rewind_run(conn: Connection, run: Run, *, last_step: int, now_us: int) -> tuple[Run, int]:
    """(run, history lines left): everything after `last_step` forgotten, summary as of then."""
    run = lock_run(conn, run.id)
    line_count = edit.rewind(conn, run_id=run.id, last_step=last_step, now_us=now_us)
    values = {
        "summary": summary_at_end(conn, run.id, run.summary),
        "forked_from": run.forked_from or f"{run.name}?_step={last_step}",
    } | _awake(run, None)
    return _write(conn, run, values, now_us), line_count


def delete_run(conn: Connection, run: Run, *, now_us: int) -> None:
    """The run with its rows, logs, alerts and file entries. Blobs are collected later."""
    run = lock_run(conn, run.id)
    edit.delete_streams(conn, run.id)
    console.delete_lines(conn, run.id)
    delete_run_files(conn, run.id)
    delete_journals(conn, run.id)
    conn.execute(sa.delete(alerts).where(alerts.c.run_id == run.id))
    conn.execute(sa.delete(run_costs).where(run_costs.c.run_id == run.id))
    conn.execute(sa.delete(runs).where(runs.c.id == run.id))
    next_deletion(conn, run.project_id, now_us)


# ---- alerts


def create_alert(
    conn: Connection,
    run: Run,
    *,
    title: str,
    text: str,
    severity: str,
    wait_duration_ms: int,
    now_us: int,
) -> bool:
    """Keep an alert. False: one of the same title is younger than `wait_duration_ms`."""
    latest = conn.execute(
        sa.select(sa.func.max(alerts.c.created_at_us)).where(
            alerts.c.run_id == run.id, alerts.c.title == title
        )
    ).scalar()
    if latest is not None and now_us - latest < wait_duration_ms * 1000:
        return False
    conn.execute(
        insert(conn, alerts).values(
            run_id=run.id,
            title=title,
            text=text,
            severity=severity,
            wait_duration_ms=wait_duration_ms,
            created_at_us=now_us,
        )
    )
    return True


# ---- the row itself


def lock_run(conn: Connection, run_id: int) -> Run:
    """The run, held for this transaction. Raises RunNotFound when it was deleted."""
    conn.execute(sa.select(runs.c.id).where(runs.c.id == run_id).with_for_update())
    run = find_run_by_id(conn, run_id)
    if run is None:
        raise RunNotFound(f"with the id {run_id}")
    return run


def lock_run_named(conn: Connection, project_id: int, name: str) -> Run | None:
    """The run of that name, held for this transaction, or None."""
    where = sa.and_(runs.c.project_id == project_id, runs.c.name == name)
    conn.execute(sa.select(runs.c.id).where(where).with_for_update())
    return find_run(conn, project_id, name)


def _write(conn: Connection, run: Run, values: dict[str, Any], now_us: int) -> Run:
    change_seq = next_change(conn, run.project_id, now_us)
    everything = {**values, "updated_at_us": now_us, "change_seq": change_seq}
    conn.execute(sa.update(runs).where(runs.c.id == run.id).values(everything))
    return _get(conn, run.id)


def _get(conn: Connection, run_id: int) -> Run:
    run = find_run_by_id(conn, run_id)
    assert run is not None
    return run


def _current(run: Run, column: str) -> Any:
    if column == "run_group":
        return run.group
    if column == "tags":
        return dump_json(run.tags)
    return getattr(run, column)
