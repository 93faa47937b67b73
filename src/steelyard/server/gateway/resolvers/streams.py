"""Runs: rows, system metrics, console lines and files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from steelyard.errors import Invalid
from steelyard.limits import (
    GATEWAY_PAGE_ITEMS_MAX,
    HISTORY_PAGE_ROWS_MAX,
    HISTORY_SAMPLES_DEFAULT,
    SAMPLED_ROWS_MAX,
)
from steelyard.server.columns import console, read
from steelyard.server.columns.interface import ConsoleLine, KeyStats, Row, Stream
from steelyard.server.gateway.context import Context, Fields
from steelyard.server.gateway.ids import decode_cursor
from steelyard.server.gateway.resolvers.file import missing_file
from steelyard.server.gateway.resolvers.paging import connection, page_size
from steelyard.server.rooms.files.queries import count_files, list_files
from steelyard.server.rooms.runs.json_text import dump_json, parse_json_object, without_nonfinite
from steelyard.server.rooms.runs.model import Run

# ---- counts and tails


def history_line_count(run: Run, context: Context) -> int:
    return _line_count(run, context, "history")


def events_line_count(run: Run, context: Context) -> int:
    return _line_count(run, context, "system")


def _line_count(run: Run, context: Context, stream: Stream) -> int:
    def count(run_ids: list[int]) -> dict[int, int]:
        return read.list_line_counts(context.conn, run_ids, stream)

    return context.of_each("run", f"{stream} lines", run.id, count) or 0


def log_line_count(run: Run, context: Context) -> int:
    return console.count_lines(context.conn, run.id)


def history_tail(run: Run, context: Context) -> str:
    return dump_json(read.list_last_lines(context.conn, run.id, "history", 1))


def events_tail(run: Run, context: Context) -> str:
    return dump_json(read.list_last_lines(context.conn, run.id, "system", 1))


# ---- keys


def history_keys(run: Run, context: Context) -> dict[str, Any] | None:
    catalogue = read.describe_keys(context.conn, run.id, "history")
    if catalogue.last_step is None:
        return None
    keys = {key: _describe_key(stats) for key, stats in catalogue.keys.items()}
    return {"lastStep": catalogue.last_step, "sets": [], "keys": keys}


def _describe_key(stats: KeyStats) -> dict[str, Any]:
    return {
        "typeCounts": [{"type": each.type, "count": each.count} for each in stats.type_counts],
        "monotonic": stats.monotonic,
        "previousValue": without_nonfinite(stats.previous_value),
    }


def system_metrics(run: Run, context: Context) -> str:
    catalogue = read.describe_keys(context.conn, run.id, "system")
    latest = {key: stats.previous_value for key, stats in catalogue.keys.items()}
    return dump_json({key: value for key, value in latest.items() if value is not None})


# ---- rows


def history(
    run: Run,
    context: Context,
    samples: int | None = None,
    min_step: int | None = None,
    max_step: int | None = None,
) -> list[str]:
    """Rows as texts. With steps, the first `samples` of min_step <= step < max_step."""
    if min_step is None and max_step is None:
        rows = _sampled(run, context, "history", samples)
    else:
        rows = read.read_rows(
            context.conn,
            run.id,
            "history",
            min_step=min_step or 0,
            max_step=max_step,
            limit=_bounded(samples, HISTORY_PAGE_ROWS_MAX),
        )
    return [dump_json(row) for row in rows]


def events(run: Run, context: Context, samples: int | None = None) -> list[str]:
    return [dump_json(row) for row in _sampled(run, context, "system", samples)]


def _sampled(run: Run, context: Context, stream: Stream, samples: int | None) -> list[Row]:
    count = _bounded(samples, SAMPLED_ROWS_MAX)
    return read.sample_rows(context.conn, run.id, stream, samples=count)


def _bounded(samples: int | None, most: int) -> int:
    if samples is not None and samples < 0:
        raise Invalid(f"samples must not be negative, as {samples} is")
    return min(HISTORY_SAMPLES_DEFAULT if samples is None else samples, most)


def sampled_history(run: Run, context: Context, specs: Sequence[str]) -> list[list[Row]]:
    # wandb 0.31.0 apis/public/sweeps.py _set_sweep_state: a spec of {} asks for no rows.
    return [_rows_of_spec(run, context, spec) if spec.strip() != "{}" else [] for spec in specs]


def _rows_of_spec(run: Run, context: Context, text: str) -> list[Row]:
    """Rows that have all keys of {keys, samples, minStep?, maxStep?}; maxStep is included."""
    spec = parse_json_object(text, "a spec of sampledHistory")
    keys, samples = spec.get("keys"), spec.get("samples")
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise Invalid("a spec of sampledHistory needs `keys`, a list of names")
    count = _bounded(samples if isinstance(samples, int) else None, SAMPLED_ROWS_MAX)
    min_step, max_step = spec.get("minStep"), spec.get("maxStep")
    if min_step is None and max_step is None:
        rows = read.sample_rows(context.conn, run.id, "history", samples=count, keys=keys)
    else:
        rows = read.read_rows(
            context.conn,
            run.id,
            "history",
            min_step=int(min_step or 0),
            max_step=None if max_step is None else int(max_step) + 1,
            limit=count,
            keys=keys,
        )
    return [without_nonfinite({key: row[key] for key in keys if key in row}) for row in rows]


def parquet_history(_run: Run, _context: Context, **_arguments: Any) -> dict[str, Any]:
    # wandb 0.31.0 core, run history reader: without files and live data it reads `history`.
    return {"parquet_urls": [], "live_data": []}


# ---- console


def log_lines(
    run: Run,
    context: Context,
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    **_unused: Any,
) -> dict[str, Any]:
    if last is not None:
        count = min(max(last, 0), GATEWAY_PAGE_ITEMS_MAX)
        lines = console.read_lines(context.conn, run.id, first=-count, limit=count) if count else []
        return connection(lines, _line_place, limit=len(lines))
    limit, place = page_size(first), decode_cursor(after)
    start = 0 if place is None else int(place) + 1
    lines = console.read_lines(context.conn, run.id, first=start, limit=limit + 1)
    return connection(lines, _line_place, limit=limit)


def line(line: ConsoleLine, _context: Context) -> str:
    return line.text


def _line_place(line: ConsoleLine) -> str:
    return str(line.number)


# ---- files


def file_count(run: Run, context: Context) -> int:
    return count_files(context.conn, run.id)


def files(
    run: Run,
    context: Context,
    names: list[str | None] | None = None,
    after: str | None = None,
    first: int | None = None,
    pattern: str | None = None,
) -> dict[str, Any]:
    """Files by name. A name asked for that is not there yet is a file without content."""
    # wandb 0.31.0 sdk/verify/verify.py asks for "./name" of what it saved as "name".
    wanted = [name.removeprefix("./") for name in names or [] if name]
    limit = page_size(first if not wanted else GATEWAY_PAGE_ITEMS_MAX)
    found = list_files(
        context.conn,
        run.id,
        limit=limit + 1,
        after_name=decode_cursor(after),
        names=wanted or None,
        pattern=pattern or None,
    )
    there = {file.name for file in found}
    absent = [missing_file(run.id, name) for name in wanted if name not in there]
    total = count_files(context.conn, run.id, names=wanted or None, pattern=pattern or None)
    return connection(
        [*found, *absent] if not after else found,
        lambda file: file.name,
        limit=limit,
        total_count=total,
        upload_headers=[],
    )


LOG_LINE: Fields = {"line": line}
RUN: Fields = {
    "historyLineCount": history_line_count,
    "eventsLineCount": events_line_count,
    "logLineCount": log_line_count,
    "historyTail": history_tail,
    "eventsTail": events_tail,
    "historyKeys": history_keys,
    "systemMetrics": system_metrics,
    "history": history,
    "events": events,
    "sampledHistory": sampled_history,
    "parquetHistory": parquet_history,
    "logLines": log_lines,
    "fileCount": file_count,
    "files": files,
}
