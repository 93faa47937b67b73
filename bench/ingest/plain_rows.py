"""The baseline: one SQLite row per point, written straight into the file, no HTTP in front.

The same lines, the same durability (WAL, synchronous=FULL, a commit per request), names of metrics
in a table of their own, rows clustered by (run, metric, step). It has the advantage of no server.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import time
from pathlib import Path

from bench.workload import POINTS_PER_ROW, make_lines

SCHEMA = """
PRAGMA page_size=8192;
PRAGMA journal_mode=WAL;
PRAGMA synchronous=FULL;
CREATE TABLE metric (id INTEGER PRIMARY KEY, name TEXT UNIQUE);
CREATE TABLE point (run INT, metric INT, step INT, value REAL,
                    PRIMARY KEY (run, metric, step)) WITHOUT ROWID;
"""


def write_points(path: Path, *, run_count: int, rows_per_run: int, rows_per_request: int) -> dict:
    """Write every run's rows in turns; CPU and wall seconds, bytes on disk."""
    lines = [make_lines(seed, rows_per_run) for seed in range(run_count)]
    conn = sqlite3.connect(path, isolation_level=None)
    conn.executescript(SCHEMA)
    ids: dict[str, int] = {}
    cpu_s, wall_s = time.process_time(), time.perf_counter()
    for first in range(0, rows_per_run, rows_per_request):
        for run in range(run_count):
            points = []
            for line in lines[run][first : first + rows_per_request]:
                row = json.loads(line)
                step = row["_step"]
                for name, value in row.items():
                    if name != "_step":
                        if name not in ids:
                            ids[name] = len(ids)
                            conn.execute("INSERT INTO metric VALUES (?, ?)", (ids[name], name))
                        points.append((run, ids[name], step, value))
            conn.execute("BEGIN")
            conn.executemany("INSERT OR REPLACE INTO point VALUES (?, ?, ?, ?)", points)
            conn.execute("COMMIT")
    cpu_s, wall_s = time.process_time() - cpu_s, time.perf_counter() - wall_s
    conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    conn.close()
    points_written = run_count * rows_per_run * POINTS_PER_ROW
    return {
        "points": points_written,
        "cpu_s_per_million_points": cpu_s / points_written * 1e6,
        "points_per_s": points_written / wall_s,
        "bytes_per_point": path.stat().st_size / points_written,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path)
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--rows-per-run", type=int, default=400)
    parser.add_argument("--rows-per-request", type=int, default=40)
    arguments = parser.parse_args()
    result = write_points(
        arguments.path,
        run_count=arguments.runs,
        rows_per_run=arguments.rows_per_run,
        rows_per_request=arguments.rows_per_request,
    )
    print(json.dumps(result))


if __name__ == "__main__":
    main()
