"""The floor: a line of JSON and a flush, which is one write(2) for each step."""

import os


def load() -> None:
    global json
    import json


def init(work: str) -> None:
    global _file
    _file = open(os.path.join(work, "history.jsonl"), "a")  # noqa: PTH118, PTH123, SIM115


def log(step: int, row: dict[str, float]) -> None:
    _file.write(json.dumps({"_step": step, **row}) + "\n")
    _file.flush()


def finish() -> None:
    _file.close()


def count(work: str) -> int:
    steps = set()
    with open(os.path.join(work, "history.jsonl")) as file:  # noqa: PTH118, PTH123
        lines = file.read().splitlines()
    for line in lines:
        try:
            row = json.loads(line)
        except ValueError:
            continue  # torn by a kill
        steps.add(row["_step"])
    return len(steps)
