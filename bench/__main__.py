"""Runs the benches and compares them with `budgets.toml`: python -m bench [NAME …].

Exit status 1 when a budget is missed. Machines are noisy: look at the spread in the results, and
measure again alone, before believing either a success or a failure.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
NAMES = ("artifacts", "charts", "ingest", "runs", "sdk", "search", "tables")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}; else all")
    names = parser.parse_args().names or list(NAMES)
    if unknown := set(names) - set(NAMES):
        parser.error(f"no bench {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    budgets = tomllib.loads((HERE / "budgets.toml").read_text())["budget"]
    missed = 0
    for name in names:
        results = run_bench(name)
        for budget in budgets:
            if budget["bench"] == name:
                missed += not report(budget, results)
    return 1 if missed else 0


def run_bench(name: str) -> dict[str, Any]:
    """Run one bench; its own output goes to the terminal."""
    with tempfile.TemporaryDirectory() as directory:
        out = Path(directory) / "results.json"
        command = [sys.executable, "-m", f"bench.{name}.run", "--out", str(out)]
        subprocess.run(command, check=True)
        results: dict[str, Any] = json.loads(out.read_text())
        return results


def report(budget: dict[str, Any], results: dict[str, Any]) -> bool:
    """Print one line; whether the budget is kept."""
    value = look_up(results, budget["path"])
    limit, is_kept = (
        (f"at most {budget['most']:,}", value <= budget["most"])
        if "most" in budget
        else (f"at least {budget['least']:,}", value >= budget["least"])
    )
    words = " / ".join(budget["path"])
    print(f"{'ok    ' if is_kept else 'MISSED'} {budget['bench']}: {words} = {value:,.4g}, {limit}")
    return is_kept


def look_up(results: Any, path: list[str]) -> float:
    """The number at `path`. Raises KeyError, naming the part that is not there."""
    found = results
    for part in path:
        if isinstance(found, list):
            found = {entry["what"]: entry for entry in found}
        found = found[part]
    return float(found)


if __name__ == "__main__":
    sys.exit(main())
