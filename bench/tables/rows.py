"""A table as an evaluation logs it, always the same: 12 columns, rows as many as wanted."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

COLUMNS = (
    *("id", "question", "expected", "predicted", "score", "loss"),
    *("length", "correct", "at", "model", "note", "tokens"),
)
LABELS = [f"class-{i:02}" for i in range(20)]
MODELS = ["small", "medium", "large", "huge", "tiny"]
TEXT = (
    "why does the model fail here when light is low and objects are far away or hidden behind "
    "glass in rain at night on a road with no lines and many people walking"
)
WORDS = TEXT.split()
START_MS = 1_700_000_000_000


def make_rows(count: int, *, seed: int = 0) -> Iterator[list[Any]]:
    """Rows with long and short texts, whole and broken numbers, NaN, null, truths and times."""
    rng = random.Random(seed)
    for number in range(count):
        expected = rng.choice(LABELS)
        is_correct = rng.random() < 0.7
        yield [
            number,
            " ".join(rng.choices(WORDS, k=6)) + f" {number}?",
            expected,
            expected if is_correct else rng.choice(LABELS),
            round(rng.random(), 4),
            float("nan") if rng.random() < 0.01 else rng.expovariate(1.0),
            rng.randrange(10_000),
            is_correct,
            START_MS + number * 1000,
            rng.choice(MODELS),
            None if rng.random() < 0.1 else " ".join(rng.choices(WORDS, k=12)),
            rng.randrange(1, 2_000),
        ]


def write_table(path: Path, count: int, *, seed: int = 0) -> None:
    """The table as both clients write it, NaN bare."""
    types = {"wb_type": "typedDict", "params": {"type_map": {"at": {"wb_type": "timestamp"}}}}
    with path.open("w") as file:
        head = {"_type": "table", "column_types": types, "columns": list(COLUMNS)}
        file.write(json.dumps(head)[:-1] + ', "data": [')
        for number, row in enumerate(make_rows(count, seed=seed)):
            file.write((", " if number else "") + json.dumps(row))
        file.write("]}")
