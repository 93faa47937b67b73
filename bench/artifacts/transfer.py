"""Memory of a server while one large file comes and goes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from bench.artifacts.workload import make_large
from steelyard.testing.server import ThrowawayServer

SAMPLE_S = 0.05

LOG = """
import steelyard, sys
with steelyard.init(project="memory", dir=sys.argv[1]) as run:
    artifact = steelyard.Artifact("data", "dataset")
    artifact.add_dir(sys.argv[2], policy="immutable")
    run.log_artifact(artifact)
    artifact.wait()
"""
FETCH = """
import sys
from steelyard.sdk.artifacts.artifact import Artifact
Artifact._from_name("memory/data:latest").download(sys.argv[2], skip_cache=True)
"""


def measure(directory: Path, *, size_mib: int) -> dict[str, dict[str, float]]:
    """MB resident in the server before each way, and how much more it was at the most.

    A first, small transfer loads what is loaded at the first one only.
    """
    directory.mkdir()
    with ThrowawayServer(directory / "server") as server:
        for name, mib in (("first", 300), ("whole", size_mib)):
            source = directory / name
            make_large(source, size_mib=mib, seed=len(name))
            up = watch(server, LOG, directory, source)
            down = watch(server, FETCH, directory, directory / f"{name}-fetched")
            subprocess.run(
                ["diff", "-r", str(source), str(directory / f"{name}-fetched")], check=True
            )
            subprocess.run(["rm", "-rf", str(source), str(directory / f"{name}-fetched")])
    return {"up": up, "down": down}


def watch(server: ThrowawayServer, script: str, directory: Path, path: Path) -> dict[str, float]:
    """Run a script against the server, and look at the server's memory meanwhile."""
    environ = os.environ | {
        "HOME": str(directory / "home"),
        "WANDB_BASE_URL": server.base_url,
        "WANDB_API_KEY": server.owner_key,
        "WANDB_SILENT": "true",
    }
    with sampled_mb(server.pid) as samples:
        command = [sys.executable, "-c", script, str(directory), str(path)]
        subprocess.run(command, check=True, env=environ, cwd=directory)
    return {
        "before_mb": samples[0],
        "grown_mb": max(samples) - samples[0],
        "after_mb": samples[-1],
    }


@contextmanager
def sampled_mb(pid: int) -> Iterator[list[float]]:
    """Resident memory of a process and all below it, every 50 ms; first before, last after."""
    process, stopping = psutil.Process(pid), threading.Event()
    samples = [resident_mb(process)]

    def sample() -> None:
        while not stopping.wait(SAMPLE_S):
            samples.append(resident_mb(process))

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield samples
    finally:
        stopping.set()
        thread.join()
        samples.append(resident_mb(process))


def resident_mb(process: psutil.Process) -> float:
    total = 0
    for each in (process, *process.children(recursive=True)):
        try:
            total += each.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total / 1e6


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        print(json.dumps(measure(Path(name) / "memory", size_mib=int(sys.argv[1])), indent=1))
