"""Five kinds of training metric, from what compresses worst to what compresses best; seeded."""

from __future__ import annotations

import json

import numpy as np

KINDS = ("float64 noise", "float32 noise", "schedule", "counter", "four decimals")


def make_series(row_count: int, metric_count: int, *, seed: int) -> dict[str, np.ndarray]:
    """float64[row_count] per metric, the kinds in turns."""
    random = np.random.default_rng(seed)
    t = np.arange(row_count)
    decay = np.exp(-t / (row_count / 3)) * 2
    series = {}
    for number in range(metric_count):
        kind = KINDS[number % len(KINDS)]
        if kind == "float64 noise":
            values = decay + random.normal(0, 0.05, row_count)
        elif kind == "float32 noise":
            values = (decay + random.normal(0, 0.05, row_count)).astype("f4").astype("f8")
        elif kind == "schedule":
            values = 1e-3 * 0.5 * (1 + np.cos(np.pi * t / row_count))
        elif kind == "counter":
            values = (t // 100).astype("f8")
        else:
            values = np.round(random.uniform(0.4, 0.6, row_count) + t / row_count * 0.3, 4)
        series[f"{kind.replace(' ', '_')}/{number:03d}"] = values
    return series


def make_times(row_count: int, *, seed: int) -> np.ndarray:
    """Time stamps about 0.1 s apart, with jitter."""
    random = np.random.default_rng(seed)
    return 1.79e9 + np.cumsum(random.uniform(0.09, 0.11, row_count))


def make_lines(row_count: int, metric_count: int, *, seed: int) -> list[str]:
    """The same metrics as lines of a file stream."""
    series = make_series(row_count, metric_count, seed=seed)
    times = make_times(row_count, seed=seed)
    rows = np.stack(list(series.values()), 1).tolist()
    return [
        json.dumps({**dict(zip(series, row, strict=True)), "_step": step, "_timestamp": at})
        for step, (row, at) in enumerate(zip(rows, times.tolist(), strict=True))
    ]
