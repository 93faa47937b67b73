"""Files to the form in which tables are asked: one uncompressed Arrow file, and what is in it."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl

from steelyard.errors import Invalid
from steelyard.server.rooms.tables.engine import arrays, texts
from steelyard.server.rooms.tables.engine.opened import DATA_FILE, RANKS_FILE
from steelyard.server.rooms.tables.engine.parquet import read_parquet
from steelyard.server.rooms.tables.engine.readers import (
    Batch,
    Header,
    read_csv,
    read_jsonl,
    read_table_json,
)
from steelyard.server.rooms.tables.engine.spool import DTYPES, Kind, Layout, Spool
from steelyard.server.rooms.tables.engine.stats import describe_columns
from steelyard.server.rooms.tables.jobs import META_FILE, Convert, Converted, SourceFile
from steelyard.server.rooms.tables.model import Column, ColumnType, TableMeta

NAMED_MAX = 5  # columns, in one warning
READINGS_MAX = 4  # of one file, until its columns and arrays are known
_TYPES: dict[Kind, ColumnType] = {
    "null": "string",
    "bool": "boolean",
    "int": "number",
    "float": "number",
    "text": "string",
    "datetime": "datetime",
    "media": "media",
    "cells": "json",
}
# wandb 0.31.0 sdk/data_types/_dtypes.py
_KINDS_OF_TYPES: dict[str, Kind] = {
    "number": "float",
    "boolean": "bool",
    "timestamp": "datetime",
    "list": "cells",
    "ndarray": "cells",
    "typedDict": "cells",
}


def convert(job: Convert) -> Converted:
    """Read the files and write DATA_FILE and META_FILE into `out`, which must not exist.

    When files of arrays are missing, nothing is written and the answer names them. Raises Invalid.
    """
    out = Path(job.out)
    layout, header = Layout(), Header()
    try:
        for reading in range(READINGS_MAX):
            known = header
            header = Header()
            columns = arrays.find_saved_arrays(known.column_types)
            loaded = _load_arrays(columns, job.arrays, header)
            spool = Spool(out / f"reading{reading}", layout, job.files[0].name)
            _read_all(job, spool, header, loaded)
            wanted = arrays.find_saved_arrays(header.column_types)
            missing = sorted({path for path, _ in wanted.values()} - set(job.arrays))
            if missing:
                shutil.rmtree(out)
                return Converted(TableMeta([], 0), missing)
            if spool.conflicts:
                layout.forced |= spool.conflicts
            elif wanted == columns:
                break
            shutil.rmtree(out / f"reading{reading}")
        meta = _finish(job, spool, header, out)
        shutil.rmtree(out / f"reading{reading}")
    except BaseException:
        shutil.rmtree(out, ignore_errors=True)
        raise
    return Converted(meta)


def write_table(
    frame: pl.LazyFrame,
    kinds: list[Kind],
    names: list[str],
    meta: TableMeta,
    media: dict[int, set[str]],
    out: Path,
) -> TableMeta:
    """Write the columns c0, c1, … and what they hold. `meta` gives all but the columns."""
    data = out / DATA_FILE
    height = 0
    described: list[Column] = []
    ranks: list[pl.Series] = []
    if names:
        frame.sink_ipc(data, compression="uncompressed")
        table = pl.scan_ipc(data, glob=False)
        height = int(table.select(pl.len()).collect().item())
        types = [_TYPES[kind] for kind in kinds]
        media = {place: each for place, each in media.items() if kinds[place] == "media"}
        described, ranks = describe_columns(table, height, types, unique_names(names), media)
    if ranks:
        pl.DataFrame(ranks).write_ipc(out / RANKS_FILE, compression="uncompressed")
    meta = msgspec.structs.replace(
        meta,
        columns=described,
        row_count=height,
        ranked=[int(series.name[1:]) for series in ranks],
    )
    (out / META_FILE).write_bytes(msgspec.msgpack.encode(meta))
    return meta


def unique_names(names: list[str]) -> list[str]:
    """The names, those that are there already with a number behind; nameless ones are counted."""
    used: set[str] = set()
    found: list[str] = []
    for place, name in enumerate(names, 1):
        base = name or f"column {place}"
        candidates = itertools.chain([base], (f"{base} ({n})" for n in itertools.count(2)))
        free = next(each for each in candidates if each not in used)
        used.add(free)
        found.append(free)
    return found


def _read_all(
    job: Convert, spool: Spool, header: Header, loaded: dict[str, np.ndarray[Any, Any]]
) -> None:
    first_names: list[str] | None = None
    for file in job.files:
        left = None if job.rows_max is None else job.rows_max - spool.row_count
        if left == 0:
            break
        if file.format == "parquet":
            read_parquet(Path(file.path), file.name, spool, rows_max=left)
            continue
        own = Header() if first_names is not None else header
        for batch in _read(file, own):
            rows = batch.rows if left is None else batch.rows[:left]
            names = batch.columns
            if first_names is not None and own.columns not in (None, first_names):
                raise Invalid(
                    f"the parts of this table do not have the same columns: {job.files[0].name} "
                    f"has {first_names!r:.500}, {file.name} has {own.columns!r:.500}"
                )
            if loaded:
                _fill_arrays(names, rows, loaded, spool.row_count)
            spool.add_rows(names, rows)
            if left is not None:
                left -= len(rows)
                if left <= 0:
                    break
        if own.columns is not None:
            spool.layout.names = own.columns
            first_names = first_names or own.columns


def _read(file: SourceFile, header: Header) -> Iterator[Batch]:
    path = Path(file.path)
    if file.format == "table":
        return read_table_json(path, file.name, header)
    if file.format == "jsonl":
        return read_jsonl(path, file.name)
    return read_csv(path, file.name, delimiter="\t" if file.format == "tsv" else None)


def _load_arrays(
    columns: dict[str, tuple[str, str]], files: dict[str, str], header: Header
) -> dict[str, np.ndarray[Any, Any]]:
    loaded: dict[str, np.ndarray[Any, Any]] = {}
    for name, (path, key) in columns.items():
        if path not in files:
            continue
        array = (
            "it is not in the artifact"
            if not files[path]
            else arrays.load_array(Path(files[path]), key)
        )
        if isinstance(array, str):
            header.warnings.append(f"the arrays of column {name!r} are missing: {path}: {array}")
        else:
            loaded[name] = array
    return loaded


def _fill_arrays(
    names: list[str], rows: list[list[Any]], loaded: dict[str, np.ndarray[Any, Any]], first: int
) -> None:
    for place, name in enumerate(names):
        array = loaded.get(name)
        if array is not None:
            for number, row in enumerate(rows):
                if place < len(row):
                    row[place] = arrays.cell_of(array, first + number)


def _finish(job: Convert, spool: Spool, header: Header, out: Path) -> TableMeta:
    layout = spool.layout
    names = layout.names
    frame = spool.scan()
    kinds = [layout.kinds.get(place, "null") for place in range(len(names))]
    casts = [pl.col(f"c{place}") for place in range(len(names))]
    if all(file.format in ("csv", "tsv") for file in job.files):
        kinds = _find_text_kinds(frame, kinds)
        casts = [texts.cast_text(place, kind) for place, kind in enumerate(kinds)]
    elif header.column_types is not None:
        _apply_types(header.column_types, names, kinds, casts)
    casts = [
        cast.cast(DTYPES["text" if kind == "null" else kind])
        for cast, kind in zip(casts, kinds, strict=True)
    ]
    meta = TableMeta(
        columns=[],
        row_count=spool.row_count,
        warnings=[*header.warnings, *_list_warnings(job, spool, names)],
        column_types=header.column_types,
        is_head=job.rows_max is not None and spool.row_count >= job.rows_max,
    )
    return write_table(frame.select(casts), kinds, names, meta, layout.media_types, out)


def _find_text_kinds(frame: pl.LazyFrame, kinds: list[Kind]) -> list[Kind]:
    places = [place for place, kind in enumerate(kinds) if kind == "text"]
    found = texts.find_kinds(frame, places)
    perhaps = [place for place, kind in found.items() if kind == "datetime"]
    times = texts.find_times(frame, perhaps)
    found |= {place: "datetime" if place in times else "text" for place in perhaps}
    return [found.get(place, kind) for place, kind in enumerate(kinds)]


def _apply_types(
    column_types: Any, names: list[str], kinds: list[Kind], casts: list[pl.Expr]
) -> None:
    """Times, which are milliseconds in the file, and the types of columns that hold only null."""
    types = arrays.list_types(column_types)
    for place, name in enumerate(names):
        said = {each.get("wb_type") for each in types.get(name, ())} - {"none"}
        kind = _KINDS_OF_TYPES.get(str(next(iter(said)))) if len(said) == 1 else None
        if kinds[place] == "null" and kind is not None:
            kinds[place] = kind
        elif kind == "datetime" and kinds[place] in ("int", "float"):
            kinds[place] = "datetime"
            milliseconds = pl.col(f"c{place}").cast(pl.Float64)
            casts[place] = (milliseconds * 1000).round().cast(pl.Int64, strict=False)


def _list_warnings(job: Convert, spool: Spool, names: list[str]) -> list[str]:
    warnings: list[str] = []
    if places := sorted(spool.layout.long_integers):
        named = ", ".join(repr(names[place]) for place in places[:NAMED_MAX])
        warnings.append(
            f"integers of more than 64 bits are shown as text; {len(places):,} columns have some: "
            f"{named}{', …' if len(places) > NAMED_MAX else ''}"
        )
    if spool.long_count:
        warnings.append(
            f"{spool.long_count:,} rows have more cells than there are columns; "
            "the cells beyond are left out"
        )
    if spool.short_count and job.files[0].format != "jsonl":
        warnings.append(
            f"{spool.short_count:,} rows have fewer cells than there are columns; "
            "the missing cells are null"
        )
    repeated = len(names) - len(set(names))
    if repeated:
        warnings.append(
            f"{repeated:,} columns have the name of another; a number was put behind it"
        )
    return warnings
