"""The bench of the SDK: who is counted, and what becomes of the numbers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.sdk.client import quantiles_us
from bench.sdk.report import BEGIN, END, replace_tables, write_tables
from bench.sdk.run import Bench, compare, put_apart, spread, subtract_python

# The parent ends at once, its orphan works on in a session of its own.
ORPHAN = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        until = time.process_time() + float(sys.argv[1])
        while time.process_time() < until:
            pass
        time.sleep(float(sys.argv[2]))
    os._exit(0)
os.wait()
"""


def run_tree(folder: Path, *command: str, **spec: Any) -> dict[str, Any]:
    wanted = {
        "command": [sys.executable, *command],
        "environ": {},
        "cwd": str(folder),
        "output": str(folder / "output.txt"),
        **spec,
    }
    told = subprocess.run(
        [sys.executable, "-m", "bench.sdk.tree", json.dumps(wanted)],
        check=True,
        capture_output=True,
        text=True,
    )
    account: dict[str, Any] = json.loads(told.stdout)
    return account


def test_an_orphan_is_waited_for_and_its_cpu_counted(tmp_path: Path) -> None:
    account = run_tree(tmp_path, "-c", ORPHAN, "0.3", "0")
    assert account["status"] == 0
    assert account["cpu_s"] >= 0.3
    assert account["main_wall_s"] < account["wall_s"]
    assert account["leftovers"] == 0


def test_what_does_not_end_is_killed_and_counted(tmp_path: Path) -> None:
    account = run_tree(tmp_path, "-c", ORPHAN, "0", "600", grace_s=0.1)
    assert account["leftovers"] == 1


def test_killing_the_tree_ends_it_with_the_command(tmp_path: Path) -> None:
    account = run_tree(tmp_path, "-c", ORPHAN, "0", "600", kills_tree=True)
    assert account["wall_s"] < 600
    assert account["leftovers"] == 0


def test_the_status_of_a_killed_command_is_its_signal(tmp_path: Path) -> None:
    account = run_tree(tmp_path, "-c", "import os; os.kill(os.getpid(), 9)")
    assert account["status"] == -9


def test_an_environment_that_was_not_made_is_missing(tmp_path: Path) -> None:
    bench = Bench(tmp_path, tmp_path, server=None)  # type: ignore[arg-type]  # not asked
    assert bench.python("trackio") is None


def test_ratios_are_taken_within_a_repetition() -> None:
    numbers = ("p50_us", "p99_us", "p999_us", "tree_cpu_us_per_step")
    log = {
        "jsonl": [dict.fromkeys(numbers, 10.0), dict.fromkeys(numbers, 20.0)],
        "trackio": [dict.fromkeys(numbers, 20.0), dict.fromkeys(numbers, 80.0)],
    }
    ratio = compare({"log": log})["trackio"]["p50_us / floor"]
    assert ratio == {"median": 3.0, "min": 2.0, "max": 4.0}


def test_a_scenario_that_is_measured_apart_replaces_only_itself() -> None:
    kept = {
        "machine": "busy",
        "measured": {"startup": {"a": 2, "b": 2}, "log": {"a": 1}},
        "ratios": {"a": {"p50": 1, "startup": 9}},
    }
    report = {
        "machine": "idle",
        "measured": {"startup": {"a": 1}},
        "ratios": {"a": {"startup": 3}},
    }
    assert put_apart(report, kept) == {
        "machine": "busy",
        "measured": {"startup": {"a": 1, "b": 2}, "log": {"a": 1}},
        "ratios": {"a": {"p50": 1, "startup": 3}},
        "measured_apart": {"startup": "idle"},
    }


def test_an_import_is_counted_beyond_bare_python() -> None:
    told = subtract_python({"python": [{"modules": 30}], "wandb": [{"modules": 630}]})
    assert told["wandb"] == [{"modules_above_python": 600, "modules": 630}]


def test_quantiles_are_measured_values() -> None:
    told = quantiles_us([1000 * n for n in range(1, 101)])
    assert told == {"p50_us": 51, "p99_us": 100, "p999_us": 100, "max_us": 100}


def test_tables_replace_tables_and_name_what_is_missing() -> None:
    facts = ("commit", "cpu", "cores", "load_before", "system", "python")
    results = {
        "measured": {"import": {"wandb": spread([{"cpu_s_above_python": 0.5, "modules": 600}])}},
        "ratios": {},
        "workload": {},
        "missing": ["trackio"],
        "failed": {"tensorboardx": "status 1\nTraceback"},
        "peers": {"wandb": "0.31.0"},
        "repetitions": 1,
        "machine": dict.fromkeys(facts, "x"),
    }
    page = replace_tables(f"Before\n{BEGIN}\nold\n{END}\nafter\n", write_tables(results))
    assert "| wandb | 0.500 s |  | 600 |" in page
    assert "not installed: trackio" in page
    assert "tensorboardx failed with `status 1`" in page
    assert "old" not in page
    assert page.startswith("Before\n")
    assert page.endswith("\nafter\n")


def test_a_page_without_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="lacks"):
        replace_tables("no marks", "tables")
