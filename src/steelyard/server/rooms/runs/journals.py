"""Journals: what the processes of a run wrote, received as bytes, applied once.

One request is one transaction: the records and the byte count that acknowledges them are kept
together or not at all. Records at or below that count were applied before, so a request that comes
twice, or overlaps another, changes nothing.
"""

from __future__ import annotations

import logging
import re

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from steelyard import limits
from steelyard.errors import Forbidden, Invalid, RunNotFound
from steelyard.server.columns.interface import Appended
from steelyard.server.db.prepared import Prepared
from steelyard.server.rooms.accounts.model import Caller
from steelyard.server.rooms.accounts.policy import (
    may_read_entity,
    may_write_entity,
    require_writable,
)
from steelyard.server.rooms.accounts.queries import find_entity
from steelyard.server.rooms.files.commands import put_file
from steelyard.server.rooms.runs.ingest import RunPath
from steelyard.server.rooms.runs.joins import project_names
from steelyard.server.rooms.runs.journal_apply import Draft
from steelyard.server.rooms.runs.journal_metadata import FILE_NAME, FileIsStale, MetadataFile
from steelyard.server.rooms.runs.journal_records import Part, read_start
from steelyard.server.rooms.runs.journal_start import open_journal
from steelyard.server.rooms.runs.journal_writers import (
    DraftRun,
    Writer,
    find_writer,
    update_writer,
)
from steelyard.server.rooms.runs.tables import journal_runs, runs

log = logging.getLogger("steelyard.journals")

_WRITER_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*")


