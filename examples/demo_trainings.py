"""The thirty trainings of `demo.py`: which model on which data, and how the run is filed.

All but a few end well; those few show what a run looks like that fails, diverges, or is killed.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import demo_models as models

import steelyard as wandb


@dataclass(frozen=True)
class Training:
    name: str
    data: str
    model: str
    train: Callable[[Any, models.Data, int], None]
    settings: dict[str, Any]
    epochs: int = 30
    seed: int = 0
    tags: tuple[str, ...] = ()
    job_type: str = "train"
    notes: str = ""


def list_trainings() -> list[Training]:
    """In the order in which they are started."""
    return [
        *(
            Training(
                f"linear-lr-{rate:g}-{seed}",
                "digits",
                "linear",
                models.linear_classifier,
                {"eta0": rate, "alpha": 1e-4},
                seed=seed,
                tags=("baseline",) if rate == 1e-3 else ("sweep",),
            )
            for rate in (1e-4, 1e-3, 1e-2)
            for seed in (0, 1)
        ),
        *(
            Training(
                f"mlp-{width}-{optimizer}",
                "digits",
                "mlp",
                models.neural_network,
                {"hidden_layer_sizes": [width], "solver": optimizer, "learning_rate_init": rate},
                epochs=40,
                tags=("sweep",),
                notes="Wider layers and two optimizers.\nCompare with the linear baseline.",
            )
            for width in (16, 64, 128)
            for optimizer, rate in (("adam", 1e-3), ("sgd", 1e-2))
        ),
        *(
            Training(
                f"logistic-C-{c:g}",
                "breast cancer",
                "logistic",
                models.logistic_regression,
                {"C": c},
                epochs=50,
                tags=("regularization",),
            )
            for c in (0.001, 0.1, 10.0)
        ),
        *(
            Training(
                f"forest-depth-{depth or 'any'}",
                data,
                "forest",
                models.random_forest,
                {"max_depth": depth, "max_features": "sqrt"},
                tags=("trees",),
            )
            for data, depth in (("wine", 2), ("wine", None), ("breast cancer", 4))
        ),
        *(
            Training(
                f"boosting-lr-{rate:g}",
                "diabetes",
                "boosting",
                models.gradient_boosting,
                {"learning_rate": rate, "max_depth": 3, "subsample": 0.8},
                epochs=40,
                tags=("trees",),
            )
            for rate in (0.02, 0.1, 0.5)
        ),
        *(
            Training(
                f"kmeans-{count}",
                "digits",
                "k-means",
                models.k_means,
                {"n_clusters": count},
                job_type="clustering",
            )
            for count in (5, 10, 20)
        ),
        *(
            Training(
                f"descent-step-{step:g}",
                "diabetes",
                "least squares",
                models.gradient_descent,
                {"step_size": step},
                tags=("by hand",),
                notes="" if step < 1 else "Too long a step.",
            )
            for step in (0.01, 0.1, 5.0)
        ),
        Training(
            "mlp-overflow",
            "digits",
            "mlp",
            models.neural_network,
            {"hidden_layer_sizes": [32], "solver": "sgd", "learning_rate_init": 3.0},
            tags=("broken",),
            notes="Much too fast: scikit-learn gives up when the numbers overflow.",
        ),
        Training(
            "linear-missing-column",
            "wine",
            "linear",
            models.wrong_validation,
            {"alpha": 1e-3},
            tags=("broken",),
            job_type="evaluate",
            notes="The validation data lack a column.",
        ),
        Training(
            "mlp-killed",
            "digits",
            "mlp",
            models.killed_network,
            {"hidden_layer_sizes": [64]},
            tags=("broken",),
            notes="kill -9 in the middle: what was logged is there.",
        ),
    ]


def run_training(training: Training, project: str, epochs_max: int) -> Any:
    """One run, from init to finish. Raises what the training raised; the run has ended then."""
    with wandb.init(
        project=project,
        name=training.name,
        group=f"{training.data}: {training.model}",
        job_type=training.job_type,
        tags=[training.data, *training.tags],
        notes=training.notes,
        config={
            "data": training.data,
            "seed": training.seed,
            "epochs": min(training.epochs, epochs_max),
            "model": {"kind": training.model, **training.settings},
        },
    ) as run:
        data = models.load_data(training.data, training.seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of models that are stopped before they converge
            training.train(run, data, training.seed)
    return run
