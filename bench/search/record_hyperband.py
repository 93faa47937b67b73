"""Record which runs W&B's published `sweeps` package stops, for tests/unit/search/stopping.

    python -m venv v && v/bin/pip install "numpy<2" "sweeps==0.3.0"
    v/bin/python bench/search/record_hyperband.py real_curves.json OUT.json

`real_curves.json` is a list of {"error": [40 values]}: validation errors of 150 small networks
trained on scikit-learn's digits. The file written holds the curves once and cases that refer to
them; a case of made-up values carries its own. Only decisions and thresholds are recorded.
"""

import json
import math
import random
import sys
from pathlib import Path

from sweeps.hyperband_stopping import hyperband_stop_runs
from sweeps.run import SweepRun

STATES = ["running"] * 6 + ["finished", "finished", "killed", "crashed", "failed", "pending"]
REAL_CASES, MADE_CASES = 160, 190


def draw_rule(rng: random.Random, longest: int) -> dict:
    if rng.random() < 0.5:
        rule = {"min_iter": rng.randint(1, max(1, longest // 3))}
    else:
        rule = {"max_iter": rng.randint(3, 2 * longest), "s": rng.randint(1, 5)}
        if rng.random() < 0.15:
            rule["min_iter"] = rng.randint(1, 5)
    if rng.random() < 0.7:
        rule["eta"] = rng.choice([2, 3, 4, 5, 1.5, 2.5, 1.1, 10])
    if rng.random() < 0.75:
        rule["strict"] = rng.random() < 0.5
    return rule


def draw_real(rng: random.Random, curves: list) -> list:
    runs = []
    for curve in rng.sample(range(len(curves)), rng.randint(2, 30)):
        runs.append([rng.choice(STATES), curve, rng.randint(0, len(curves[curve]))])
    return runs


def draw_made(rng: random.Random) -> list:
    """Short curves with many ties, and everything that can be logged instead of a number."""
    runs = []
    grid = rng.choice([2, 5, 1000])
    oddities = rng.random() < 0.4
    for _ in range(rng.randint(1, 12)):
        level = rng.random()
        values = []
        for step in range(rng.randint(0, 14)):
            value = level + (1 - level) * 0.8**step + rng.gauss(0, 0.1)
            values.append(round(round(value * grid) / grid, 3))
            if oddities and rng.random() < 0.15:
                values[-1] = rng.choice([math.nan, math.inf, -math.inf, True, None, "0.1", 0, 1])
        runs.append([rng.choice(STATES), values])
    return runs


def decide(rule: dict, goal: str | None, runs: list, curves: list) -> dict | None:
    metric = {"name": "m"} if goal is None else {"name": "m", "goal": goal}
    config = {
        "method": "random",
        "metric": metric,
        "early_terminate": {"type": "hyperband", **rule},
        "parameters": {"x": {"values": [1]}},
    }
    asked = []
    for place, (state, *what) in enumerate(runs):
        values = what[0] if len(what) == 1 else curves[what[0]][: what[1]]
        asked.append(SweepRun(name=str(place), state=state, history=[{"m": v} for v in values]))
    try:
        stopped = hyperband_stop_runs(asked, config)
    except ValueError:
        return None  # no bracket at all
    told = next((run.early_terminate_info for run in asked if run.early_terminate_info), None)
    found = None  # it tells thresholds only where a run is running
    if told is not None:
        found = {b: t for b, t in zip(told["bands"], told["thresholds"], strict=True) if t < 1e300}
    return {
        "rule": rule,
        "goal": goal,
        "runs": runs,
        "stopped": [int(run.name) for run in stopped],
        "thresholds": None if found is None else sorted(found.items()),
    }


def main() -> None:
    rng = random.Random(20)
    curves = [run["error"] for run in json.loads(Path(sys.argv[1]).read_text())]
    cases = []
    while len(cases) < REAL_CASES + MADE_CASES:
        real = len(cases) < REAL_CASES
        runs = draw_real(rng, curves) if real else draw_made(rng)
        rule = draw_rule(rng, 40 if real else 14)
        case = decide(rule, rng.choice(["minimize", "maximize", None]), runs, curves)
        if case is not None:
            cases.append(case)
    written = {"source": "sweeps 0.3.0", "curves": curves, "cases": cases}
    Path(sys.argv[2]).write_text(json.dumps(written, separators=(",", ":")) + "\n")
    stops = sum(len(case["stopped"]) for case in cases)
    judged = sum(run[0] == "running" for case in cases for run in case["runs"])
    print(f"{len(cases)} cases, {judged} running runs, {stops} of them stopped")


if __name__ == "__main__":
    main()
