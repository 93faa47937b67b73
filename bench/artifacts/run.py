"""Artifacts beside their peers: storing, storing again, fetching; large, many, and very many.

    python -m bench.sdk.setup --work DIR     once: the environments of the peers
    python -m bench.artifacts.run --work DIR [--repetitions 3] [--out FILE]
    python -m bench.artifacts.run --work DIR --small     less of everything, for a quick look

One file of 1 GiB and 10,000 files of 4 KiB, by tools that take turns: in every repetition each tool
stores its own project of the same files, stores them again unchanged in a new process, and fetches
them by a user who has no cache, and once more by one who has. The client's CPU is that of its whole
process tree; that of the server, a `steelyard up` of this tree with SQLite and files on the local
disk, is a number of its own. Then the memory of a server through a transfer of 4 GiB each way, and
a version of a million references. The tables of RESULTS.md come from here:
`python -m bench.artifacts.report`.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bench.artifacts import references, transfer
from bench.artifacts.workload import make_large, make_small
from bench.ingest.measure import describe_machine, read_usage
from bench.sdk.run import Numbers, Results, spread
from bench.sdk.setup import OURS, PEERS, python_of
from steelyard.testing.server import ThrowawayServer

HERE = Path(__file__).parent
FLOOR = "copy"
#: Tool: the environment it runs in.
TOOLS: Mapping[str, str] = {
    "copy": OURS,
    "coreutils": OURS,
    "steelyard": OURS,
    "trackio": "trackio",
    "wandb_offline": "wandb",
    "wandb_online": "wandb",
}
WITHOUT_FETCH = ("wandb_offline",)  # what was not sent cannot be fetched
WITH_SERVER = ("steelyard", "wandb_online")
SCENARIOS = ("large", "small", "memory", "references")
SMALL = {"large_mib": 64, "files": 500, "memory_mib": 256, "entries": 20_000, "repetitions": 1}


class Bench:
    """Where things are; one `act` is one process tree."""

    def __init__(self, work: Path, scratch: Path, server: ThrowawayServer) -> None:
        self.work, self.scratch, self.server = work, scratch, server
        # Out of our repository: clients ask git about the directory of the script.
        self.scripts = scratch / "scripts"
        shutil.copytree(HERE, self.scripts, ignore=shutil.ignore_patterns("out", "__pycache__"))

    def python(self, environment: str) -> Path | None:
        """None when that environment was not made."""
        python = python_of(self.work, environment)
        return python if python.exists() else None

    def act(
        self, tool: str, action: str, folder: Path, *paths: Path, user: str = "home"
    ) -> Numbers:
        """An action of `client.py`: CPU of the client's tree and of the server, seconds passed.

        Users have a home of their own. Raises RuntimeError with the output when it fails.
        """
        output = folder / "output.txt"
        (folder / user).mkdir(parents=True, exist_ok=True)
        python = self.python(TOOLS[tool])
        script = self.scripts / "client.py"
        spec = {
            "command": [str(each) for each in (python, script, tool, action, folder, *paths)],
            "environ": self.environ(folder, user),
            "cwd": str(folder),
            "output": str(output),
            "timeout_s": 1800,
            "sample_s": 1.0,
        }
        before_s = read_usage(self.server.pid).cpu_s
        told = subprocess.run(
            [sys.executable, "-m", "bench.sdk.tree", json.dumps(spec)],
            check=True,
            capture_output=True,
            text=True,
        )
        server_cpu_s = read_usage(self.server.pid).cpu_s - before_s
        account: dict[str, Any] = json.loads(told.stdout)
        if account["status"] != 0:
            raise RuntimeError(f"{tool} {action}: {account}\n{output.read_text()[-3000:]}")
        return {
            "cpu_s": account["cpu_s"],
            "server_cpu_s": server_cpu_s if tool in WITH_SERVER else 0.0,
            "wall_s": account["wall_s"],
            "peak_rss_mb": account["peak_rss_mb"],
        }

    def environ(self, folder: Path, user: str) -> dict[str, str]:
        """Of somebody who never used any of the tools. Nobody is told anything about this."""
        return {
            "HOME": str(folder / user),
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "WANDB_BASE_URL": self.server.base_url,
            "WANDB_API_KEY": self.server.owner_key,
            "WANDB_ERROR_REPORTING": "false",
            "WANDB_SILENT": "true",
            "TRACKIO_DIR": str(folder / "home" / "trackio"),
            "BENCH_PROJECT": folder.name,
        }


def measure_tool(bench: Bench, tool: str, source: Path) -> dict[str, Numbers]:
    """Everything one tool does in a repetition, by action."""
    folder = bench.scratch / f"{source.name}-{tool}"
    folder.mkdir()
    stored = measure_bytes(bench.server.data_dir)
    try:
        measured = {"start": bench.act(tool, "start", folder)}
        for action in ("log", "log_again"):
            measured[action] = bench.act(tool, "log", folder, source)
            measured[action]["client_bytes"] = measure_bytes(folder)
            now = measure_bytes(bench.server.data_dir)
            measured[action]["server_bytes"] = now - stored if tool in WITH_SERVER else 0
            stored = now
        if tool not in WITHOUT_FETCH:
            for action in ("fetch", "fetch_again"):
                target = folder / action
                measured[action] = bench.act(tool, "fetch", folder, target, user="reader")
                check_same(source, target)
                shutil.rmtree(target)
        return measured
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def measure_bytes(directory: Path) -> int:
    """What a directory takes on the disk; a file of several names once."""
    seen: dict[tuple[int, int], int] = {}
    for folder, _, names in os.walk(directory):
        for name in names:
            try:
                stat = os.lstat(f"{folder}/{name}")
            except FileNotFoundError:
                continue
            seen[stat.st_dev, stat.st_ino] = stat.st_blocks * 512
    return sum(seen.values())


def check_same(source: Path, target: Path) -> None:
    """Raises CalledProcessError unless both directories are the same."""
    subprocess.run(["diff", "-r", str(source), str(target)], check=True)


def measure_all(bench: Bench, options: argparse.Namespace, tools: list[str]) -> Results:
    makers: dict[str, Callable[[Path, int], None]] = {
        "large": lambda path, seed: make_large(path, size_mib=options.large_mib, seed=seed),
        "small": lambda path, seed: make_small(
            path, count=options.files, size_bytes=options.file_bytes, seed=seed
        ),
    }
    results = Results()
    for repetition in range(options.repetitions):
        print(f"repetition {repetition + 1}, load {os.getloadavg()[0]:.1f}", flush=True)
        for scenario in (each for each in makers if each in options.scenarios):
            source = bench.scratch / f"{scenario}{repetition}"
            makers[scenario](source, repetition)
            time.sleep(0.2)  # what changed this moment is hashed again, by design
            for tool in [tool for tool in tools if tool not in results.failed]:
                try:
                    measured = measure_tool(bench, tool, source)
                except (RuntimeError, subprocess.CalledProcessError) as error:
                    results.drop(tool, str(error))
                else:
                    for action, numbers in measured.items():
                        results.keep(f"{scenario} {action}", tool, numbers)
            shutil.rmtree(source)
    return results


def compare(results: Mapping[str, Mapping[str, list[Numbers]]]) -> dict[str, dict[str, Numbers]]:
    """Ratios of CPU within one repetition, then their spread."""
    ratios: dict[str, dict[str, list[Numbers]]] = defaultdict(lambda: defaultdict(list))
    for scenario, by_tool in results.items():
        name, _, action = scenario.partition(" ")
        for tool, entries in by_tool.items():
            for number, one in enumerate(entries):
                found: Numbers = {}
                total_s = one["cpu_s"] + one["server_cpu_s"]
                for floor in ("copy", "coreutils"):
                    if floor in by_tool and action != "start":
                        floor_s = by_tool[floor][number]["cpu_s"]
                        found[f"client / {floor}"] = one["cpu_s"] / floor_s
                        found[f"client and server / {floor}"] = total_s / floor_s
                if action == "log_again":
                    first = results[f"{name} log"][tool][number]
                    found["client / first"] = one["cpu_s"] / first["cpu_s"]
                    first_s = first["cpu_s"] + first["server_cpu_s"]
                    found["client and server / first"] = total_s / first_s
                if found:
                    ratios[scenario][tool].append(found)
    return {
        scenario: {tool: spread(entries) for tool, entries in by_tool.items()}
        for scenario, by_tool in ratios.items()
    }


def least_of_peers(measured: Mapping[str, Mapping[str, list[Numbers]]]) -> Numbers:
    """Our CPU, that of the server included, as a part of the cheapest peer's, for each action."""
    found = {}
    for scenario, by_tool in measured.items():
        totals = {
            tool: statistics.median(one["cpu_s"] + one["server_cpu_s"] for one in entries)
            for tool, entries in by_tool.items()
        }
        peers = [s for tool, s in totals.items() if tool in ("trackio", "wandb_offline")]
        if "steelyard" in totals and peers:
            found[scenario] = totals["steelyard"] / min(peers)
    return found


