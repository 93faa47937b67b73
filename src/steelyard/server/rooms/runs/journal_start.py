"""START: the record that opens a journal. It finds or makes the run, forks, rewinds or resumes it,
and settles from which step and from what time on the writer counts."""

from __future__ import annotations

from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from steelyard.errors import Invalid, RunExists, RunNotFound
from steelyard.server.columns import read
from steelyard.server.rooms.accounts.model import Caller
from steelyard.server.rooms.projects.commands import ensure_project
from steelyard.server.rooms.projects.model import Project
from steelyard.server.rooms.runs import commands
from steelyard.server.rooms.runs.branches import BranchPoint
from steelyard.server.rooms.runs.changes import fitting_changes
from steelyard.server.rooms.runs.journal_config import Config
from steelyard.server.rooms.runs.journal_records import Start
from steelyard.server.rooms.runs.journal_writers import (
    SENDER_SUFFIX,
    Together,
    create_together,
    create_writer,
    find_writer,
    list_writers,
    load_together,
    update_together,
)
from steelyard.server.rooms.runs.model import ENDED_STATES, Run, RunChanges
from steelyard.server.rooms.runs.names import check_run_name
from steelyard.server.rooms.runs.resume import runtime_of
from steelyard.server.rooms.runs.tables import runs

PROPERTIES = ("display_name", "notes", "tags", "group", "job_type", "sweep")


def open_journal(
    conn: Connection,
    *,
    caller: Caller,
    entity: str,
    project: str,
    run: str,
    writer: str,
    start: Start,
    time_us: int,
    now_us: int,
) -> str | None:
    """Make the writer, and the run if need be; what of the START could not be kept, or None.

    Raises RunExists and RunNotFound as `resume`, `fork_from` and `resume_from` ask for, and what
    an unknown place raises.
    """
    name = check_run_name(run)
    place, _ = ensure_project(conn, caller=caller, entity=entity, name=project, now_us=now_us)
    path = f"{place.entity}/{place.name}/{name}"
    held = commands.lock_run_named(conn, place.id, name)
    is_there = held is not None and _was_begun(conn, held)
    _check_wishes(start, name, path, is_there=is_there)
    changes, reason = _changes(start, name)
    last_step = None if held is None else read.get_last_step(conn, held.id, "history")
    found, is_new = _write_run(conn, place, caller, start, changes, held, now_us)
    branched = _branch(conn, found, start, now_us)
    resumes = is_there and start.is_process and start.resume in ("allow", "must")
    is_resumed = resumes or branched is not None
    step_base = 0
    if start.step_base is not None:
        step_base = start.step_base
    elif branched is not None:
        step_base = branched.step + 1
    elif start.resume in ("allow", "must"):
        resumed_at = last_step + 1 if resumes and last_step is not None else 0
        step_base = max(resumed_at, start.step_base_min)
    runtime_us = 0
    if is_resumed:
        runtime_us = int(runtime_of(commands.lock_run(conn, found.id)) * 1e6)
    if is_new:
        _backdate(conn, found, start.started_at_us or time_us, now_us)
    _note_together(conn, found, held, start, is_resumed, branched is not None, now_us)
    _create(
        conn,
        found,
        writer,
        start,
        step_base=step_base,
        started_at_us=time_us,
        runtime_base_us=runtime_us,
        had_rows=last_step is not None,
        now_us=now_us,
    )
    return reason


def _was_begun(conn: Connection, run: Run) -> bool:
    """Whether the run counts as existing: a sender may be here before its process."""
    writers = list_writers(conn, run.id)
    return not writers or any(one.role == "process" for one in writers)


def _check_wishes(start: Start, name: str, path: str, *, is_there: bool) -> None:
    if not start.is_process:
        return
    if start.is_new and is_there:
        raise RunExists(path)
    if (start.resume == "must" or start.resume_from is not None) and not is_there:
        raise RunNotFound(path)
    if start.resume_from is not None and start.resume_from.run != name:
        raise Invalid(
            f"resume_from names the run {start.resume_from.run!r}, but the run is {name!r}; "
            "to go on from another run, use fork_from"
        )


def _changes(start: Start, name: str) -> tuple[RunChanges, str | None]:
    if not start.is_process:
        return RunChanges(name=name), None
    wanted = RunChanges(name=name, **{key: getattr(start, key) for key in PROPERTIES})
    return fitting_changes(wanted)


def _write_run(
    conn: Connection,
    place: Project,
    caller: Caller,
    start: Start,
    changes: RunChanges,
    held: Run | None,
    now_us: int,
) -> tuple[Run, bool]:
    """(run, made now). Only a process whose end is the run's end makes an ended run run again."""
    if held is None or (start.is_process and start.updates_finish_state):
        run, is_new = commands.upsert_run(
            conn, project=place, caller=caller, changes=changes, now_us=now_us
        )
    else:
        unnamed = msgspec.structs.replace(changes, name=None)
        run, is_new = commands.update_run(conn, held, unnamed, now_us=now_us), False
    if start.is_process or is_new:  # apart: another writer may have made the run just now
        config = Config(run.config)
        config.note_client(start)
        noted = RunChanges(config=config.dump())
        run = commands.update_run(conn, run, noted, now_us=now_us)
    return run, is_new


def _branch(conn: Connection, run: Run, start: Start, now_us: int) -> BranchPoint | None:
    """Fork or rewind the run; the point from which it goes on, or None."""
    if not start.is_process:
        return None
    if start.fork_from is not None:
        point = BranchPoint(start.fork_from.run, start.fork_from.step)
        config = Config(run.config)
        config.note_branch(point.run_name, point.step)
        noted = RunChanges(config=config.dump())
        run = commands.update_run(conn, run, noted, now_us=now_us)
        commands.fork_run(conn, run, point, now_us=now_us)
        return point
    if start.resume_from is not None:
        point = BranchPoint(start.resume_from.run, start.resume_from.step)
        commands.rewind_run(conn, run, last_step=point.step, now_us=now_us)
        return point
    return None


def _backdate(conn: Connection, run: Run, started_at_us: int, now_us: int) -> None:
    """A run began when its process did, also when its journal comes days later."""
    if 0 < started_at_us < now_us:
        began = sa.update(runs).where(runs.c.id == run.id).values(created_at_us=started_at_us)
        conn.execute(began)


def _note_together(
    conn: Connection,
    run: Run,
    before: Run | None,
    start: Start,
    is_resumed: bool,
    is_branched: bool,
    now_us: int,
) -> None:
    together = load_together(conn, run.id)
    if together is None:
        create_together(conn, run.id, Together(now_us, "{}", "{}"))
        return
    had_ended = before is not None and before.state in ENDED_STATES
    if start.is_process and (is_resumed or had_ended):
        update_together(conn, run.id, resumed_at_us=now_us)
    if is_branched:  # statistics are counted anew from the rows that are left
        update_together(conn, run.id, tracks="{}")


def _create(conn: Connection, run: Run, writer: str, start: Start, **given: Any) -> None:
    """The writer's row. A sender, or a child, counts steps and time as its process does."""
    parent = start.forked_from if start.role == "fork" else None
    if start.role == "sender":
        parent = writer.removesuffix(SENDER_SUFFIX)
    kin = None if parent is None else find_writer(conn, run.id, parent)
    if kin is not None:
        given |= {
            "step_base": kin.step_base,
            "started_at_us": kin.started_at_us,
            "runtime_base_us": kin.runtime_base_us,
        }
    create_writer(conn, run.id, writer, start, **given)
