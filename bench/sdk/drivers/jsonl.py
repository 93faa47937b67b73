"""The floor: a line of JSON and a flush, which is one write(2) for each step."""

from pathlib import Path
from typing import Any


def load() -> None:
    global json
    import json


def init(work: str) -> None:
    global _file
    _file = (Path(work) / "history.jsonl").open("a")


def log(step: int, row: dict[str, float]) -> None:
    _file.write(json.dumps({"_step": step, **row}) + "\n")
    _file.flush()


def finish() -> None:
    _file.close()


def count(work: str) -> int:
    steps = set()
    for line in (Path(work) / "history.jsonl").read_text().splitlines():
        try:
            row: dict[str, Any] = json.loads(line)
        except ValueError:
            continue  # torn by a kill
        steps.add(row["_step"])
    return len(steps)
