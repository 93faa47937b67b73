"""The official client, WANDB_MODE=offline: files are staged and hashed, and go nowhere."""

import os
from pathlib import Path

import wandb

MODE = "offline"


def start(work: Path) -> None:
    with wandb.init(project=os.environ["BENCH_PROJECT"], mode=MODE, dir=work):
        pass


def log(source: Path, work: Path) -> None:
    with wandb.init(project=os.environ["BENCH_PROJECT"], mode=MODE, dir=work) as run:
        artifact = wandb.Artifact("data", "dataset")
        artifact.add_dir(str(source))
        run.log_artifact(artifact)
        if MODE == "online":
            artifact.wait()
