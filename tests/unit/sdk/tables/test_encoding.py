"""Tables as JSON and back."""

from __future__ import annotations

import datetime
import json
import math
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard import limits
from steelyard.data_types import Audio, Classes, Html, Image, JoinedTable, PartitionedTable, Table
from steelyard.errors import Invalid
from steelyard.sdk.artifacts.artifact import Artifact
from steelyard.sdk.tables import encode
from steelyard.sdk.tables.encode import iter_artifact_json, write_run_file

NUMBERS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=4),
    st.just("half \udc80"),
    st.lists(st.integers(), max_size=2),
)


class Held:
    """A draft whose entries can be read before it is logged."""

    def __init__(self, artifact: Artifact) -> None:
        self.manifest = artifact.manifest
        self.aliases = ["latest"]

    def get_entry(self, name: Any) -> Any:
        entry = self.manifest.entries[str(name)]

        class Here:
            path = entry.path

            def download(self) -> str:
                assert entry.local_path is not None
                return str(entry.local_path)

        return Here()

    def get(self, name: str) -> Any:
        kind = {"classes": Classes, "table": Table}[str(name).split(".")[-2]]
        return kind.from_json(json.loads(Path(self.get_entry(name).download()).read_text()), self)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WANDB_CACHE_DIR", "WANDB_DATA_DIR"):
        monkeypatch.setenv(name, str(tmp_path / "cache"))


def same(left: Any, right: Any) -> bool:
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, float) and math.isnan(left):
        return isinstance(right, float) and math.isnan(right)
    return bool(left == right)


@given(st.lists(st.tuples(NUMBERS, NUMBERS), max_size=20), st.integers(1, 7))
def test_a_runs_file_holds_every_cell(rows: list[Any], chunk: int) -> None:
    table = Table(columns=["a", "b"], data=rows, allow_mixed_types=True)
    kept = encode.TABLE_ROWS_AT_ONCE
    encode.TABLE_ROWS_AT_ONCE = chunk
    try:
        path, _, size = write_run_file(table, table.data)
    finally:
        encode.TABLE_ROWS_AT_ONCE = kept
    data = Path(path).read_bytes()
    assert len(data) == size
    written = json.loads(data)
    assert written["columns"] == ["a", "b"]
    assert same(written["data"], [list(row) for row in rows])


@given(st.lists(st.tuples(NUMBERS, NUMBERS), max_size=20))
def test_the_text_in_an_artifact_is_what_to_json_gives(rows: list[Any]) -> None:
    table = Table(columns=["a", "b"], data=rows, allow_mixed_types=True)
    artifact = Artifact("a", "t")
    written = json.loads(b"".join(iter_artifact_json(table, artifact)))
    assert same(written["data"], table.to_json(artifact)["data"])
    assert written | {"data": []} == table.to_json(artifact) | {"data": []}
    assert not any(isinstance(c, float) and math.isnan(c) for row in written["data"] for c in row)


def test_cells_of_any_kind_have_a_form() -> None:
    moment = datetime.datetime(2024, 5, 6, 12, 0, 0, 1500, tzinfo=datetime.UTC)
    cells = [
        (moment, int(moment.timestamp() * 1000)),
        (moment.date(), 1714953600000),
        (np.datetime64("2024-05-06"), 1714953600000),
        (np.datetime64("2024-05-06T00:00:00.000000001"), 1714953600000),
        (np.datetime64("NaT"), None),
        (np.float32(0.5), 0.5),
        (np.float64("nan"), None),
        (Decimal("1.5"), 1.5),
        ((1, {"k": float("nan")}), [1, {"k": None}]),
        (float("inf"), float("inf")),
        (b"text", "text"),
        (Path("a"), "a"),
    ]
    table = Table(columns=["a"], data=[[cell] for cell, _ in cells], allow_mixed_types=True)
    written = json.loads(b"".join(iter_artifact_json(table, Artifact("a", "t"))))
    assert [row[0] for row in written["data"]] == [expected for _, expected in cells]


def test_a_list_that_contains_itself_is_refused() -> None:
    endless: list[Any] = []
    endless.append(endless)
    table = Table(columns=["a"], data=[[1]], allow_mixed_types=True)
    table.data[0][0] = endless
    with pytest.raises(Invalid, match="levels"):
        list(iter_artifact_json(table, Artifact("a", "t")))


def test_rows_beyond_the_limit_are_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Table, "MAX_ARTIFACT_ROWS", 2)
    table = Table(columns=["a"], data=[[1], [2], [3]])
    written = json.loads(b"".join(iter_artifact_json(table, Artifact("a", "t"))))
    assert (written["data"], written["nrows"]) == ([[1], [2]], 2)
    assert "1 rows more than Table.MAX_ARTIFACT_ROWS" in capsys.readouterr().err
    assert limits.TABLE_ROWS_LOGGED_MAX >= 1_000_000


