"""The sealing process: what it packs reads the same, and its death loses nothing."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from steelyard import limits
from steelyard.server.columns import append, edit, read
from steelyard.server.columns.sealer import Sealer
from steelyard.server.columns.segments import list_segments
from steelyard.server.columns.tables import history_tail
from steelyard.server.db.interface import Database
from tests.contract.columns_model import count_tail, rows_of, same, send


@pytest.fixture
def sealer(db: Database) -> Iterator[Sealer]:
    sealer = Sealer(db)
    sealer.start()
    yield sealer
    sealer.stop()


def make_rows(first: int, count: int) -> list[dict[str, Any]]:
    return [
        {"_step": step, "loss": 1 / (step + 1), "n": step, "text": str(step), "a": {"b": step % 2}}
        for step in range(first, first + count)
    ]


def test_an_ended_run_is_sealed_into_one_segment(db: Database, sealer: Sealer) -> None:
    rows = make_rows(0, 300)
    for start in range(0, 300, 20):
        send(db, rows[start : start + 20], offset=start)
        if start == 100:
            sealer.request(1, "history")
            assert sealer.wait_until_idle()
    sealer.request(1, "history")
    assert sealer.wait_until_idle()
    assert count_tail(db) == 0
    assert len(db.read_now(list_segments, 1, "history")) == 1
    assert same(rows_of(db), rows)
    assert send(db, rows[290:], offset=290).duplicate == 10


def test_a_run_is_sealed_when_its_tail_is_long(db: Database, sealer: Sealer) -> None:
    count = 3 * limits.SEAL_ROWS
    rows = make_rows(0, count)
    for start in range(0, count, 256):
        appended = send(db, rows[start : start + 256], offset=start)
        sealer.consider(1, "history", appended)
    assert sealer.wait_until_idle()
    assert count_tail(db) < 2 * limits.SEAL_ROWS
    assert same(rows_of(db), rows)


def test_small_segments_are_merged_while_a_run_goes_on(db: Database, sealer: Sealer) -> None:
    rows = make_rows(0, 40 * limits.COMPACT_SEGMENTS_MIN)
    for start in range(0, len(rows), 10):
        send(db, rows[start : start + 10], offset=start)
        sealer.work(1, "history", is_final=False)
    assert len(db.read_now(list_segments, 1, "history")) < 2 * limits.COMPACT_SEGMENTS_MIN
    assert same(rows_of(db), rows)


def test_killing_the_process_loses_nothing_and_doubles_nothing(
    db: Database, sealer: Sealer
) -> None:
    rows = make_rows(0, 2000)
    stop = threading.Event()

    def kill_often() -> None:
        while not stop.is_set():
            pid = sealer.worker_pid()
            if pid is not None:
                os.kill(pid, signal.SIGKILL)
            time.sleep(0.15)

    killer = threading.Thread(target=kill_often)
    killer.start()
    for start in range(0, len(rows), 100):
        send(db, rows[start : start + 100], offset=start)
        sealer.request(1, "history")
        assert db.read_now(read.get_line_count, 1, "history") == start + 100
    assert sealer.wait_until_idle()
    stop.set()
    killer.join()
    assert same(rows_of(db), rows)
    sealer._put_off.clear()  # five minutes later
    sealer.request(1, "history")
    assert sealer.wait_until_idle()
    assert count_tail(db) == 0
    assert same(rows_of(db), rows)


def test_what_changed_while_it_was_packed_is_not_overwritten(db: Database, sealer: Sealer) -> None:
    send(db, make_rows(0, 50))
    packing, run = sealer._worker, sealer._worker.run

    def rewind_meanwhile(job: Any) -> Any:
        packing.run = run  # type: ignore[method-assign]  # once
        db.write_now(edit.rewind, run_id=1, last_step=9, now_us=1)
        return run(job)

    packing.run = rewind_meanwhile  # type: ignore[method-assign]
    sealer.request(1, "history")
    assert sealer.wait_until_idle()
    assert same(rows_of(db), make_rows(0, 10))


def test_a_run_deleted_while_it_was_packed_stays_deleted(db: Database, sealer: Sealer) -> None:
    send(db, make_rows(0, 50))
    packing, run = sealer._worker, sealer._worker.run

    def delete_meanwhile(job: Any) -> Any:
        packing.run = run  # type: ignore[method-assign]  # once
        db.write_now(edit.delete_streams, 1)
        return run(job)

    packing.run = delete_meanwhile  # type: ignore[method-assign]
    sealer.request(1, "history")
    assert sealer.wait_until_idle()
    assert rows_of(db) == [] and count_tail(db) == 0


def test_tails_nobody_adds_to_are_sealed(db: Database) -> None:
    send(db, make_rows(0, 5))
    send(db, make_rows(0, 5), run_id=2, stream="system")
    late = Sealer(db, clock_us=lambda: 2**62)
    late.start()
    until = time.monotonic() + 20
    while count_tail(db) + count_tail(db, 2) and time.monotonic() < until:
        time.sleep(0.02)
    late.stop()
    assert same(rows_of(db), make_rows(0, 5))
    assert count_tail(db, 2) == 0


def test_waiting_bytes_are_known_for_back_pressure(db: Database, sealer: Sealer) -> None:
    send(db, make_rows(0, 100))
    until = time.monotonic() + 20
    while not sealer.tail_bytes and time.monotonic() < until:
        time.sleep(0.02)
    assert sealer.tail_bytes > 4000
    assert not sealer.is_overloaded()


def test_reads_during_sealing_see_every_acknowledged_row(db: Database, sealer: Sealer) -> None:
    rows = make_rows(0, 1500)
    for start in range(0, 1500, 50):
        send(db, rows[start : start + 50], offset=start)
        sealer.request(1, "history")
        series = db.read_now(read.read_series, 1, "history", "n")
        assert series.value.tolist() == list(range(start + 50))
    assert sealer.wait_until_idle()


def test_a_tail_row_is_never_in_two_places(db: Database, sealer: Sealer) -> None:
    send(db, make_rows(0, 30))
    sealer.work(1, "history", is_final=True)

    def look(conn: Connection) -> tuple[int, int]:
        waiting = conn.execute(sa.select(sa.func.count()).select_from(history_tail)).scalar_one()
        return waiting, sum(head.n_lines for head in list_segments(conn, 1, "history"))

    assert db.read_now(look) == (0, 30)
    assert db.read_now(append.get_line_count, 1, "history") == 30
