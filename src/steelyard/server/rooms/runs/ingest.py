"""What a running process sends of its run: rows, console lines, summary, signs of life.

One request is one decision in one transaction: all of it is kept or nothing. Everything is placed
by line number, so a request that comes twice, late or cut changes nothing that is there already.
"""

from __future__ import annotations

import logging

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from steelyard.errors import Forbidden, Invalid, RunNotFound
from steelyard.server.columns import append, console
from steelyard.server.columns.interface import Appended, Stream
from steelyard.server.columns.tail import EncodedLines
from steelyard.server.db.prepared import Prepared
from steelyard.server.rooms.accounts.model import Caller
from steelyard.server.rooms.accounts.policy import may_read_entity, may_write_entity
from steelyard.server.rooms.projects.changes import next_change
from steelyard.server.rooms.runs.branches import inherit_summary
from steelyard.server.rooms.runs.commands import finish_run, mark_preempting
from steelyard.server.rooms.runs.joins import project_names
from steelyard.server.rooms.runs.json_text import parse_json_object
from steelyard.server.rooms.runs.model import ENDED_STATES
from steelyard.server.rooms.runs.tables import runs

log = logging.getLogger("steelyard.ingest")


class RunPath(msgspec.Struct, frozen=True):
    """Where a client says that its run is. An empty entity is the caller's own."""

    entity: str
    project: str
    run: str


class SentLines(msgspec.Struct, frozen=True):
    """Lines of a stream: the number of the first, and their texts ready to be stored."""

    offset: int
    lines: EncodedLines


class SentConsole(msgspec.Struct, frozen=True):
    """Console lines: the number of the first, and their texts."""

    offset: int
    lines: list[str]


class Upload(msgspec.Struct, frozen=True, kw_only=True):
    """One request. `writer` tells apart the processes that write one run, "" for the only one."""

    writer: str = ""
    history: SentLines | None = None
    system: SentLines | None = None
    console: SentConsole | None = None
    summary: str | None = None
    is_preempting: bool = False
    exit_code: int | None = None
    """Set by the last request of a process."""


class Accepted(msgspec.Struct, frozen=True):
    """What became of an upload."""

    run_id: int
    is_stop_requested: bool
    has_ended: bool
    history: Appended | None
    system: Appended | None


class _RunRow(msgspec.Struct, frozen=True):
    id: int
    project_id: int
    state: str
    stop_requested: bool
    exit_code: int | None
    forked_from: str | None
    entity_id: int


#: Locks the run, so that uploads to one run come one after the other on PostgreSQL as well.
_SELECT_RUN = Prepared(
    sa.select(
        runs.c.id,
        runs.c.project_id,
        runs.c.state,
        runs.c.stop_requested,
        runs.c.exit_code,
        runs.c.forked_from,
        project_names.c.entity_id,
    )
    .join(project_names, project_names.c.id == runs.c.project_id)
    .where(
        project_names.c.entity == sa.bindparam("of_entity"),
        project_names.c.name == sa.bindparam("of_project"),
        runs.c.name == sa.bindparam("of_run"),
    )
    .with_for_update(of=runs)
)
_THIS_RUN = sa.update(runs).where(runs.c.id == sa.bindparam("run_id"))
_BEAT = _THIS_RUN.values(
    heartbeat_at_us=sa.bindparam("new_heartbeat_at_us"),
    updated_at_us=sa.bindparam("new_updated_at_us"),
    change_seq=sa.bindparam("new_change_seq"),
)
_UPDATE_BEAT = Prepared(_BEAT)
_UPDATE_BEAT_AND_SUMMARY = Prepared(_BEAT.values(summary=sa.bindparam("new_summary")))
#: Apart, because SQLite writes the index of a column that an UPDATE names, changed or not.
_UPDATE_WAKE = Prepared(_THIS_RUN.values(state="running", exit_code=None, finished_at_us=None))


