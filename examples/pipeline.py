"""From data to a verdict: a dataset, a model and its evaluation, twice, each step a run of its own.

The steps find what they need by name, as they would on different machines, so the server knows the
whole chain. Look at the lineage of `digits-model`, at the table of an evaluation, and at what
`steelyard diff PROJECT/digits-model:v0 v1` says about why the second model is better.
"""

import argparse
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split

import steelyard as wandb

CLASSES = np.arange(10)
WRONG_LABELS = 0.9  # of the eights, which somebody took for threes


def picture(pixels: np.ndarray, caption: str | None = None) -> wandb.Image:
    """64 numbers around any middle as an image of 64 by 64."""
    low, high = pixels.min(), pixels.max()
    scaled = (255 * (pixels - low) / (high - low or 1)).astype(np.uint8).reshape(8, 8)
    return wandb.Image(np.kron(scaled, np.ones((8, 8), np.uint8)), caption=caption)


def prepare(project: str, *, corrected: bool) -> bool:
    """Log the next version of the dataset. False when no server is there to read it from."""
    images, labels = load_digits(return_X_y=True)
    train_x, test_x, train_y, test_y = train_test_split(images, labels, random_state=0)
    if not corrected:
        is_wrong = np.random.default_rng(0).random(len(train_y)) < WRONG_LABELS
        train_y = np.where((train_y == 8) & is_wrong, 3, train_y)
    with wandb.init(
        project=project,
        name="prepare-corrected" if corrected else "prepare-raw",
        job_type="prepare",
        config={"corrected": corrected},
    ) as run:
        data = wandb.Artifact("digits", type="dataset", metadata={"rows": len(images)})
        header = ",".join([*(f"pixel{place}" for place in range(64)), "label"])
        for name, x, y in (("train.csv", train_x, train_y), ("test.csv", test_x, test_y)):
            with data.new_file(name) as file:
                np.savetxt(file, np.column_stack([x, y]), "%d", ",", header=header, comments="")
        run.log({"samples": [picture(train_x[n], f"label {train_y[n]}") for n in range(8)]})
        run.log_artifact(data, aliases=["corrected" if corrected else "raw"])
        return run.url is not None


def read(folder: str, name: str) -> tuple[np.ndarray, np.ndarray]:
    rows = np.loadtxt(Path(folder) / name, delimiter=",", skiprows=1)
    return rows[:, :64] / 16, rows[:, 64].astype(int)


def train(project: str, *, data: str, epochs: int) -> None:
    """Fit a linear classifier, look at its weights, and log it as a model."""
    with wandb.init(
        project=project,
        name=f"train-on-{data}",
        job_type="train",
        config={"learning_rate": 0.01, "epochs": epochs},
    ) as run:
        x, y = read(run.use_artifact(f"digits:{data}").download(), "train.csv")
        model = SGDClassifier(
            loss="log_loss",
            learning_rate="constant",
            eta0=run.config["learning_rate"],
            random_state=0,
        )
        for epoch in range(epochs):
            model.partial_fit(x, y, classes=CLASSES)
            run.log(
                {
                    "loss": log_loss(y, model.predict_proba(x)),
                    "weights": wandb.Histogram(model.coef_),
                    "digit": [picture(model.coef_[n], f"{n}, epoch {epoch}") for n in (0, 3, 8)],
                }
            )
        trained = wandb.Artifact("digits-model", type="model", metadata={"kind": "linear"})
        with trained.new_file("weights.npz", mode="wb") as file:
            np.savez(file, weights=model.coef_, offsets=model.intercept_)
        run.log_artifact(trained, aliases=[f"on-{data}"])


def evaluate(project: str, *, data: str) -> None:
    """Try a model on the test data: a table with an image in each row, and a confusion matrix."""
    with wandb.init(project=project, name=f"evaluate-on-{data}", job_type="evaluate") as run:
        x, truth = read(run.use_artifact("digits:latest").download(), "test.csv")
        model = run.use_artifact(f"digits-model:on-{data}")
        with np.load(Path(model.download()) / "weights.npz") as found:
            scores = x @ found["weights"].T + found["offsets"]
        guess = scores.argmax(axis=1)
        sure = np.exp(scores.max(axis=1)) / np.exp(scores).sum(axis=1)

        table = wandb.Table(columns=["id", "image", "truth", "guess", "sure", "right"])
        for number in range(100):
            image, right = picture(x[number]), bool(truth[number] == guess[number])
            row = (int(truth[number]), int(guess[number]), float(sure[number]), right)
            table.add_data(number, image, *row)
        accuracy = float((truth == guess).mean())
        run.log(
            {
                "accuracy": accuracy,
                "predictions": table,
                "confusion": wandb.plot.confusion_matrix(
                    preds=guess, y_true=truth, class_names=[str(n) for n in CLASSES]
                ),
            }
        )
        if accuracy > 0.9:
            run.link_artifact(model, "released-models", aliases=["production"])
        print(f"{model.name} is right in {accuracy:.1%}")


def run_pipeline(project: str, epochs: int = 10) -> bool:
    """Every step. False when it ended after the first, as nothing can be read without a server."""
    for data, corrected in (("raw", False), ("corrected", True)):
        if not prepare(project, corrected=corrected):
            return False
        train(project, data=data, epochs=epochs)
        evaluate(project, data=data)
    return True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--project", default="examples")
    parser.add_argument("--epochs", type=int, default=10)
    options = parser.parse_args()
    if not run_pipeline(options.project, options.epochs):
        print("the dataset rests in ./steelyard; to go on, a server is needed: steelyard up")


if __name__ == "__main__":
    main()
