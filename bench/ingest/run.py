"""Ingest over HTTP: latency of durable acknowledgements, CPU, memory and bytes per point.

    python -m bench.ingest.run [--repetitions 3] [--seconds 60] [--out bench/ingest/results.json]

Each repetition starts a server on an empty directory and gives it (a) 100 runs that send
17,000 points/s in requests of 400 points, (b) 100 runs that send as fast as they are answered.
CPU is that of the server and its sealing process, from the first request until nothing waits to
be sealed. The plain-rows baseline runs in between. The numbers of RESULTS.md come from here.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec

from bench.ingest.measure import (
    Usage,
    count_sealed_rows,
    count_waiting_rows,
    describe_machine,
    read_stored_bytes,
    read_usage,
)
from bench.workload import POINTS_PER_ROW
from steelyard.testing.server import ThrowawayServer

RUN_COUNT = 100
ROWS_PER_REQUEST = 40
POINTS_PER_REQUEST = ROWS_PER_REQUEST * POINTS_PER_ROW
PACED_POINTS_PER_S = 17_000
SEAL_TIMEOUT_S = 240

UPSERT = """
mutation UpsertBucket($name: String, $project: String) {
  upsertBucket(input: {name: $name, modelName: $project}) {
    bucket { name project { name entity { name } } }
  }
}
"""


def measure_load(
    directory: Path, *, seconds: float, points_per_s: float, requests_per_run: int, seed: int
) -> dict[str, float]:
    """One server, one load. `points_per_s` 0: as fast as the server answers."""
    period_s = RUN_COUNT * POINTS_PER_REQUEST / points_per_s if points_per_s else 0.0
    with ThrowawayServer(directory / "server") as server:
        plan = {
            "base_url": server.base_url,
            "key": server.owner_key,
            "runs": [create_run(server, f"bench-{number}") for number in range(RUN_COUNT)],
            "seed": seed,
            "rows_per_request": ROWS_PER_REQUEST,
            "requests_per_run": requests_per_run,
            "period_s": period_s,
            "duration_s": seconds,
        }
        database = server.data_dir / "steelyard.db"
        empty_bytes, _ = read_stored_bytes(database)
        before = read_usage(server.pid)
        sent = run_clients(directory, plan)
        at_end = read_usage(server.pid)
        seal_all(server, plan["runs"], database)
        after = read_usage(server.pid)
        assert count_sealed_rows(database) * POINTS_PER_ROW == sent["points"], "rows are missing"
        stored_bytes, file_bytes = read_stored_bytes(database)
    return summarize(sent, before, at_end, after) | {
        "bytes_per_point": (stored_bytes - empty_bytes) / sent["points"],
        "file_bytes_per_point": (file_bytes - empty_bytes) / sent["points"],
    }


def summarize(sent: dict[str, Any], before: Usage, at_end: Usage, after: Usage) -> dict[str, float]:
    """Numbers of one load; `after` is when everything is sealed."""
    millions = sent["points"] / 1e6
    latencies = sorted(sent["latencies_s"])
    return {
        "points": sent["points"],
        "points_per_s": sent["points"] / sent["wall_s"],
        "ack_p50_ms": latencies[len(latencies) // 2] * 1e3,
        "ack_p99_ms": latencies[int(len(latencies) * 0.99)] * 1e3,
        "ack_max_ms": latencies[-1] * 1e3,
        "late_p99_ms": sorted(sent["late_s"])[int(len(sent["late_s"]) * 0.99)] * 1e3
        if sent["late_s"]
        else 0.0,
        "cpu_s_per_million": (after.cpu_s - before.cpu_s) / millions,
        "server_cpu_s_per_million": (after.server_cpu_s - before.server_cpu_s) / millions,
        "worker_cpu_s_per_million": (after.worker_cpu_s - before.worker_cpu_s) / millions,
        "server_rss_mb": at_end.server_rss_mb,
        "worker_rss_mb": at_end.worker_rss_mb,
        "rss_mb_after": after.rss_mb,
    }


def create_run(server: ThrowawayServer, name: str) -> str:
    data = server.graphql(UPSERT, name=name, project="bench")
    bucket = data["upsertBucket"]["bucket"]
    return f"{bucket['project']['entity']['name']}/{bucket['project']['name']}/{bucket['name']}"


def run_clients(directory: Path, plan: dict[str, Any]) -> dict[str, Any]:
    """Send the plan from a process of its own."""
    plan_path, result_path = directory / "plan.json", directory / "sent.json"
    plan_path.write_text(json.dumps(plan))
    command = [sys.executable, "-m", "bench.ingest.load", str(plan_path), str(result_path)]
    subprocess.run(command, check=True)
    return msgspec.json.decode(result_path.read_bytes())


def seal_all(server: ThrowawayServer, runs: list[str], database: Path) -> None:
    """End every run, so that what is left in the tails is sealed, and wait for it."""
    for run in runs:
        server.call("POST", f"/files/{run}/file_stream", content={"complete": True, "exitcode": 0})
    deadline = time.monotonic() + SEAL_TIMEOUT_S
    quiet_since, cpu_s = time.monotonic(), 0.0
    while count_waiting_rows(database) or time.monotonic() - quiet_since < 3:
        used_s = read_usage(server.pid).cpu_s
        if used_s - cpu_s > 0.05:  # merging goes on after the last row is sealed
            quiet_since, cpu_s = time.monotonic(), used_s
        if time.monotonic() > deadline:
            raise TimeoutError(f"{count_waiting_rows(database)} rows are still not sealed")
        time.sleep(0.5)


def measure_plain_rows(directory: Path) -> dict[str, float]:
    """The baseline in a process of its own."""
    command = [sys.executable, "-m", "bench.ingest.plain_rows", str(directory / "plain.db")]
    told = subprocess.run(command, check=True, capture_output=True, text=True)
    result: dict[str, float] = json.loads(told.stdout)
    return result


def spread(results: list[dict[str, float]]) -> dict[str, dict[str, float]]:
    """Median, smallest and largest of every number."""
    return {
        name: {
            "median": statistics.median(one[name] for one in results),
            "min": min(one[name] for one in results),
            "max": max(one[name] for one in results),
        }
        for name in results[0]
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--flood-requests", type=int, default=240, help="per run, at most")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    machine = describe_machine()
    loads: dict[str, list[dict[str, float]]] = {"paced": [], "flood": [], "plain_rows": []}
    for repetition in range(arguments.repetitions):
        paced_requests = int(
            PACED_POINTS_PER_S * arguments.seconds / RUN_COUNT / POINTS_PER_REQUEST
        )
        with tempfile.TemporaryDirectory(prefix="steelyard-bench-") as name:
            loads["paced"].append(
                measure_load(
                    Path(name),
                    seconds=arguments.seconds,
                    points_per_s=PACED_POINTS_PER_S,
                    requests_per_run=paced_requests + 1,
                    seed=repetition * 1000,
                )
            )
            loads["plain_rows"].append(measure_plain_rows(Path(name)))
        with tempfile.TemporaryDirectory(prefix="steelyard-bench-") as name:
            loads["flood"].append(
                measure_load(
                    Path(name),
                    seconds=arguments.seconds,
                    points_per_s=0,
                    requests_per_run=arguments.flood_requests,
                    seed=repetition * 1000,
                )
            )
        for load, results in loads.items():
            shown = {key: round(value, 2) for key, value in results[-1].items()}
            print(load, json.dumps(shown), flush=True)
    report = {
        "machine": machine,
        "repetitions": arguments.repetitions,
        "workload": {
            "runs": RUN_COUNT,
            "points_per_request": POINTS_PER_REQUEST,
            "paced_points_per_s": PACED_POINTS_PER_S,
            "paced_seconds": arguments.seconds,
            "flood_requests_per_run": arguments.flood_requests,
        },
        "loads": {load: spread(results) for load, results in loads.items()},
    }
    text = json.dumps(report, indent=1)
    if arguments.out:
        arguments.out.write_text(text + "\n")
    else:
        print(text)


if __name__ == "__main__":
    main()
