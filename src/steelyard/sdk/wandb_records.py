"""Reads the messages in the official client's log of a run, as far as a run consists of them.

They are Protocol Buffers. Numbers of fields are those of wandb 0.31.0,
wandb/proto/wandb_internal.proto, message by message as named below. Fields we have no use for are
passed over, so that logs of other versions can be read.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from steelyard.sdk.protobuf import (
    collect,
    last_bytes,
    last_int,
    last_text,
    last_time_us,
    read_fields,
    text_of,
)
from steelyard.sdk.wandb_environment import GIT, describe

#: Record: field of the message → what it is. 100 (request) and 16 (control) are never of use.
KINDS: Final[Mapping[int, str]] = {
    2: "history",
    3: "summary",
    4: "output",
    5: "config",
    6: "files",
    7: "stats",
    8: "artifact",
    9: "tbrecord",
    10: "alert",
    11: "telemetry",
    12: "metric",
    13: "output_raw",
    17: "run",
    18: "exit",
    20: "final",
    21: "header",
    22: "footer",
    23: "preempting",
    25: "use_artifact",
    26: "environment",
    27: "output_logger",
}
INFO_FIELD: Final = 200


class Record(msgspec.Struct, frozen=True, gc=False):
    """A message of the log: its kind, its content still encoded, and who wrote it.

    `is_users` is false for what the client's own service made of the user's words, such as the
    summary of each row.
    """

    kind: str
    content: bytes
    is_users: bool


class Item(msgspec.Struct, frozen=True, gc=False):
    """A value by its path, as JSON text (with the NaN and Infinity of Python's dialect)."""

    path: tuple[str, ...]
    text: str


class Changes(msgspec.Struct, frozen=True):
    """Of a config or a summary."""

    update: list[Item]
    remove: list[tuple[str, ...]]


class Row(msgspec.Struct, frozen=True):
    """Of the history; `step` is None in logs of old versions."""

    items: list[Item]
    step: int | None


class Output(msgspec.Struct, frozen=True):
    """What was printed. `is_raw`: as it was printed; otherwise one line without its end."""

    stream: str
    text: str
    time_us: int | None
    is_raw: bool


class Stats(msgspec.Struct, frozen=True):
    """A sample of the machine: numbers by name, as JSON text."""

    items: list[tuple[str, str]]
    time_us: int | None


class BranchPoint(msgspec.Struct, frozen=True):
    run: str
    step: int


class RunInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What the client says of its run; None for what it does not say."""

    run_id: str
    entity: str | None
    project: str | None
    config: Changes
    summary: Changes
    group: str | None
    job_type: str | None
    display_name: str | None
    notes: str | None
    tags: list[str]
    sweep: str | None
    host: str | None
    started_at_us: int | None
    is_resumed: bool
    git: dict[str, Any]
    branch: BranchPoint | None
    python: str | None
    client: str | None


class SavedFile(msgspec.Struct, frozen=True):
    """A path or pattern below the folder `files` of the run."""

    path: str


class Metric(msgspec.Struct, frozen=True):
    """What `define_metric` said, as the journal's METRIC has it."""

    payload: dict[str, Any]
    is_from_glob: bool


class Exit(msgspec.Struct, frozen=True):
    exit_code: int
    is_complete: bool


def read_record(data: bytes) -> Record | None:
    """The record in a message of the log; None for one of a kind that says nothing of the run."""
    kind, content, is_users = None, b"", False
    for number, value in read_fields(data):
        if number in KINDS and isinstance(value, bytes):
            kind, content = KINDS[number], value
        elif number == INFO_FIELD:
            is_users = True
    return None if kind is None else Record(kind, content, is_users)


# ---- items: HistoryItem, SummaryItem, ConfigItem, StatsItem


def _as_signed(value: int) -> int:
    return (value >> 1) ^ -(value & 1)  # ZigZag


def _encode_number(bits: int) -> str:
    import json  # NaN and infinities, which msgspec writes as null

    return json.dumps(struct.unpack("<d", bits.to_bytes(8, "little"))[0])


def _encode_text(value: bytes) -> str:
    return msgspec.json.encode(text_of(value)).decode()


def _read_item(data: bytes) -> Item:
    """1 key, 2 nested_key (several: a path), 16 value_json; history also has 3 to 8 typed."""
    path: tuple[str, ...] = ()
    text = "null"
    for number, value in read_fields(data):
        if number == 1:
            path = (text_of(value),)
        elif number == 2:
            path = (*path, text_of(value))
        elif number in (16, 8) and isinstance(value, bytes):
            text = value.decode("utf-8", "replace")
        elif number == 4:
            text = "true" if value else "false"
        elif number == 5 and isinstance(value, int):
            text = str(_as_signed(value))
        elif number == 6 and isinstance(value, int):
            text = _encode_number(value)
        elif number == 7 and isinstance(value, bytes):
            text = _encode_text(value)
    return Item(path or ("",), text)  # an empty key is not written


def read_row(data: bytes) -> Row:
    """HistoryRecord: 1 item, 2 step (HistoryStep: 1 num)."""
    items: list[Item] = []
    step: int | None = None
    for number, value in read_fields(data):
        if number == 1 and isinstance(value, bytes):
            items.append(_read_item(value))
        elif number == 2 and isinstance(value, bytes):
            step = last_int(collect(value), 1)
    return Row(items, step)


def read_changes(data: bytes) -> Changes:
    """ConfigRecord and SummaryRecord: 1 update, 2 remove."""
    changes = Changes([], [])
    for number, value in read_fields(data):
        if number == 1 and isinstance(value, bytes):
            changes.update.append(_read_item(value))
        elif number == 2 and isinstance(value, bytes):
            changes.remove.append(_read_item(value).path)
    return changes


def read_stats(data: bytes) -> Stats:
    """StatsRecord: 2 timestamp, 3 item."""
    fields = collect(data)
    found = [_read_item(value) for value in fields.get(3, ()) if isinstance(value, bytes)]
    items = [(item.path[0], item.text) for item in found if item.path]
    return Stats(items, last_time_us(fields, 2))


# ---- everything else


def read_output(data: bytes, *, is_raw: bool) -> Output:
    """OutputRecord and OutputRawRecord: 1 output_type (0 stderr, 1 stdout), 2 timestamp, 3 line."""
    fields = collect(data)
    stream = "stdout" if last_int(fields, 1) == 1 else "stderr"
    return Output(stream, last_text(fields, 3) or "", last_time_us(fields, 2), is_raw)


def read_logger_output(data: bytes) -> Output:
    """OutputLoggerRecord: 1 line."""
    return Output("stdout", last_text(collect(data), 1) or "", None, is_raw=False)


def read_run(data: bytes) -> RunInfo:
    """RunRecord; TelemetryRecord (19): 4 python_version, 5 cli_version."""
    fields = collect(data)
    telemetry = collect(last_bytes(fields, 19) or b"")
    return RunInfo(
        run_id=last_text(fields, 1) or "",
        entity=last_text(fields, 2),
        project=last_text(fields, 3),
        config=read_changes(last_bytes(fields, 4) or b""),
        summary=read_changes(last_bytes(fields, 5) or b""),
        group=last_text(fields, 6),
        job_type=last_text(fields, 7),
        display_name=last_text(fields, 8),
        notes=last_text(fields, 9),
        tags=[text_of(value) for value in fields.get(10, ())],
        sweep=last_text(fields, 12),
        host=last_text(fields, 13),
        started_at_us=last_time_us(fields, 17),
        # 18 resumed: the server said so. 24 resume: the user asked for it (since 0.31).
        is_resumed=bool(last_int(fields, 18) or last_int(fields, 24)),
        git=describe(last_bytes(fields, 21) or b"", GIT),
        branch=_read_branch(last_bytes(fields, 23)),
        python=last_text(telemetry, 4),
        client=last_text(telemetry, 5),
    )


def _read_branch(data: bytes | None) -> BranchPoint | None:
    """BranchPoint: 1 run, 2 value (double), 3 metric; the metric is always `_step`."""
    if data is None:
        return None
    fields = collect(data)
    bits = last_int(fields, 2) & (2**64 - 1)
    value: float = struct.unpack("<d", bits.to_bytes(8, "little"))[0]
    run = last_text(fields, 1)
    return BranchPoint(run, int(value)) if run and abs(value) < 2**63 else None


def read_saved_files(data: bytes) -> list[SavedFile]:
    """FilesRecord: 1 files (FilesItem: 1 path)."""
    items = [collect(value) for number, value in read_fields(data) if isinstance(value, bytes)]
    return [SavedFile(path) for item in items if (path := last_text(item, 1))]


#: MetricSummary.
SUMMARY_RULES: Final[Mapping[int, str]] = {
    1: "min",
    2: "max",
    3: "mean",
    4: "best",
    5: "last",
    6: "none",
    7: "copy",
    8: "first",
}
#: MetricRecord.MetricGoal.
GOALS: Final[Mapping[int, str]] = {1: "minimize", 2: "maximize"}


def read_metric(data: bytes) -> Metric | None:
    """MetricRecord: 1 name, 2 glob_name, 4 step_metric, 6 options (1 step_sync, 2 hidden),
    7 summary, 8 goal, 9 control (1 overwrite), 10 expanded_from_glob."""
    fields = collect(data)
    name = last_text(fields, 1) or last_text(fields, 2)
    if name is None:
        return None
    options = collect(last_bytes(fields, 6) or b"")
    rules = collect(last_bytes(fields, 7) or b"")
    control = collect(last_bytes(fields, 9) or b"")
    chosen = [rule for number, rule in SUMMARY_RULES.items() if last_int(rules, number)]
    payload: dict[str, Any] = {
        "name": name,
        "step_metric": last_text(fields, 4),
        "step_sync": bool(last_int(options, 1)) or None,
        "hidden": bool(last_int(options, 2)) or None,
        "summary": chosen or None,
        "goal": GOALS.get(last_int(fields, 8)),
        "overwrite": bool(last_int(control, 1)) or None,
    }
    known = {key: value for key, value in payload.items() if value is not None}
    return Metric(known, bool(last_int(fields, 10)))


def read_alert(data: bytes) -> dict[str, Any]:
    """AlertRecord: 1 title, 2 text, 3 level, 4 wait_duration (ms). As the journal's ALERT."""
    fields = collect(data)
    return {
        "title": last_text(fields, 1) or "",
        "text": last_text(fields, 2) or "",
        "level": last_text(fields, 3) or "INFO",
        "wait_duration_ms": max(0, last_int(fields, 4)),
    }


def read_exit(data: bytes) -> Exit:
    """RunExitRecord: 1 exit_code, 3 not_complete."""
    fields = collect(data)
    return Exit(last_int(fields, 1), not last_int(fields, 3))


def read_directory(data: bytes) -> str:
    """TBRecord: 1 log_dir."""
    return last_text(collect(data), 1) or "?"
