"""Parquet to batches of columns. polars reads a slice at a time, so a file that unpacks to far more
than it is large stops at the limits and not at the end of memory.
"""

from __future__ import annotations

import base64
import contextlib
import datetime
import decimal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from steelyard.errors import Invalid
from steelyard.limits import TABLE_BATCH_CELLS, TABLE_BATCH_ROWS, TABLE_CELLS_MAX, TABLE_ROWS_MAX
from steelyard.server.rooms.tables.engine.readers import check_width
from steelyard.server.rooms.tables.engine.spool import Kind, Spool

SHOWN_BYTES_MAX = 64


def read_parquet(path: Path, name: str, spool: Spool, *, rows_max: int | None) -> None:
    """All rows, or the first `rows_max`, into the spool. Raises Invalid."""
    with _polars_errors_are_invalid(name):
        frame = pl.scan_parquet(path)
        schema = frame.collect_schema()
        check_width(len(schema), name)
        count = int(frame.select(pl.len()).collect().item())
    if count > TABLE_ROWS_MAX or count * len(schema) > TABLE_CELLS_MAX:
        raise Invalid(
            f"{name} has {count:,} rows of {len(schema):,} columns; a table is shown with at most "
            f"{TABLE_ROWS_MAX:,} rows (TABLE_ROWS_MAX) and {TABLE_CELLS_MAX:,} cells"
        )
    spool.layout.names = list(schema)
    step = max(1, min(TABLE_BATCH_ROWS, TABLE_BATCH_CELLS // max(len(schema), 1)))
    for first in range(0, min(count, rows_max or count), step):
        with _polars_errors_are_invalid(name):
            batch = frame.slice(first, min(step, (rows_max or count) - first)).collect()
        spool.add_series(_convert_columns(batch, spool), batch.height)


@contextlib.contextmanager
def _polars_errors_are_invalid(name: str) -> Iterator[None]:
    try:
        yield
    except (pl.exceptions.PolarsError, OSError) as error:
        raise Invalid(f"{name} cannot be read as Parquet: {error}") from error


def _convert_columns(batch: pl.DataFrame, spool: Spool) -> Iterator[tuple[Kind, pl.Series]]:
    for place, series in enumerate(batch.iter_columns()):
        yield _convert(series, place, spool)


def _convert(series: pl.Series, place: int, spool: Spool) -> tuple[Kind, pl.Series]:
    dtype = series.dtype
    if dtype == pl.Boolean:
        return "bool", series
    if dtype.is_integer():
        narrowed = series.cast(pl.Int64, strict=False)
        if narrowed.null_count() == series.null_count():
            return "int", narrowed
        return "cells", series.cast(pl.String)  # beyond 64 bits: kept to the last digit
    if dtype.is_float() or dtype.is_decimal():
        return "float", series.cast(pl.Float64)
    if dtype == pl.Datetime or dtype == pl.Date:
        if isinstance(dtype, pl.Datetime) and dtype.time_zone is not None:
            series = series.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        return "datetime", series.cast(pl.Datetime("us"))
    if dtype == pl.Duration:
        return "float", series.dt.total_microseconds().cast(pl.Float64) / 1e6
    if dtype in (pl.String, pl.Categorical, pl.Enum, pl.Time):
        return "text", series.cast(pl.String)
    if dtype == pl.Null:
        return "null", series
    if dtype == pl.Binary:
        return "text", pl.Series(series.name, [_show_bytes(v) for v in series], pl.String)
    values = [_plain(value) for value in series.to_list()]
    return spool.make_series(place, values)


def _plain(value: Any) -> Any:
    """The value in JSON types."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, bytes):
        return _show_bytes(value)
    if isinstance(value, decimal.Decimal):
        return float(value)
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    return value.total_seconds() if isinstance(value, datetime.timedelta) else value


def _show_bytes(value: bytes | None) -> str | None:
    if value is None:
        return None
    if len(value) > SHOWN_BYTES_MAX:
        return f"<{len(value):,} bytes>"
    return f"base64:{base64.b64encode(value).decode()}"
