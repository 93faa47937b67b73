"""Charts and storage of the column store, without HTTP: CPU, bytes, memory.

    python -m bench.charts.run [--out bench/charts/results.json]

Long runs are stored as merging leaves them; the ingest part goes the whole way of lines: append,
seal, merge. CPU is of this process and the sealing process. Every number has its repetitions.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import psutil
from sqlalchemy.engine import Connection

from bench.charts.curves import make_lines, make_series, make_times
from bench.charts.plain_rows import PlainRows
from bench.ingest.measure import describe_machine, read_stored_bytes
from steelyard.server.columns import append, codec, pyramid, read, seal, segments, streams
from steelyard.server.columns.buckets import bucket, reduce_series
from steelyard.server.columns.sealer import PackingProcess, Sealer
from steelyard.server.db.interface import Database
from steelyard.server.db.open import open_database
from steelyard.server.migrations import create_schema

LONG, MANY, EACH = 1_000_000, 50, 100_000
BUCKETS = 1000
SEGMENT_ROWS = 16_384
Measured = dict[str, Any]


def store_run(conn: Connection, run_id: int, columns: dict[str, np.ndarray]) -> None:
    """A finished run, packed and merged."""
    state = streams.lock_stream(conn, run_id, "history", now_us=1)
    n = len(next(iter(columns.values())))
    for seq, start in enumerate(range(0, n, SEGMENT_ROWS), 1):
        stop = min(start + SEGMENT_ROWS, n)
        rows = np.arange(stop - start)
        block = seal.Block(
            [seal.Piece("", start, len(rows))],
            np.arange(start, stop),
            bytes(4 * len(rows)),
            {
                key: [seal.Column(key, codec.FLOAT, rows, values[start:stop])]
                for key, values in columns.items()
            },
        )
        packed = pyramid.add_pyramids(seal.pack_blocks([block]))
        segments.insert_segment(conn, run_id, "history", seq, packed)
    state = msgspec.structs.replace(state, writers={"": n}, next_seq=seq + 1)
    streams.save_stream(conn, run_id, "history", state)


def measure(name: str, work: Callable[[], object], *, repeats: int) -> Measured:
    cpu_ms, wall_ms = [], []
    for _ in range(repeats):
        cpu, wall = time.process_time(), time.perf_counter()
        work()
        cpu_ms.append((time.process_time() - cpu) * 1e3)
        wall_ms.append((time.perf_counter() - wall) * 1e3)
    result = {
        "what": name,
        "repeats": repeats,
        "cpu_ms": round(float(np.median(cpu_ms)), 1),
        "cpu_ms_min": round(min(cpu_ms), 1),
        "cpu_ms_max": round(max(cpu_ms), 1),
        "wall_ms": round(float(np.median(wall_ms)), 1),
    }
    print(result)
    return result


def measure_charts(db: Database) -> list[Measured]:
    metrics = make_series(LONG, 5, seed=0)
    metrics["_timestamp"] = make_times(LONG, seed=1)
    db.write_now(store_run, 1, metrics)
    for number in range(MANY):
        db.write_now(store_run, 100 + number, {"loss": make_series(EACH, 2, seed=number)[F32]})
    first, second = list(metrics)[:2]
    many = range(100, 100 + MANY)

    def chart(key: str) -> object:
        series = db.read_now(read.read_series, 1, "history", key)
        return bucket(series.step, series.value, x0=0, x1=LONG - 1, n=BUCKETS)

    def chart_many(conn: Connection, bucket_count: int | None) -> object:
        return [
            reduce_series(series, x0=0, x1=EACH - 1, n=BUCKETS)
            for _, series in read.iter_series_of(
                conn, many, "history", "loss", bucket_count=bucket_count
            )
        ]

    def chart_against(x_key: str) -> object:
        x, y = db.read_now(read.read_xy, 1, "history", first, x_key)
        return bucket(x, y, x0=float(x.min()), x1=float(x.max()), n=BUCKETS)

    def rows(**asked: Any) -> object:
        return db.read_now(read.read_rows, 1, "history", **asked)

    zoom = {"x_min": LONG // 2, "x_max": LONG // 2 + 50_000}
    return [
        *(measure(f"1 M points, {key}", lambda key=key: chart(key), repeats=9) for key in metrics),
        measure(f"{MANY} runs x 100 k", lambda: db.read_now(chart_many, None), repeats=5),
        measure(
            f"{MANY} runs x 100 k, 96 buckets, summaries allowed",
            lambda: db.read_now(chart_many, 96),
            repeats=5,
        ),
        measure("1 M points, x = time", lambda: chart_against("_timestamp"), repeats=5),
        measure("1 M points, x = another metric", lambda: chart_against(second), repeats=5),
        measure(
            "zoom to 50 k of 1 M",
            lambda: db.read_now(read.read_series, 1, "history", first, **zoom),
            repeats=9,
        ),
        measure("keys described", lambda: db.read_now(read.describe_keys, 1, "history"), repeats=9),
        measure("page of 1,000 rows", lambda: rows(min_step=LONG // 2, limit=1000), repeats=9),
        measure(
            "500 rows sampled of 1 M",
            lambda: db.read_now(read.sample_rows, 1, "history", samples=500),
            repeats=3,
        ),
    ]


F32 = "float32_noise/001"


def measure_baseline(path: Path) -> list[Measured]:
    plain = PlainRows(path)
    plain.load(1, 1, make_times(LONG, seed=1), make_series(LONG, 1, seed=0)["float64_noise/000"])
    few = MANY // 10
    for number in range(few):
        plain.load(
            100 + number, 1, make_times(EACH, seed=1), make_series(EACH, 2, seed=number)[F32]
        )
    measured = [
        measure(
            "plain rows: 1 M points",
            lambda: plain.read_chart(1, 1, x1=LONG - 1, n=BUCKETS),
            repeats=3,
        ),
        measure(
            f"plain rows: {few} runs x 100 k",
            lambda: [
                plain.read_chart(100 + number, 1, x1=EACH - 1, n=BUCKETS) for number in range(few)
            ],
            repeats=3,
        ),
    ]
    plain.close()
    used, _ = read_stored_bytes(path)
    size = {"what": "plain rows: bytes per point", "bytes": used / (LONG + few * EACH)}
    print(size)
    return [*measured, size]


async def send_all(
    db: Database, sealer: Sealer, lines: list[list[str]], *, rows_per_request: int
) -> None:
    """All runs at once, each one request after the other."""

    async def send_run(run: int) -> None:
        for first in range(0, len(lines[run]), rows_per_request):
            appended = await db.write(
                append.append_lines,
                run_id=1000 + run,
                stream="history",
                offset=first,
                lines=lines[run][first : first + rows_per_request],
                now_us=1,
            )
            sealer.consider(1000 + run, "history", appended)

    await asyncio.gather(*(send_run(run) for run in range(len(lines))))


def measure_ingest(db: Database, path: Path) -> Measured:
    """100 requests of 20 rows x 20 metrics from each of 25 runs: append, seal, merge."""
    run_count, request_count, rows, metric_count = 25, 100, 20, 20
    lines = [make_lines(request_count * rows, metric_count, seed=run) for run in range(run_count)]
    packing = PackingProcess()
    sealer = Sealer(db, packing=packing)
    sealer.start()
    before, _ = read_stored_bytes(path)
    cpu = time.process_time()
    asyncio.run(send_all(db, sealer, lines, rows_per_request=rows))
    for run in range(run_count):
        sealer.request(1000 + run, "history")
    assert sealer.wait_until_idle(300)
    cpu_s = time.process_time() - cpu
    assert packing.pid is not None
    worker = psutil.Process(packing.pid)
    worker_cpu_s = worker.cpu_times().user + worker.cpu_times().system
    worker_mb = worker.memory_info().rss / 1e6
    sealer.stop()
    time.sleep(2)  # the checkpointer empties the log
    millions = run_count * request_count * rows * metric_count / 1e6
    used, _ = read_stored_bytes(path)
    result = {
        "what": "append, seal and merge",
        "million_points": millions,
        "server_cpu_s_per_million": round(cpu_s / millions, 2),
        "worker_cpu_s_per_million": round(worker_cpu_s / millions, 2),
        "worker_rss_mb": round(worker_mb, 1),
        "bytes_per_point": round((used - before) / millions / 1e6, 2),
    }
    print(result)
    return result


def measure_wide(db: Database) -> list[Measured]:
    """5,000 keys x 200 rows."""
    keys = [f"layer{number // 10}/p{number}" for number in range(5000)]
    lines = [
        msgspec.json.encode({"_step": step, **{key: step * 0.5 for key in keys}}).decode()
        for step in range(200)
    ]
    packing = PackingProcess()
    sealer = Sealer(db, packing=packing)
    sealer.start()
    cpu = time.process_time()
    for first in range(0, 200, 20):
        appended = db.write_now(
            append.append_lines,
            run_id=7,
            stream="history",
            offset=first,
            lines=lines[first : first + 20],
            now_us=1,
        )
        sealer.consider(7, "history", appended)
    sealer.request(7, "history")
    assert sealer.wait_until_idle(300)
    assert packing.pid is not None
    worker = psutil.Process(packing.pid)
    worker_cpu_s = worker.cpu_times().user + worker.cpu_times().system
    stored = {
        "what": "5,000 keys x 200 rows stored",
        "cpu_s": round(time.process_time() - cpu + worker_cpu_s, 2),
        "worker_rss_mb": round(worker.memory_info().rss / 1e6, 1),
    }
    sealer.stop()
    print(stored)
    one = measure(
        "chart of 1 of 5,000 keys",
        lambda: db.read_now(read.read_series, 7, "history", keys[333]),
        repeats=9,
    )
    return [stored, one]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("results.json"))
    out: Path = parser.parse_args().out
    directory = Path(tempfile.mkdtemp(prefix="bench-charts-"))
    try:
        path = directory / "charts.db"
        db = open_database(f"sqlite:///{path}")
        create_schema(db)
        measured = [measure_ingest(db, path), *measure_charts(db), *measure_wide(db)]
        db.close()
        measured += measure_baseline(directory / "plain.db")
    finally:
        shutil.rmtree(directory)
    document = {"machine": describe_machine(), "measured": measured}
    out.write_bytes(msgspec.json.format(msgspec.json.encode(document), indent=1) + b"\n")


if __name__ == "__main__":
    main()
