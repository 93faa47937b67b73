"""Reading a `.table.json` many rows at once, against reading it row by row and all at once."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.errors import Invalid
from steelyard.server.rooms.tables.engine import readers

#: What looks like the place between two rows, in texts and in lists of a cell.
cells = st.recursive(
    st.none() | st.integers(-3, 3) | st.sampled_from(["],[", "], [", "[", "]]", '"],["', "é", ""]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.just("a"), inner),
    max_leaves=6,
)
rows_strategy = st.lists(st.lists(cells, max_size=3), max_size=8)
separators = st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", " : ")])


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("readers") / "a.table.json"


def read(path: Path, text: str, *, at_once: int, chars: int) -> list[list[Any]] | str:
    """The rows, or what is wrong with them."""
    path.write_text(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(readers, "ROWS_CHARS", at_once)
        patch.setattr(readers, "READ_CHARS", chars)
        try:
            batches = readers.read_table_json(path, "a.table.json", readers.Header())
            return [row for batch in batches for row in batch.rows]
        except Invalid as error:
            return str(error)


@settings(deadline=None)
@given(rows=rows_strategy, between=separators, at_once=st.integers(1, 80), chars=st.integers(1, 99))
def test_rows_read_many_at_once_are_the_rows_of_the_file(
    rows: list[list[Any]], between: tuple[str, str], at_once: int, chars: int, path: Path
) -> None:
    text = json.dumps({"columns": ["a"], "data": rows}, separators=between)
    assert read(path, text, at_once=at_once, chars=chars) == rows


@settings(deadline=None)
@given(
    rows=rows_strategy,
    at=st.integers(0, 10_000),
    put=st.sampled_from(["", "]", "[", ",", '"', "],[", "NaN", "]}"]),
    cut=st.integers(0, 3),
    at_once=st.integers(1, 80),
)
def test_a_damaged_file_is_refused_in_the_same_words_or_read_the_same(
    rows: list[list[Any]], at: int, put: str, cut: int, at_once: int, path: Path
) -> None:
    whole = json.dumps({"columns": ["a"], "data": rows})
    at %= len(whole)
    text = whole[:at] + put + whole[at + cut :]
    one_by_one = read(path, text, at_once=0, chars=50)
    assert without_quote(read(path, text, at_once=at_once, chars=50)) == without_quote(one_by_one)


def without_quote(said: object) -> str:
    """How much of the file a refusal quotes depends on how much of it was read by then."""
    return re.sub(r"missing, .* stands there", "missing", repr(said))


def test_the_row_that_is_too_wide_is_named(path: Path) -> None:
    wide = [0] * 10_001
    text = json.dumps({"columns": ["a"], "data": [[1], [2], wide, [4], [5]]})
    said = read(path, text, at_once=10**6, chars=10**6)
    assert isinstance(said, str) and "row 3 of a.table.json has 10,001 columns" in said
