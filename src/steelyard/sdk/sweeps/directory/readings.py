"""What a run of the sweep has logged so far, read from its folder, and how it ended."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from steelyard.errors import SteelyardError
from steelyard.limits import JOURNAL_SEGMENT_BYTES, SWEEP_DIRECTORY_CURVE_VALUES_MAX
from steelyard.sdk.journal.folder import RunFolder, base_folder, read_run_json
from steelyard.sdk.journal.reader import (
    decode_body,
    journal_size,
    list_writers,
    read_journal,
)
from steelyard.sdk.metric import Metric, MetricRules
from steelyard.sdk.sender.process import is_running
from steelyard.sdk.summary import SummaryTracker
from steelyard.search.problem import Problem
from steelyard.search.results import outcome_names, read_number, value_of
from steelyard.wire import journal as wire

if TYPE_CHECKING:
    from steelyard.sdk.wandb_journal import Translation
    from steelyard.sdk.wandb_log import WandbLog


WANDB_SUFFIX: Final = ".wandb"


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a run now.

    Attributes:
        values, outcomes, seconds: as the search wants them, see `search.trials.Trial`.
        curve: the first metric as logged, by step.
        exit_code: of the process, None while it has not said.
        is_preempted: the process was told that its machine is taken away.
        has_begun: there is anything of it.
    """

    values: list[float | None] = []
    outcomes: dict[str, float] = {}
    seconds: float | None = None
    curve: list[float] = []
    exit_code: int | None = None
    is_preempted: bool = False
    has_begun: bool = False


class RunFolders:
    """Folders of runs by the run's name; of a run of the official client, its log.

    They are looked for once after each `expire`: a directory of a thousand runs is long to list.
    """

    def __init__(self, directory: Path) -> None:
        self._base = base_folder(directory)
        self._wandb = directory / "wandb"
        self._known: dict[str, list[Path]] = {}
        self._seen: set[Path] = set()
        self._is_fresh = False

    def expire(self) -> None:
        """What is asked for next is looked for anew."""
        self._is_fresh = False

    def find(self, run_name: str) -> list[Path]:
        """The folders of that run, oldest first; a run that went on has several."""
        if not self._is_fresh:
            self._look()
            self._is_fresh = True
        return sorted(self._known.get(run_name, ()))

    def _look(self) -> None:
        for path in self._list_new(self._base):
            # A folder without run.json is one that is being made: it is looked at again.
            with contextlib.suppress(SteelyardError, OSError):
                facts = read_run_json(RunFolder(path))
                self._known.setdefault(facts["run"], []).append(path)
                self._seen.add(path)
        for path in self._list_new(self._wandb):
            # wandb 0.31.0 sdk/wandb_settings.py sync_file: offline-run-TIME-ID/run-ID.wandb
            run_name = path.name.rpartition("-")[2]
            log = path / f"run-{run_name}{WANDB_SUFFIX}"
            self._known.setdefault(run_name, []).append(log)
            self._seen.add(path)

    def _list_new(self, base: Path) -> list[Path]:
        try:
            with os.scandir(base) as entries:
                names = [entry.name for entry in entries]
        except OSError:  # no run has begun yet, or the disk is away
            return []
        folders = [base / name for name in names if name.startswith(("run-", "offline-run-"))]
        return [path for path in folders if path not in self._seen]


