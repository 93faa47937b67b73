"""The SDK beside its peers: what starting, logging and dying cost, in interleaved runs.

    python -m bench.sdk.setup --work DIR     once: the environments of the peers
    python -m bench.sdk.run --work DIR [--repetitions 5] [--steps 20000] [--out FILE]

Every repetition runs every tool once, so that the load of the machine hits all of them. Costs are
those of the whole process tree, whatever outlives its parent included. Tools that send, send to a
`steelyard up` of this tree, whose own CPU is not counted. The floor is a line of JSON and a flush.
The tables of RESULTS.md come from here: `python -m bench.sdk.report`.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.ingest.measure import describe_machine
from bench.sdk.setup import OURS, PEERS, python_of
from steelyard.testing.server import ThrowawayServer

HERE = Path(__file__).parent
FLOOR = "jsonl"
#: Tool: the environment it runs in.
TOOLS: Mapping[str, str] = {
    "jsonl": OURS,
    "journal": OURS,
    "steelyard_offline": OURS,
    "steelyard_online": OURS,
    "trackio": "trackio",
    "wandb_offline": "wandb",
    "wandb_online": "wandb",
    "tensorboardx": "tensorboardx",
}
IMPORTS = {"python": OURS, "steelyard": OURS, "wandb": "wandb", "trackio": "trackio"}
STARTUP_STEPS = 10
PACED_PER_S = 1000
KILL_STEPS = 2050
#: A million steps take the slowest peer a quarter of an hour.
MEMORY_SPEC = {"keeps_samples": True, "timeout_s": 3600, "sample_s": 0.25}
SCENARIOS = ("import", "startup", "log", "paced", "memory", "kill")

Numbers = dict[str, float]


class Bench:
    """Where things are; one `measure` is one process tree."""

    def __init__(self, work: Path, scratch: Path, server: ThrowawayServer) -> None:
        self.work, self.scratch, self.server = work, scratch, server
        self.count = 0
        # Out of our repository: clients ask git about the directory of the script.
        self.scripts = scratch / "scripts"
        shutil.copytree(HERE, self.scripts, ignore=shutil.ignore_patterns("out", "__pycache__"))

    def python(self, environment: str) -> Path | None:
        """None when that environment was not made."""
        python = python_of(self.work, environment)
        return python if python.exists() else None

    def make_folder(self, tool: str) -> Path:
        self.count += 1
        folder = self.scratch / f"{self.count}-{tool}"
        (folder / "home").mkdir(parents=True)
        return folder

    def measure(
        self, tool: str, scenario: str, folder: Path, *, spec: dict[str, Any], **options: object
    ) -> dict[str, Any]:
        """One scenario of `client.py`: the account of the tree, and what the client says."""
        result = folder / "result.json"
        result.unlink(missing_ok=True)
        pairs = [f"{name}={value}" for name, value in options.items()]
        command = [
            str(self.scripts / "client.py"),
            tool,
            scenario,
            str(folder),
            f"result={result}",
            *pairs,
        ]
        account = self.run(
            TOOLS[tool], command, folder, expected=-9 if scenario == "kill" else 0, **spec
        )
        return account | (json.loads(result.read_text()) if result.exists() else {})

    def run(
        self, environment: str, command: list[str], folder: Path, expected: int, **spec: Any
    ) -> dict[str, Any]:
        """The account of a tree. Raises RuntimeError with the output for an unexpected status."""
        output = folder / "output.txt"
        wanted = {
            "command": [str(self.python(environment)), *command],
            "environ": self.environ(folder),
            "cwd": str(folder),
            "output": str(output),
            **spec,
        }
        told = subprocess.run(
            [sys.executable, "-m", "bench.sdk.tree", json.dumps(wanted)],
            check=True,
            capture_output=True,
            text=True,
        )
        account: dict[str, Any] = json.loads(told.stdout)
        if account["status"] != expected:
            raise RuntimeError(f"{command}: {account}\n{output.read_text()[-3000:]}")
        return account | {"output": output.read_text()}

    def environ(self, folder: Path) -> dict[str, str]:
        """Of somebody who never used any of the tools. Nobody is told anything about this."""
        home = str(folder / "home")
        return {
            "HOME": home,
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "WANDB_BASE_URL": self.server.base_url,
            "WANDB_API_KEY": self.server.owner_key,
            "WANDB_ERROR_REPORTING": "false",
            "WANDB_SILENT": "true",
            "TRACKIO_DIR": home,
            "BENCH_PROJECT": folder.name,
        }


def measure_import(bench: Bench, module: str) -> Numbers:
    """A process that does nothing but this import; for module "python" not even that."""
    statement = "" if module == "python" else f"import {module}; "
    command = ["-c", f"{statement}import sys; print(len(sys.modules))"]
    account = bench.run(IMPORTS[module], command, bench.make_folder(module), expected=0)
    modules = int(account["output"].split()[-1])
    return {"cpu_s": account["cpu_s"], "wall_s": account["wall_s"], "modules": modules}


def measure_startup(bench: Bench, tool: str) -> Numbers:
    """A script of ten steps, `ten_steps.py`."""
    folder = bench.make_folder(tool)
    command = [str(bench.scripts / "ten_steps.py"), tool, str(folder)]
    account = bench.run(TOOLS[tool], command, folder, expected=0)
    (told,) = re.findall(r"^seconds (.+)$", account["output"], re.MULTILINE)
    spent_s = map(float, told.split())
    names = ("cpu_s", "main_wall_s", "wall_s", "peak_rss_mb", "leftovers")
    return {name: account[name] for name in names} | dict(
        zip(("import_s", "init_s", "finish_s"), spent_s, strict=True)
    )


def measure_log(bench: Bench, tool: str, n: int, rate: float, short: Numbers) -> Numbers:
    """Latency of `log`, and CPU of the tree beyond that of a short run of the same client."""
    folder = bench.make_folder(tool)
    account = bench.measure(tool, "log", folder, spec={}, n=n, rate=rate, times="yes")
    names = ("p50_us", "p99_us", "p999_us", "max_us", "finish_s", "peak_rss_mb", "leftovers")
    cpu_s = account["cpu_s"] - short["cpu_s"]
    return {name: account[name] for name in names} | {
        "tree_cpu_us_per_step": cpu_s / (n - STARTUP_STEPS) * 1e6,
        "steps_per_s": n / (account["loop_s"] + account["finish_s"]),
        "bytes_per_step": sum(p.stat().st_size for p in folder.rglob("*") if p.is_file()) / n,
    }


def measure_memory(bench: Bench, tool: str, n: int) -> Numbers:
    """Resident memory of the training process and of the whole tree, on the way."""
    folder = bench.make_folder(tool)
    account = bench.measure(tool, "log", folder, spec=MEMORY_SPEC, n=n)
    numbers = {f"process_mb_at_{mark}": mb for mark, mb in account["resident_mb"].items()}
    for mark, moment in account["moments"].items():
        _, tree_mb = min(account["samples"], key=lambda sample: abs(sample[0] - moment))
        numbers[f"tree_mb_at_{mark}"] = tree_mb
    return numbers | {"peak_tree_mb": account["peak_rss_mb"], "loop_s": account["loop_s"]}


def measure_kill(bench: Bench, tool: str, *, kills_tree: bool) -> Numbers:
    """Steps whose `log` had returned and which nobody can read back after kill -9.

    `lost_on_disk` counts what a fresh process of the tool recovers from the disk, `not_sent` what
    the server did not have when the last helper process had ended.
    """
    folder = bench.make_folder(tool)
    account = bench.measure(tool, "kill", folder, spec={"kills_tree": kills_tree}, n=KILL_STEPS)
    counted = bench.measure(tool, "count", folder, spec={})
    numbers = {
        "lost_on_disk": KILL_STEPS - counted["steps"],
        "outlived_s": account["wall_s"] - account["main_wall_s"],
    }
    if "sent_steps" in counted:
        numbers["not_sent"] = KILL_STEPS - counted["sent_steps"]
    return numbers


class Results:
    """{scenario: {tool: one entry for each repetition}}, and what could not be measured."""

    def __init__(self) -> None:
        self.measured: dict[str, dict[str, list[Numbers]]] = defaultdict(lambda: defaultdict(list))
        self.failed: dict[str, str] = {}

    def keep(self, scenario: str, tool: str, numbers: Numbers) -> Numbers:
        self.measured[scenario][tool].append(numbers)
        shown = {name: round(value, 3) for name, value in numbers.items()}
        print(scenario, tool, json.dumps(shown), flush=True)
        return numbers

    def drop(self, tool: str, reason: str) -> None:
        """A peer that failed once is left out of everything, and named."""
        print(f"{tool} FAILED: {reason}", file=sys.stderr, flush=True)
        self.failed[tool] = reason
        for by_tool in self.measured.values():
            by_tool.pop(tool, None)


def measure_all(bench: Bench, arguments: argparse.Namespace, tools: list[str]) -> Results:
    results = Results()
    for repetition in range(arguments.repetitions):
        print(f"repetition {repetition + 1}, load {os.getloadavg()[0]:.1f}", flush=True)
        if "import" in arguments.scenarios:
            for module in (m for m, e in IMPORTS.items() if bench.python(e)):
                results.keep("import", module, measure_import(bench, module))
        for tool in tools:
            if tool not in results.failed:
                try:
                    measure_tool(bench, arguments, tool, results)
                except RuntimeError as error:
                    results.drop(tool, str(error))
    if "memory" in arguments.scenarios:
        for tool in [tool for tool in tools if tool not in results.failed]:
            try:
                numbers = measure_memory(bench, tool, arguments.memory_steps)
            except RuntimeError as error:
                results.drop(tool, str(error))
            else:
                results.keep("memory", tool, numbers)
    return results


def measure_tool(bench: Bench, arguments: argparse.Namespace, tool: str, results: Results) -> None:
    """One repetition of one tool."""
    scenarios = arguments.scenarios
    results.keep("startup", tool, measure_startup(bench, tool))
    short = bench.measure(tool, "log", bench.make_folder(tool), spec={}, n=STARTUP_STEPS)
    if "log" in scenarios:
        results.keep("log", tool, measure_log(bench, tool, arguments.steps, 0, short))
    if "paced" in scenarios:
        numbers = measure_log(bench, tool, arguments.paced_steps, PACED_PER_S, short)
        results.keep("paced", tool, numbers)
    if "kill" in scenarios:
        results.keep("kill", tool, measure_kill(bench, tool, kills_tree=False))
        results.keep("kill_tree", tool, measure_kill(bench, tool, kills_tree=True))


def spread(entries: list[Numbers]) -> dict[str, Numbers]:
    """Median, smallest and largest of every number."""
    return {
        name: {
            "median": statistics.median(entry[name] for entry in entries),
            "min": min(entry[name] for entry in entries),
            "max": max(entry[name] for entry in entries),
        }
        for name in entries[0]
    }


def compare(results: Mapping[str, Mapping[str, list[Numbers]]]) -> dict[str, dict[str, Numbers]]:
    """Ratios within one repetition, then their spread; what could not be compared is left out."""
    ratios: dict[str, dict[str, Numbers]] = defaultdict(dict)

    def put(name: str, tool: str, scenario: str, number: str, to: str) -> None:
        ours, theirs = results.get(scenario, {}).get(tool), results.get(scenario, {}).get(to)
        if ours and theirs:
            pairs = zip(ours, theirs, strict=True)
            entries = [{name: one[number] / other[number]} for one, other in pairs]
            ratios[tool] |= spread(entries)

    for tool in TOOLS:
        for number in ("p50_us", "p99_us", "p999_us", "tree_cpu_us_per_step"):
            put(f"{number} / floor", tool, "log", number, FLOOR)
        for number in ("p50_us", "p99_us"):
            put(f"paced {number} / floor", tool, "paced", number, FLOOR)
    put("startup cpu_s / wandb", "steelyard_offline", "startup", "cpu_s", "wandb_offline")
    put("startup cpu_s / wandb", "steelyard_online", "startup", "cpu_s", "wandb_online")
    return ratios


def subtract_python(results: Mapping[str, list[Numbers]]) -> dict[str, list[Numbers]]:
    """What an import adds to bare Python, for each repetition."""
    bare = results["python"]
    return {
        module: [
            {f"{name}_above_python": one[name] - base[name] for name in one} | one
            for one, base in zip(entries, bare, strict=True)
        ]
        for module, entries in results.items()
    }


def read_versions(bench: Bench) -> dict[str, str]:
    """Of the peers that are installed."""
    code = "import sys; from importlib.metadata import version; print(version(sys.argv[1]))"
    versions = {}
    for peer, requirement in PEERS.items():
        if peer != OURS and (python := bench.python(peer)):
            name = requirement.partition("==")[0]
            told = subprocess.run(
                [python, "-c", code, name], capture_output=True, text=True, check=True
            )
            versions[name] = told.stdout.strip()
    return versions


def put_apart(report: dict[str, Any], kept: dict[str, Any]) -> dict[str, Any]:
    """`kept` with the scenarios of `report` in the place of its own, and on which machine that was.

    For a start of a tenth of a second, which other work on the machine disturbs most.
    """
    for part in ("measured", "ratios"):
        for name, found in report[part].items():
            kept[part].setdefault(name, {}).update(found)
    apart = {scenario: report["machine"] for scenario in report["measured"]}
    return kept | {"measured_apart": kept.get("measured_apart", {}) | apart}


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.sdk.run", description=__doc__)
    parser.add_argument("--work", type=Path, default=HERE / "out", help="environments of the peers")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--steps", type=int, default=20_000)
    parser.add_argument("--paced-steps", type=int, default=5_000)
    parser.add_argument("--memory-steps", type=int, default=1_000_000)
    parser.add_argument("--tools", nargs="+", choices=list(TOOLS), default=list(TOOLS))
    parser.add_argument("--scenarios", nargs="+", choices=SCENARIOS, default=list(SCENARIOS))
    parser.add_argument("--out", type=Path)
    parser.add_argument("--apart", action="store_true", help="replace these scenarios in OUT")
    return parser.parse_args()


def main() -> None:
    arguments = parse_arguments()
    machine = describe_machine()
    with (
        tempfile.TemporaryDirectory(prefix="steelyard-bench-") as name,
        ThrowawayServer(Path(name) / "server") as server,
    ):
        bench = Bench(arguments.work.resolve(), Path(name), server)
        missing = [tool for tool in arguments.tools if bench.python(TOOLS[tool]) is None]
        for tool in missing:
            print(f"{tool} is MISSING: python -m bench.sdk.setup --work {arguments.work}")
        tools = [tool for tool in arguments.tools if tool not in missing]
        results = measure_all(bench, arguments, tools)
        versions = read_versions(bench)
    measured = results.measured
    if "import" in measured:
        measured["import"] = subtract_python(measured["import"])
    report = {
        "machine": machine,
        "peers": versions,
        "missing": missing,
        "failed": results.failed,
        "repetitions": arguments.repetitions,
        "workload": {
            "scalars_per_step": 10,
            "steps": arguments.steps,
            "paced_steps": arguments.paced_steps,
            "paced_steps_per_s": PACED_PER_S,
            "memory_steps": arguments.memory_steps,
            "kill_steps": KILL_STEPS,
        },
        "measured": {
            scenario: {tool: spread(entries) for tool, entries in by_tool.items()}
            for scenario, by_tool in measured.items()
        },
        "ratios": compare(measured),
    }
    if arguments.out and arguments.apart:
        report = put_apart(report, json.loads(arguments.out.read_text()))
    text = json.dumps(report, indent=1)
    if arguments.out:
        arguments.out.write_text(text + "\n")
    else:
        print(text)


if __name__ == "__main__":
    main()
