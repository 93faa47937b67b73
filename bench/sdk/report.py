"""Write the tables of RESULTS.md from results.json: python -m bench.sdk.report

The text around the tables is written by hand; what stands between the two marks is replaced.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
BEGIN, END = "<!-- tables: begin -->", "<!-- tables: end -->"
Column = tuple[str, str, Callable[[float], str]]


def us(value: float) -> str:
    return f"{value:,.1f} µs" if value < 100 else f"{value:,.0f} µs"


def seconds(value: float) -> str:
    return f"{value:.3f} s"


def mb(value: float) -> str:
    return f"{value:,.0f} MB"


def count(value: float) -> str:
    return f"{value:,.0f}"


def times(value: float) -> str:
    return f"{value:.2f}"


TABLES: tuple[tuple[str, str, tuple[Column, ...]], ...] = (
    (
        "log",
        "`log()` of ten floats, {steps:,} times at full speed",
        (
            ("p50_us", "p50", us),
            ("p99_us", "p99", us),
            ("p999_us", "p99.9", us),
            ("max_us", "longest", us),
            ("tree_cpu_us_per_step", "CPU per step, all processes", us),
            ("bytes_per_step", "bytes per step", count),
        ),
    ),
    (
        "paced",
        "The same at {paced_steps_per_s:,} steps a second, {paced_steps:,} times",
        (
            ("p50_us", "p50", us),
            ("p99_us", "p99", us),
            ("max_us", "longest", us),
            ("tree_cpu_us_per_step", "CPU per step, all processes", us),
        ),
    ),
    (
        "startup",
        "A script of ten steps: import, init, ten logs, finish",
        (
            ("cpu_s", "CPU, all processes", seconds),
            ("main_wall_s", "until the script ends", seconds),
            ("wall_s", "until the last process ends", seconds),
            ("init_s", "init", seconds),
            ("finish_s", "finish", seconds),
            ("peak_rss_mb", "memory, all processes", mb),
        ),
    ),
    (
        "import",
        "The import alone, beyond bare Python",
        (
            ("cpu_s_above_python", "CPU", seconds),
            ("modules_above_python", "modules", count),
            ("modules", "modules in all", count),
        ),
    ),
    (
        "memory",
        "Memory on the way through {memory_steps:,} steps, all processes",
        (
            ("tree_mb_at_10%", "at 10 %", mb),
            ("tree_mb_at_50%", "at 50 %", mb),
            ("tree_mb_at_100%", "at the end", mb),
            ("process_mb_at_100%", "of it the training process", mb),
        ),
    ),
    (
        "kill",
        "`kill -9` of the training process right after {kill_steps:,} steps",
        (
            ("lost_on_disk", "steps lost", count),
            ("not_sent", "not on the server when the last process ended", count),
            ("outlived_s", "helpers lived on for", seconds),
        ),
    ),
    (
        "kill_tree",
        "`kill -9` of every process at that moment",
        (
            ("lost_on_disk", "steps lost", count),
            ("not_sent", "not on the server", count),
        ),
    ),
    (
        "ratios",
        "Against the floor (one line of JSON and a flush) of the same repetition",
        (
            ("p50_us / floor", "p50", times),
            ("p99_us / floor", "p99", times),
            ("p999_us / floor", "p99.9", times),
            ("tree_cpu_us_per_step / floor", "CPU per step", times),
            ("paced p50_us / floor", "paced p50", times),
            ("paced p99_us / floor", "paced p99", times),
        ),
    ),
)


def write_tables(results: dict[str, Any]) -> str:
    """All tables; a median, and below it the smallest and largest where repeated."""
    lines = []
    for scenario, title, columns in TABLES:
        tools = (results["measured"] | {"ratios": results["ratios"]}).get(scenario, {})
        rows = {tool: numbers for tool, numbers in tools.items() if columns[0][0] in numbers}
        if not rows:
            continue
        lines += [f"## {title.format(**results['workload'])}", ""]
        lines.append("| | " + " | ".join(heading for _, heading, _ in columns) + " |")
        lines.append("|---|" + "---:|" * len(columns))
        for tool, numbers in rows.items():
            cells = [show(numbers.get(name), unit) for name, _, unit in columns]
            lines.append(f"| {tool} | " + " | ".join(cells) + " |")
        lines.append("")
    if results["missing"]:
        lines += [f"Not measured, because not installed: {', '.join(results['missing'])}.", ""]
    for tool, reason in results["failed"].items():
        lines += [f"Not measured: {tool} failed with `{reason.splitlines()[0]}`.", ""]
    return "\n".join([*lines, describe(results)])


def show(number: dict[str, float] | None, unit: Callable[[float], str]) -> str:
    if number is None:
        return ""
    median, least, most = unit(number["median"]), unit(number["min"]), unit(number["max"])
    return median if least == most else f"**{median}** ({least} … {most})"


def describe(results: dict[str, Any]) -> str:
    machine, peers = results["machine"], results["peers"]
    versions = ", ".join(f"{name} {version}" for name, version in peers.items())
    return (
        f"Medians of {results['repetitions']} repetitions (smallest … largest) at commit "
        f"{machine['commit']}: {machine['cpu']}, {machine['cores']} cores, load before "
        f"{machine['load_before']}, {machine['system']}, Python {machine['python']}; {versions}."
    )


def replace_tables(page: str, tables: str) -> str:
    """The page with other tables. Raises ValueError when a mark is missing."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"RESULTS.md lacks {BEGIN} or {END}")
    return f"{before}{BEGIN}\n{tables}\n{END}{after}"


def main() -> None:
    results = json.loads((HERE / "results.json").read_text())
    page = HERE / "RESULTS.md"
    page.write_text(replace_tables(page.read_text(), write_tables(results)))


if __name__ == "__main__":
    main()
