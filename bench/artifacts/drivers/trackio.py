"""trackio, local: contents by SHA-256 in a directory of the user, no server between."""

import importlib
import os
from pathlib import Path
from typing import Any


def init() -> Any:
    trackio = importlib.import_module("trackio")  # this module has the same name
    trackio.init(
        project=os.environ["BENCH_PROJECT"], auto_log_gpu=False, auto_log_cpu=False, embed=False
    )
    return trackio


def start(work: Path) -> None:
    init().finish()


def log(source: Path, work: Path) -> None:
    trackio = init()
    artifact = trackio.Artifact("data", type="dataset")
    artifact.add_dir(source)
    trackio.log_artifact(artifact)
    trackio.finish()


def fetch(target: Path, work: Path) -> None:
    trackio = init()
    trackio.use_artifact("data:latest").download(target)
    trackio.finish()
