"""The column store against a plain model, on both databases."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

from steelyard.errors import Conflict, Invalid
from steelyard.server.columns import append, edit, read
from steelyard.server.db.interface import Database
from tests.contract.columns_model import NOW, rows_of, same, seal_now, send

EVERYTHING: list[dict[str, Any]] = [
    {"_step": 0, "loss": 1.5, "n": 3, "ok": True, "text": "a\0b", "none": None},
    {"_step": 1, "loss": math.nan, "n": 2**62, "ok": False, "list": [1, math.nan, "x"]},
    {"_step": 2, "loss": math.inf, "n": 2**80, "a": {"b": 1, "c": {"d": 2.5}}, "a.b": 7},
    {"_step": 3, "loss": -math.inf, "h": {"_type": "histogram", "values": [1, 2], "bins": [0, 1]}},
    {"_step": 4},
    {"_step": 7, "loss": 4, "empty": {}, "big": -(2**63), "back\\slash.dot": "\ud800"},
    {"_step": 8, "loss": "high", "\0": 1, "": 2, "minus zero": -0.0, "tiny": 5e-324},
]


@pytest.mark.parametrize("sealed", [False, True])
def test_rows_come_back_as_they_were_logged(db: Database, sealed: bool) -> None:
    send(db, EVERYTHING)
    if sealed:
        seal_now(db)
    assert same(rows_of(db), EVERYTHING)
    last = db.read_now(read.list_last_lines, 1, "history", 2)
    assert [json.loads(text)["_step"] for text in last] == [7, 8]


@pytest.mark.parametrize("sealed", [False, True])
def test_rows_are_counted_by_their_steps(db: Database, sealed: bool) -> None:
    parts = [[0, 0, 1, 2], [2, 3, 1], [10, 9, 8], [9, 20], [], [40, 31], [35], [33, 50, 36]]
    for number, steps in enumerate(parts):
        send(db, [{"_step": step, f"k{number}": 1} for step in steps], writer=f"w{number}")
        if sealed:
            seal_now(db)
    assert db.read_now(read.count_rows, 1, "history") == len({s for steps in parts for s in steps})


def test_a_request_sent_twice_changes_nothing(db: Database) -> None:
    rows = [{"_step": step, "x": step * 0.5} for step in range(10)]
    first = send(db, rows)
    again = send(db, rows)
    assert (first.accepted, first.duplicate, first.next_line) == (10, 0, 10)
    assert (again.accepted, again.duplicate, again.next_line) == (0, 10, 10)
    seal_now(db)
    overlapping = send(db, [*rows[5:], {"_step": 10, "x": 5.0}], offset=5)
    assert (overlapping.accepted, overlapping.duplicate) == (1, 5)
    assert rows_of(db) == [*rows, {"_step": 10, "x": 5.0}]


@pytest.mark.parametrize("sealed", [False, True])
def test_a_different_line_starts_the_run_anew_from_there(db: Database, sealed: bool) -> None:
    send(db, [{"_step": step, "x": step} for step in range(10)])
    if sealed:
        seal_now(db)
    done = send(db, [{"_step": 4, "x": 4}, {"_step": 5, "x": -5}], offset=4)
    assert (done.replaced_from, done.next_line, done.duplicate) == (5, 6, 1)
    assert [row["x"] for row in rows_of(db)] == [0, 1, 2, 3, 4, -5]
    assert db.read_now(append.count_replaced_lines, 1, "history") == 5
    assert db.read_now(read.get_line_count, 1, "history") == 6


def test_a_gap_is_accepted_and_filled_later(db: Database) -> None:
    send(db, [{"_step": 0, "x": 0}])
    assert send(db, [{"_step": 5, "x": 5}], offset=5).next_line == 6
    filled = send(db, [{"_step": step, "x": step} for step in range(6)])
    assert (filled.accepted, filled.duplicate, filled.next_line) == (4, 2, 6)
    assert [row["x"] for row in rows_of(db)] == list(range(6))


def test_rows_without_a_step_follow_the_row_before(db: Database) -> None:
    send(db, [{"x": 0}, {"_step": 7, "x": 1}, {"x": 2}])
    seal_now(db)
    send(db, [{"x": 3}, "no json", '{"_step": 1e1, "x": 4}', '{"_step": "x", "x": 5}'], offset=3)
    rows = rows_of(db)
    assert [row["_step"] for row in rows] == [0, 7, 8, 9, 10, 11]
    assert rows[4] == {"_step": 10, "_invalid": "no json", "x": 4}
    assert rows[5] == {"_step": 11, "_invalid": '{"_step": "x"}', "x": 5}


def test_writers_are_merged_by_key_and_step(db: Database) -> None:
    send(db, [{"_step": 0, "a": 1}, {"_step": 1, "a": 2}], writer="w1")
    send(db, [{"_step": 0, "b": 3}, {"_step": 1, "a": 4}], writer="w2")
    expected = [{"_step": 0, "a": 1, "b": 3}, {"_step": 1, "a": 4}]
    assert rows_of(db) == expected
    assert db.read_now(read.count_overwritten_values, 1, "history") == 1
    seal_now(db)
    assert rows_of(db) == expected
    assert db.read_now(read.count_overwritten_values, 1, "history") == 1
    assert db.read_now(read.get_line_count, 1, "history", "w2") == 2
    send(db, [{"_step": 9, "b": 0}], writer="w2")
    assert rows_of(db) == [{"_step": 0, "a": 1}, {"_step": 1, "a": 2}, {"_step": 9, "b": 0}]


def test_system_rows_stand_at_their_line_numbers(db: Database) -> None:
    rows = [{"_timestamp": 1.5 + n, "system.cpu": 10 * n, "_step": 99} for n in range(3)]
    send(db, rows, stream="system")
    assert rows_of(db, stream="system") == rows
    series = db.read_now(read.read_series, 1, "system", "system.cpu")
    assert series.step.tolist() == [0, 1, 2] and series.value.tolist() == [0.0, 10.0, 20.0]


def test_series_hold_numbers_of_all_kinds_by_step(db: Database) -> None:
    send(db, [{"_step": 3, "a": {"x": 1}}, {"_step": 1, "a.x": 2.5}])
    seal_now(db)
    send(db, [{"_step": 2, "a": {"x": True}}, {"_step": 3, "a.x": "no number"}], offset=2)
    series = db.read_now(read.read_series, 1, "history", "a.x")
    assert series.step.tolist() == [1, 2, 3]
    assert series.value.tolist() == [2.5, 1.0, 1.0]
    some = db.read_now(read.read_series, 1, "history", "a.x", x_min=1.5, x_max=2)
    assert some.step.tolist() == [2]
    nothing = db.read_now(read.read_series, 1, "history", "nope")
    assert len(nothing.step) == 0


def test_any_metric_may_be_the_x_axis(db: Database) -> None:
    send(db, [{"_step": s, "y": s * 2, **({"x": -s} if s % 2 else {})} for s in range(6)])
    x, y = db.read_now(read.read_xy, 1, "history", "y", "x")
    assert (x.tolist(), y.tolist()) == ([-1, -3, -5], [2, 6, 10])
    x, y = db.read_now(read.read_xy, 1, "history", "y", "_step", x_min=2, x_max=3)
    assert (x.tolist(), y.tolist()) == ([2, 3], [4, 6])


def test_rows_are_paged_and_chosen_by_keys(db: Database) -> None:
    send(db, [{"_step": s, "a": s, **({"b": {"c": s}} if s % 3 == 0 else {})} for s in range(50)])
    seal_now(db)
    send(db, [{"_step": s, "a": s, "b": {"c": s}} for s in range(50, 60)], offset=50)
    assert [row["a"] for row in rows_of(db, min_step=45, max_step=55, limit=8)] == list(
        range(45, 53)
    )
    both = rows_of(db, keys=["a", "b.c"], min_step=10, limit=3)
    assert both == [{"_step": s, "a": s, "b.c": s} for s in (12, 15, 18)]
    assert rows_of(db, keys=["b"], limit=1) == [{"_step": 0, "b": {"c": 0}}]
    sampled = db.read_now(read.sample_rows, 1, "history", samples=5)
    assert [row["_step"] for row in sampled] == [0, 15, 30, 44, 59]
    sampled = db.read_now(read.sample_rows, 1, "history", samples=3, keys=["b.c"])
    assert [row["b.c"] for row in sampled] == [0, 39, 59]


@pytest.mark.parametrize("sealed", [False, True])
def test_keys_are_described_without_reading_values(db: Database, sealed: bool) -> None:
    rows: list[dict[str, Any]] = [
        {"_step": s, "up": s, "down": 1.0 - s, "text": "x", "m": 1 if s else "s"} for s in range(4)
    ]
    rows.append({"_step": 9, "pic": {"_type": "image-file", "path": "p"}, "down": math.nan})
    send(db, rows)
    if sealed:
        seal_now(db)
    catalogue = db.read_now(read.describe_keys, 1, "history")
    assert catalogue.last_step == 9
    up, down = catalogue.keys["up"], catalogue.keys["down"]
    assert (up.monotonic, up.previous_value, up.n, up.min, up.max) == (True, 3, 4, 0, 3)
    assert (down.monotonic, down.n, down.n_nan, down.last_step) == (False, 5, 1, 9)
    assert math.isnan(down.previous_value or 0)
    types = {
        key: {each.type: each.count for each in stats.type_counts}
        for key, stats in catalogue.keys.items()
    }
    assert types["pic"] == {"image-file": 1} and types["text"] == {"string": 4}
    assert types["m"] == {"number": 3, "string": 1}
    kinds = {each.key: each.kind for each in db.read_now(read.list_key_stats, [1, 2], "history")}
    assert kinds == {
        "up": "number",
        "down": "number",
        "text": "text",
        "m": "number",
        "pic": "media",
    }


@pytest.mark.parametrize("sealed", [False, True])
def test_rewind_drops_later_steps_and_numbers_lines_anew(db: Database, sealed: bool) -> None:
    send(db, [{"_step": step, "x": step} for step in (0, 1, 9, 2, 3, 8)])
    if sealed:
        seal_now(db)
    assert db.write_now(edit.rewind, run_id=1, last_step=2, now_us=NOW) == 3
    assert [row["x"] for row in rows_of(db)] == [0, 1, 2]
    assert send(db, [{"_step": 3, "x": 33}], offset=3).accepted == 1
    assert [row["x"] for row in rows_of(db)] == [0, 1, 2, 33]
    assert send(db, [{"_step": 2, "x": 2}], offset=2).duplicate == 1


@pytest.mark.parametrize("sealed", [False, True])
def test_fork_copies_history_up_to_a_step(db: Database, sealed: bool) -> None:
    send(db, [{"_step": step, "x": step, "t": "s"} for step in range(10)])
    if sealed:
        seal_now(db)
    send(db, [{"_step": step, "x": step} for step in range(10, 20)], offset=10)
    copied = db.write_now(edit.fork, source_run_id=1, run_id=2, last_step=14, now_us=NOW)
    assert copied == 15
    assert rows_of(db, run_id=2) == rows_of(db)[:15]
    assert db.read_now(read.get_line_count, 2, "history") == 15
    send(db, [{"_step": 15, "x": -1}], offset=15, run_id=2)
    assert rows_of(db, run_id=2)[-1]["x"] == -1 and len(rows_of(db)) == 20
    with pytest.raises(Conflict):
        db.write_now(edit.fork, source_run_id=1, run_id=2, last_step=14, now_us=NOW)


def test_deleted_streams_are_empty_and_may_be_used_again(db: Database) -> None:
    send(db, [{"_step": 0, "x": 1}])
    seal_now(db)
    send(db, [{"_step": 1, "x": 2}], offset=1)
    db.write_now(edit.delete_streams, 1)
    db.write_now(edit.delete_streams, 1)
    assert rows_of(db) == [] and db.read_now(read.get_line_count, 1, "history") == 0
    send(db, [{"_step": 0, "x": 9}])
    assert rows_of(db) == [{"_step": 0, "x": 9}]


def test_five_thousand_keys_in_one_run(db: Database) -> None:
    rows = [{"_step": s, **{f"layer{k}/p": s + k * 0.5 for k in range(5000)}} for s in range(8)]
    send(db, rows[:4])
    seal_now(db)
    send(db, rows[4:], offset=4)
    series = db.read_now(read.read_series, 1, "history", "layer4321/p")
    assert np.array_equal(series.value, np.arange(8) + 4321 * 0.5)
    assert rows_of(db) == rows
    assert len(db.read_now(read.describe_keys, 1, "history").keys) == 5000


def test_bad_offsets_and_writers_are_refused(db: Database) -> None:
    with pytest.raises(Invalid):
        send(db, [{"_step": 0}], offset=-1)
    with pytest.raises(Invalid):
        send(db, [{"_step": 0}], writer="a\0b")
