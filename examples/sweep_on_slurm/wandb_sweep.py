"""A logistic regression in plain Python, as a run of a sweep or by itself.

By itself it has the values of config.yaml. Under an agent those of the sweep win, and the run
belongs to the sweep; nothing in this file knows of it.
"""

import math
import random
from pathlib import Path

import steelyard as wandb

HERE = Path(__file__).parent
Points = list[tuple[float, float, int]]


def make_points(count: int, seed: int) -> Points:
    """Two clouds that overlap a little: (x, y, which)."""
    chance = random.Random(seed)
    return [
        (chance.gauss(2.0 * which - 1.0, 1.0), chance.gauss(1.0 - 2.0 * which, 1.0), which)
        for which in (chance.randrange(2) for _ in range(count))
    ]


def probability(weights: list[float], x: float, y: float) -> float:
    return 1.0 / (1.0 + math.exp(-(weights[0] * x + weights[1] * y + weights[2])))


def accuracy(weights: list[float], points: Points) -> float:
    hits = sum((probability(weights, x, y) > 0.5) == (which == 1) for x, y, which in points)
    return hits / len(points)


def main() -> None:
    with wandb.init(config=HERE / "config.yaml") as run:
        config = run.config
        points = make_points(config.samples, config.seed)
        train, validation = points[: len(points) // 2], points[len(points) // 2 :]
        weights = [0.0, 0.0, 0.0]
        for epoch in range(config.epochs):
            for x, y, which in train:
                error = probability(weights, x, y) - which
                for index, value in enumerate((x, y, 1.0)):
                    weights[index] -= config.learning_rate * error * value
            run.log({"epoch": epoch, "Validation Accuracy": accuracy(weights, validation)})


if __name__ == "__main__":
    main()
