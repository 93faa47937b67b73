"""Console lines against a plain list, on both databases."""

from __future__ import annotations

import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from steelyard.errors import Invalid
from steelyard.server.columns import console
from steelyard.server.columns.interface import ConsoleLine
from steelyard.server.db.interface import Database

NOW = 1_790_000_000_000_000

texts = st.text(st.characters(codec="utf-8") | st.sampled_from("\0\n\r\ud800"), max_size=8)
writes = st.lists(
    st.tuples(st.integers(0, 900), st.lists(texts, max_size=300)), min_size=1, max_size=5
)


@given(writes=writes)
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_console_is_a_list_that_writes_set_lines_of(
    db: Database, writes: list[tuple[int, list[str]]]
) -> None:
    db.write_now(console.delete_lines, 1)
    model: list[str] = []
    for offset, lines in writes:
        count = db.write_now(console.write_lines, run_id=1, offset=offset, lines=lines, now_us=NOW)
        if lines:
            model += [""] * (offset - len(model))
            model[offset : offset + len(lines)] = lines
        assert count == len(model)
    assert db.read_now(console.count_lines, 1) == len(model)
    assert db.read_now(console.read_raw_lines, 1, first=0, limit=10_000) == model
    assert db.read_now(console.read_raw_lines, 1, first=200, limit=150) == model[200:350]
    tail = db.read_now(console.read_lines, 1, first=-3, limit=10)
    assert [line.number for line in tail] == list(range(len(model)))[-3:]


def test_lines_carry_time_level_and_label(db: Database) -> None:
    lines = [
        '{"ts":"2026-01-01T00:00:00.5","content":"hello","level":"error","label":"rank 1"}',
        "ERROR 2026-01-01T00:00:01.000000 went wrong",
        "2026-01-01T00:00:02.000000 fine",
        "no time",
        '{"no": "content"}',
    ]
    db.write_now(console.write_lines, run_id=1, offset=0, lines=lines, now_us=NOW)
    assert db.read_now(console.read_lines, 1, first=0, limit=10) == [
        ConsoleLine(0, "2026-01-01T00:00:00.5", "error", "hello", "rank 1"),
        ConsoleLine(1, "2026-01-01T00:00:01.000000", "error", "went wrong"),
        ConsoleLine(2, "2026-01-01T00:00:02.000000", None, "fine"),
        ConsoleLine(3, None, None, "no time"),
        ConsoleLine(4, None, None, '{"no": "content"}'),
    ]


def test_search_finds_line_numbers(db: Database) -> None:
    lines = [f"epoch {n} loss {n / 7:.3f}" for n in range(3000)]
    db.write_now(console.write_lines, run_id=1, offset=0, lines=lines, now_us=NOW)
    assert db.read_now(console.search_lines, 1, "epoch 2999", 10) == [2999]
    assert db.read_now(console.search_lines, 1, r"epoch \d*77 ", 3) == [77, 177, 277]
    with pytest.raises(Invalid):
        db.read_now(console.search_lines, 1, "(", 10)
    with pytest.raises(Invalid):
        db.read_now(console.search_lines, 1, "x" * 2000, 10)


def test_a_search_that_would_run_for_ever_ends(db: Database) -> None:
    lines = ["a" * 60] * 3000
    db.write_now(console.write_lines, run_id=1, offset=0, lines=lines, now_us=NOW)
    began = time.monotonic()
    assert db.read_now(console.search_lines, 1, "(a+)+b", 10, seconds=0.5) == []
    assert time.monotonic() - began < 5


def test_lines_far_beyond_the_end_are_refused(db: Database) -> None:
    with pytest.raises(Invalid):
        db.write_now(console.write_lines, run_id=1, offset=2**40, lines=["x"], now_us=NOW)
