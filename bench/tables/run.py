"""The table viewer's questions on one large table, against polars itself and plain Python.

python -m bench.tables.run [--rows 1000000] [--out results.json]

Milliseconds of wall time as the server sees them: the question travels to the process that holds
the table, and the page of 100 rows back. Each repetition asks for something else, so that no
answer is a remembered one; `first_ms` is the first of its kind, with columns read from the disk.
The floor is polars on the same rows in memory, doing only what was asked; plain Python does it on
a list of rows.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.tables.rows import COLUMNS, make_rows, write_table
from steelyard.server.rooms.tables import jobs
from steelyard.server.rooms.tables.filters import parse_filter
from steelyard.server.rooms.tables.model import Aggregate, Sort
from steelyard.server.rooms.tables.workers import WorkerPool

REPETITIONS = 7
PLAIN_ROWS = 100_000


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        results: dict[str, Any] = {
            "commit": commit(),
            "machine": f"{platform.processor() or platform.machine()}, {platform.python_version()}",
            "rows": arguments.rows,
            "columns": len(COLUMNS),
            "repetitions": REPETITIONS,
            "imports": measure_imports(),
        }
        results["measured"] = measure(directory, arguments.rows)
    text = json.dumps(results, indent=1)
    print(text)
    if arguments.out:
        arguments.out.write_text(text + "\n")


def measure(directory: Path, count: int) -> list[dict[str, Any]]:
    """Converting, then every kind of question."""
    measured: list[dict[str, Any]] = []
    pool = WorkerPool(count=1, idle_s=600, wait_s=600)
    tables = []
    for seed in (0, 1):
        source = directory / f"{seed}.table.json"
        write_table(source, count, seed=seed)
        out = directory / f"table{seed}"
        converter = WorkerPool(count=1, idle_s=600, wait_s=600)
        before, began = resident_mib("self"), time.perf_counter()
        job = jobs.Convert([jobs.SourceFile(str(source), "table", source.name)], str(out))
        converter.run(job, timeout_s=600)
        measured.append(
            {
                "what": f"convert {seed}",
                "s": round(time.perf_counter() - began, 2),
                "source_mb": round(source.stat().st_size / 1e6),
                "converted_mb": round(sum(f.stat().st_size for f in out.iterdir()) / 1e6),
                "server_grows_mib": round(resident_mib("self") - before),
                "process_peak_mib": peak_mib(converter),
            }
        )
        converter.stop()
        tables.append(str(out))
        source.unlink()
    began = time.perf_counter()
    pool.run(question(tables[0], 0), timeout_s=60)
    measured.append({"what": "first page, new process", "ms": elapsed(began)})
    floors = polars_floors(directory / "table0" / "table.arrow")
    for what, make in questions(tables).items():
        began = time.perf_counter()
        pool.run(make(0), timeout_s=60)
        first, samples, cpu = elapsed(began), [], []
        for number in range(1, REPETITIONS + 1):
            job = make(number)
            spent, began = cpu_ms(pool), time.perf_counter()
            pool.run(job, timeout_s=60)
            samples.append(elapsed(began))
            cpu.append(cpu_ms(pool) - spent)
        measured.append(
            {
                "what": what,
                "first_ms": first,
                "ms": round(statistics.median(samples), 1),
                "ms_range": [min(samples), max(samples)],
                "cpu_ms": round(statistics.median(cpu)),
                "polars_ms": floors.get(what),
            }
        )
    measured.append({"what": "process after all questions", "peak_mib": peak_mib(pool)})
    pool.stop()
    measured.append({"what": "server after all questions", "mib": round(resident_mib("self"))})
    return measured + plain_python()


def question(table: str, number: int, **changed: Any) -> jobs.Query:
    asked: dict[str, Any] = {
        "table": table,
        "where": None,
        "search": None,
        "sort": [],
        "group_by": [],
        "aggregates": [],
        "columns": None,
        "offset": 0,
        "limit": 100,
        "cell_chars": 10_000,
    }
    return jobs.Query(**(asked | changed))


def questions(tables: list[str]) -> dict[str, Callable[[int], jobs.Job]]:
    """What users do; the argument makes each one different from the one before."""
    one = tables[0]

    def where(column: str, op: str, value: Any) -> Any:
        return parse_filter({"column": column, "op": op, "value": value})

    def ask(**changed: Any) -> jobs.Query:
        return question(one, 0, **changed)

    def join(n: int) -> jobs.Job:
        return jobs.Join(
            left=one,
            right=tables[1],
            on=["id"],
            compare="score" if n % 2 else "loss",
            higher_is_better=n % 4 < 2,
            where=where("outcome", "=", "lose"),
            sort=[Sort("difference")],
            offset=n // 4,
            limit=100,
            cell_chars=10_000,
        )

    return {
        "filter: number": lambda n: ask(where=where("score", "<", 0.5 + n / 100)),
        "filter: text contains": lambda n: ask(where=where("note", "contains", f"rain {WORD[n]}")),
        "filter: regex": lambda n: ask(where=where("question", "regex", f"^why.*{n}[0-3]\\?$")),
        "filter: in": lambda n: ask(where=where("expected", "in", [f"class-{n:02}", "class-19"])),
        "search all columns": lambda n: ask(search=f"hidden {WORD[n]}"),
        "sort: number": lambda n: ask(sort=[Sort("loss", n % 2 == 0)], where=where("id", ">", n)),
        "sort: long text": lambda n: ask(
            sort=[Sort("question", n % 2 == 0)], where=where("id", ">=", n)
        ),
        "sort: two columns": lambda n: ask(
            sort=[Sort("model"), Sort("score", n % 2 == 0)], where=where("id", ">=", n)
        ),
        "group: 20 groups, 4 aggregates": lambda n: ask(
            group_by=["expected"],
            aggregates=[Aggregate(c, "mean") for c in ("score", "loss", "correct")]
            + [Aggregate("tokens", "max")],
            where=where("id", ">=", n),
        ),
        "group: 2 columns, filtered": lambda n: ask(
            group_by=["expected", "predicted"],
            aggregates=[Aggregate("score", "median")],
            where=where("correct", "=", False),
            sort=[Sort("count", True)],
            offset=n,
        ),
        "facet: values": lambda n: jobs.Facet(one, where("id", ">=", n), None, "predicted", 20),
        "facet: histogram": lambda n: jobs.Facet(one, where("id", ">=", n), None, "loss", 20),
        "join of two tables": join,
    }


WORD = ("at", "night", "on", "a", "road", "with", "no", "lines")


def polars_floors(data: Path) -> dict[str, float]:
    """The same by polars alone, its data in memory."""
    code = f"""
