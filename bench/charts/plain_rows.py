"""The baseline: one SQLite row per point, clustered by (run, metric, step)."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np

from steelyard.server.columns.buckets import Buckets, bucket

SCHEMA = """
PRAGMA page_size=8192;
PRAGMA journal_mode=WAL;
PRAGMA cache_size=-16384;
CREATE TABLE point (run INT, metric INT, step INT, time REAL, value REAL,
                    PRIMARY KEY (run, metric, step)) WITHOUT ROWID;
"""


class PlainRows:
    def __init__(self, path: Path) -> None:
        self._conn = sqlite3.connect(path, isolation_level=None)
        self._conn.executescript(SCHEMA)

    def load(self, run: int, metric: int, times: np.ndarray, values: np.ndarray) -> None:
        rows = zip(range(len(values)), times.tolist(), values.tolist(), strict=True)
        self._conn.execute("BEGIN")
        self._conn.executemany(
            "INSERT INTO point VALUES (?, ?, ?, ?, ?)", ((run, metric, *row) for row in rows)
        )
        self._conn.execute("COMMIT")

    def read_chart(self, run: int, metric: int, *, x1: int, n: int) -> Buckets:
        rows = self._conn.execute(
            "SELECT step, value FROM point WHERE run = ? AND metric = ?", (run, metric)
        ).fetchall()
        points = np.array(rows)
        return bucket(points[:, 0], points[:, 1], x0=0, x1=x1, n=n)

    def close(self) -> None:
        self._conn.close()