def accept_upload(
    conn: Connection, *, caller: Caller, path: RunPath, upload: Upload, now_us: int
) -> Accepted:
    """Keep what a process sent of its run.

    Raises RunNotFound for a run that does not exist, was deleted, or is not the caller's to see;
    Forbidden for a viewer; Invalid for a line number below zero.
    """
    run = _get_writable_run(conn, caller, path)
    system = _append(conn, run, "system", upload.system, upload.writer, now_us)
    history = _append(conn, run, "history", upload.history, upload.writer, now_us)
    if _is_restart(conn, run.id, upload, history, system):
        console.delete_lines(conn, run.id)
    if upload.console is not None:
        sent = upload.console
        console.write_lines(
            conn, run_id=run.id, offset=sent.offset, lines=sent.lines, now_us=now_us
        )
    _record_life(conn, run, path, upload, _is_replay(upload, history, system), now_us)
    has_ended = upload.exit_code is not None
    return Accepted(run.id, bool(run.stop_requested), has_ended, history, system)


def _get_writable_run(conn: Connection, caller: Caller, path: RunPath) -> _RunRow:
    entity = path.entity or caller.default_entity
    where = {"of_entity": entity, "of_project": path.project, "of_run": path.run}
    row = _SELECT_RUN.first(conn, where)
    run = None if row is None else _RunRow(*row)
    if run is None or not may_read_entity(caller, run.entity_id):
        raise RunNotFound(f"{entity}/{path.project}/{path.run}")
    if not may_write_entity(caller, run.entity_id):
        raise Forbidden(
            f"you are a viewer in {entity!r} and may not write to its runs; ask one of its admins"
        )
    return run


def _append(
    conn: Connection,
    run: _RunRow,
    stream: Stream,
    sent: SentLines | None,
    writer: str,
    now_us: int,
) -> Appended | None:
    if sent is None:
        return None
    return append.append_lines(
        conn,
        run_id=run.id,
        stream=stream,
        writer=writer,
        offset=sent.offset,
        lines=sent.lines,
        now_us=now_us,
    )


def _is_restart(
    conn: Connection,
    run_id: int,
    upload: Upload,
    history: Appended | None,
    system: Appended | None,
) -> bool:
    """The process began the run anew, so that the console lines held are of the one before.

    A first line of a stream that differs from the one held says so. It must come before or with
    the first console lines of the new process: system metrics do (the client sends them at once),
    history only when there are no system metrics.
    """
    if upload.console is not None and upload.console.offset > 0:
        return False
    if system is not None and system.replaced_from == 0:
        return True
    return (
        history is not None
        and history.replaced_from == 0
        and upload.console is not None
        and append.get_line_count(conn, run_id, "system", upload.writer) == 0
    )


def _is_replay(upload: Upload, history: Appended | None, system: Appended | None) -> bool:
    """The upload had rows and all of them were held already."""
    appended = [one for one in (history, system) if one is not None]
    return bool(appended) and not any(one.accepted for one in appended)


def _record_life(
    conn: Connection,
    run: _RunRow,
    path: RunPath,
    upload: Upload,
    is_replay: bool,
    now_us: int,
) -> None:
    """Heartbeat, state and summary. A killed run stays killed: somebody asked for its end."""
    is_end = upload.exit_code is not None
    if not is_end and not is_replay and run.state not in ("running", "killed", "preempting"):
        _UPDATE_WAKE.run(conn, {"run_id": run.id})
    beat = {
        "run_id": run.id,
        "new_heartbeat_at_us": now_us,
        "new_updated_at_us": now_us,
        "new_change_seq": next_change(conn, run.project_id, now_us),
    }
    summary = _checked_summary(upload.summary, path)
    if summary is not None and run.forked_from is not None:
        summary = inherit_summary(_read_summary(conn, run.id), summary)
    if summary is None:
        _UPDATE_BEAT.run(conn, beat)
    else:
        _UPDATE_BEAT_AND_SUMMARY.run(conn, beat | {"new_summary": summary})
    if upload.is_preempting and not is_end:
        mark_preempting(conn, run.id, now_us=now_us)
    ended_so_before = run.state in ENDED_STATES and run.exit_code == upload.exit_code
    if upload.exit_code is not None and not ended_so_before:
        finish_run(conn, run.id, upload.exit_code, now_us=now_us)


def _read_summary(conn: Connection, run_id: int) -> str:
    return str(conn.execute(sa.select(runs.c.summary).where(runs.c.id == run_id)).scalar_one())


def _checked_summary(text: str | None, path: RunPath) -> str | None:
    """The summary to store; one that is no JSON object is reported, and the old one stays."""
    if text is None:
        return None
    try:
        parse_json_object(text, "the summary of a run")
    except Invalid as error:
        log.warning("summary ignored", extra={"run": path.run, "reason": str(error)})
        return None
    return text.replace("\x00", "")