import json, statistics, time
import polars as pl
df = pl.read_ipc({str(data)!r})
c = {{name: f"c{{i}}" for i, name in enumerate({list(COLUMNS)!r})}}
def floor(make):
    samples = []
    for n in range({REPETITIONS}):
        began = time.perf_counter()
        make(n)
        samples.append((time.perf_counter() - began) * 1e3)
    return round(statistics.median(samples), 1)
col = lambda name: pl.col(c[name])
print(json.dumps({{
  "filter: number": floor(lambda n: df.filter(col("score") < 0.5 + n / 100).head(100)),
  "filter: regex": floor(
      lambda n: df.filter(col("question").str.contains(rf"^why.*{{n}}[0-3]\\?$"))),
  "filter: in": floor(lambda n: df.filter(col("expected").is_in([f"class-{{n:02}}", "class-19"]))),
  "sort: number": floor(lambda n: df.select(pl.arg_sort_by(c["loss"], descending=n % 2 == 0))),
  "sort: long text": floor(
      lambda n: df.select(pl.arg_sort_by(c["question"], descending=n % 2 == 0))),
  "sort: two columns": floor(lambda n: df.select(pl.arg_sort_by([c["model"], c["score"]]))),
  "group: 20 groups, 4 aggregates": floor(lambda n: df.group_by(c["expected"]).agg(
      col("score").mean(), col("loss").mean(), col("correct").mean(), col("tokens").max())),
  "facet: values": floor(lambda n: df[c["predicted"]].value_counts()),
}}))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def plain_python() -> list[dict[str, Any]]:
    """The same on a list of rows, for a tenth of the rows."""
    rows = list(make_rows(PLAIN_ROWS))
    score, loss, expected = (COLUMNS.index(name) for name in ("score", "loss", "expected"))

    def timed(what: str, work: Callable[[], Any]) -> dict[str, Any]:
        began = time.perf_counter()
        work()
        return {"what": f"plain Python, {PLAIN_ROWS:,} rows: {what}", "ms": elapsed(began)}

    return [
        timed("filter: number", lambda: [row for row in rows if row[score] < 0.5]),
        timed("sort: number", lambda: sorted(rows, key=lambda row: row[loss])),
        timed("group", lambda: Counter(row[expected] for row in rows)),
    ]


def measure_imports() -> list[dict[str, Any]]:
    """What a process takes that has loaded an engine and done nothing."""
    code = """
import resource, time
began = time.perf_counter()
import {module}
print(time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""
    found = []
    for module in ("sys", "polars"):
        samples = []
        for _ in range(3):
            command = [sys.executable, "-c", code.format(module=module)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            samples.append(tuple(map(float, done.stdout.split())))
        seconds, mib = min(samples)
        found.append({"what": module, "ms": round(seconds * 1e3), "mib": round(mib)})
    return found


def elapsed(began: float) -> float:
    return round((time.perf_counter() - began) * 1e3, 1)


def resident_mib(process: int | str) -> float:
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def peak_mib(pool: WorkerPool) -> int:
    """The most memory its process held of its own: mapped files can be dropped at any time."""
    (pid,) = pool.pids
    status = Path(f"/proc/{pid}/status").read_text()
    peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(peak.split()[1]) // 1024


def cpu_ms(pool: WorkerPool) -> float:
    """CPU time of its process so far, all threads."""
    (pid,) = pool.pids
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * 1e3 / os.sysconf("SC_CLK_TCK")


def commit() -> str:
    found = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    return found.stdout.strip()


if __name__ == "__main__":
    main()
