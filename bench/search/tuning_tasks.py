"""The tasks that the engine's choices were compared on, none of which is a development task.

`hpo_bench` has the surrogates; here are other data sets of the same searches, and functions with
other optima. Run beside it: `PYTHONPATH=src:PATH_TO_HPO_BENCH python bench/search/tuning_tasks.py`
prints the quality of start designs: how many random runs the best of a design is worth.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from hpo_bench.space import Space
from hpo_bench.tasks import C, F, Fn, I, Yahpo

LCBENCH = ("126025", "146212", "167104", "168331", "189873", "7593")
SURROGATES: list[tuple[str, str, str]] = [
    *(
        ("lcbench", i, "val_accuracy")
        for i in ["126025", "146212", "167104", "168331", "189873", "7593"]
    ),
    ("lcbench", "189909", "val_cross_entropy"),
    *(("rbv2_xgboost", i, "acc") for i in ["12", "1489", "23", "1475"]),
    ("rbv2_xgboost", "181", "logloss"),
    *(("rbv2_svm_v0", i, "mmce") for i in ["1489", "182"]),
    ("rbv2_svm_v0", "1475", "logloss"),
    *(("rbv2_rpart", i, "acc") for i in ["12", "37"]),
    ("rbv2_rpart", "1489", "auc"),
    *(("rbv2_ranger_v2", i, "acc") for i in ["12", "1489"]),
    ("rbv2_ranger_v2", "31", "auc"),
    *(("rbv2_super_v0", i, "mmce") for i in ["12", "1489", "31", "182"]),
    ("rbv2_super_v0", "1478", "logloss"),
    ("iaml_glmnet", "41146", "mmce"),
]
CATEGORY_EFFECTS = np.random.default_rng(79).normal(size=(6, 9))
DESIGNS, SAMPLE = 40, 20_000

Config = dict[str, Any]


def peaks(width: int, seed: int, sharpness: tuple[float, float]) -> Callable[[Config], float]:
    """A sum of bells of unlike width and height, like Hartmann's functions."""
    rng = np.random.default_rng(seed)
    heights = np.linspace(1.0, 3.2, width)
    slopes = rng.uniform(*sharpness, (width, width))
    centres = rng.random((width, width))

    def loss(config: Config) -> float:
        at = np.array([config[f"x{i}"] for i in range(width)])
        return -float(heights @ np.exp(-(slopes * (at - centres) ** 2).sum(1)))

    return loss


def levy(config: Config) -> float:
    at = np.array([config[f"x{i}"] for i in range(5)]) - np.array([1.3, -2, 0.4, 3, -1.5])
    w = 1 + at / 4
    inner = (w[:-1] - 1) ** 2 * (1 + 10 * np.sin(math.pi * w[:-1] + 1) ** 2)
    last = (w[-1] - 1) ** 2 * (1 + math.sin(2 * math.pi * w[-1]) ** 2)
    return float(math.sin(math.pi * w[0]) ** 2 + inner.sum() + last)


