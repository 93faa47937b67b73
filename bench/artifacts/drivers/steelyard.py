"""Steelyard with the server of WANDB_BASE_URL: logged by a run, waited for; read back by name."""

import importlib
import os
from pathlib import Path


def start(work: Path) -> None:
    steelyard = importlib.import_module("steelyard")  # this module has the same name
    with steelyard.init(project=os.environ["BENCH_PROJECT"], dir=work):
        pass


def log(source: Path, work: Path) -> None:
    steelyard = importlib.import_module("steelyard")
    with steelyard.init(project=os.environ["BENCH_PROJECT"], dir=work) as run:
        artifact = steelyard.Artifact("data", "dataset")
        artifact.add_dir(source)
        run.log_artifact(artifact)
        artifact.wait()


def fetch(target: Path, work: Path) -> None:
    # As `steelyard artifact get` does.
    module = importlib.import_module("steelyard.sdk.artifacts.artifact")
    module.Artifact._from_name(f"{os.environ['BENCH_PROJECT']}/data:latest").download(target)