def read_versions(bench: Bench) -> dict[str, str]:
    """Of the peers that are installed."""
    code = "import sys; from importlib.metadata import version; print(version(sys.argv[1]))"
    found = {}
    for peer in ("trackio", "wandb"):
        if python := bench.python(peer):
            told = subprocess.run([python, "-c", code, peer], capture_output=True, text=True)
            found[peer] = told.stdout.strip() or PEERS[peer]
    return found


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.artifacts.run", description=__doc__)
    parser.add_argument(
        "--work", type=Path, default=HERE.parent / "sdk" / "out", help="environments of the peers"
    )
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--large-mib", type=int, default=1024)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--file-bytes", type=int, default=4096)
    parser.add_argument("--memory-mib", type=int, default=4096)
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--small", action="store_true", help="less of everything, once")
    parser.add_argument("--tools", nargs="+", choices=list(TOOLS), default=list(TOOLS))
    parser.add_argument("--scenarios", nargs="+", choices=SCENARIOS, default=list(SCENARIOS))
    parser.add_argument("--scratch", type=Path, help="where to write some 15 GiB")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    if options.small:
        vars(options).update(SMALL)
    return options


def main() -> None:
    options = parse_arguments()
    machine = describe_machine()
    with tempfile.TemporaryDirectory(prefix="steelyard-bench-", dir=options.scratch) as name:
        scratch = Path(name)
        with ThrowawayServer(scratch / "server") as server:
            bench = Bench(options.work.resolve(), scratch, server)
            missing = [tool for tool in options.tools if bench.python(TOOLS[tool]) is None]
            for tool in missing:
                print(f"{tool} is MISSING: python -m bench.sdk.setup --work {options.work}")
            tools = [tool for tool in options.tools if tool not in missing]
            results = measure_all(bench, options, tools)
            versions = read_versions(bench)
        report: dict[str, Any] = {
            "machine": machine,
            "peers": versions,
            "missing": missing,
            "failed": results.failed,
            "repetitions": options.repetitions,
            "workload": {
                name: getattr(options, name)
                for name in ("large_mib", "files", "file_bytes", "memory_mib", "entries")
            },
            "measured": {
                scenario: {tool: spread(entries) for tool, entries in by_tool.items()}
                for scenario, by_tool in results.measured.items()
            },
            "ratios": compare(results.measured),
            "of the cheapest peer": least_of_peers(results.measured),
        }
        if "memory" in options.scenarios:
            report["memory"] = transfer.measure(scratch / "memory", size_mib=options.memory_mib)
            print("memory", json.dumps(report["memory"]), flush=True)
        if "references" in options.scenarios:
            report["references"] = references.measure(scratch / "references", options.entries)
            print("references", json.dumps(report["references"]), flush=True)
    text = json.dumps(report, indent=1)
    if options.out:
        options.out.write_text(text + "\n")
    else:
        print(text)


if __name__ == "__main__":
    main()
