"""The small models of `demo.py`: each function trains one and logs how it goes into a run."""

import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn import datasets
from sklearn.cluster import MiniBatchKMeans
from sklearn.ensemble import GradientBoostingRegressor, RandomForestClassifier
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.metrics import accuracy_score, f1_score, log_loss, r2_score
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler

import steelyard as wandb

LOADERS = {
    "digits": datasets.load_digits,
    "breast cancer": datasets.load_breast_cancer,
    "wine": datasets.load_wine,
    "diabetes": datasets.load_diabetes,
}


@dataclass(frozen=True)
class Data:
    train_x: np.ndarray
    train_y: np.ndarray
    valid_x: np.ndarray
    valid_y: np.ndarray

    @property
    def classes(self) -> np.ndarray:
        return np.unique(self.train_y)

    def batches(self, size: int, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        order = np.random.default_rng(seed).permutation(len(self.train_x))
        for at in range(0, len(order), size):
            picked = order[at : at + size]
            yield self.train_x[picked], self.train_y[picked]


def load_data(name: str, seed: int) -> Data:
    inputs, targets = LOADERS[name](return_X_y=True)
    split = train_test_split(inputs, targets, test_size=0.25, random_state=seed)
    train_x, valid_x, train_y, valid_y = split
    scaler = StandardScaler().fit(train_x)
    return Data(scaler.transform(train_x), train_y, scaler.transform(valid_x), valid_y)


def settings_of(run: Any) -> tuple[dict[str, Any], int]:
    """What the model is built from, and for how many epochs it is trained."""
    model = dict(run.config["model"])
    del model["kind"]
    return model, int(run.config["epochs"])


def score(model: Any, data: Data) -> dict[str, float]:
    """Losses and scores of a classifier that knows probabilities."""
    predicted = model.predict(data.valid_x)
    return {
        "train/loss": log_loss(data.train_y, model.predict_proba(data.train_x)),
        "train/accuracy": accuracy_score(data.train_y, model.predict(data.train_x)),
        "valid/loss": log_loss(data.valid_y, model.predict_proba(data.valid_x)),
        "valid/accuracy": accuracy_score(data.valid_y, predicted),
        "valid/f1": f1_score(data.valid_y, predicted, average="macro"),
    }


def linear_classifier(run: Any, data: Data, seed: int) -> None:
    """Stochastic gradient descent, epoch by epoch."""
    settings, epochs = settings_of(run)
    model = SGDClassifier(loss="log_loss", learning_rate="constant", random_state=seed, **settings)
    run.define_metric("valid/accuracy", summary="max")
    for epoch in range(epochs):
        for x, y in data.batches(256, seed + epoch):
            model.partial_fit(x, y, classes=data.classes)
        run.log({"epoch": epoch, **score(model, data), "weights": wandb.Histogram(model.coef_)})


def neural_network(run: Any, data: Data, seed: int) -> None:
    """A multi-layer perceptron, with a progress bar on the console."""
    settings, epochs = settings_of(run)
    model = MLPClassifier(random_state=seed, batch_size=64, **settings)
    run.define_metric("valid/accuracy", summary="max")
    for epoch in range(epochs):
        model.partial_fit(data.train_x, data.train_y, classes=data.classes)
        scores = score(model, data)
        run.log({"epoch": epoch, "batch/loss": model.loss_, **scores})
        bar = "█" * (20 * (epoch + 1) // epochs)
        sys.stdout.write(f"\repoch {epoch + 1:3}/{epochs} |{bar:<20}| loss {model.loss_:.4f}")
        sys.stdout.flush()
    print(f"\nvalidation accuracy \x1b[1;32m{scores['valid/accuracy']:.4f}\x1b[0m")
    run.summary["parameters"] = sum(w.size for w in (*model.coefs_, *model.intercepts_))


def logistic_regression(run: Any, data: Data, seed: int) -> None:
    """A few more iterations of the solver at each step."""
    settings, epochs = settings_of(run)
    model = LogisticRegression(
        max_iter=2, warm_start=True, solver="saga", random_state=seed, **settings
    )
    for epoch in range(epochs):
        model.fit(data.train_x, data.train_y)
        run.log({"epoch": epoch, **score(model, data), "weights/norm": np.abs(model.coef_).sum()})


def random_forest(run: Any, data: Data, seed: int) -> None:
    """A forest that grows; the score is that of the samples a tree has not seen."""
    settings, epochs = settings_of(run)
    model = RandomForestClassifier(
        n_estimators=10, warm_start=True, oob_score=True, random_state=seed, **settings
    )
    for _ in range(min(epochs, 15)):
        model.fit(data.train_x, data.train_y)
        run.log(
            {"trees": model.n_estimators, "oob/accuracy": model.oob_score_, **score(model, data)},
            step=model.n_estimators,
        )
        model.n_estimators += 10
    run.summary["importance"] = wandb.Histogram(model.feature_importances_)


def gradient_boosting(run: Any, data: Data, seed: int) -> None:
    """Fitted at once; the stages are logged afterwards."""
    settings, epochs = settings_of(run)
    model = GradientBoostingRegressor(n_estimators=3 * epochs, random_state=seed, **settings)
    model.fit(data.train_x, data.train_y)
    for stage, predicted in enumerate(model.staged_predict(data.valid_x)):
        run.log(
            {"train/loss": model.train_score_[stage], "valid/r2": r2_score(data.valid_y, predicted)}
        )


def k_means(run: Any, data: Data, seed: int) -> None:
    """Clusters of digits, batch by batch."""
    settings, epochs = settings_of(run)
    model = MiniBatchKMeans(random_state=seed, n_init=1, **settings)
    run.define_metric("inertia", summary="min")
    for epoch in range(epochs):
        for x, _ in data.batches(200, seed + epoch):
            model.partial_fit(x)
        run.log(
            {
                "epoch": epoch,
                "inertia": -model.score(data.valid_x),
                "cluster/sizes": wandb.Histogram(model.predict(data.valid_x)),
            }
        )


def gradient_descent(run: Any, data: Data, seed: int) -> None:
    """Least squares by hand. With a step that is too long it diverges: to Inf, then to NaN."""
    settings, epochs = settings_of(run)
    weights = np.zeros(data.train_x.shape[1])
    target = data.train_y - data.train_y.mean()
    with np.errstate(all="ignore"):
        for _ in range(10 * epochs):
            residual = data.train_x @ weights - target
            gradient = data.train_x.T @ residual / len(target)
            weights -= settings["step_size"] * gradient
            run.log({"train/loss": np.mean(residual**2), "gradient/norm": np.linalg.norm(gradient)})
    if not np.isfinite(weights).all():
        run.alert("diverged", f"step size {settings['step_size']} is too long", level="WARN")


def wrong_validation(run: Any, data: Data, seed: int) -> None:
    """Somebody dropped a column of the validation data: the first validation fails."""
    settings, epochs = settings_of(run)
    model = SGDClassifier(loss="log_loss", random_state=seed, **settings)
    for epoch in range(epochs):
        model.partial_fit(data.train_x, data.train_y, classes=data.classes)
        run.log({"epoch": epoch, "train/accuracy": model.score(data.train_x, data.train_y)})
        if epoch == epochs // 2:
            print("validating …")
            run.log({"valid/accuracy": model.score(data.valid_x[:, 1:], data.valid_y)})


def killed_network(run: Any, data: Data, seed: int) -> None:
    """The machine runs out of memory, so to speak."""
    settings, epochs = settings_of(run)
    model = MLPClassifier(random_state=seed, **settings)
    for epoch in range(epochs):
        model.partial_fit(data.train_x, data.train_y, classes=data.classes)
        run.log({"epoch": epoch, **score(model, data)})
        if epoch == epochs // 2:
            os.kill(os.getpid(), signal.SIGKILL)