class RunReader:
    """Follows the journals of one run while they grow."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self._offsets: dict[tuple[Path, str], int] = {}
        self._logs: dict[Path, tuple[WandbLog, Translation]] = {}
        self._rules = MetricRules()
        self._tracker = SummaryTracker(self._rules)
        self._curve: dict[int, float] = {}
        self._curve_names = _names_of_curve(problem)
        self._begun_us: int | None = None
        self._last_us = 0
        self._open_writers: set[tuple[Path, str]] = set()
        self._exit_codes: dict[tuple[Path, str], int] = {}
        self._is_preempted = False

    def read(self, folders: list[Path]) -> Reading:
        """Everything so far. What cannot be read now is read the next time."""
        for folder in folders:
            if folder.suffix == WANDB_SUFFIX:
                with contextlib.suppress(OSError, SteelyardError):
                    self._read_wandb_log(folder)
                continue
            with contextlib.suppress(OSError):  # of another user, or the disk is away
                for writer in list_writers(folder):
                    self._read_on(folder, writer)
        codes = [code for code in self._exit_codes.values() if code] or [0]
        has_ended = bool(self._exit_codes) and not self._open_writers
        seconds = None
        if self._begun_us is not None:
            seconds = max(0.0, (self._last_us - self._begun_us) / 1e6)
        summary = self._tracker.values
        return Reading(
            values=[value_of(metric, summary) for metric in self._problem.metrics],
            outcomes={
                name: value
                for name in sorted(outcome_names(self._problem))
                if (value := read_number(summary, name)) is not None
            },
            seconds=seconds,
            curve=[self._curve[step] for step in sorted(self._curve)],
            exit_code=codes[0] if has_ended else None,
            is_preempted=self._is_preempted,
            has_begun=self._begun_us is not None,
        )

    def _read_wandb_log(self, path: Path) -> None:
        """The same from the log of the official client, in the words of our journal."""
        from steelyard.sdk.wandb_journal import Translation
        from steelyard.sdk.wandb_log import WandbLog

        if path not in self._logs:
            self._logs[path] = (WandbLog(path), Translation())
        log, translation = self._logs[path]
        for record in translation.translate(log.read_on()):
            for _, body in wire.split_bodies(record):
                self._take_body((path, ""), body)

    def _read_on(self, folder: Path, writer: str) -> None:
        place = (folder, writer)
        while True:
            offset = self._offsets.get(place, 0)
            data = read_journal(folder, writer, offset, JOURNAL_SEGMENT_BYTES)
            end = 0
            with contextlib.suppress(wire.DamagedJournal):  # no further: the sync says so
                for end, body in wire.split_bodies(data):  # noqa: B007  how far it got
                    self._take_body(place, body)
            self._offsets[place] = offset + end
            if not end:
                return

    def _take_body(self, place: tuple[Path, str], body: memoryview) -> None:
        kind, _, time_us, payload = decode_body(body)
        self._last_us = max(self._last_us, time_us)
        # A record that makes no sense is passed over, as by the server.
        with contextlib.suppress(SteelyardError, TypeError, ValueError, KeyError):
            self._take(place, kind, time_us, payload)

    def _take(self, place: tuple[Path, str], kind: int, time_us: int, payload: Any) -> None:
        match kind:
            case wire.START:
                self._begun_us = min(time_us, self._begun_us or time_us)
                if payload.get("role") == "process" and payload.get("updates_finish_state", True):
                    self._open_writers.add(place)
                    self._is_preempted = False
            case wire.HISTORY:
                step, _, row = payload
                self._follow(int(step), row)
            case wire.SUMMARY:
                self._tracker.set(payload.get("set", {}), payload.get("delete", ()))
            case wire.METRIC:
                metric = msgspec.convert(payload, Metric)
                self._rules.add(metric, overwrite=bool(payload.get("overwrite")))
                self._tracker.define(metric.name)
            case wire.PREEMPTING:
                self._is_preempted = True
            case wire.FINISH:
                if payload.get("is_crash"):
                    return  # somebody else's word for a process that died without one: it is lost
                ended = (place[0], payload.get("writer") or place[1])
                self._open_writers.discard(ended)
                self._exit_codes[ended] = int(payload["exit_code"])

    def _follow(self, step: int, row: dict[str, Any]) -> None:
        row = {key: value for key, value in row.items() if value is not None}
        self._tracker.follow(row)
        if not self._curve_names or len(self._curve) >= SWEEP_DIRECTORY_CURVE_VALUES_MAX:
            return
        if any(read_number(row, name) is not None for name in self._curve_names):
            metric = self._problem.metrics[0]
            source: Mapping[str, Any] = row if metric.expression is None else self._tracker.values
            value = value_of(metric, source)
            if value is not None:
                self._curve[step] = value


def _names_of_curve(problem: Problem) -> list[str]:
    """What is logged of the metric that early termination looks at; none without it."""
    if problem.early_terminate is None or not problem.metrics:
        return []
    metric = problem.metrics[0]
    if metric.expression is None:
        return [metric.name]
    from steelyard.search.expression import parse

    return sorted(parse(metric.expression).names)


def measure_journals(folders: list[Path]) -> int:
    """Bytes of all journals: they grow as long as somebody writes."""
    total = 0
    for folder in folders:
        if folder.suffix == WANDB_SUFFIX:
            with contextlib.suppress(OSError):
                total += folder.stat().st_size
            continue
        with contextlib.suppress(OSError):
            total += sum(journal_size(folder, writer) for writer in list_writers(folder))
    return total


def is_process_running(folders: list[Path]) -> bool | None:
    """Whether a process of the run works, None where this machine cannot tell or none began."""
    answers = []
    for folder in folders[-1:]:
        with contextlib.suppress(SteelyardError, OSError):
            facts = read_run_json(RunFolder(folder))
            pid, started = int(facts.get("pid") or 0), str(facts.get("pid_started") or "")
            answers.append(is_running(pid, started) if started else None)
    return answers[-1] if answers else None
