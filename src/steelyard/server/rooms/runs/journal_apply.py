"""Applying the records of one upload to a run: gathered first, written once at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any
from zlib import crc32

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from steelyard.errors import SteelyardError
from steelyard.server.columns import read
from steelyard.server.columns.append import append_journal_rows
from steelyard.server.columns.interface import Appended, Stream
from steelyard.server.columns.lines import encode_row
from steelyard.server.columns.tail import EncodedLines
from steelyard.server.db.prepared import Prepared
from steelyard.server.rooms.projects.changes import next_change
from steelyard.server.rooms.runs.changes import fitting_changes, values_of
from steelyard.server.rooms.runs.commands import finish_run, mark_preempting
from steelyard.server.rooms.runs.journal_config import Config
from steelyard.server.rooms.runs.journal_metrics import Metrics, insert_step_metrics
from steelyard.server.rooms.runs.journal_records import (
    Record,
    SkippedRecord,
    check_map,
    check_row,
)
from steelyard.server.rooms.runs.journal_summary import Summary
from steelyard.server.rooms.runs.journal_writers import (
    Writer,
    end_writer,
    find_writer,
    list_writers,
    load_state,
    save_state,
    update_together,
)
from steelyard.server.rooms.runs.model import ENDED_STATES, RunChanges
from steelyard.server.rooms.runs.queries import find_run_by_id
from steelyard.server.rooms.runs.tables import runs
from steelyard.wire import journal

_THIS_RUN = sa.update(runs).where(runs.c.id == sa.bindparam("run_id"))
_BEAT = _THIS_RUN.values(
    heartbeat_at_us=sa.bindparam("new_heartbeat_at_us"),
    updated_at_us=sa.bindparam("new_updated_at_us"),
    change_seq=sa.bindparam("new_change_seq"),
)
_UPDATE_BEAT = Prepared(_BEAT)
_UPDATE_BEAT_AND_SUMMARY = Prepared(_BEAT.values(summary=sa.bindparam("new_summary")))
_UPDATE_WAKE = Prepared(_THIS_RUN.values(state="running", exit_code=None, finished_at_us=None))


class DraftRun(msgspec.Struct, frozen=True):
    """What applying needs of a run."""

    id: int
    project_id: int
    state: str
    stop_requested: bool
    created_at_us: int
    display_name: str
    summary: str
    entity_id: int
    resumed_at_us: int | None
    metrics: str | None
    tracks: str | None


class _End(msgspec.Struct, frozen=True):
    """A FINISH record."""

    exit_code: int
    writer: str | None = None
    is_crash: bool = False


class Draft:
    """A run while the records of one upload are applied. Lives inside one transaction."""

    def __init__(
        self, conn: Connection, run: DraftRun, writer: Writer | None, *, now_us: int
    ) -> None:
        self._conn = conn
        self._run = run
        self._writer = writer
        self._now_us = now_us
        self.skipped = 0
        self.reason: str | None = None
        self.display_name = run.display_name
        self.history_appended: Appended | None = None
        self.system_appended: Appended | None = None
        self._history: list[bytes] = []
        self._system: list[bytes] = []
        self._metrics = Metrics(run.metrics or "{}")
        self._summary = Summary(run.summary, self._metrics, run.tracks or "{}", self._read_values)
        self._config: Config | None = None
        self._values: dict[str, Any] = {}
        self._state: dict[str, Any] | None = None
        self._ends: list[tuple[_End, int]] = []
        self._is_preempting = False
        self._appliers: dict[int, Callable[[int, Any], None]] = {
            journal.START: self._ignore,
            journal.HISTORY: self._add_row,
            journal.FINISH: self._add_end,
            journal.PREEMPTING: self._preempt,
        }

    def apply(self, record: Record) -> None:
        """Take one record. One that makes no sense is noted and left out."""
        applier = self._appliers.get(record.kind)
        if applier is None:
            known = record.kind == 0
            self.note_skipped(record.payload if known else f"kind {record.kind} is unknown")
            return
        try:
            applier(record.time_us, record.payload)
        except SkippedRecord as error:
            self.note_skipped(str(error))

    def note_skipped(self, reason: str) -> None:
        """Something could not be kept; the first reason is told."""
        self.skipped += 1
        self.reason = self.reason or reason

    def save(self) -> bool:
        """Write everything. True when the run has ended now."""
        self._flush_rows()
        self._save_together()
        conn, run = self._conn, self._run
        if self._config is not None:
            self._values["config"] = self._config.dump()
        has_ended = self._save_life()
        if self._state is not None and self._writer is not None:
            save_state(conn, run.id, self._writer.writer, self._state)
        return has_ended

    # ---- rows

    def _add_row(self, time_us: int, payload: Any) -> None:
        try:
            step, is_automatic, data = payload
        except (TypeError, ValueError):
            raise SkippedRecord("a row is [step, is_automatic, values]") from None
        if type(step) is not int:
            raise SkippedRecord(f"the step of a row is {step!r}, not an integer")
        assert self._writer is not None
        row = check_row(data)
        if self._metrics.step_metrics:
            row = insert_step_metrics(row, self._metrics, self._latest_steps())
        if is_automatic:
            step += self._writer.step_base
        row = {**row, "_step": step}
        self._stamp(row, time_us)
        self._history.append(encode_row(row))
        self._summary.log(row)

    def _stamp(self, row: dict[str, Any], time_us: int) -> None:
        """Times of a row, unless it brings its own."""
        for key, value in (
            ("_runtime", self._runtime_s(time_us)),
            ("_timestamp", time_us / 1e6),
        ):
            if type(row.get(key)) not in (int, float):
                row[key] = value

    def _runtime_s(self, time_us: int) -> float:
        writer = self._writer
        assert writer is not None
        return max(time_us - writer.started_at_us, 0) / 1e6 + writer.runtime_base_us / 1e6

    def _latest_steps(self) -> dict[str, float | int]:
        latest: dict[str, float | int] = self.state.setdefault("steps", {})
        return latest

    @property
    def state(self) -> dict[str, Any]:
        """What the writer's later records need."""
        if self._state is None:
            assert self._writer is not None
            self._state = load_state(self._conn, self._run.id, self._writer.writer)
        return self._state

    def _read_values(self, key: str) -> Iterable[float]:
        self._flush_rows()
        return read.read_series(self._conn, self._run.id, "history", key).value.tolist()

    def _flush_rows(self) -> None:
        history, self._history = self._history, []
        system, self._system = self._system, []
        self.history_appended = self._append("history", history, self.history_appended)
        self.system_appended = self._append("system", system, self.system_appended)

    def _append(
        self, stream: Stream, texts: list[bytes], before: Appended | None
    ) -> Appended | None:
        if not texts:
            return before
        lines = EncodedLines(texts, list(map(crc32, texts)))
        appended = append_journal_rows(
            self._conn, run_id=self._run.id, stream=stream, lines=lines, now_us=self._now_us
        )
        if before is None:
            return appended
        return msgspec.structs.replace(appended, accepted=before.accepted + appended.accepted)

    # ---- life

    def _ignore(self, _time_us: int, _payload: Any) -> None:
        """START was applied before the others."""

    def _preempt(self, _time_us: int, _payload: Any) -> None:
        self._is_preempting = True

    def _add_end(self, time_us: int, payload: Any) -> None:
        try:
            end = msgspec.convert(payload, _End)
        except msgspec.ValidationError as error:
            raise SkippedRecord(f"its FINISH makes no sense: {error}") from error
        self._ends.append((end, time_us))
        self._summary.note_runtime(self._runtime_s(time_us))

    def _save_life(self) -> bool:
        """Heartbeat, state, summary, and what else changed in the row of the run."""
        conn, run = self._conn, self._run
        if not self._ends and run.state not in ("running", "killed", "preempting"):
            if self._writes_on():
                _UPDATE_WAKE.run(conn, {"run_id": run.id})
        beat = {
            "run_id": run.id,
            "new_heartbeat_at_us": self._now_us,
            "new_updated_at_us": self._now_us,
            "new_change_seq": next_change(conn, run.project_id, self._now_us),
        }
        summary = self._summary.dump()
        if summary is None:
            _UPDATE_BEAT.run(conn, beat)
        else:
            _UPDATE_BEAT_AND_SUMMARY.run(conn, beat | {"new_summary": summary})
        if self._values:
            conn.execute(sa.update(runs).where(runs.c.id == run.id).values(self._values))
        if self._is_preempting and not self._ends:
            mark_preempting(conn, run.id, now_us=self._now_us)
        return bool(self._ends) and self._end()

    def _writes_on(self) -> bool:
        """The writer, or the process it is the sender of, is one the run's life hangs on."""
        writer = self._writer
        if writer is not None and writer.role == "sender":
            writer = find_writer(self._conn, self._run.id, writer.process_name)
        return writer is not None and bool(writer.ends_run) and writer.exit_code is None

    def _end(self) -> bool:
        """Note which writers ended. The run ends with the last of those its life hangs on."""
        assert self._writer is not None
        conn, run_id = self._conn, self._run.id
        known = {writer.writer: writer for writer in list_writers(conn, run_id)}
        concerned = False
        for end, time_us in self._ends:
            name = end.writer or self._writer.writer
            writer = known.get(name)
            if writer is None or (name != self._writer.writer and writer.exit_code is not None):
                continue  # what a process said of its own end stands
            end_writer(
                conn,
                run_id,
                name,
                exit_code=end.exit_code,
                is_crash=end.is_crash,
                at_us=time_us,
            )
            concerned = concerned or bool(writer.ends_run)
        return concerned and self._end_run()

    def _end_run(self) -> bool:
        conn, run = self._conn, self._run
        writers = [
            writer
            for writer in list_writers(conn, run.id)
            if writer.ends_run and writer.heard_at_us >= (run.resumed_at_us or 0)
        ]
        if not writers or any(writer.exit_code is None for writer in writers):
            return False
        writers.sort(key=lambda writer: writer.ended_at_us or 0)
        codes = [writer.exit_code or 0 for writer in writers]
        exit_code = next((code for code in codes if code), 0)
        ended_at_us = writers[-1].ended_at_us or self._now_us
        finish_run(
            conn,
            run.id,
            exit_code,
            is_crash=any(writer.is_crash for writer in writers),
            finished_at_us=min(max(ended_at_us, run.created_at_us), self._now_us),
            now_us=self._now_us,
        )
        return True

    def _save_together(self) -> None:
        tracks = self._summary.dump_tracks()
        changed: dict[str, Any] = {} if tracks is None else {"tracks": tracks}
        if self._metrics.has_changed:
            changed["metrics"] = self._metrics.dump()
        if changed:
            update_together(self._conn, self._run.id, **changed)
