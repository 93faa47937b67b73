"""A training in twenty lines: fit a line by gradient descent, and log how it goes."""

import random

import steelyard as wandb

draw = random.Random(0)
points = [(x / 100, 3 * x / 100 - 1 + draw.gauss(0, 0.1)) for x in range(100)]

with wandb.init(project="examples", config={"learning_rate": 0.5, "steps": 200}) as run:
    slope = offset = 0.0
    for _ in range(run.config.steps):
        errors = [slope * x + offset - y for x, y in points]
        slope_gradient = 2 * sum(e * x for e, (x, _) in zip(errors, points, strict=True)) / 100
        offset_gradient = 2 * sum(errors) / 100
        slope -= run.config.learning_rate * slope_gradient
        offset -= run.config.learning_rate * offset_gradient
        run.log({"loss": sum(e * e for e in errors) / 100, "slope": slope, "offset": offset})
