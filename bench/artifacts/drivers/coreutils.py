"""The same as one types it: `cp -r` and `sha256sum`, which does without SHA instructions here."""

import subprocess
from pathlib import Path

from drivers.copy import fetch, start

__all__ = ["fetch", "log", "start"]


def log(source: Path, work: Path) -> None:
    store = work / "store"
    subprocess.run(["rm", "-rf", str(store)], check=True)
    subprocess.run(["cp", "-r", str(source), str(store)], check=True)
    command = f"find '{source}' -type f -print0 | xargs -0 sha256sum > '{work}/sums'"
    subprocess.run(command, shell=True, check=True)
