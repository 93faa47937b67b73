"""The difference of two tables against plain Python."""

from __future__ import annotations

import itertools
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.server.rooms.tables import jobs
from steelyard.server.rooms.tables.engine.worker import run_job
from tests.support.naive_tables import table_text

numbers = itertools.count()
keys = st.sampled_from(["a", "b", "c", None])
values = st.none() | st.sampled_from([0.5, 1.0, float("nan"), -0.0])
rows_strategy = st.lists(st.tuples(keys, values, st.integers(0, 1)), max_size=7)
COLUMNS = ["k", "v", "n"]


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("diffs")


def convert(directory: Path, columns: list[str], rows: list[Any]) -> str:
    number = next(numbers)
    source, out = directory / f"{number}.table.json", directory / f"{number}"
    source.write_text(table_text(columns, rows))
    job = jobs.Convert([jobs.SourceFile(str(source), "table", source.name)], str(out))
    assert isinstance(run_job(job), jobs.Converted)
    return str(out)


def diff(before: str, after: str, *, on: list[str] | None, **asked: Any) -> jobs.DiffRows:
    whole: dict[str, Any] = {"change": None, "offset": 0, "limit": 500, "cell_chars": 100}
    answer = run_job(jobs.Diff(before=before, after=after, on=on, **(whole | asked)))
    assert isinstance(answer, jobs.DiffRows), answer
    return answer


def refusal(before: str, after: str, on: list[str]) -> str:
    answer = run_job(jobs.Diff(before, after, on, None, 0, 10, 100))
    assert isinstance(answer, jobs.Refused)
    return answer.message


def plain(row: Any) -> tuple[str, ...]:
    return tuple(repr(0.0 if cell == 0 else cell) for cell in row)


@settings(deadline=None, max_examples=60)
@given(before=rows_strategy, after=rows_strategy)
def test_whole_rows_come_and_go_as_in_a_bag(
    before: list[Any], after: list[Any], directory: Path
) -> None:
    typed = [("t", 0.25, 5)]  # so that both columns of nothing but null have their type
    found = diff(
        convert(directory, COLUMNS, [*typed, *before]),
        convert(directory, COLUMNS, [*typed, *after]),
        on=[],
    )
    one, other = Counter(map(plain, before)), Counter(map(plain, after))
    shown = {
        change: Counter(
            plain(row.before if change == "removed" else row.after)
            for row in found.rows
            if row.change == change
        )
        for change in ("added", "removed")
    }
    assert shown["removed"] == one - other and shown["added"] == other - one
    assert found.counts["same"] == (one & other).total() + 1 and found.counts["changed"] == 0
    assert found.total == len(found.rows)


@settings(deadline=None, max_examples=60)
@given(before=rows_strategy, after=rows_strategy)
def test_rows_of_a_key_change_in_the_columns_that_differ(
    before: list[Any], after: list[Any], directory: Path
) -> None:
    typed = ("t", 0.25, 5)
    one, other = [typed, *before], [typed, *after]
    found = diff(convert(directory, COLUMNS, one), convert(directory, COLUMNS, other), on=["k"])
    counts = found.counts
    assert counts["removed"] + counts["changed"] + counts["same"] == len(one)
    assert counts["added"] + counts["changed"] + counts["same"] == len(other)
    keys_one, keys_other = Counter(row[0] for row in one), Counter(row[0] for row in other)
    assert counts["removed"] == (keys_one - keys_other).total()
    for row in found.rows:
        if row.change == "changed":
            assert row.before_row is not None and row.after_row is not None
            a, b = plain(one[row.before_row]), plain(other[row.after_row])
            assert a[0] == b[0]
            assert row.columns == [name for name, x, y in zip(COLUMNS, a, b, strict=True) if x != y]
            assert row.columns
        else:
            assert (row.before is None) == (row.change == "added") and row.columns == []


def test_the_key_is_the_first_column_that_tells_rows_apart(directory: Path) -> None:
    columns = ["split", "id", "score"]
    before = convert(directory, columns, [["a", 1, 0.1], ["a", 2, 0.2], ["b", 3, 0.3]])
    after = convert(directory, columns, [["b", 3, 0.3], ["a", 2, 0.9], ["b", 4, 0.4]])
    found = diff(before, after, on=None)
    assert found.on == ["id"]
    assert found.counts == {"added": 1, "removed": 1, "changed": 1, "same": 1}
    assert [(r.change, r.columns) for r in found.rows] == [
        ("removed", []), ("changed", ["score"]), ("added", []),
    ]  # fmt: skip
    only = diff(before, after, on=["id"], change="added")
    assert (only.total, only.rows[0].after, only.rows[0].after_row) == (1, ["b", 4, 0.4], 2)
    assert diff(before, after, on=["id"], offset=1, limit=1).rows == [found.rows[1]]


def test_columns_that_came_went_or_have_another_type_are_no_obstacle(directory: Path) -> None:
    before = convert(directory, ["id", "gone", "x"], [[1, "a", 1], [2, "b", 2]])
    after = convert(directory, ["id", "x", "new"], [[1, "1", True], [2, "3", False]])
    found = diff(before, after, on=["id"])
    assert (found.columns_added, found.columns_removed) == (["new"], ["gone"])
    assert [(row.before, row.after, row.columns) for row in found.rows] == [
        ([2, "b", 2], [2, "3", False], ["x"])
    ]
    other = convert(directory, ["y"], [[1]])
    nothing = diff(before, other, on=None)
    assert nothing.counts == {"added": 1, "removed": 2, "changed": 0, "same": 0}
    assert "no column 'gone'" in refusal(before, after, ["gone"])


def test_a_key_that_is_there_twice_is_counted(directory: Path) -> None:
    before = convert(directory, ["k", "v"], [["a", 1], ["a", 2]])
    after = convert(directory, ["k", "v"], [["a", 1], ["a", 3], ["a", 4]])
    found = diff(before, after, on=["k"])
    assert (found.repeated_before, found.repeated_after) == (1, 2)
    assert found.counts == {"added": 1, "removed": 0, "changed": 1, "same": 1}
