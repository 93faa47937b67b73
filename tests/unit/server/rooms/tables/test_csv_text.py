"""Tables as CSV: what another reader makes of it is what the table holds."""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.server.rooms.tables import jobs
from steelyard.server.rooms.tables.engine.worker import run_job
from steelyard.server.rooms.tables.model import Aggregate, Sort
from tests.unit.server.rooms.tables.test_engine import (
    COLUMNS,
    Rows,
    convert,
    convert_rows,
    of_tables,
    query,
    rows_strategy,
)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("csv")


def parts_of(table: str, *, bytes_max: int = 1000, **asked: Any) -> list[jobs.CsvPart]:
    """Every part, asked for as the server does."""
    nothing: dict[str, Any] = {
        "where": None, "search": None, "sort": [], "group_by": [], "aggregates": [],
        "columns": None,
    }  # fmt: skip
    parts: list[jobs.CsvPart] = []
    while not parts or sum(part.row_count for part in parts) < parts[0].total:
        offset = sum(part.row_count for part in parts)
        job = jobs.CsvRows(table=table, offset=offset, bytes_max=bytes_max, **(nothing | asked))
        answer = run_job(job)
        assert isinstance(answer, jobs.CsvPart), answer
        assert answer.row_count or not answer.total
        parts.append(answer)
    return parts


def read(parts: list[jobs.CsvPart]) -> list[list[str]]:
    text = b"".join(part.data for part in parts).decode()
    return list(csv.reader(io.StringIO(text, newline="")))


def as_text(cell: Any) -> str:
    """As RFC 4180 leaves it open: null is empty."""
    if cell is None:
        return ""
    return str(cell).lower() if isinstance(cell, bool) else str(cell)


def is_same(shown: str, cell: Any) -> bool:
    if isinstance(cell, float):
        return math.isnan(float(shown)) if math.isnan(cell) else float(shown) == cell
    return shown == as_text(cell)


@of_tables
@given(rows=rows_strategy, bytes_max=st.integers(1, 300), is_down=st.booleans())
def test_every_row_is_there_once_in_order_however_it_is_cut(
    rows: Rows, bytes_max: int, is_down: bool, directory: Path
) -> None:
    table = convert_rows(directory, rows)
    sort = [Sort("n", is_down), Sort("s")]
    found = read(parts_of(table, bytes_max=bytes_max, sort=sort))
    wanted = query(table, sort=sort).rows
    assert found[0] == list(COLUMNS)
    assert len(found) - 1 == len(wanted)
    for shown, cells in zip(found[1:], wanted, strict=True):
        assert all(map(is_same, shown, cells)), (shown, cells)


@of_tables
@given(rows=rows_strategy, column=st.sampled_from(COLUMNS))
def test_a_single_column_keeps_its_empty_rows(rows: Rows, column: str, directory: Path) -> None:
    found = read(parts_of(convert_rows(directory, rows), columns=[column]))
    assert len(found) == len(rows) + 2


@of_tables
@given(rows=rows_strategy, bytes_max=st.integers(1, 60))
def test_groups_come_as_they_are_shown(rows: Rows, bytes_max: int, directory: Path) -> None:
    table = convert_rows(directory, rows)
    asked: dict[str, Any] = {"group_by": ["b", "n"], "aggregates": [Aggregate("f", "count")]}
    found = read(parts_of(table, bytes_max=bytes_max, **asked))
    wanted = query(table, **asked)
    assert found[0] == [column.name for column in wanted.columns]
    assert found[1:] == [[as_text(cell) for cell in row] for row in wanted.rows]


def test_media_times_and_documents_are_written_for_other_programs(directory: Path) -> None:
    image = {"_type": "image-file", "path": "a,b.png"}
    types = {
        "wb_type": "typedDict",
        "params": {"type_map": {"at": {"wb_type": "timestamp"}}},
    }
    rows = [[image, 1_700_000_000_500, {"a": [1]}], [None, None, None]]
    content = {"column_types": types, "columns": ["image", "at", "more"], "data": rows}
    found = read(parts_of(convert(directory, json.dumps(content))))
    assert found[1] == ["a,b.png", "2023-11-14T22:13:20.500Z", '{"a":[1]}']
    assert found[2] == ["", "", ""]


def test_a_table_without_rows_has_the_names_of_its_columns(directory: Path) -> None:
    table = convert(directory, '{"columns": ["a", "b,c"], "data": []}')
    assert read(parts_of(table)) == [["a", "b,c"]]


def test_a_part_is_about_as_long_as_was_asked_for(directory: Path) -> None:
    text = json.dumps({"columns": ["a"], "data": [["x" * 100]] * 20_000})
    parts = parts_of(convert(directory, text), bytes_max=100_000)
    assert sum(part.row_count for part in parts) == 20_000
    assert max(len(part.data) for part in parts) < 120_000
    assert len(parts) < 30


def test_no_columns_make_no_csv(directory: Path) -> None:
    table = convert(directory, '{"columns": ["a"], "data": [[1]]}')
    job = jobs.CsvRows(
        table=table, where=None, search=None, sort=[], group_by=[], aggregates=[], columns=[],
        offset=0, bytes_max=10,
    )  # fmt: skip
    answer = run_job(job)
    assert isinstance(answer, jobs.Refused) and "needs a column" in answer.message
