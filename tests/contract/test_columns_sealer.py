"""The sealing process: what it packs reads the same, and its death loses nothing."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from steelyard import limits
from steelyard.server.columns import append, edit, read
from steelyard.server.columns.buckets import Buckets, reduce_series
from steelyard.server.columns.seal import PackedSegment
from steelyard.server.columns.sealer import PackingHere, PackingProcess, Sealer
from steelyard.server.columns.segments import list_segments
from steelyard.server.columns.tables import history_tail
from steelyard.server.columns.worker import Job, run_job
from steelyard.server.db.interface import Database
from tests.contract.columns_model import count_tail, rows_of, same, send


class Interrupted:
    """Packs, and on the first job lets something happen between reading and storing."""

    def __init__(self, happen: Callable[[], object]) -> None:
        self.happen: Callable[[], object] | None = happen

    def run(self, job: Job) -> PackedSegment:
        happen, self.happen = self.happen, None
        if happen is not None:
            happen()
        return run_job(job)

    def stop(self) -> None:
        assert self.happen is None


@pytest.fixture
def packing() -> PackingProcess:
    return PackingProcess()


@pytest.fixture
def sealer(db: Database, packing: PackingProcess) -> Iterator[Sealer]:
    sealer = Sealer(db, packing=packing)
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
    db: Database, sealer: Sealer, packing: PackingProcess
) -> None:
    rows = make_rows(0, 2000)
    stop = threading.Event()

    def kill_often() -> None:
        while not stop.is_set():
            pid = packing.pid
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


def test_what_changed_while_it_was_packed_is_not_overwritten(db: Database) -> None:
    send(db, make_rows(0, 50))
    rewind = partial(db.write_now, edit.rewind, run_id=1, last_step=9, now_us=1)
    sealer = Sealer(db, packing=Interrupted(rewind))
    sealer.work(1, "history", is_final=True)
    sealer.stop()
    assert same(rows_of(db), make_rows(0, 10))


def test_a_run_deleted_while_it_was_packed_stays_deleted(db: Database) -> None:
    send(db, make_rows(0, 50))
    sealer = Sealer(db, packing=Interrupted(partial(db.write_now, edit.delete_streams, 1)))
    sealer.work(1, "history", is_final=True)
    sealer.stop()
    assert rows_of(db) == [] and count_tail(db) == 0


def test_two_servers_that_seal_the_same_run_do_not_double_it(db: Database) -> None:
    send(db, make_rows(0, 50))
    other = Sealer(db, packing=PackingHere())
    seal = partial(other.work, 1, "history", is_final=True)
    sealer = Sealer(db, packing=Interrupted(seal))
    sealer.work(1, "history", is_final=True)
    sealer.stop()
    assert same(rows_of(db), make_rows(0, 50))
    assert len(db.read_now(list_segments, 1, "history")) == 1


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


def test_huge_panels_are_drawn_from_summaries_that_bound_the_points(
    db: Database, sealer: Sealer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "PYRAMID_POINTS_MIN", 10_000)
    random = np.random.default_rng(1)
    values = np.where(random.uniform(size=9000) < 0.01, np.nan, random.normal(size=9000))
    rows = [{"_step": step, "y": value} for step, value in enumerate(values.tolist())]
    for run_id in (1, 2):
        for start in range(0, 8000, 2000):
            send(db, rows[start : start + 2000], offset=start, run_id=run_id)
            sealer.work(run_id, "history", is_final=start == 6000)
        send(db, rows[8000:], offset=8000, run_id=run_id)

    def reduce(conn: Connection, bucket_count: int | None) -> dict[int, Buckets]:
        found = read.iter_series_of(conn, [1, 2, 3], "history", "y", bucket_count=bucket_count)
        return {run_id: reduce_series(each, x0=0, x1=8999, n=5) for run_id, each in found}

    about, exact = db.read_now(reduce, 5), db.read_now(reduce, None)
    assert about.keys() == exact.keys() == {1, 2}
    for run_id, one in exact.items():
        other = about[run_id]
        assert (np.nanmin(other.low), np.nanmax(other.high)) == (one.low.min(), one.high.max())
        assert other.count.sum() == one.count.sum()
        assert np.abs(other.count - one.count).max() <= 2 * 64
        assert np.allclose(other.mean, one.mean, atol=0.1)
        assert other.last[-1] == one.last[-1]


def test_a_tail_row_is_never_in_two_places(db: Database, sealer: Sealer) -> None:
    send(db, make_rows(0, 30))
    sealer.work(1, "history", is_final=True)

    def look(conn: Connection) -> tuple[int, int]:
        waiting = conn.execute(sa.select(sa.func.count()).select_from(history_tail)).scalar_one()
        return waiting, sum(head.n_lines for head in list_segments(conn, 1, "history"))

    assert db.read_now(look) == (0, 30)
    assert db.read_now(append.get_line_count, 1, "history") == 30
