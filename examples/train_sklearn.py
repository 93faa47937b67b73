"""Train a digit classifier for some epochs and log it with the official wandb client.

Nothing here knows Steelyard: WANDB_BASE_URL and WANDB_API_KEY (or `wandb login`) say where to log.
"""

import argparse

import numpy as np
import wandb
from sklearn.datasets import load_digits
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import train_test_split


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--alpha", type=float, default=1e-4, help="strength of the L2 penalty")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--project", default="digits")
    parser.add_argument("--name", default=None)
    return parser.parse_args()


def main() -> None:
    options = parse_arguments()
    images, labels = load_digits(return_X_y=True)
    split = train_test_split(images / 16.0, labels, test_size=0.25, random_state=options.seed)
    train_x, valid_x, train_y, valid_y = split
    classes = np.unique(labels)
    model = SGDClassifier(
        loss="log_loss",
        alpha=options.alpha,
        learning_rate="constant",
        eta0=options.learning_rate,
        random_state=options.seed,
    )
    order = np.random.default_rng(options.seed)

    with wandb.init(
        project=options.project,
        name=options.name,
        config={
            "model": {"kind": "SGDClassifier", "loss": "log_loss", "alpha": options.alpha},
            "learning_rate": options.learning_rate,
            "epochs": options.epochs,
            "seed": options.seed,
        },
        tags=["digits", "scikit-learn"],
        notes="A linear classifier on 8x8 digits.",
    ) as run:
        run.define_metric("valid/accuracy", summary="max")
        for epoch in range(options.epochs):
            shuffled = order.permutation(len(train_x))
            model.partial_fit(train_x[shuffled], train_y[shuffled], classes=classes)
            accuracy = accuracy_score(valid_y, model.predict(valid_x))
            run.log(
                {
                    "epoch": epoch,
                    "train/loss": log_loss(train_y, model.predict_proba(train_x)),
                    "valid/loss": log_loss(valid_y, model.predict_proba(valid_x)),
                    "valid/accuracy": accuracy,
                    "weights": wandb.Histogram(model.coef_),
                }
            )
            print(f"epoch {epoch}: accuracy {accuracy:.3f}")


if __name__ == "__main__":
    main()
