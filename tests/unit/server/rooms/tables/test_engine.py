"""The table engine against plain Python, and on files that are odd, broken or made to harm."""

from __future__ import annotations

import itertools
import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.server.rooms.tables import jobs
from steelyard.server.rooms.tables.engine import readers, spool, stats
from steelyard.server.rooms.tables.engine.worker import run_job
from steelyard.server.rooms.tables.filters import parse_filter
from steelyard.server.rooms.tables.model import (
    Aggregate,
    All,
    Filter,
    Format,
    Not,
    Some,
    Sort,
    TableMeta,
    Test,
)
from tests.support.naive_tables import passes, sorted_ids, table_text

_numbers = itertools.count()
COLUMNS = ("n", "f", "s", "b")
Rows = list[tuple[int | None, float | None, str | None, bool | None]]

ints = st.integers(-5, 5)
floats = st.sampled_from([-1.5, -0.0, 0.0, 0.25, 1.0, 2.0, math.inf, -math.inf, math.nan])
texts = st.text(alphabet="aAbß .*é\n", max_size=4)
rows_strategy = st.lists(
    st.tuples(st.none() | ints, st.none() | floats, st.none() | texts, st.none() | st.booleans()),
    max_size=12,
)
numbers_asked = ints | st.sampled_from([-1.5, 0.25, 0.5, 1.0, 1e30, -1e30, 2**63 - 1])
ORDERED = ["=", "!=", "<", "<=", ">", ">="]
tests_strategy = st.one_of(
    st.builds(Test, st.sampled_from(["n", "f"]), st.sampled_from(ORDERED), numbers_asked),
    st.builds(Test, st.just("f"), st.sampled_from(["=", "!="]), st.just("NaN")),
    st.builds(Test, st.just("s"), st.sampled_from([*ORDERED, "contains"]), texts),
    st.builds(Test, st.just("s"), st.just("regex"), st.sampled_from(["^a", "b$", "a.b", "A|é"])),
    st.builds(Test, st.just("b"), st.sampled_from(["=", "!="]), st.booleans()),
    st.builds(Test, st.just("n"), st.just("in"), st.lists(st.none() | numbers_asked, max_size=3)),
    st.builds(Test, st.just("s"), st.just("in"), st.lists(st.none() | texts, max_size=3)),
    st.builds(Test, st.sampled_from(COLUMNS), st.just("is_null"), st.booleans()),
)
filters = st.recursive(
    tests_strategy,
    lambda inner: st.one_of(
        st.builds(All, st.lists(inner, max_size=3)),
        st.builds(Some, st.lists(inner, max_size=3)),
        st.builds(Not, inner),
    ),
    max_leaves=6,
)

#: Each example writes and reads files: fewer of them, and no clock.
of_tables = settings(deadline=None, max_examples=40)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tables")


def convert(directory: Path, content: str | bytes, form: Format = "table") -> str:
    """The converted table of a file with that content; refusals are assertion errors."""
    out, answer = try_convert(directory, content, form)
    assert isinstance(answer, jobs.Converted), answer
    assert not answer.wants
    return out


def try_convert(
    directory: Path, content: str | bytes, form: Format = "table"
) -> tuple[str, jobs.Answer]:
    number = next(_numbers)
    source, out = directory / f"{number}.source", directory / f"{number}.table"
    source.write_bytes(content.encode() if isinstance(content, str) else content)
    job = jobs.Convert([jobs.SourceFile(str(source), form, "file")], str(out))
    answer = run_job(job)
    if isinstance(answer, jobs.Refused):
        assert not out.exists(), "what failed leaves nothing"
    return str(out), answer


def convert_rows(directory: Path, rows: Rows) -> str:
    # A first row of each type, so that columns of nothing but null have theirs.
    return convert(directory, table_text(COLUMNS, [(1, 0.5, "a", True), *rows]))


def query(table: str, **asked: Any) -> jobs.Rows:
    answer = run_job(make_query(table, **asked))
    assert isinstance(answer, jobs.Rows), answer
    return answer


def make_query(table: str, **asked: Any) -> jobs.Query:
    nothing: dict[str, Any] = {
        "where": None, "search": None, "sort": [], "group_by": [], "aggregates": [],
        "columns": None, "offset": 0, "limit": 500, "cell_chars": 1000,
    }  # fmt: skip
    return jobs.Query(table=table, **(nothing | asked))