def rosenbrock_of_logs(config: Config) -> float:
    x = np.log10([config[f"x{i}"] for i in range(4)]) + np.array([2, 2.4, 3, 1.6])
    return float((100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum())


def many_categories(config: Config) -> float:
    code = [int(config[f"c{i}"][1:]) for i in range(6)]
    weights = (2, 1.5, 1, 1, 0.5, 0.3)
    total = sum(CATEGORY_EFFECTS[i, code[i]] * weight for i, weight in enumerate(weights))
    total += 0.7 * CATEGORY_EFFECTS[0, (code[0] + code[1]) % 9]
    steep = 1 + code[0] % 3
    return float(total + 3 * (config["a"] - 0.7) ** 2 + 2 * abs(config["b"] - 0.2) * steep)


def griewank_mixed(config: Config) -> float:
    places = [config[f"x{i}"] - middle for i, middle in enumerate((3.1, -1.2, 0.6))]
    places += [(config[f"n{i}"] - middle) * 0.4 for i, middle in enumerate((7, 13))]
    places.append(((2, 4, 0, 3, 1, 5)[int(config["c0"][1:])] - 2) * 1.5)
    z = np.array(places)
    return float((z * z).sum() / 40 + 1 - np.prod(np.cos(z / np.sqrt(np.arange(1, 7)))))


def hierarchy(config: Config) -> float:
    """Three models with parameters of their own and two in common; a fourth with none."""
    shared = (config["s0"] - 0.3) ** 2 + 0.5 * abs(config["s1"] - 0.8)
    if config["model"] == "a":
        rate = (math.log10(config["a_lr"]) + 3) ** 2 / 3
        return float(shared + 0.6 + rate + 0.3 * (config["a_w"] - 0.5) ** 2)
    if config["model"] == "b":
        own = 0.2 + (math.log10(config["b_lr"]) + 1.5) ** 2 / 2 + (config["b_d"] - 6) ** 2 / 50
        if config["b_kind"] == "y":
            own += abs(config["b_y"] - 0.15) + 0.3 * abs(config["b_z"] - 0.6) - 0.35
        return float(shared + own + 0.1 * (config["b_kind"] == "z"))
    if config["model"] == "c":
        cross = 3 * abs(config["c_p"] - 0.55) * abs(config["c_q"] - 0.4)
        return float(shared + 0.35 + cross + 0.4 * (config["c_p"] - 0.1) ** 2)
    return float(shared + 0.9)


def functions() -> list[Any]:
    def cube(width: int, low: float = 0, high: float = 1) -> list[Any]:
        return [F(f"x{i}", low, high) for i in range(width)]

    a, b, c, y = (
        [("model", ["a"])],
        [("model", ["b"])],
        [("model", ["c"])],
        [("b_kind", ["y"])],
    )
    tree = [F("s0", 0, 1), F("s1", 0, 1), C("model", "a", "b", "c", "d")]
    tree += [F("a_lr", 1e-5, 1, True, a), F("a_w", 0, 1, c=a), F("b_lr", 1e-4, 10, True, b)]
    tree += [I("b_d", 1, 15, c=b), C("b_kind", "x", "y", "z", c=b)]
    tree += [F("b_y", 0, 1, c=y), F("b_z", 0, 1, c=y), F("c_p", 0, 1, c=c), F("c_q", 0, 1, c=c)]
    levels = [C(f"c{i}", *(f"v{j}" for j in range(9))) for i in range(6)]
    mixed = [*cube(3, -8, 8), I("n0", 0, 20), I("n1", 0, 20), C("c0", *(f"v{j}" for j in range(6)))]
    logs = [F(f"x{i}", 1e-5, 1e1, True) for i in range(4)]
    return [
        Fn("syn/peaks4", Space(cube(4)), peaks(4, 77, (1, 12)), "tuning"),
        Fn("syn/peaks8", Space(cube(8)), peaks(8, 78, (0.3, 8)), "tuning"),
        Fn("syn/levy5", Space(cube(5, -10, 10)), levy, "tuning"),
        Fn("syn/rosenbrock4", Space(logs), rosenbrock_of_logs, "tuning"),
        Fn(
            "syn/categories",
            Space([*levels, F("a", 0, 1), F("b", 0, 1)]),
            many_categories,
            "tuning",
        ),
        Fn("syn/griewank", Space(mixed), griewank_mixed, "tuning"),
        Fn("syn/hierarchy", Space(tree), hierarchy, "tuning"),
    ]


def tasks() -> list[Any]:
    surrogates = [Yahpo(*surrogate, "tuning") for surrogate in SURROGATES]
    return surrogates + functions()


def worth_of_starts(task: Any) -> float:
    """How many random runs reach, in the median, what the engine's start design has."""
    from hpo_bench.optimizers.steelyard import Steelyard

    from steelyard.search.bayes import start
    from steelyard.search.bayes.codec import Codec

    rng = np.random.default_rng(12345)
    sample = np.sort(task.evaluate_many([task.space.sample(rng) for _ in range(SAMPLE)]))
    codec = Codec(Steelyard(task.space, 0).problem.space)
    count = start.count_starts(codec.width)
    worths: list[float] = []
    for seed in range(DESIGNS):
        rows = [start.start_row(codec, seed, number) for number in range(count)]
        best = float(task.evaluate_many([codec.decode(row) for row in rows]).min())
        share = max(int(np.searchsorted(sample, best, side="right")), 1) / SAMPLE
        worths.append(math.log(0.5) / math.log1p(-min(share, 0.999)))
    return float(np.exp(np.mean(np.log(worths))))


def main() -> None:
    worths: list[float] = []
    for task in tasks():
        worths.append(worth_of_starts(task))
        print(f"{task.name:24s} {worths[-1]:6.1f}", flush=True)
    print(f"{'geometric mean':24s} {float(np.exp(np.mean(np.log(worths)))):6.1f}")


if __name__ == "__main__":
    main()
