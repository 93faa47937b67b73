"""Hyperparameters from a file and from the command line, and where each of them ends up.

    python examples/config_file.py --config examples/config_file.json --learning-rate 0.05

What the command line says wins over the file. `config` takes whatever `vars(options)` gives.
"""

import argparse
import json
import math
from pathlib import Path

import steelyard as wandb


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", type=Path, default=Path(__file__).with_suffix(".json"))
    parser.add_argument("--learning-rate", type=float)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def main() -> None:
    options = parse_arguments()
    settings = json.loads(options.config.read_text())
    settings |= {name: value for name, value in vars(options).items() if value is not None}
    with wandb.init(project="examples", config=settings) as run:
        assert run.config["optimizer"]["kind"] == "sgd"  # nested values stay nested
        assert run.config.seed == options.seed  # and can be read as attributes
        for epoch in range(run.config.epochs):
            run.log({"epoch": epoch, "loss": math.exp(-epoch * run.config.learning_rate)})
        run.config.update({"trained_on": "cpu"})


if __name__ == "__main__":
    main()
