"""Sixty-four agents of one sweep that ask for their first run at once.

    python -m bench.search.agents [--agents 64] [--results 100] [--out FILE]

A server in a process of its own, a sweep of `method: bayes` with results behind it, and one thread
for each agent: all register first, then all ask. Measured are the time until each has its run, by
the clock and by the CPU of the server, and how many got the same configuration (none may).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import statistics
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import urllib3

from steelyard.testing.server import ThrowawayServer

CONFIG = """
method: bayes
metric: {name: loss, goal: minimize}
parameters:
  lr: {min: 0.00001, max: 0.1, distribution: log_uniform_values}
  width: {min: 16, max: 1024}
  depth: {min: 1, max: 8}
  dropout: {min: 0.0, max: 0.7}
  momentum: {min: 0.5, max: 0.99}
  optimizer: {values: [adam, sgd, lion]}
  decay: {min: 0.0, max: 0.1}
"""
SEED = 20251121
SWEEPS = "/api/v1/-/bench/sweeps"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--agents", type=int, default=64)
    parser.add_argument("--results", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    found = run(options.agents, options.results, repeats=options.repeats)
    print(json.dumps(found, indent=2))
    if options.out is not None:
        options.out.write_text(json.dumps(found, indent=2) + "\n")


def run(agents: int, results: int, *, repeats: int) -> dict[str, Any]:
    """Several starts on fresh servers, with median and extremes of each figure."""
    measured = [measure(agents, results, seed=SEED + number) for number in range(repeats)]
    return {
        "machine": platform.platform(),
        "python": platform.python_version(),
        "load_average": os.getloadavg(),
        "agents": agents,
        "results": results,
        "repeats": repeats,
        "agents_at_once": {
            name: {
                "median": statistics.median(each[name] for each in measured),
                "least": min(each[name] for each in measured),
                "most": max(each[name] for each in measured),
            }
            for name in measured[0]
        },
    }


def measure(agents: int, results: int, *, seed: int) -> dict[str, float]:
    """One start of all agents on a fresh server."""
    with (
        tempfile.TemporaryDirectory(prefix="steelyard-bench-") as directory,
        ThrowawayServer(Path(directory) / "data") as server,
    ):
        return ask_together(Caller(server), agents, results, seed=seed)


class Caller:
    """The owner of a server, over as many connections as it takes."""

    def __init__(self, server: ThrowawayServer) -> None:
        self.server = server
        self._pool = urllib3.PoolManager(retries=False, timeout=120, maxsize=256)
        self._headers = {"Authorization": f"Bearer {server.owner_key}"}

    def call(self, method: str, path: str, content: Any = None) -> Any:
        url = f"{self.server.base_url}{path}"
        answer = self._pool.request(method, url, json=content, headers=self._headers)
        assert answer.status < 300, answer.data
        return answer.json()

    def cpu_s(self) -> float:
        """Of the server's process."""
        fields = Path(f"/proc/{self.server.pid}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


def ask_together(server: Caller, agents: int, results: int, *, seed: int) -> dict[str, float]:
    sweep = server.call("POST", SWEEPS, {"config": CONFIG})["name"]
    place = f"{SWEEPS}/{sweep}"
    add_results(server, sweep, results, seed=seed)
    warm = server.call("POST", f"{place}/agents", {"host": "warm"})["name"]
    server.call(
        "POST", f"{place}/agents/{warm}/next", {}
    )  # scipy is loaded, the search is compiled
    names = [
        server.call("POST", f"{place}/agents", {"host": f"host{number}"})["name"]
        for number in range(agents)
    ]
    gate = threading.Barrier(agents + 1)
    waited: list[float] = []
    configs: list[str] = []

    def ask(name: str) -> None:
        server.call("GET", "/api/v1/me")  # its connection is there
        gate.wait()
        begun = time.perf_counter()
        while not (commands := server.call("POST", f"{place}/agents/{name}/next", {})["commands"]):
            pass
        waited.append(1000 * (time.perf_counter() - begun))
        assert commands[0]["type"] == "run", commands
        configs.append(json.dumps(commands[0]["args"], sort_keys=True))

    threads = [threading.Thread(target=ask, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    before = server.cpu_s()
    gate.wait()
    for thread in threads:
        thread.join()
    cpu_ms = 1000 * (server.cpu_s() - before)
    assert len(configs) == agents
    return {
        "duplicates": agents - len(set(configs)),
        "first_suggestion_p50_ms": statistics.median(waited),
        "first_suggestion_last_ms": max(waited),
        "server_cpu_all_ms": cpu_ms,
        "server_cpu_per_agent_ms": cpu_ms / agents,
    }


def add_results(server: Caller, sweep: str, count: int, *, seed: int) -> None:
    """Runs that somebody made by hand in the sweep: the search learns from them."""
    rng = random.Random(seed)
    entity = server.call("GET", "/api/v1/me")["default_entity"]
    for number in range(count):
        config = {
            "lr": 10 ** rng.uniform(-5, -1),
            "width": rng.randint(16, 1024),
            "depth": rng.randint(1, 8),
            "dropout": rng.uniform(0, 0.7),
            "momentum": rng.uniform(0.5, 0.99),
            "optimizer": rng.choice(["adam", "sgd", "lion"]),
            "decay": rng.uniform(0, 0.1),
        }
        loss = (config["dropout"] - 0.2) ** 2 + abs(config["depth"] - 4) / 10 + rng.random() / 50
        name = f"seen{number:04}"
        server.call(
            "POST",
            "/graphql",
            {
                "query": "mutation M($name: String!, $config: JSONString, $summary: JSONString, "
                '$sweep: String) { upsertBucket(input: {name: $name, modelName: "bench", '
                "config: $config, summaryMetrics: $summary, sweep: $sweep}) { bucket { id } } }",
                "variables": {
                    "name": name,
                    "config": json.dumps({key: {"value": value} for key, value in config.items()}),
                    "summary": json.dumps({"loss": loss}),
                    "sweep": sweep,
                },
            },
        )
        server.call(
            "POST",
            f"/files/{entity}/bench/{name}/file_stream",
            {"complete": True, "exitcode": 0},
        )


if __name__ == "__main__":
    main()
