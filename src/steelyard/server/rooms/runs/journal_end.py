"""FINISH: which writers of a run have ended, and whether the run has with them."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy.engine import Connection

from steelyard.server.rooms.runs.commands import finish_run
from steelyard.server.rooms.runs.journal_writers import DraftRun, end_writer, list_writers

EXIT_CODE_MAX = 2**31 - 1  # as the database keeps it


class End(msgspec.Struct, frozen=True):
    """A FINISH record. `writer`: the one that ended, when it is not the one that says so."""

    exit_code: int
    writer: str | None = None
    is_crash: bool = False


def end_writers(
    conn: Connection, run: DraftRun, teller: str, ends: Sequence[tuple[End, int]], *, now_us: int
) -> bool:
    """Note the ends that `teller` told, each with its time. True when the run ended with them."""
    known = {writer.writer: writer for writer in list_writers(conn, run.id)}
    concerns_run = False
    for end, time_us in ends:
        name = end.writer or teller
        writer = known.get(name)
        if writer is None or (name != teller and writer.exit_code is not None):
            continue  # what a process said of its own end stands
        exit_code = min(max(end.exit_code, -EXIT_CODE_MAX), EXIT_CODE_MAX)
        end_writer(conn, run.id, name, exit_code=exit_code, is_crash=end.is_crash, at_us=time_us)
        concerns_run = concerns_run or bool(writer.ends_run)
    return concerns_run and _end_run(conn, run, now_us)


def _end_run(conn: Connection, run: DraftRun, now_us: int) -> bool:
    """The run ends with the last of the writers its life hangs on.

    Those that were not heard of since it was resumed are of an earlier life, and lost; so are
    those that had ended when the last one began, however late their journals came.
    """
    writers = [
        writer
        for writer in list_writers(conn, run.id)
        if writer.ends_run and writer.heard_at_us >= (run.resumed_at_us or 0)
    ]
    begun_at_us = max((writer.started_at_us for writer in writers), default=0)
    writers = [
        writer
        for writer in writers
        if writer.exit_code is None
        or begun_at_us <= max(writer.ended_at_us or 0, writer.started_at_us)
    ]
    if not writers or any(writer.exit_code is None for writer in writers):
        return False
    writers.sort(key=lambda writer: writer.ended_at_us or 0)
    codes = [writer.exit_code or 0 for writer in writers]
    ended_at_us = writers[-1].ended_at_us or now_us
    finish_run(
        conn,
        run.id,
        next((code for code in codes if code), 0),
        is_crash=any(writer.is_crash for writer in writers),
        finished_at_us=min(max(ended_at_us, run.created_at_us), now_us),
        now_us=now_us,
    )
    return True
