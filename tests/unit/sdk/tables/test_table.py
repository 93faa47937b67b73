"""Tables: what they take, what they refuse, and what they say of their columns."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
import pandas
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.data_types import Image, Table
from steelyard.errors import Invalid, UsageError, WrongType
from steelyard.sdk.tables.keys import TableIndex, TableKey

CELLS = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**60), 2**60), st.floats(), st.text(max_size=5)
)


def type_of(table: Table, name: Any = "a") -> str:
    return str(table._column_types.type_map[name])


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ([1, 2.5, None], "None or Number"),
        ([float("nan"), 1], "None or Number"),
        (["a", None], "None or String"),
        ([True], "Boolean or None"),
        ([None], "None or Unknown"),
        ([[1, 2], [3]], "None or Number[]"),
        ([{"k": 1}], "None or {'k': Number}"),
        ([datetime.date(2024, 1, 1)], "None or Timestamp"),
        ([np.float32(1), 2], "None or Number"),
        ([object()], "None or Pythonobject(class_name:object)"),
        (["wandb-artifact://x"], "Artifactversion or None"),
    ],
)
def test_the_first_value_says_what_a_column_holds(cells: list[Any], expected: str) -> None:
    table = Table(columns=["a"], data=[[cell] for cell in cells])
    assert type_of(table) == expected


@given(st.lists(st.tuples(CELLS, CELLS), max_size=30))
def test_a_row_is_taken_the_same_way_however_many_came_before(rows: list[Any]) -> None:
    """Rows of known classes are not looked at again: that may not change what is refused."""
    table = Table(columns=["a", "b"])
    taken = []
    for row in rows:
        fresh = Table(columns=["a", "b"], data=taken)
        fresh._known_shapes.clear()
        outcomes = []
        for each in (table, fresh):
            try:
                each.add_data(*row)
                outcomes.append(True)
            except TypeError:
                outcomes.append(False)
        assert outcomes[0] == outcomes[1]
        assert table._column_types == fresh._column_types
        taken += [row] if outcomes[0] else []
    assert table.data == [list(row) for row in taken] or "nan" in str(taken)


def test_a_cell_of_another_type_is_refused_with_its_place() -> None:
    with pytest.raises(WrongType, match=r"row 1 .*\n.*(?s:.*)Key 'b'(?s:.*)allow_mixed_types"):
        Table(columns=["a", "b"], data=[[1, "x"], [2, 3]])
    mixed = Table(columns=["a"], data=[[1], ["x"], [None]], allow_mixed_types=True)
    assert len(mixed.data) == 3


def test_a_refused_row_leaves_the_table_as_it_was() -> None:
    table = Table(columns=["a", "b"], data=[[1, 2]])
    with pytest.raises(TypeError):
        table.add_data("x", 3)
    with pytest.raises(TypeError):
        table.cast("a", str)
    assert (table.data, table.columns) == ([[1, 2]], ["a", "b"])


@pytest.mark.parametrize(
    ("options", "kind", "says"),
    [
        ({"columns": "abc"}, WrongType, "list of names"),
        ({"columns": [1.5]}, WrongType, "1.5"),
        ({"columns": ["a", "a"]}, Invalid, "more than once"),
        ({"data": "rows"}, WrongType, "list of rows"),
        ({"data": {"a": [1]}}, WrongType, "list of rows"),
        ({"data": ["abc"]}, WrongType, "row 0"),
        ({"data": [5]}, WrongType, "row 0"),
        ({"data": np.zeros(3)}, Invalid, "reshape"),
        ({"data": [[1, 2], [3]]}, Invalid, "row 1 has 1 cells"),
        ({"dataframe": [1]}, WrongType, "DataFrame"),
        ({"log_mode": "OFTEN"}, Invalid, "INCREMENTAL"),
        ({"optional": [True]}, Invalid, "optional has 1 values"),
        ({"columns": ["a", "b"], "dtype": [int]}, Invalid, "dtype has 1 values"),
    ],
)
def test_what_is_no_table_says_why(
    options: dict[str, Any], kind: type[Exception], says: str
) -> None:
    with pytest.raises(kind, match=says):
        Table(**{"columns": ["a", "b"], **options})


def test_an_empty_table_is_one() -> None:
    assert Table().columns == ["Input", "Output", "Expected"]
    assert Table(columns=[], data=[]).data == []
    first = Table(columns=[])
    first.add_column("a", [1, 2])
    assert (first.data, first.columns) == ([[1], [2]], ["a"])


def test_nan_counts_as_missing_where_nothing_may_be_missing() -> None:
    table = Table(columns=["a"], data=[[1.0]], optional=False)
    table.add_data(2.0)
    with pytest.raises(TypeError):
        table.add_data(float("nan"))
    with pytest.raises(TypeError):
        table.add_data(None)
    assert Table(columns=["a"], data=np.array([[1.0], [np.nan]])).data[1][0] != 0


def test_arrays_and_frames_give_plain_numbers() -> None:
    table = Table(columns=["a", "b"], data=np.array([[1, 2], [3, 4]]))
    assert {type(cell) for row in table.data for cell in row} == {int}
    frame = pandas.DataFrame(
        {
            "n": [1, 2],
            "s": ["x", None],
            "t": pandas.to_datetime(["2024-01-01", None]),
            "z": pandas.to_datetime(["2024-01-01", None], utc=True),
            "i": pandas.array([1, None], dtype="Int64"),
            "c": pandas.Categorical(["u", "v"]),
            "b": [True, False],
        }
    )
    table = Table(dataframe=frame)
    assert table.columns == list(frame.columns)
    assert table.data[0][0] == 1 and type(table.data[0][0]) is int
    assert table.data[1][2] is None and table.data[1][3] is None and table.data[1][4] is None
    assert table.data[0][3] == datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)
    assert table.data[0][5:] == ["u", True]
    assert table.get_dataframe().shape == (2, 7)


def test_a_frame_with_levels_of_names_says_how_to_join_them() -> None:
    frame = pandas.DataFrame([[1, 2]], columns=pandas.MultiIndex.from_tuples([("a", 1), ("a", 2)]))
    with pytest.raises(Invalid, match="several levels"):
        Table(dataframe=frame)


def test_columns_are_added_computed_and_read() -> None:
    table = Table(columns=["a"], data=[[1], [2]])
    table.add_column("b", np.array([0.5, 1.5]))
    table.add_computed_columns(lambda ndx, row: {"sum": row["a"] + row["b"], "n": ndx})
    assert table.data == [[1, 0.5, 1.5, 0], [2, 1.5, 3.5, 1]]
    assert table.get_column("b") == [0.5, 1.5]
    assert table.get_column("b", convert_to="numpy").tolist() == [0.5, 1.5]
    with pytest.raises(Invalid, match="no column 'x'"):
        table.get_column("x")
    with pytest.raises(Invalid, match="same keys"):
        table.add_computed_columns(lambda ndx, row: {"x": 1} if ndx else {"y": 1})
    with pytest.raises(Invalid, match="3 values"):
        table.add_column("c", [1, 2, 3])
    with pytest.raises(Invalid, match="not there yet"):
        table.add_column("a", [1, 2])
    with pytest.raises(TypeError):
        table.add_column("mixed", [1, "x"])
    assert table.columns == ["a", "b", "sum", "n"]


def test_a_cast_changes_the_type_or_nothing() -> None:
    table = Table(columns=["a"], data=[["x"], ["y"]])
    table.cast("a", ["x", "y"])
    assert type_of(table) == "x or y"
    with pytest.raises(WrongType, match="row 0 of column 'a'"):
        table.cast("a", int)
    assert type_of(table) == "x or y"
    with pytest.raises(TypeError):
        table.add_data("z")


def test_keys_refer_to_rows_of_other_tables() -> None:
    people = Table(columns=["name", "age"], data=[["ann", 5], ["bob", 6]])
    people.set_pk("name")
    assert isinstance(people.data[0][0], TableKey)
    pets = Table(columns=["pet", "owner"], data=[["cat", "bob"]])
    pets.set_fk("owner", people, "name")
    pets.add_data("dog", "ann")
    assert isinstance(pets.data[1][1], TableKey)
    places = Table(columns=["row"])
    places.add_data(people.get_index()[1])
    assert isinstance(places.data[0][0], TableIndex)
    assert places.data[0][0].get_row() == {"name": "bob", "age": 6}
    with pytest.raises(Invalid, match="primary key already"):
        people.set_pk("name")
    with pytest.raises(Invalid, match="no column 'x'"):
        pets.set_fk("owner", people, "x")
    with pytest.raises(Invalid, match="none with number 9"):
        people.index_ref(9)


def test_a_table_that_only_grows_refuses_new_columns() -> None:
    table = Table(columns=["a"], log_mode="INCREMENTAL")
    with pytest.raises(UsageError, match="INCREMENTAL"):
        table.add_column("b", [])
    with pytest.raises(UsageError, match="INCREMENTAL"):
        table.add_computed_columns(lambda ndx, row: {})


def test_tables_are_the_same_when_their_cells_are() -> None:
    rows = [[1, np.arange(3)]]
    assert Table(columns=["a", "b"], data=rows) == Table(columns=["a", "b"], data=rows)
    assert Table(columns=["a"], data=[[1]]) != Table(columns=["a"], data=[[2]])
    assert Table(columns=["a"], data=[[1]]) != Table(columns=["b"], data=[[1]])
    assert Table(columns=["a"]) != 5


def test_media_know_their_type() -> None:
    table = Table(columns=["i"], data=[[Image([[1]])], [Image([[2]])]])
    assert "Image-file" in type_of(table, "i")
    assert Table(columns=["i"], data=[[Image([[1]])]], dtype=Image).data
    with pytest.raises(TypeError):
        table.add_data("no image")
