"""One action of one tool, run by that tool's Python: client.py TOOL ACTION WORK [PATH]

    start       a run that logs no artifact
    log PATH    a run that logs the directory as artifact "data", until it is stored
    fetch PATH  download it into a directory that is not there yet, without any cache

Imports nothing of ours.
"""

import importlib
import sys
from pathlib import Path


def main() -> None:
    tool, action, work, *path = sys.argv[1:]
    driver = importlib.import_module(f"drivers.{tool}")
    getattr(driver, action)(*map(Path, path), Path(work))


if __name__ == "__main__":
    main()
