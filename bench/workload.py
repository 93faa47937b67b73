"""Seeded training curves, as a training script logs them, for every benchmark of history.

A row has ten metrics, the kinds that measured training scripts log, plus `_step`, `_runtime` and
`_timestamp`. A point is one value of one of the ten metrics; the three others come on top and are
not counted.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np

#: Six metrics computed in float32 by a framework, two in float64 by Python, two counts.
METRICS = (
    "train/loss",
    "train/accuracy",
    "train/grad_norm",
    "val/loss",
    "val/accuracy",
    "perf/tokens_per_s",
    "train/learning_rate",
    "perf/step_time_s",
    "train/epoch",
    "train/tokens",
)
POINTS_PER_ROW = len(METRICS)
STARTED_AT_S = 1_750_000_000.0


def make_columns(seed: int, row_count: int) -> dict[str, list[float] | list[int]]:
    """Values of every metric, one per row; the same for the same seed."""
    random = np.random.default_rng(seed)
    x = np.arange(row_count)
    decay = np.exp(-x / max(row_count / 4, 1))

    def single(values: np.ndarray) -> list[float]:
        return values.astype(np.float32).astype(np.float64).tolist()

    noise = random.normal(size=(6, row_count))
    return {
        "train/loss": single(0.3 + 2.5 * decay + 0.05 * noise[0]),
        "train/accuracy": single(np.clip(1 - 0.8 * decay + 0.02 * noise[1], 0, 1)),
        "train/grad_norm": single(np.exp(0.3 * noise[2]) * (0.5 + decay)),
        "val/loss": single(0.4 + 2.4 * decay + 0.01 * noise[3]),
        "val/accuracy": single(np.clip(1 - 0.85 * decay + 0.01 * noise[4], 0, 1)),
        "perf/tokens_per_s": single(51_000 + 900 * noise[5]),
        "train/learning_rate": (3e-4 * 0.5 * (1 + np.cos(np.pi * x / max(row_count, 1)))).tolist(),
        "perf/step_time_s": (0.125 + 0.004 * random.standard_gamma(2.0, row_count)).tolist(),
        "train/epoch": (x // 500).tolist(),
        "train/tokens": (x * 8192).tolist(),
    }


def make_lines(seed: int, row_count: int, *, seconds_per_row: float = 0.6) -> list[str]:
    """The rows as the lines of a file stream, `_step` 0, 1, …"""
    columns = make_columns(seed, row_count)
    times = np.arange(row_count) * seconds_per_row
    rows: Iterator[tuple[float | int, ...]] = zip(*columns.values(), strict=True)
    return [
        json.dumps(
            {
                **dict(zip(METRICS, row, strict=True)),
                "_runtime": round(float(at), 6),
                "_step": step,
                "_timestamp": STARTED_AT_S + round(float(at), 6),
            }
        )
        for step, (row, at) in enumerate(zip(rows, times, strict=True))
    ]