def meta_of(table: str) -> TableMeta:
    return jobs.read_meta(Path(table))


def as_rows(rows: Rows) -> list[dict[str, Any]]:
    return [dict(zip(COLUMNS, row, strict=True)) for row in [(1, 0.5, "a", True), *rows]]


@of_tables
@given(rows=rows_strategy, where=filters)
def test_a_filter_keeps_the_rows_that_plain_python_keeps(
    rows: Rows, where: Filter, directory: Path
) -> None:
    table = convert_rows(directory, rows)
    expected = [i for i, row in enumerate(as_rows(rows)) if passes(where, row)]
    found = query(table, where=where)
    assert found.row_ids == expected
    assert (found.total, found.total_unfiltered) == (len(expected), len(rows) + 1)


@of_tables
@given(
    rows=rows_strategy,
    column=st.sampled_from(COLUMNS),
    desc=st.booleans(),
    size=st.integers(1, 5),
    is_ranked=st.booleans(),
)
def test_pages_of_an_order_are_the_order(
    rows: Rows, column: str, desc: bool, size: int, is_ranked: bool, directory: Path
) -> None:
    """Ties stay as they stand, so page after page gives every row once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stats, "RANKED_ROWS_MIN", 0 if is_ranked else 10**9)
        table = convert_rows(directory, rows)
    assert bool(meta_of(table).ranked) is is_ranked
    sort = [Sort(column, desc)]
    found: list[int] = []
    while page := query(table, sort=sort, offset=len(found), limit=size).row_ids:
        found += page
    assert found == sorted_ids(as_rows(rows), column, desc=desc)


@of_tables
@given(rows=rows_strategy, desc=st.tuples(st.booleans(), st.booleans(), st.booleans()))
def test_rows_are_sorted_by_one_column_within_another(
    rows: Rows, desc: tuple[bool, bool, bool], directory: Path
) -> None:
    table = convert_rows(directory, rows)
    names = ("b", "s", "f")
    sort = [Sort(name, each) for name, each in zip(names, desc, strict=True)]
    expected, known = list(range(len(rows) + 1)), as_rows(rows)
    for name, each in reversed(list(zip(names, desc, strict=True))):
        ordered = sorted_ids([known[i] for i in expected], name, desc=each)
        expected = [expected[i] for i in ordered]
    assert query(table, sort=sort).row_ids == expected


@of_tables
@given(rows=rows_strategy, by=st.sampled_from(["n", "s", "b"]), is_ranked=st.booleans())
def test_groups_count_every_row_once(rows: Rows, by: str, is_ranked: bool, directory: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stats, "RANKED_ROWS_MIN", 0 if is_ranked else 10**9)
        table = convert_rows(directory, rows)
    found = query(table, group_by=[by], aggregates=[Aggregate("n", "sum"), Aggregate("f", "max")])
    counted = Counter(row[by] for row in as_rows(rows))
    assert {row[0]: row[1] for row in found.rows} == counted
    for key, _, total, high in found.rows:
        own = [
            row for row in as_rows(rows) if row[by] == key and (row[by] is None) == (key is None)
        ]
        assert total == sum(row["n"] or 0 for row in own)
        finite = [row["f"] for row in own if row["f"] is not None and not math.isnan(row["f"])]
        assert high == max(finite, default=None)
    assert [row[1] for row in found.rows] == sorted(counted.values(), reverse=True)


@of_tables
@given(left=rows_strategy, right=rows_strategy, on=st.sampled_from([["n"], ["s"], ["s", "b"]]))
def test_a_join_has_every_row_of_both_tables_once(
    left: Rows, right: Rows, on: list[str], directory: Path
) -> None:
    one, other = convert_rows(directory, left), convert_rows(directory, right)
    job = jobs.Join(
        left=one, right=other, on=on, compare="f", higher_is_better=True, where=None, sort=[],
        offset=0, limit=500, cell_chars=100,
    )  # fmt: skip
    found = run_job(job)
    assert isinstance(found, jobs.JoinedRows), found
    assert sorted(row[1] for row in found.rows if row[1] is not None) == [*range(len(left) + 1)]
    assert sorted(row[2] for row in found.rows if row[2] is not None) == [*range(len(right) + 1)]
    assert sum(found.counts.values()) == found.total == len(found.rows)
    assert Counter(row[0] for row in found.rows) == {k: v for k, v in found.counts.items() if v}
    lefts, rights = as_rows(left), as_rows(right)
    for outcome, i, j, _, _ in found.rows:
        if i is None or j is None:
            assert outcome == ("right_only" if i is None else "left_only")
            continue
        assert all(lefts[i][name] == rights[j][name] for name in on)
        a, b = lefts[i]["f"], rights[j]["f"]
        if a is None or b is None or math.isnan(a) or math.isnan(b):
            assert outcome == "incomparable"
        else:
            assert outcome == ("win" if a > b else "lose" if a < b else "tie")
    keys_left = Counter(tuple(row[name] for name in on) for row in lefts)
    keys_right = Counter(tuple(row[name] for name in on) for row in rights)
    assert found.counts["left_only"] == (keys_left - keys_right).total()
    assert found.repeated_left == len(lefts) - len(keys_left)


@of_tables
@given(rows=rows_strategy, cuts=st.integers(1, 40))
def test_a_table_is_the_same_however_it_is_cut_while_read(
    rows: Rows, cuts: int, directory: Path
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(readers, "READ_CHARS", cuts)
        patch.setattr(readers, "TABLE_BATCH_ROWS", 2)
        small = convert_rows(directory, rows)
    whole = convert_rows(directory, rows)
    assert repr(query(small)) == repr(query(whole))
    assert repr(meta_of(small)) == repr(meta_of(whole))


@of_tables
@given(values=st.lists(st.none() | st.integers(-(2**70), 2**70) | st.floats() | texts, max_size=8))
def test_cells_come_back_as_they_were(values: list[Any], directory: Path) -> None:
    table = convert(directory, table_text(["x"], [[value] for value in values]))
    shown = [row[0] for row in query(table).rows]
    is_number = {type(value) for value in values} - {type(None)} <= {int, float}
    if is_number and any(isinstance(value, float) for value in values):
        values = [None if value is None else float(value) for value in values]
        shown = [None if value is None else float(value) for value in shown]
    else:
        values = [as_shown(value) for value in values]
    assert repr(shown) == repr(values)


def as_shown(value: Any) -> Any:
    """Integers of more than 64 bits as text."""
    return str(value) if type(value) is int and not -(2**63) <= value < 2**64 else value


LONG = {"of 400 digits": 10**400, "negative": -(10**400), "of 65 bits": 2**64}


@pytest.mark.parametrize("long", LONG.values(), ids=LONG)
@pytest.mark.parametrize("others", [[1, None], [0.5, None], ["a", True], []], ids=str)
def test_an_integer_beyond_64_bits_is_shown_as_its_digits(
    directory: Path, long: int, others: list[Any]
) -> None:
    is_float = long == 2**64 and 0.5 in others
    table = convert(directory, table_text(["x", "n"], [[each, 1] for each in [long, *others]]))
    answer = jobs.ANSWERS.decode(jobs.encode(query(table)))
    assert isinstance(answer, jobs.Rows)
    shown = [row[0] for row in answer.rows]
    assert shown == ([float(long), *others] if is_float else [str(long), *others])
    assert any("more than 64 bits" in each for each in meta_of(table).warnings) != is_float


def test_an_integer_inside_of_a_cell_is_shown_whole_however_long(directory: Path) -> None:
    cell = {"a": [10**400, 1, -5], "b": "1" * 30}
    rows: list[list[Any]] = [[cell], [[2**64 - 1, -(2**63)]], [[1.5]]]
    answer = jobs.ANSWERS.decode(jobs.encode(query(convert(directory, table_text(["x"], rows)))))
    assert isinstance(answer, jobs.Rows)
    assert answer.rows[0][0] == {"a": [str(10**400), 1, -5], "b": "1" * 30}
    assert [row[0] for row in answer.rows[1:]] == [[2**64 - 1, -(2**63)], [1.5]]


@pytest.mark.parametrize("form", ["table", "jsonl", "csv"])
def test_an_integer_longer_than_python_converts_is_shown_as_its_digits(
    directory: Path, form: Format
) -> None:
    digits = "7" * 5_000
    content = {
        "table": '{"columns": ["x"], "data": [[1], [' + digits + "]]}",
        "jsonl": '{"x": 1}\n{"x": ' + digits + "}\n",
        "csv": f"x\n1\n{digits}\n",
    }[form]
    table = convert(directory, content, form)
    shown = [row[0] for row in query(table, cell_chars=10_000).rows]
    assert shown == (["1", digits] if form == "csv" else [1, digits])


def test_integers_of_any_length_may_be_asked_for(directory: Path) -> None:
    table = convert(directory, table_text(["n"], [[1], [2**62], [None]]))

    def ids(op: str, value: Any) -> list[int]:
        return query(table, where=parse_filter({"column": "n", "op": op, "value": value})).row_ids

    assert ids("<", 10**400) == [0, 1] and ids(">", -(10**30)) == [0, 1]
    assert ids("in", [10**30, 2**62, 2**63]) == [1] and ids("=", 10**400) == []


# ---- odd files


def test_mixed_types_are_kept_and_numbers_among_them_have_an_order(directory: Path) -> None:
    table = convert(directory, table_text(["x"], [[1], ["two"], [[3]], [None], [{"a": 4}], [True]]))
    assert meta_of(table).columns[0].type == "json"
    assert [row[0] for row in query(table).rows] == [1, "two", [3], None, {"a": 4}, True]
    assert query(table, where=Test("x", ">", 0)).row_ids == [0]
    assert query(table, where=Test("x", "=", "two")).row_ids == [1]
    assert query(table, where=Test("x", "=", {"a": 4})).row_ids == [4]


def test_a_type_that_changes_late_makes_the_file_be_read_again(directory: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(readers, "TABLE_BATCH_ROWS", 2)
        rows = [[i, i] for i in range(6)] + [["late", 0.5]]
        table = convert(directory, table_text(["x", "y"], rows))
    assert [row[0] for row in query(table).rows] == [0, 1, 2, 3, 4, 5, "late"]
    assert [column.type for column in meta_of(table).columns] == ["json", "number"]


@pytest.mark.parametrize("form", ["table", "csv", "jsonl"])
def test_no_rows_and_no_columns_are_empty_tables(form: Format, directory: Path) -> None:
    empty = convert(directory, {"table": '{"columns": [], "data": []}'}.get(form, ""), form)
    assert query(empty).rows == [] and query(empty, search="x").total == 0
    some = {"table": '{"columns": ["a"], "data": []}', "csv": "a\n", "jsonl": "\n"}
    table = convert(directory, some[form], form)
    assert query(table).total == 0
    if form != "jsonl":
        where = Test("a", "is_null", True)
        assert query(table, where=where, sort=[Sort("a")]).rows == []
        assert query(table, group_by=["a"]).rows == []


def test_ragged_rows_are_filled_and_cut_with_a_warning(directory: Path) -> None:
    table = convert(directory, table_text(["a", "b"], [[1], [1, 2, 3], [4, 5]]))
    assert query(table).rows == [[1, None], [1, 2], [4, 5]]
    assert len(meta_of(table).warnings) == 2
    csv = convert(directory, "a,b\n1\n1,2,3\n4,5\n", "csv")
    assert query(csv).rows == [[1, None], [1, 2], [4, 5]]


def test_columns_of_one_name_and_of_none_stay_apart(directory: Path) -> None:
    table = convert(directory, table_text(["a", "a", "", "a (2)", 5], [[1, 2, 3, 4, 5]]))
    names = [column.name for column in meta_of(table).columns]
    assert names == ["a", "a (2)", "column 3", "a (2) (2)", "5"] and len(set(names)) == 5
    assert query(table, columns=["a (2) (2)", "a", "a"]).rows == [[4, 1, 1]]


def test_columns_may_come_after_the_rows(directory: Path) -> None:
    table = convert(directory, '{"data": [[1, "x"], [2]], "ncols": 2, "columns": ["a", "b"]}')
    assert query(table).rows == [[1, "x"], [2, None]]
    assert [column.name for column in meta_of(table).columns] == ["a", "b"]


def test_ten_thousand_columns_are_shown_and_more_are_refused(directory: Path) -> None:
    names = [f"c{i}" for i in range(10_000)]
    table = convert(directory, table_text(names, [list(range(10_000))] * 3))
    assert query(table, limit=25, where=Test("c9999", ">", 0)).rows[0][9_998:] == [9_998, 9_999]
    assert run_job(make_query(table, limit=26)) == jobs.Refused(
        "invalid",
        "26 rows of 10,000 columns are more than 250,000 cells (TABLE_ANSWER_CELLS_MAX); ask for "
        "fewer rows, or name the columns",
    )
    _, answer = try_convert(directory, table_text([*names, "one more"], []))
    assert isinstance(answer, jobs.Refused) and "10,001 columns" in answer.message


def test_a_huge_cell_is_kept_whole(directory: Path) -> None:
    table = convert(directory, table_text(["x", "y"], [["a" * 5_000_000, 1], ["b", 2]]))
    page = query(table, cell_chars=20)
    assert page.rows == [["a" * 20, 1], ["b", 2]] and page.cut == [(0, 0, 5_000_000)]
    assert len(query(table, cell_chars=10_000_000).rows[0][0]) == 5_000_000


def test_a_row_that_never_ends_is_refused(directory: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(readers, "TABLE_ROW_BYTES_MAX", 1000)
        patch.setattr(readers, "READ_CHARS", 100)
        _, answer = try_convert(directory, '{"columns": ["a"], "data": [["' + "x" * 100_000)
        assert isinstance(answer, jobs.Refused) and "TABLE_ROW_BYTES_MAX" in answer.message
        _, answer = try_convert(directory, "a\n" + "x" * 100_000, "csv")
        assert isinstance(answer, jobs.Refused) and "TABLE_ROW_BYTES_MAX" in answer.message


def test_deep_nesting_is_refused(directory: Path) -> None:
    deep = "[" * 100_000
    _, answer = try_convert(directory, '{"columns": ["a"], "data": [[' + deep)
    assert isinstance(answer, jobs.Refused) and "nested too deeply" in answer.message


def test_halves_of_surrogate_pairs_do_not_stop_a_table(directory: Path) -> None:
    table = convert(directory, '{"columns": ["a"], "data": [["\\ud800x"], ["y"]]}')
    assert query(table, where=Test("a", "contains", "x")).row_ids == [0]


def test_times_and_types_of_the_official_client_are_kept(directory: Path) -> None:
    allowed = [{"wb_type": "none"}, {"wb_type": "timestamp"}]
    types = {
        "t": {"wb_type": "union", "params": {"allowed_types": allowed}},
        "n": {"wb_type": "number"},
    }
    text = json.dumps(
        {
            "column_types": {"wb_type": "typedDict", "params": {"type_map": types}},
            "columns": ["t", "n"],
            "data": [[1_700_000_000_500, None], [None, None]],
        }
    )
    table = convert(directory, text)
    assert [column.type for column in meta_of(table).columns] == ["datetime", "number"]
    assert query(table).rows[0][0] == "2023-11-14T22:13:20.500000Z"
    late = Test("t", ">=", "2023-11-14T23:13:20.500+01:00")
    assert query(table, where=late).row_ids == [0]
    assert query(table, where=Test("t", ">", 1_700_000_000_500)).row_ids == []


def test_csv_columns_have_types_only_where_every_cell_fits(directory: Path) -> None:
    text = (
        "id;x;zip;when;flag;mixed\n"
        "1;0.5;007;2026-01-02;true;1\n"
        "2;nan;010;2026-01-02 10:00:00;FALSE;x\n"
        "3;;123;;true;2\n"
    )
    table = convert(directory, "\ufeff" + text, "csv")
    kinds = {column.name: column.type for column in meta_of(table).columns}
    assert list(kinds.values()) == [
        "number", "number", "string", "datetime", "boolean", "string",
    ]  # fmt: skip
    assert query(table).rows[2] == [3, None, "123", None, True, "2"]


def test_arrays_saved_beside_the_table_fill_their_column(directory: Path) -> None:
    import numpy as np

    array = directory / "saved.npz"
    np.savez_compressed(array, img=np.arange(12).reshape(3, 2, 2))
    place = {"path": "media/serialized_data/saved.npz", "key": "img"}
    types = {
        "img": {"wb_type": "ndarray", "params": {"shape": [2, 2], "serialization_path": place}}
    }
    text = json.dumps(
        {
            "column_types": {"wb_type": "typedDict", "params": {"type_map": types}},
            "columns": ["id", "img"],
            "data": [[1, None], [2, None], [3, None]],
        }
    )
    out, answer = try_convert(directory, text)
    assert isinstance(answer, jobs.Converted) and answer.wants == [place["path"]]
    assert not Path(out).exists()
    source = directory / "with-arrays.table.json"
    source.write_text(text)
    job = jobs.Convert(
        [jobs.SourceFile(str(source), "table", "file")], out, {str(place["path"]): str(array)}
    )
    assert isinstance(run_job(job), jobs.Converted)
    assert query(out).rows == [
        [1, [[0, 1], [2, 3]]],
        [2, [[4, 5], [6, 7]]],
        [3, [[8, 9], [10, 11]]],
    ]


def test_parquet_types_become_ours(directory: Path) -> None:
    import datetime
    import decimal

    frame = pl.DataFrame(
        {
            "u": pl.Series([2**64 - 1, 1], dtype=pl.UInt64),
            "d": pl.Series([decimal.Decimal("1.50"), None]),
            "c": pl.Series(["x", "y"], dtype=pl.Categorical),
            "t": [datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC), None],
            "s": [{"a": 1, "b": b"x"}, {"a": None, "b": None}],
            "l": [[1, 2], None],
            "b": [b"\x00" * 100, b"\x01"],
        }
    )
    path = directory / "types.parquet"
    frame.write_parquet(path)
    table = convert(directory, path.read_bytes(), "parquet")
    assert query(table).rows[0] == [
        2**64 - 1, 1.5, "x", "2026-01-01T00:00:00Z", {"a": 1, "b": "base64:eA=="}, [1, 2],
        "<100 bytes>",
    ]  # fmt: skip
    assert [column.type for column in meta_of(table).columns] == [
        "json", "number", "string", "datetime", "json", "json", "string",
    ]  # fmt: skip


def test_a_parquet_file_that_unpacks_to_very_much_is_refused(directory: Path) -> None:
    path = directory / "bomb.parquet"
    pl.select(pl.repeat(7, 25_000_000).alias("x")).write_parquet(path)
    assert path.stat().st_size < 100_000
    _, answer = try_convert(directory, path.read_bytes(), "parquet")
    assert isinstance(answer, jobs.Refused) and "TABLE_ROWS_MAX" in answer.message
    pl.select(pl.repeat(7, 1_000_000).alias("x")).write_parquet(path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spool, "TABLE_CONVERTED_BYTES_MAX", 2_000_000)
        _, answer = try_convert(directory, path.read_bytes(), "parquet")
        assert isinstance(answer, jobs.Refused) and "TABLE_CONVERTED_BYTES_MAX" in answer.message


def test_a_catastrophic_regular_expression_is_searched_in_linear_time(directory: Path) -> None:
    table = convert(directory, table_text(["x"], [["a" * 5000 + "b"], ["aaaa"]]))
    assert query(table, where=Test("x", "regex", "^(a+)+$")).row_ids == [1]
    huge = run_job(make_query(table, where=Test("x", "regex", "(a{1000}){1000}{100}")))
    assert isinstance(huge, jobs.Refused) and "no regular expression" in huge.message


def test_an_export_is_the_table_again(directory: Path) -> None:
    rows = [
        [1, "x", {"_type": "image-file", "path": "media/a.png"}],
        [2, None, None],
        [3, "z", None],
    ]
    table = convert(directory, table_text(["n", "s", "m"], rows))
    out = directory / "export.table.json"
    job = jobs.Export(
        table=table, where=Test("n", "!=", 2), search=None, sort=[Sort("n", True)], columns=None,
        out=str(out),
    )  # fmt: skip
    assert run_job(job) == jobs.Written(2, ["media/a.png"])
    again = convert(directory, out.read_bytes())
    assert query(again).rows == [rows[2], rows[0]]
