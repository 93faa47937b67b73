"""Rows of journals: of several writers, in several parts, of any value."""

from __future__ import annotations

import math
from typing import Any

import pytest
from sqlalchemy.engine import Connection

from steelyard import limits
from steelyard.server.columns import edit, read
from steelyard.server.db.interface import Database
from tests.support.accounts import NOW_US
from tests.support.journals import (
    STARTED_US,
    JournalBytes,
    Place,
    make_journal,
    make_place,
)


@pytest.fixture
def place(db: Database) -> Place:
    return make_place(db)


def test_writers_of_one_run_meet_in_its_rows(place: Place) -> None:
    one, two = JournalBytes("rank0"), JournalBytes("rank1")
    for step in (3, 0, 1):
        one.log({"one": step}, step=step)
        two.log({"two": -step, "both": step}, step=step)
    one.log({"both": 9}, step=3)
    place.send(one, stop=one.ends[2])
    place.send(two)
    place.send(one, first=one.ends[2])
    assert place.values() == [
        {"_step": 0, "one": 0, "two": 0, "both": 0},
        {"_step": 1, "one": 1, "two": -1, "both": 1},
        {"_step": 3, "one": 3, "two": -3, "both": 9},
    ]
    run_id = place.get().id
    series = place.db.read_now(read.read_series, run_id, "history", "both")
    assert (series.step.tolist(), series.value.tolist()) == ([0, 1, 3], [0, 1, 9])
    assert place.db.read_now(read.count_overwritten_values, run_id, "history") == 1
    assert place.db.read_now(read.get_line_count, run_id, "history") == 7


def test_parts_of_a_row_are_one_row(place: Place) -> None:
    sent = JournalBytes()
    sent.log({"a": 1, "n": {"x": 1}}, step=5)
    sent.log({"b": 2, "n": {"y": 2}}, step=5)
    place.send(sent)
    assert place.values() == [{"_step": 5, "a": 1, "b": 2, "n": {"x": 1, "y": 2}}]
    run_id = place.get().id
    assert place.db.read_now(read.count_overwritten_values, run_id, "history") == 0


def test_rows_have_the_times_of_their_records(place: Place) -> None:
    sent = make_journal(2)
    place.send(sent)
    started_s = STARTED_US / 1e6
    assert [(row["_runtime"], row["_timestamp"]) for row in place.rows()] == [
        (1.0, started_s + 1),
        (2.0, started_s + 2),
    ]


@pytest.mark.parametrize("as_json", [False, True])
def test_any_value_comes_back_as_it_was_logged(place: Place, as_json: bool) -> None:
    row = {
        "nan": float("nan"),
        "inf": float("-inf"),
        "big": 2**63 - 1,
        "text": 'quote " and \u2713 \x00',
        "none": None,
        "flag": True,
        "list": [1, "two", [3.5]],
        "media": {"_type": "image-file", "path": "media/a.png", "size": 3},
        "nested": {"deep": {"er": 1.5}},
        "empty": {},
    }
    sent = JournalBytes()
    sent.log(row, as_json=as_json)
    place.send(sent)
    (back,) = place.values()
    assert math.isnan(back.pop("nan")) and math.isnan(row.pop("nan"))  # type: ignore[arg-type]
    assert back == {"_step": 0, **row}
    summary = place.summary()
    assert "none" not in summary  # as with the official client
    assert {key: summary[key] for key in row if key != "none"} == {
        key: value for key, value in row.items() if value is not None
    }


def test_values_that_json_has_no_type_for_are_kept_as_text(place: Place) -> None:
    deep: Any = 1
    for _ in range(limits.LINE_DEPTH_MAX + 20):
        deep = [deep]
    sent = JournalBytes()
    row: Any = {"deep": deep, "bytes": b"\x00\xff", "huge": 2**64 - 1, 5: "number as a name"}
    sent.log(row)
    sent.log({"a": 2**80}, as_json=True)
    place.send(sent)
    first, second = place.values()
    assert first["bytes"] == "00ff"
    assert first["5"] == "number as a name"
    assert first["huge"] == 2**64 - 1
    assert second["a"] == 2**80


def test_rows_survive_being_packed(place: Place) -> None:
    sent = make_journal(5)
    sent.log({"a": float("nan"), "s": "text", "m": {"_type": "x"}})
    place.send(sent)
    before = place.everything()
    run_id = place.get().id

    def rewind_to_the_end(conn: Connection) -> int:  # packs the tail, and numbers the lines anew
        return edit.rewind(conn, run_id=run_id, last_step=10**6, now_us=NOW_US)

    assert place.db.write_now(rewind_to_the_end) == 6
    assert place.everything() == before
    sent.log({"a": 7.0})
    place.send(sent)
    assert place.db.read_now(read.get_line_count, run_id, "history") == 7


def test_journals_stand_behind_the_lines_of_the_official_client_and_the_other_way_round(
    place: Place,
) -> None:
    """Its process numbers its lines from the count it was told, and must meet none of ours."""
    from steelyard.server.columns.append import append_lines

    sent = make_journal(2)
    place.send(sent)
    run_id = place.get().id

    def append(conn: Connection, offset: int) -> None:
        lines = [f'{{"_step": {offset + number}, "b": 1.5}}' for number in range(2)]
        append_lines(
            conn, run_id=run_id, stream="history", offset=offset, lines=lines, now_us=NOW_US
        )

    count = place.db.read_now(read.get_line_count, run_id, "history")
    place.db.write_now(append, count)
    sent.log({"a": 4.0}, step=4)
    place.send(sent)
    assert place.db.read_now(read.get_line_count, run_id, "history") == 5
    assert [row["_step"] for row in place.values()] == [0, 1, 2, 3, 4]
