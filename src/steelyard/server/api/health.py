"""Is the server alive, can it work, and how much does it do."""

from __future__ import annotations

import os
import resource
import sys
import time
from pathlib import Path

from litestar import Response, get, route

from steelyard import __version__
from steelyard.server.columns.sealer import Sealer
from steelyard.server.db.interface import Database
from steelyard.server.http.metrics import Metrics
from steelyard.server.rooms.accounts.queries import count_users

STARTED_AT_S = time.time()
NOT_STORED = {"Cache-Control": "no-store"}


@route("/healthz", http_method=["GET", "HEAD"], include_in_schema=False)
async def is_alive() -> Response[dict[str, str]]:
    """The process answers."""
    return Response({"status": "ok", "version": __version__}, headers=NOT_STORED)


@route("/ready", http_method=["GET", "HEAD"], include_in_schema=False)
async def is_ready(db: Database) -> Response[dict[str, str]]:
    """The database answers as well; 503 otherwise."""
    await db.read(count_users)
    return Response({"status": "ready", "database": db.kind}, headers=NOT_STORED)


@get("/metrics", include_in_schema=False)
async def show_metrics(db: Database, sealer: Sealer, metrics: Metrics) -> Response[str]:
    """Counters of this process for Prometheus. Names of users, projects and runs are not in it."""
    gauges = {
        "steelyard_tail_bytes": (
            "Bytes of history that are durable and wait to be packed.",
            float(sealer.tail_bytes),
        ),
        "steelyard_seal_backlog": (
            "Streams of runs that wait to be packed.",
            float(sealer.backlog_count),
        ),
        "steelyard_is_postgresql": (
            "1 when the database is PostgreSQL, 0 when it is SQLite.",
            float(db.kind == "postgresql"),
        ),
        "process_resident_memory_bytes": (
            "Resident memory of the server process.",
            float(resident_bytes()),
        ),
        "process_cpu_seconds": (
            "CPU time of the server process so far.",
            sum(os.times()[:2]),
        ),
        "process_start_time_seconds": ("When the process started.", STARTED_AT_S),
    }
    return Response(
        metrics.render(gauges),
        media_type="text/plain; version=0.0.4; charset=utf-8",
        headers=NOT_STORED,
    )


def resident_bytes() -> int:
    """Resident memory of this process now; its peak where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * resource.getpagesize()
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024


handlers = [is_alive, is_ready, show_metrics]
