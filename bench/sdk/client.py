"""One scenario of one tool, run by that tool's Python: client.py TOOL SCENARIO WORK [key=value …]

Imports nothing of ours and writes its result as JSON to the file `result=`. What the tool prints
goes to the standard output of this process.

    log      import, init, `n` logs of ten floats (`rate` a second, 0: at full speed), finish
    kill     import, init, `n` logs, then SIGKILL for this process
    count    steps that can be read back
"""

import importlib
import json
import os
import random
import signal
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

MARKS = (0.1, 0.5, 1.0)  # parts of the loop at which memory is looked at
POOL = 997


def quantiles_us(durations_ns: list[int]) -> dict[str, float]:
    ordered = sorted(durations_ns)
    last = len(ordered) - 1

    def at(part: float) -> float:
        return ordered[min(last, int(part * len(ordered)))] / 1e3

    return {
        "p50_us": at(0.5),
        "p99_us": at(0.99),
        "p999_us": at(0.999),
        "max_us": ordered[-1] / 1e3,
    }


def resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def log_steps(driver: ModuleType, n: int, rate: float, keep_times: bool) -> dict[str, Any]:
    """The loop. Memory: at the marks, also the moment, for the memory of the whole tree."""
    draw = random.Random(0)
    pool = [{f"m{k}": draw.random() for k in range(10)} for _ in range(POOL)]
    durations_ns: list[int] = []
    marks = {int(n * part) - 1: f"{part:.0%}" for part in MARKS}
    moments: dict[str, float] = {}
    resident: dict[str, float] = {}
    log, clock = driver.log, time.perf_counter_ns
    started = time.perf_counter()
    for i in range(n):
        row = dict(pool[i % POOL])
        if rate:
            wait_s = started + i / rate - time.perf_counter()
            if wait_s > 0:
                time.sleep(wait_s)
        before = clock()
        log(i, row)
        after = clock()
        if keep_times:  # a million of them would be memory of ours, not of the tool
            durations_ns.append(after - before)
        if i in marks:
            resident[marks[i]] = resident_mb()
            moments[marks[i]] = time.monotonic()
    loop_s = time.perf_counter() - started
    result: dict[str, Any] = {"steps": n, "loop_s": loop_s}
    if keep_times:
        result |= quantiles_us(durations_ns)
    return result | {"resident_mb": resident, "moments": moments}


def main() -> None:
    tool, scenario, work = sys.argv[1:4]
    options = dict(argument.split("=", 1) for argument in sys.argv[4:])
    driver = importlib.import_module(f"drivers.{tool}")
    started = time.perf_counter()
    driver.load()
    result: dict[str, Any] = {"import_s": time.perf_counter() - started}
    if scenario == "count":
        result["steps"] = driver.count(work)
        if hasattr(driver, "count_sent"):
            result["sent_steps"] = driver.count_sent()
    else:
        result |= run_training(driver, scenario, work, options)
    Path(options["result"]).write_text(json.dumps(result))


def run_training(
    driver: ModuleType, scenario: str, work: str, options: dict[str, str]
) -> dict[str, Any]:
    started = time.perf_counter()
    driver.init(work)
    result = {"init_s": time.perf_counter() - started}
    n = int(options["n"])
    logged = log_steps(driver, n, float(options.get("rate", 0)), options.get("times") == "yes")
    if scenario == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    started = time.perf_counter()
    driver.finish()
    return result | logged | {"finish_s": time.perf_counter() - started}


if __name__ == "__main__":
    main()