class Accepted(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an part. `acknowledged` bytes of the journal are kept for good."""

    run_id: int
    entity: str
    project: str
    run: str
    display_name: str
    acknowledged: int
    is_stop_requested: bool
    had_rows: bool
    has_ended: bool = False
    records: int = 0
    skipped: int = 0
    reason: str | None = None
    history: Appended | None = None
    system: Appended | None = None


#: Locks the run, so that uploads to one run come one after the other on PostgreSQL as well.
_SELECT_RUN = Prepared(
    sa.select(
        runs.c.id,
        runs.c.project_id,
        runs.c.state,
        runs.c.stop_requested,
        runs.c.created_at_us,
        runs.c.display_name,
        runs.c.summary,
        project_names.c.entity_id,
        journal_runs.c.resumed_at_us,
        journal_runs.c.metrics,
        journal_runs.c.tracks,
    )
    .join(project_names, project_names.c.id == runs.c.project_id)
    .outerjoin(journal_runs, journal_runs.c.run_id == runs.c.id)
    .where(
        project_names.c.entity == sa.bindparam("of_entity"),
        project_names.c.name == sa.bindparam("of_project"),
        runs.c.name == sa.bindparam("of_run"),
    )
    .with_for_update(of=runs)
)


def check_writer_name(writer: str) -> None:
    """Raises Invalid for what is no name of a writer."""
    if len(writer) > limits.JOURNAL_WRITER_CHARS_MAX or not _WRITER_NAME.fullmatch(writer):
        raise Invalid(
            f"{writer[:80]!r} is no name of a writer: letters, digits, _ and -, at most "
            f"{limits.JOURNAL_WRITER_CHARS_MAX} of them"
        )


def accept_journal(
    conn: Connection,
    *,
    caller: Caller,
    path: RunPath,
    part: Part,
    metadata_file: MetadataFile | None = None,
    now_us: int,
) -> Accepted:
    """Keep what is new in a part of a journal, and note that its writer lives: a part without
    records says only that.

    Raises RunNotFound for a run that is not there, was deleted, or is not the caller's to see,
    unless the journal begins here; RunExists; Forbidden for a viewer; Invalid for a journal that
    does not begin with START, or a part that does not begin where a record does.
    """
    check_writer_name(part.writer)
    entity = path.entity or caller.default_entity
    where = {"of_entity": entity, "of_project": path.project, "of_run": path.run}
    run = _find_writable(conn, caller, where)
    writer = None if run is None else find_writer(conn, run.id, part.writer)
    reason: str | None = None
    is_new = writer is None and part.offset == 0 and part.record_count > 0
    if is_new:
        reason = _open(conn, caller, entity, path, part, now_us)
        run = _find_writable(conn, caller, where)
        writer = None if run is None else find_writer(conn, run.id, part.writer)
    if run is None and part.offset == 0:
        require_writable(caller, find_entity(conn, entity), entity)
    elif run is None:
        raise RunNotFound(f"{entity}/{path.project}/{path.run}")
    if run is None or writer is None:  # nothing is kept before START, and nobody known to live
        return _answer(run, entity, path, None, acknowledged=0)
    draft = Draft(conn, run, writer, now_us=now_us)
    if reason is not None:
        draft.note_skipped(reason)
    first = _find_new(part, writer.acknowledged_bytes)
    if first is not None and metadata_file is not None:
        _put_metadata(conn, run.id, writer.acknowledged_bytes, metadata_file, now_us)
    acknowledged = writer.acknowledged_bytes
    if first is not None:
        acknowledged = part.ends[-1]
        for encoded in part.list_bodies(1 if is_new else first):  # START is applied
            draft.apply(encoded)
    update_writer(
        conn,
        run.id,
        writer,
        acknowledged_bytes=acknowledged,
        skipped_records=writer.skipped_records + draft.skipped,
        now_us=now_us,
    )
    has_ended = draft.save()
    if draft.skipped:
        told = {"writer": writer.writer, "count": draft.skipped, "reason": draft.reason}
        log.warning("records of a journal skipped", extra={"run": path.run, **told})
    answer = _answer(run, entity, path, writer, acknowledged=acknowledged)
    return msgspec.structs.replace(
        answer,
        display_name=draft.display_name,
        has_ended=has_ended,
        records=0 if first is None else part.record_count - first,
        skipped=draft.skipped,
        reason=draft.reason,
        history=draft.history_appended,
        system=draft.system_appended,
    )


def _open(
    conn: Connection, caller: Caller, entity: str, path: RunPath, part: Part, now_us: int
) -> str | None:
    start, time_us = read_start(next(part.list_bodies()))
    return open_journal(
        conn,
        caller=caller,
        entity=entity,
        project=path.project,
        run=path.run,
        writer=part.writer,
        start=start,
        time_us=time_us,
        now_us=now_us,
    )


def _answer(
    run: DraftRun | None, entity: str, path: RunPath, writer: Writer | None, *, acknowledged: int
) -> Accepted:
    return Accepted(
        run_id=0 if run is None else run.id,
        entity=entity,
        project=path.project,
        run=path.run,
        display_name="" if run is None else run.display_name,
        acknowledged=acknowledged,
        is_stop_requested=run is not None and bool(run.stop_requested),
        had_rows=writer is not None and bool(writer.had_rows),
    )


def _find_writable(conn: Connection, caller: Caller, where: dict[str, str]) -> DraftRun | None:
    row = _SELECT_RUN.first(conn, where)
    run = None if row is None else DraftRun(*row)
    if run is None or not may_read_entity(caller, run.entity_id):
        return None
    if not may_write_entity(caller, run.entity_id):
        raise Forbidden(
            f"you are a viewer in {where['of_entity']!r} and may not write to its runs; "
            "ask one of its admins"
        )
    return run


def _put_metadata(
    conn: Connection, run_id: int, acknowledged: int, file: MetadataFile, now_us: int
) -> None:
    if acknowledged != file.acknowledged:
        raise FileIsStale("another request of this writer came in between; send this again")
    put_file(conn, run_id=run_id, name=FILE_NAME, blob=file.blob, now_us=now_us)


def _find_new(part: Part, acknowledged: int) -> int | None:
    """The number of the first record behind what is kept already; None: nothing can be kept.

    There is nothing new, or a gap before it.
    """
    if part.offset > acknowledged or part.ends[-1] <= acknowledged:
        return None
    try:
        return part.ends.index(acknowledged)
    except ValueError:
        raise Invalid(
            f"no record of this journal begins at byte {acknowledged:,}, up to where it is kept: "
            "it is not the journal that was sent before"
        ) from None
