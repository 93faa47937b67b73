"""The clients: many runs over raw keep-alive sockets, bodies encoded before the clock starts.

A process of its own, so that its CPU is not the server's. Requests of one run are strictly one
after the other, as the official client sends them. Anything but a 200 ends the benchmark.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import random
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import uvloop

from bench.workload import POINTS_PER_ROW, make_lines

ANSWER_START = b"HTTP/1.1 200 "


def encode_requests(
    base_url: str, key: str, run: str, *, seed: int, request_count: int, rows_per_request: int
) -> list[bytes]:
    """Whole HTTP requests: the next rows and the summary after them."""
    lines = make_lines(seed, request_count * rows_per_request)
    host = urlsplit(base_url).netloc
    credentials = base64.b64encode(f"api:{key}".encode()).decode()
    requests = []
    for first in range(0, len(lines), rows_per_request):
        some = lines[first : first + rows_per_request]
        files = {
            "wandb-history.jsonl": {"offset": first, "content": some},
            "wandb-summary.json": {"offset": 0, "content": [some[-1]]},
        }
        body = json.dumps({"files": files}).encode()
        head = (
            f"POST /files/{run}/file_stream HTTP/1.1\r\nHost: {host}\r\n"
            f"Authorization: Basic {credentials}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        requests.append(head.encode() + body)
    return requests


async def send_run(
    base_url: str,
    requests: list[bytes],
    *,
    first_at_s: float,
    period_s: float,
    until_s: float,
    latencies_s: list[float],
    late_s: list[float],
) -> int:
    """Send one run's requests; how many were acknowledged. `period_s` 0: as fast as answered."""
    parts = urlsplit(base_url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    sent = 0
    for number, request in enumerate(requests):
        due_s = first_at_s + number * period_s
        now_s = time.perf_counter()
        if due_s > now_s:
            await asyncio.sleep(due_s - now_s)
        started_s = time.perf_counter()
        if started_s >= until_s:
            break
        writer.write(request)
        answer = await reader.readuntil(b"\r\n\r\n")
        if not answer.startswith(ANSWER_START):
            sys.exit(f"unexpected answer: {answer[:300]!r}")
        length = answer.lower().split(b"content-length: ")[1].split(b"\r\n")[0]
        await reader.readexactly(int(length))
        latencies_s.append(time.perf_counter() - started_s)
        if period_s:
            late_s.append(started_s - due_s)
        sent += 1
    writer.close()
    return sent


async def send_all(plan: dict[str, Any]) -> dict[str, Any]:
    """Run the plan of `bench.ingest.run`; latencies in seconds and what was sent."""
    rows = plan["rows_per_request"]
    requests = [
        encode_requests(
            plan["base_url"],
            plan["key"],
            run,
            seed=plan["seed"] + number,
            request_count=plan["requests_per_run"],
            rows_per_request=rows,
        )
        for number, run in enumerate(plan["runs"])
    ]
    phases = random.Random(plan["seed"])
    latencies_s: list[float] = []
    late_s: list[float] = []
    started_s = time.perf_counter() + 0.5
    counts = await asyncio.gather(
        *(
            send_run(
                plan["base_url"],
                its,
                first_at_s=started_s + phases.random() * plan["period_s"],
                period_s=plan["period_s"],
                until_s=started_s + plan["duration_s"],
                latencies_s=latencies_s,
                late_s=late_s,
            )
            for its in requests
        )
    )
    return {
        "requests": sum(counts),
        "points": sum(counts) * rows * POINTS_PER_ROW,
        "rows_of_run": [count * rows for count in counts],
        "wall_s": time.perf_counter() - started_s,
        "latencies_s": latencies_s,
        "late_s": late_s,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("plan", type=Path)
    parser.add_argument("result", type=Path)
    arguments = parser.parse_args()
    result = uvloop.run(send_all(json.loads(arguments.plan.read_text())))
    arguments.result.write_text(json.dumps(result))


if __name__ == "__main__":
    main()
