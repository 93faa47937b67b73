"""A version of a million references, a terabyte that is elsewhere: logging and listing it."""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

from bench.artifacts.transfer import sampled_mb
from bench.ingest.measure import read_usage
from steelyard.testing.server import ThrowawayServer

REPETITIONS = 9
LOG = """
import resource, sys, time
import steelyard
from steelyard.sdk.artifacts.entry import ArtifactManifestEntry
count = int(sys.argv[2])
with steelyard.init(project="references", dir=sys.argv[1]) as run:
    artifact = steelyard.Artifact("data", "dataset")
    began = time.perf_counter()
    for number in range(count):
        path = f"{number // 1000:05}/{number:08}.jpg"
        artifact.manifest.add_entry(
            ArtifactManifestEntry(
                path=path,
                digest=f"{number:032x}",
                ref=f"s3://bucket/images/{path}",
                size=1_000_000,
                extra={"etag": f"{number:032x}"},
            )
        )
    added = time.perf_counter()
    run.log_artifact(artifact)
    logged = time.perf_counter()
    artifact.wait()
    done = time.perf_counter()
peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
print("told", added - began, logged - added, done - logged, peak_mb)
"""


def measure(directory: Path, count: int) -> dict[str, float]:
    """Seconds, MB, and milliseconds of wall time for pages (median of nine, after a first)."""
    directory.mkdir()
    with ThrowawayServer(directory / "server") as server:
        environ = os.environ | {
            "HOME": str(directory / "home"),
            "WANDB_BASE_URL": server.base_url,
            "WANDB_API_KEY": server.owner_key,
            "WANDB_SILENT": "true",
        }
        before_s, client_s = read_usage(server.pid).cpu_s, children_cpu_s()
        command = [sys.executable, "-c", LOG, str(directory), str(count)]
        with sampled_mb(server.pid) as samples:
            told = subprocess.run(
                command, check=True, stdout=subprocess.PIPE, text=True, env=environ, cwd=directory
            )
        add_s, log_s, wait_s, peak_mb = map(float, told.stdout.rpartition("told")[2].split())
        found = {
            "add_s": add_s,
            "log_s": log_s,
            "wait_s": wait_s,
            "client_peak_mb": peak_mb,
            "client_cpu_s": children_cpu_s() - client_s,
            "server_cpu_s": read_usage(server.pid).cpu_s - before_s,
            "server_before_mb": samples[0],
            "server_grown_mb": max(samples) - samples[0],
        }
        entity = server.call("GET", "/api/v1/me")["default_entity"]
        place = f"/api/v1/{entity}/references/artifacts/data/versions/latest"
        with sampled_mb(server.pid) as samples:
            for name, question in (
                ("first_page_ms", "/files?limit=1000"),
                ("page_in_the_middle_ms", f"/files?limit=1000&prefix={count // 2000:05}"),
                ("directories_ms", "/tree?limit=100"),
            ):
                found |= ask_often(server, place + question, name)
        found["server_grown_by_pages_mb"] = max(samples) - samples[0]
    return found


def ask_often(server: ThrowawayServer, place: str, name: str) -> dict[str, float]:
    """The first answer and the median of later ones."""
    spent_ms = []
    for _ in range(REPETITIONS + 1):
        began = time.perf_counter()
        answer = server.request("GET", place)
        spent_ms.append((time.perf_counter() - began) * 1e3)
        assert answer.status == 200, answer.data[:500]
    return {name: statistics.median(spent_ms[1:]), f"{name}_at_first": spent_ms[0]}


def children_cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        print(json.dumps(measure(Path(name) / "references", int(sys.argv[1])), indent=1))
