"""How much compute early termination saves, and how often it stops the run that would have won.

    python -m bench.search.early_stop [--seeds 40] [--workers 1,8] [--curves real_curves.json]

A sweep of 40 random configurations is replayed on known learning curves: `workers` runs at a time,
an iteration each in turn, and after every iteration the rule is asked, which sees what a sweep's
controller sees. The curves are made up (power laws with levels, rates, starts and noise of their
own, so that they cross) or, with --curves, a JSON list of {"error": [values]}: then every seed is
another order of another 40 of them. Saved: the share of iterations not run. Kept: seeds in which
the run with the best value of all was not stopped. Regret: what the best value seen is worse, as a
share of the distance between the best and the median run.
"""

import argparse
import json
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from steelyard.search.problem import EarlyTerminate, Metric, Problem
from steelyard.search.space import Space
from steelyard.search.stopping import Curve, decide

RUNS, LENGTH = 40, 40
RULES: dict[str, EarlyTerminate] = {
    "hyperband, min_iter 3": EarlyTerminate(type="hyperband", min_iter=3),
    "hyperband, min_iter 3, not strict": EarlyTerminate(type="hyperband", min_iter=3, strict=False),
    "hyperband, max_iter 40, s 2": EarlyTerminate(type="hyperband", max_iter=40, s=2),
    "asha": EarlyTerminate(type="asha"),
    "asha, min_iter 1": EarlyTerminate(type="asha", min_iter=1),
    "asha, eta 2": EarlyTerminate(type="asha", eta=2),
    "median": EarlyTerminate(type="median"),
    "predictive": EarlyTerminate(type="predictive"),
}


class Replay(NamedTuple):
    saved: float
    kept: bool
    regret: float


def make_curves(rng: np.random.Generator) -> list[list[float]]:
    """Losses level + (start - level) * t^-rate with noise; better levels tend to fall faster."""
    steps = np.arange(1, LENGTH + 1)
    curves = []
    for _ in range(RUNS):
        level = float(rng.beta(1.5, 2.0))
        rate = float(rng.uniform(0.3, 1.2)) * (1.2 - 0.4 * level)
        start = level + float(rng.uniform(0.5, 1.5))
        noise = rng.normal(scale=0.01, size=LENGTH)
        curves.append((level + (start - level) * steps**-rate + noise).tolist())
    return curves


def draw_curves(seeds: int, path: Path | None) -> Iterator[list[list[float]]]:
    known = json.loads(path.read_text()) if path else []
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        if path is None:
            yield make_curves(rng)
        else:
            yield [known[place]["error"] for place in rng.permutation(len(known))[:RUNS]]


def replay(curves: list[list[float]], rule: EarlyTerminate, workers: int) -> Replay:
    problem = Problem(
        method="random",
        space=Space(parameters=()),
        metrics=(Metric(name="loss"),),
        early_terminate=rule,
    )
    seen: list[list[float]] = []
    state: list[str] = []
    running: list[int] = []
    while True:
        while len(running) < workers and len(seen) < len(curves):
            running.append(len(seen))
            seen.append([])
            state.append("running")
        if not running:
            break
        for run in list(running):
            seen[run].append(curves[run][len(seen[run])])
            if len(seen[run]) == len(curves[run]):
                state[run] = "finished"
        asked = [
            Curve(id=str(run), values=seen[run], state=state[run])  # type: ignore[arg-type]
            for run in range(len(seen))
        ]
        for decision in decide(problem, asked):
            state[int(decision.id)] = "stopped"
        running = [run for run in running if state[run] == "running"]
    finals = [min(curve) for curve in curves]
    best = min(finals)
    span = statistics.median(finals) - best
    return Replay(
        saved=1 - sum(map(len, seen)) / sum(map(len, curves)),
        kept=any(f == best and s != "stopped" for f, s in zip(finals, state, strict=True)),
        regret=(min(min(values) for values in seen) - best) / span,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seeds", type=int, default=40)
    parser.add_argument("--workers", default="1,8")
    parser.add_argument("--curves", type=Path)
    options = parser.parse_args()
    source = "real curves" if options.curves else "made-up curves"
    for workers in map(int, options.workers.split(",")):
        print(f"\n{source}, {workers} workers, {options.seeds} seeds, {RUNS} runs of {LENGTH}")
        print("| rule | saved | best kept | mean regret | largest regret |\n|---|---|---|---|---|")
        for name, rule in RULES.items():
            found = [replay(c, rule, workers) for c in draw_curves(options.seeds, options.curves)]
            kept = sum(one.kept for one in found) / len(found)
            regret = [one.regret for one in found]
            saved = statistics.fmean(one.saved for one in found)
            print(
                f"| {name} | {saved:.0%} | {kept:.0%} | {statistics.fmean(regret):.4f} "
                f"| {max(regret):.4f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
