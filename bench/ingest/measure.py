"""What a server costs: CPU and memory of its processes from /proc, bytes in its database."""

from __future__ import annotations

import os
import platform
import sqlite3
import subprocess
from importlib.metadata import version
from pathlib import Path

import msgspec
import psutil

PACKAGES = ("litestar", "uvicorn", "sqlalchemy", "msgspec", "numpy", "zstandard")


class Usage(msgspec.Struct, frozen=True):
    """CPU seconds since the start, and resident memory now, of a server and its worker."""

    server_cpu_s: float
    worker_cpu_s: float
    server_rss_mb: float
    worker_rss_mb: float

    @property
    def cpu_s(self) -> float:
        return self.server_cpu_s + self.worker_cpu_s

    @property
    def rss_mb(self) -> float:
        return self.server_rss_mb + self.worker_rss_mb


def read_usage(pid: int) -> Usage:
    """Of the process and everything it started, ended children included."""
    server = psutil.Process(pid)
    own = server.cpu_times()
    children = server.children(recursive=True)
    worker_cpu_s = own.children_user + own.children_system
    worker_rss = 0
    for child in children:
        times = child.cpu_times()
        worker_cpu_s += times.user + times.system
        worker_rss += child.memory_info().rss
    return Usage(
        server_cpu_s=own.user + own.system,
        worker_cpu_s=worker_cpu_s,
        server_rss_mb=server.memory_info().rss / 1e6,
        worker_rss_mb=worker_rss / 1e6,
    )


def read_stored_bytes(path: Path) -> tuple[int, int]:
    """(bytes of pages in use, bytes of the file with its log) of a SQLite database."""
    conn = sqlite3.connect(path)
    pages, free, size = (
        conn.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("page_count", "freelist_count", "page_size")
    )
    conn.close()
    wal = Path(f"{path}-wal")
    file_bytes = path.stat().st_size + (wal.stat().st_size if wal.exists() else 0)
    return (pages - free) * size, file_bytes


def count_waiting_rows(path: Path) -> int:
    """Rows that are not sealed yet."""
    conn = sqlite3.connect(path)
    waiting: int = conn.execute(
        "SELECT coalesce(sum(tail_rows), 0) FROM history_stream"
    ).fetchone()[0]
    conn.close()
    return waiting


def count_sealed_rows(path: Path) -> int:
    """Rows of history that are sealed."""
    conn = sqlite3.connect(path)
    sealed: int = conn.execute(
        "SELECT coalesce(sum(n_lines), 0) FROM history_segment WHERE stream = 0"
    ).fetchone()[0]
    conn.close()
    return sealed


def describe_machine() -> dict[str, str]:
    cpu = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    return {
        "commit": commit.stdout.strip(),
        "cpu": cpu,
        "cores": str(os.cpu_count()),
        "load_before": " ".join(f"{load:.1f}" for load in os.getloadavg()),
        "system": platform.platform(),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
    } | {package: version(package) for package in PACKAGES}