def test_a_table_comes_back_with_its_media_types_and_times(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"RIFF")
    moment = datetime.datetime(2024, 5, 6, tzinfo=datetime.UTC)
    classes = Classes([{"id": 1, "name": "cat"}])
    image = Image(
        [[1, 2]],
        caption="c",
        masks={"m": {"mask_data": [[0, 1]], "class_labels": {0: "no", 1: "cat"}}},
        boxes={"b": {"box_data": [{"position": {"middle": [1, 1], "width": 1, "height": 1}}]}},
    )
    table = Table(
        columns=["n", "i", "s", "h", "t", "short", "long"],
        data=[
            [1, image, Audio(tmp_path / "a.wav"), Html("<p>"), moment, np.arange(3.0), np.eye(4)],
            [2.5, image, Audio(tmp_path / "a.wav"), Html("<p>"), moment, np.ones(3), np.eye(4) * 2],
        ],
    )
    ids = Table(columns=["class"], data=[[1]], dtype=classes.get_type())
    artifact = Artifact("a", "t")
    artifact.add(table, "t")
    artifact.add(ids, "ids")
    held = Held(artifact)
    back = held.get("t.table.json")
    assert back.columns == table.columns
    assert [row[0] for row in back.data] == [1, 2.5]
    assert back.data[0][1]._caption == "c"
    assert back.data[0][1]._masks["m"] == image._masks["m"]  # type: ignore[index]  # it has
    assert back.data[0][1]._boxes["b"]._val == image._boxes["b"]._val  # type: ignore[index]  # too
    assert back.data[0][1] == image
    assert back.data[0][3].html == table.data[0][3].html
    assert back.data[0][4] == moment
    assert back.data[1][5] == [1.0, 1.0, 1.0]
    assert (back.data[1][6] == np.eye(4) * 2).all()
    assert held.get("ids.table.json")._column_types == ids._column_types
    back.add_data(3, None, None, None, None, [1.0], None)


def test_the_same_table_twice_is_the_same_artifact() -> None:
    digests = set()
    for _ in range(2):
        artifact = Artifact("a", "t")
        artifact.add(Table(columns=["i"], data=[[Image([[1, 2]])]]), "t")
        digests.add(artifact.digest)
    assert len(digests) == 1


def test_increments_come_back_in_their_order() -> None:
    artifact = Artifact("a", "t")
    for number in (0, 2, 10, 1):
        table = Table(columns=["a"], data=[[number]], log_mode="INCREMENTAL")
        table._increment_num = number
        artifact.add(table, f"{number}-17000000000{number:02}.key")
    held = Held(artifact)
    back = held.get("10-1700000000010.key.table.json")
    assert [row[0] for row in back.data] == [0, 1, 2, 10]


@pytest.mark.parametrize("value", [{}, {"columns": ["a"]}, {"columns": None, "data": []}])
def test_json_that_is_no_table_says_so(value: dict[str, Any]) -> None:
    with pytest.raises((Invalid, TypeError)):
        Table.from_json(value, Held(Artifact("a", "t")))


def test_two_tables_are_joined_by_a_column() -> None:
    artifact = Artifact("a", "t")
    left, right = (Table(columns=["k", "v"], data=[["a", 1]]) for _ in range(2))
    artifact.add(JoinedTable(left, right, "k"), "joined")
    names = sorted(map(str, artifact.manifest.entries))
    assert [name for name in names if name.endswith("joined-table.json")] == [
        "joined.joined-table.json"
    ]
    assert sum(name.endswith(".table.json") for name in names) == 2
    held = Held(artifact)
    written = json.loads(Path(held.get_entry("joined.joined-table.json").download()).read_text())
    back = JoinedTable.from_json(written, held)
    assert back == JoinedTable(left, right, "k")
    with pytest.raises(Invalid, match="two columns"):
        JoinedTable(left, right, ["k"])
    with pytest.raises(TypeError, match="table1"):
        JoinedTable(5, right, "k")
    with pytest.raises(Invalid, match="add it before"):
        JoinedTable("other.table.json", right, "k").to_json(artifact)


def test_a_partitioned_table_is_all_tables_of_a_directory() -> None:
    artifact = Artifact("a", "t")
    for number in range(3):
        artifact.add(Table(columns=["a"], data=[[number]]), f"parts/{number}")
    artifact.add(PartitionedTable("parts"), "whole")
    held = Held(artifact)
    written = json.loads(
        Path(held.get_entry("whole.partitioned-table.json").download()).read_text()
    )
    back = PartitionedTable.from_json(written, held)
    assert [row for _, row in back.iterrows()] == [[0], [1], [2]]
    assert back == PartitionedTable("parts")
