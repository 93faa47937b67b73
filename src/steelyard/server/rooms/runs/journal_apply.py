"""Applying the records of one upload to a run: gathered first, written once at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Annotated, Any, Literal
from zlib import crc32

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from steelyard import limits
from steelyard.server.columns import console, read
from steelyard.server.columns.append import append_journal_rows
from steelyard.server.columns.interface import Appended, Stream
from steelyard.server.columns.lines import encode_row
from steelyard.server.columns.tail import EncodedLines
from steelyard.server.db.prepared import Prepared
from steelyard.server.rooms.projects.changes import next_change
from steelyard.server.rooms.runs.changes import fitting_changes, values_of
from steelyard.server.rooms.runs.commands import create_alert, mark_preempting
from steelyard.server.rooms.runs.journal_config import Config
from steelyard.server.rooms.runs.journal_console import STREAMS, Console
from steelyard.server.rooms.runs.journal_end import End, end_writers
from steelyard.server.rooms.runs.journal_metadata import properties_of
from steelyard.server.rooms.runs.journal_metrics import Metrics, insert_step_metrics
from steelyard.server.rooms.runs.journal_records import (
    SkippedRecord,
    check_map,
    check_row,
    decode_record,
)
from steelyard.server.rooms.runs.journal_summary import Summary
from steelyard.server.rooms.runs.journal_writers import (
    DraftRun,
    Writer,
    find_writer,
    load_state,
    save_state,
    update_together,
)
from steelyard.server.rooms.runs.model import RunChanges
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


class _Properties(msgspec.Struct, frozen=True):
    """A RUN record."""

    display_name: str | None = None
    notes: str | None = None
    tags: list[str] | None = None
    group: str | None = None
    job_type: str | None = None


class _Alert(msgspec.Struct, frozen=True):
    """An ALERT record."""

    title: str
    text: str = ""
    level: Literal["INFO", "WARN", "ERROR"] = "INFO"
    wait_duration_ms: Annotated[int, msgspec.Meta(ge=0, le=2**62)] = 0


class Draft:
    """A run while the records of one upload are applied. Lives inside one transaction."""

    def __init__(self, conn: Connection, run: DraftRun, writer: Writer, *, now_us: int) -> None:
        self._conn = conn
        self._run = run
        self.writer = writer
        self._now_us = now_us
        self.skipped = 0
        self.reason: str | None = None
        self.display_name = run.display_name
        self.history_appended: Appended | None = None
        self.system_appended: Appended | None = None
        self._runtime_shift_us = writer.runtime_base_us - writer.started_at_us
        self._history: list[bytes] = []
        self._system: list[bytes] = []
        self._metrics = Metrics(run.metrics or "{}")
        self._summary = Summary(run.summary, self._metrics, run.tracks or "{}", self._read_values)
        self._config: Config | None = None
        self._values: dict[str, Any] = {}
        self._state: dict[str, Any] | None = None
        self._console: Console | None = None
        self._ends: list[tuple[End, int]] = []
        self._is_preempting = False
        self._appliers: dict[int, Callable[[int, Any], None]] = {
            journal.START: self._refuse_start,
            journal.CONFIG: self._change_config,
            journal.HISTORY: self._add_row,
            journal.SUMMARY: self._change_summary,
            journal.METRIC: self._define_metric,
            journal.SYSTEM: self._add_sample,
            journal.CONSOLE: self._write_console,
            journal.METADATA: self._add_metadata,
            journal.ALERT: self._alert,
            journal.RUN: self._change_run,
            journal.PREEMPTING: self._preempt,
            journal.FINISH: self._add_end,
        }

    def apply(self, encoded: memoryview) -> None:
        """Take the body of one record. One that makes no sense is noted and left out."""
        try:
            kind, time_us, payload = decode_record(encoded)
            applier = self._appliers.get(kind)
            if applier is None:
                raise SkippedRecord(f"kind {kind} is unknown")
            applier(time_us, payload)
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
        self._save_console()
        has_ended = self._save_life()
        if self._state is not None:
            save_state(conn, run.id, self.writer.writer, self._state)
        return has_ended

    # ---- rows

    def _add_row(self, time_us: int, payload: Any) -> None:
        try:
            step, is_automatic, data = payload
        except (TypeError, ValueError):
            raise SkippedRecord("a row is [step, is_automatic, values]") from None
        if type(step) is not int:
            raise SkippedRecord(f"the step of a row is {step!r}, not an integer")
        row = check_row(data)
        is_flat = row is data
        if self._metrics.step_metrics:
            row = insert_step_metrics(row, self._metrics, self._latest_steps())
        if is_automatic:
            step += self.writer.step_base
        row = {**row, "_step": step, **self._times(row, time_us)}
        self._summary.log(row, is_flat=is_flat)  # first: it may read the rows before this one
        self._history.append(encode_row(row))

    def _add_sample(self, time_us: int, payload: Any) -> None:
        row = check_row(payload)
        label = self.writer.label
        if label:  # wandb v0.31 core/internal/monitor/monitor.go
            row = {key if "/l:" in key else f"{key}/l:{label}": row[key] for key in row}
        self._system.append(encode_row({**row, "_wandb": True, **self._times(row, time_us)}))

    def _times(self, row: dict[str, Any], time_us: int) -> dict[str, Any]:
        """Times of a row, those that it brings itself among them."""
        runtime_us = max(time_us + self._runtime_shift_us, self.writer.runtime_base_us)
        times = {"_runtime": runtime_us / 1e6, "_timestamp": time_us / 1e6}
        if "_runtime" in row or "_timestamp" in row:
            times |= {key: row[key] for key in times if type(row.get(key)) in (int, float)}
        return times

    def _latest_steps(self) -> dict[str, float | int]:
        latest: dict[str, float | int] = self.state.setdefault("steps", {})
        return latest

    @property
    def state(self) -> dict[str, Any]:
        """What the writer's later records need."""
        if self._state is None:
            self._state = load_state(self._conn, self._run.id, self.writer.writer)
        return self._state

    def _read_values(self, key: str) -> Iterable[float]:
        self._flush_rows()
        values: list[float] = read.read_series(
            self._conn, self._run.id, "history", key
        ).value.tolist()
        return values

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

    # ---- documents and properties

    def _refuse_start(self, _time_us: int, _payload: Any) -> None:
        raise SkippedRecord("a START can only be the first record of a journal")

    @property
    def config(self) -> Config:
        if self._config is None:
            found = sa.select(runs.c.config).where(runs.c.id == self._run.id)
            self._config = Config(self._conn.execute(found).scalar_one())
        return self._config

    def _change_config(self, _time_us: int, payload: Any) -> None:
        items, keys = _read_change(payload)
        self.config.set(items)
        self.config.delete(keys)

    def _change_summary(self, _time_us: int, payload: Any) -> None:
        items, keys = _read_change(payload)
        self._summary.set(items)
        self._summary.delete(keys)

    def _define_metric(self, _time_us: int, payload: Any) -> None:
        self._summary.define(self._metrics.define(payload))

    def _add_metadata(self, _time_us: int, payload: Any) -> None:
        facts = check_map(payload, "metadata")
        self.config.merge_metadata(self.writer.writer, facts)
        if self.writer.is_primary:
            self._change(properties_of(facts))

    def _change_run(self, _time_us: int, payload: Any) -> None:
        try:
            said = msgspec.convert(payload, _Properties)
        except msgspec.ValidationError as error:
            raise SkippedRecord(f"its properties of a run make no sense: {error}") from error
        self._change(RunChanges(**msgspec.structs.asdict(said)))

    def _change(self, changes: RunChanges) -> None:
        """Set properties of the run, all that can be set."""
        fitting, reason = fitting_changes(changes)
        values = values_of(fitting)
        self.display_name = values.get("display_name", self.display_name)
        self._values |= values
        if reason is not None:
            raise SkippedRecord(reason)

    def _alert(self, _time_us: int, payload: Any) -> None:
        try:
            said = msgspec.convert(payload, _Alert)
        except msgspec.ValidationError as error:
            raise SkippedRecord(f"its alert makes no sense: {error}") from error
        run = find_run_by_id(self._conn, self._run.id)
        assert run is not None
        create_alert(
            self._conn,
            run,
            title=said.title.replace("\0", "")[: limits.DISPLAY_NAME_CHARS_MAX],
            text=said.text.replace("\0", "")[: limits.NOTES_CHARS_MAX],
            severity=said.level,
            wait_duration_ms=said.wait_duration_ms,
            now_us=self._now_us,
        )

    # ---- console

    def _write_console(self, time_us: int, payload: Any) -> None:
        try:
            stream, text = payload
        except (TypeError, ValueError):
            raise SkippedRecord("console output is [stream, text]") from None
        if stream not in STREAMS or type(text) is not str:
            raise SkippedRecord("console output is ['stdout' or 'stderr', text]")
        if self._console is None:
            line_count = console.count_lines(self._conn, self._run.id)
            self._console = Console(self.state.get("console"), line_count)
        self._console.write(stream, text, time_us)

    def _save_console(self) -> None:
        if self._console is None:
            return
        for offset, lines in self._console.list_changes(self.writer.label):
            console.write_lines(
                self._conn, run_id=self._run.id, offset=offset, lines=lines, now_us=self._now_us
            )
        self.state["console"] = self._console.save()

    # ---- life

    def _preempt(self, _time_us: int, _payload: Any) -> None:
        has_ended = self.writer.exit_code is not None or bool(self._ends)
        self._is_preempting = bool(self.writer.ends_run) and not has_ended

    def _add_end(self, time_us: int, payload: Any) -> None:
        try:
            end = msgspec.convert(payload, End)
        except msgspec.ValidationError as error:
            raise SkippedRecord(f"its FINISH makes no sense: {error}") from error
        self._ends.append((end, time_us))
        self._summary.note_runtime(self._times({}, time_us)["_runtime"])

    def _save_life(self) -> bool:
        """Heartbeat, state, summary, and what else changed in the row of the run."""
        conn, run = self._conn, self._run
        sleeps = run.state not in ("running", "killed", "preempting")
        if sleeps and not self._ends and self._writes_on():
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
        if self._is_preempting:
            mark_preempting(conn, run.id, now_us=self._now_us)
        if not self._ends:
            return False
        return end_writers(conn, run, self.writer.writer, self._ends, now_us=self._now_us)

    def _writes_on(self) -> bool:
        """The writer, or the process it is the sender of, is one the run's life hangs on."""
        writer: Writer | None = self.writer
        if self.writer.role == "sender":
            writer = find_writer(self._conn, self._run.id, self.writer.process_name)
        return writer is not None and bool(writer.ends_run) and writer.exit_code is None

    def _save_together(self) -> None:
        tracks = self._summary.dump_tracks()
        changed: dict[str, Any] = {} if tracks is None else {"tracks": tracks}
        if self._metrics.has_changed:
            changed["metrics"] = self._metrics.dump()
            self.config.note_metrics(self._metrics.encode_for_config())
        if changed:
            update_together(self._conn, self._run.id, **changed)


def _read_change(payload: Any) -> tuple[dict[str, Any], list[str]]:
    """(values to set, keys to delete) of a CONFIG or SUMMARY record."""
    change = check_map(payload, "a change")
    items, keys = change.get("set") or {}, change.get("delete") or []
    if type(items) is not dict or type(keys) is not list:
        raise SkippedRecord("a change is {'set': map, 'delete': list of keys}")
    return items, [key for key in keys if type(key) is str]
