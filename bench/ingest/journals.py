"""The same rows by journal and by file stream: CPU per million points on either way.

    python -m bench.ingest.journals [--repetitions 2] [--out bench/ingest/journals.json]

Rows, requests and measures are those of `bench.ingest.run`: (a) 17,000 points/s, (b) as fast as
answered. The summary is made by the client in the file stream, and by the server of a journal.
Runs exist, and their journals have begun, before the clock starts.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import uvloop

from bench.ingest import load
from bench.ingest.measure import count_sealed_rows, describe_machine, read_usage
from bench.ingest.run import (
    PACED_POINTS_PER_S,
    POINTS_PER_REQUEST,
    ROWS_PER_REQUEST,
    RUN_COUNT,
    create_run,
    seal_all,
    spread,
    summarize,
)
from bench.workload import METRICS, POINTS_PER_ROW, STARTED_AT_S, make_columns
from steelyard.testing.server import ThrowawayServer
from steelyard.wire import journal

WRITER = "writer000001"
STARTED_US = int(STARTED_AT_S * 1e6)
US_PER_ROW = 600_000


def encode_record(number: int, kind: int, payload: Any) -> bytes:
    body = [kind, number, STARTED_US + number * US_PER_ROW, payload]
    return journal.frame(msgspec.msgpack.encode(body))


def encode_start() -> bytes:
    start = {"v": journal.VERSION, "role": "process", "client": "bench", "python": "3"}
    return encode_record(0, journal.START, start)


def encode_requests(
    base_url: str, key: str, run: str, *, seed: int, request_count: int, rows_per_request: int
) -> list[bytes]:
    """As `load.encode_requests`, of a journal behind its START."""
    columns = make_columns(seed, request_count * rows_per_request)
    records = [
        encode_record(step + 1, journal.HISTORY, [step, True, dict(zip(METRICS, row, strict=True))])
        for step, row in enumerate(zip(*columns.values(), strict=True))
    ]
    offset, requests = len(encode_start()), []
    for first in range(0, len(records), rows_per_request):
        body = b"".join(records[first : first + rows_per_request])
        head = (
            f"POST /api/v1/runs/{run}/journals/{WRITER}?offset={offset} HTTP/1.1\r\n"
            f"Host: {urlsplit(base_url).netloc}\r\nAuthorization: Bearer {key}\r\n"
            f"Content-Type: application/octet-stream\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        requests.append(head.encode() + body)
        offset += len(body)
    return requests


def measure_load(
    directory: Path, *, by_journal: bool, points_per_s: float, requests_per_run: int
) -> dict[str, float]:
    """One server, one load, by one of the two ways."""
    with ThrowawayServer(directory / "server") as server:
        plan = {
            "base_url": server.base_url,
            "key": server.owner_key,
            "runs": [create_run(server, f"bench-{number}") for number in range(RUN_COUNT)],
            "seed": 0,
            "rows_per_request": ROWS_PER_REQUEST,
            "requests_per_run": requests_per_run,
            "period_s": RUN_COUNT * POINTS_PER_REQUEST / points_per_s if points_per_s else 0.0,
            "duration_s": 600,
        }
        for run in plan["runs"] if by_journal else ():
            path = f"/api/v1/runs/{run}/journals/{WRITER}?offset=0"
            assert server.request("POST", path, body=encode_start()).status == 200
        before = read_usage(server.pid)
        sent = run_clients(directory, plan, by_journal=by_journal)
        at_end = read_usage(server.pid)
        database = server.data_dir / "steelyard.db"
        seal_all(server, plan["runs"], database)
        after = read_usage(server.pid)
        assert count_sealed_rows(database) * POINTS_PER_ROW == sent["points"], "rows are missing"
    return summarize(sent, before, at_end, after)


def run_clients(directory: Path, plan: dict[str, Any], *, by_journal: bool) -> dict[str, Any]:
    """Send the plan from a process of its own."""
    plan_path, result_path = directory / "plan.json", directory / "sent.json"
    plan_path.write_text(json.dumps(plan))
    way = "journal" if by_journal else "stream"
    command = [sys.executable, "-m", "bench.ingest.journals", "--send", way]
    subprocess.run([*command, str(plan_path), str(result_path)], check=True)
    return msgspec.json.decode(result_path.read_bytes())


def send(way: str, plan_path: Path, result_path: Path) -> None:
    """The process of the clients."""
    if way == "journal":
        load.encode_requests = encode_requests
    result_path.write_text(json.dumps(uvloop.run(load.send_all(json.loads(plan_path.read_text())))))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--flood-requests", type=int, default=60, help="per run")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--send", choices=("journal", "stream"), help=argparse.SUPPRESS)
    parser.add_argument("paths", nargs="*", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.send:
        send(arguments.send, *arguments.paths)
        return
    paced = int(PACED_POINTS_PER_S * arguments.seconds / RUN_COUNT / POINTS_PER_REQUEST)
    loads = {"paced": (PACED_POINTS_PER_S, paced), "flood": (0, arguments.flood_requests)}
    results: dict[str, list[dict[str, float]]] = {}
    for _ in range(arguments.repetitions):
        for name, (points_per_s, count) in loads.items():
            for way in ("stream", "journal"):
                with tempfile.TemporaryDirectory(prefix="steelyard-bench-") as directory:
                    measured = measure_load(
                        Path(directory),
                        by_journal=way == "journal",
                        points_per_s=points_per_s,
                        requests_per_run=count,
                    )
                results.setdefault(f"{name}_{way}", []).append(measured)
                shown = {key: round(value, 2) for key, value in measured.items()}
                print(f"{name}_{way}", json.dumps(shown), flush=True)
    report = {
        "machine": describe_machine(),
        "repetitions": arguments.repetitions,
        "loads": {name: spread(its) for name, its in results.items()},
    }
    if arguments.out:
        arguments.out.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
