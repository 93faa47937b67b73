"""Pages of a project with many runs: the run index against JSON functions in SQL, same database.

python bench/runs/run.py [--runs 50000] [--database URL] [--out results.json]

Each run has 30 config and 50 summary keys (about 2 kB). Times are CPU milliseconds of this thread,
the median of several repetitions; the baseline's are the same queries through SQLite's
`json_extract` or PostgreSQL's `jsonb`, without indexes on keys, since users filter by any key.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from steelyard.server.db.interface import Database
from steelyard.server.db.open import open_database
from steelyard.server.migrations import create_schema
from steelyard.server.rooms.accounts.commands import create_user
from steelyard.server.rooms.accounts.queries import get_caller
from steelyard.server.rooms.projects.commands import ensure_project
from steelyard.server.rooms.runs.commands import record_activity
from steelyard.server.rooms.runs.filters import parse_filter
from steelyard.server.rooms.runs.index import RunIndex
from steelyard.server.rooms.runs.listing import list_runs
from steelyard.server.rooms.runs.order import parse_order
from steelyard.server.rooms.runs.tables import runs

OPTIMIZERS = ["adam", "sgd", "lion", "adafactor"]
REPETITIONS = 9
BATCH = 1000

TWO_FILTERS = {"config.optimizer": "adam", "summary_metrics.val/m3": {"$gt": 0.5}}
WITH_REGEX = {
    "$or": [{"config.model": {"$regex": "model-1[0-3]"}}, {"config.p3": {"$gt": 0.9}}],
    "summary_metrics.val/m3": {"$gt": 0.5},
}
BY_METRIC, NEWEST = "-summary_metrics.val/m7", "-created_at"


def main() -> None:
    arguments = parse_arguments()
    with tempfile.TemporaryDirectory() as directory:
        db = open_database(arguments.database or f"sqlite:///{directory}/bench.db")
        create_schema(db)
        project_id = fill(db, arguments.runs)
        results = {
            "commit": commit(),
            "machine": f"{platform.processor() or platform.machine()}, {platform.python_version()}",
            "database": db.kind,
            "runs": arguments.runs,
            "repetitions": REPETITIONS,
            "measured": [*measure_index(db, project_id), *measure_sql(db, project_id)],
        }
        db.close()
    text = json.dumps(results, indent=1)
    print(text)
    if arguments.out:
        arguments.out.write_text(text + "\n")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=50_000)
    parser.add_argument("--database", help="an empty database; a temporary SQLite file if absent")
    parser.add_argument("--out", type=Path)
    return parser.parse_args()


def fill(db: Database, count: int) -> int:
    """A project with `count` runs, always the same; its id."""

    def start(conn: Connection) -> int:
        user = create_user(conn, username="bench", now_us=1)
        caller = get_caller(conn, user.id)
        project, _ = ensure_project(conn, caller=caller, entity="", name="p", now_us=1)
        return project.id

    project_id = db.write_now(start)
    rng = np.random.default_rng(0)
    for first in range(0, count, BATCH):
        rows = [make_run(rng, project_id, i) for i in range(first, min(first + BATCH, count))]
        db.write_now(lambda conn, rows=rows: conn.execute(sa.insert(runs), rows) and None)
    db.write_now(
        lambda conn: conn.execute(sa.text(f"UPDATE projects SET change_seq = {count}")) and None
    )
    if db.kind == "postgresql":
        db.write_now(lambda conn: conn.execute(sa.text("ANALYZE runs")) and None)
    return project_id


def make_run(rng: np.random.Generator, project_id: int, number: int) -> dict[str, Any]:
    values = np.round(rng.random(78), 6).tolist()
    config = {
        "optimizer": OPTIMIZERS[int(rng.integers(4))],
        "model": f"model-{int(rng.integers(20))}",
        **{f"p{i}": value for i, value in enumerate(values[:28])},
    }
    summary = {f"val/m{i}": value for i, value in enumerate(values[28:])}
    return {
        "project_id": project_id,
        "name": f"run-{number}",
        "display_name": f"happy-fox-{number}",
        "state": "finished",
        "created_at_us": number,
        "updated_at_us": number,
        "heartbeat_at_us": number,
        "change_seq": number + 1,
        "config": json.dumps({key: {"value": value} for key, value in config.items()}),
        "summary": json.dumps(summary),
    }


def measure_index(db: Database, project_id: int) -> list[dict[str, Any]]:
    """The index: first use of each field, then hot, then after one run changed."""
    index = RunIndex()

    def page(conn: Connection, asked: Any, order: str, search: str | None = None) -> None:
        list_runs(
            conn,
            index,
            project_id,
            filter=parse_filter(asked),
            order=parse_order(order),
            search=search,
            first=50,
        )

    def touched(conn: Connection) -> None:
        record_activity(conn, run_id, now_us=10**15)

    run_id = db.read_now(lambda conn: conn.execute(sa.select(sa.func.max(runs.c.id))).scalar_one())
    before = resident_mib()
    cases = [
        ("newest 50", None, NEWEST, None),
        ("2 filters, by a metric", TWO_FILTERS, BY_METRIC, None),
        ("$or with regex, by a metric", WITH_REGEX, BY_METRIC, None),
        ("search in names", None, NEWEST, "fox-4999"),
    ]
    measured: list[dict[str, Any]] = []
    for name, *asked in cases:
        measured.append(timed(db, f"index, first use: {name}", page, *asked, repetitions=1))
    for name, *asked in cases:
        measured.append(timed(db, f"index: {name}", page, *asked))
    for name, *asked in cases[:2]:
        measured.append(
            timed(
                db, f"index, a run changed: {name}", page, *asked,
                before=lambda: db.write_now(touched),
            )
        )  # fmt: skip
    measured.append(
        {
            "what": "index: memory of columns, MiB",
            "value": round(index.size_bytes / 2**20, 1),
            "resident_growth_mib": round(resident_mib() - before),
        }
    )
    return measured


def measure_sql(db: Database, project_id: int) -> list[dict[str, Any]]:
    """The same pages by JSON functions of the database."""

    def text(path: str) -> str:
        column, key = path.split(".", 1)
        if db.kind == "sqlite":
            inner = f'$."{key}".value' if column == "config" else f'$."{key}"'
            return f"json_extract({column}, '{inner}')"
        inner = f"{key},value" if column == "config" else key
        return f"({column}::jsonb #>> '{{{inner}}}')"

    def number(path: str) -> str:
        return text(path) if db.kind == "sqlite" else f"{text(path)}::float8"

    two = f"{text('config.optimizer')} = 'adam' AND {number('summary.val/m3')} > 0.5"

    def page(conn: Connection, where: str, order: str) -> None:
        statement = (
            f"SELECT * FROM runs WHERE project_id = {project_id} AND {where} "
            f"ORDER BY {order} DESC LIMIT 50"
        )
        conn.execute(sa.text(statement)).all()
        count = f"SELECT count(*) FROM runs WHERE project_id = {project_id} AND {where}"
        conn.execute(sa.text(count)).scalar_one()

    return [
        timed(db, "SQL: newest 50", page, "true", "created_at_us"),
        timed(db, "SQL: 2 filters, by a metric", page, two, number("summary.val/m7")),
    ]


def timed(
    db: Database,
    what: str,
    page: Callable[..., None],
    *asked: Any,
    repetitions: int = REPETITIONS,
    before: Callable[[], None] | None = None,
) -> dict[str, Any]:
    """Median and range in ms: CPU of the reading thread, and wall time (PostgreSQL works in it)."""

    def run(conn: Connection) -> tuple[float, float]:
        cpu, wall = time.thread_time(), time.perf_counter()
        page(conn, *asked)
        return (time.thread_time() - cpu) * 1e3, (time.perf_counter() - wall) * 1e3

    samples = []
    for _ in range(repetitions):
        if before is not None:
            before()
        samples.append(db.read_now(run))
    cpu, wall = zip(*samples, strict=True)
    return {
        "what": what,
        "cpu_ms": round(statistics.median(cpu), 2),
        "cpu_ms_range": [round(min(cpu), 2), round(max(cpu), 2)],
        "wall_ms": round(statistics.median(wall), 2),
    }


def resident_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def commit() -> str:
    found = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    return found.stdout.strip()


if __name__ == "__main__":
    main()
