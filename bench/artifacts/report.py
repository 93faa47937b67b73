"""Write the tables of RESULTS.md from results.json: python -m bench.artifacts.report

The text around the tables is written by hand; what stands between the two marks is replaced.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bench.sdk.report import describe, mb, replace_tables, seconds, show, times

HERE = Path(__file__).parent
WORKLOADS = {"large": "One file of {large_mib:,} MiB", "small": "{files:,} files of {file_bytes:,}"}
ACTIONS = {
    "log": "stored",
    "log_again": "stored again, unchanged",
    "fetch": "fetched without a cache",
    "fetch_again": "fetched again with one",
    "start": "a run without artifacts",
}


def write_tables(results: dict[str, Any]) -> str:
    """All tables; a median, and its smallest and largest where repeated."""
    lines = []
    for scenario, by_tool in results["measured"].items():
        name, _, action = scenario.partition(" ")
        title = WORKLOADS[name].format(**results["workload"])
        lines += [f"## {title}: {ACTIONS[action]}", ""]
        lines.append(
            "| | CPU of the client | of the server | of both / `copy` | of the client / `copy` |"
            " of both / `coreutils` | seconds | memory of the client | disk of the client |"
        )
        lines.append("|---|" + "---:|" * 8)
        for tool, numbers in by_tool.items():
            ratios = results["ratios"].get(scenario, {}).get(tool, {})
            cells = [
                show(numbers["cpu_s"], seconds),
                show(numbers["server_cpu_s"], seconds),
                show(ratios.get("client and server / copy"), times),
                show(ratios.get("client / copy"), times),
                show(ratios.get("client and server / coreutils"), times),
                show(numbers["wall_s"], seconds),
                show(numbers["peak_rss_mb"], mb),
                show(numbers.get("client_bytes"), lambda count: mb(count / 1e6)),
            ]
            lines.append(f"| {tool} | " + " | ".join(cells) + " |")
        lines.append("")
    if "memory" in results:
        lines += ["## Memory of the server", "", "| | before | at most more | after |"]
        lines.append("|---|---:|---:|---:|")
        for way, numbers in results["memory"].items():
            cells = [mb(numbers[name]) for name in ("before_mb", "grown_mb", "after_mb")]
            lines.append(f"| {way} | " + " | ".join(cells) + " |")
        lines.append("")
    if "references" in results:
        lines += [f"## {results['workload']['entries']:,} references", "", "| | |", "|---|---:|"]
        lines += [f"| {name} | {value:,.1f} |" for name, value in results["references"].items()]
        lines.append("")
    for tool, reason in results["failed"].items():
        lines += [f"Not measured: {tool} failed with `{reason.splitlines()[0]}`.", ""]
    if results["missing"]:
        lines += [f"Not measured, because not installed: {', '.join(results['missing'])}.", ""]
    return "\n".join([*lines, describe(results)])


def main() -> None:
    results = json.loads((HERE / "results.json").read_text())
    page = HERE / "RESULTS.md"
    page.write_text(replace_tables(page.read_text(), write_tables(results)))


if __name__ == "__main__":
    main()
