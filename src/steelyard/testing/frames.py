"""A second, plain decoder of SYF1 frames, and the golden frames that the web decoder is tested on.

python -m steelyard.testing.frames DIRECTORY    writes NAME.bin and NAME.json for each golden frame
"""

from __future__ import annotations

import json
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steelyard.server.http.frames import Panel, encode_panel

HEADER_BYTES = 32


class DecodedFrame:
    """One frame as plain numbers: `x` f64[n]; `line`, `lo`, `hi` f64[series, n], NaN = absent."""

    def __init__(self, data: bytes) -> None:
        magic, version, flags, index, meta_bytes, body_bytes = struct.unpack_from("<4sHHIII", data)
        assert (magic, version) == (b"SYF1", 1), f"not a frame: {data[:8]!r}"
        assert data[20:HEADER_BYTES] == bytes(12)
        assert len(data) == HEADER_BYTES + meta_bytes + body_bytes
        assert meta_bytes % 8 == body_bytes % 8 == 0
        self.is_exact, self.has_envelope = bool(flags & 1), bool(flags & 2)
        self.is_approximate = bool(flags & 4)
        self.index: int = index
        self.meta: dict[str, Any] = json.loads(data[HEADER_BYTES : HEADER_BYTES + meta_bytes])
        self._body, self._at = data[HEADER_BYTES + meta_bytes :], 0
        grid = self.meta["grid"]
        count, rows = grid["n"], len(self.meta["series"])
        if grid["kind"] == "values":
            self.x = self._take("<f8", count).astype(np.float64)
        else:
            self.x = grid["x0"] + grid["dx"] * np.arange(count)
        self.line = self._take_values(rows, count)
        self.lo = self._take_values(rows, count) if self.has_envelope else None
        self.hi = self._take_values(rows, count) if self.has_envelope else None
        assert self._at == len(self._body)

    def series(self, run: str) -> dict[float, float]:
        """x to value of one run, without the gaps."""
        row = [entry["run"] for entry in self.meta["series"]].index(run)
        present = ~np.isnan(self.line[row])
        return dict(zip(self.x[present].tolist(), self.line[row][present].tolist(), strict=True))

    def _take(self, dtype: str, count: int) -> NDArray[Any]:
        column = np.frombuffer(self._body, dtype, count, self._at)
        self._at += -(-column.nbytes // 8) * 8
        return column

    def _take_values(self, rows: int, count: int) -> NDArray[np.float64]:
        if self.meta["dtype"] == "f64":
            return self._take("<f8", rows * count).reshape(rows, count).astype(np.float64)
        levels = self._take("<u2", rows * count).reshape(rows, count)
        y0, y1, share = self.meta["y0"], self.meta["y1"], levels / 65534
        values = y0 * (y1 / y0) ** share if self.meta["scale"] == "log" else y0 + share * (y1 - y0)
        return np.where(levels == 65535, np.nan, values)


def decode_frames(data: bytes) -> Iterator[DecodedFrame]:
    """The frames of a streamed answer, one after the other."""
    while data:
        meta_bytes, body_bytes = struct.unpack_from("<II", data, 12)
        size = HEADER_BYTES + meta_bytes + body_bytes
        yield DecodedFrame(data[:size])
        data = data[size:]


def golden_frames() -> dict[str, bytes]:
    """Frames that between them hold every case a decoder must know."""
    wave = _triangles(40, 500)
    wave[3, 10:30] = np.nan
    values = np.array([[0.5, np.nan, -1.25], [1e300, 5e-324, 0.1]])
    panels = {
        "exact": Panel(
            index=0,
            panel="p-exact",
            key="train/loss",
            series=[("run-a", 2), ("run-b", 3)],
            grid=np.array([0.0, 1.0, 7.5]),
            line=values,
            nonfinite=[(0, 1, "NaN", 2), (1, 2, "+Inf", 1), (1, 2, "-Inf", 1)],
        ),
        "uniform-envelope-f64": Panel(
            index=1,
            panel="p-é",
            key="acc",
            series=[("run-a", 900)],
            grid=(-2.0, 0.5, 5),
            line=np.array([[1.0, 2.0, np.nan, 4.0, 5.0]]),
            lo=np.array([[0.0, 2.0, np.nan, 3.5, 4.0]]),
            hi=np.array([[1.5, 2.0, np.nan, 9.0, 5.0]]),
        ),
        "levels-envelope": Panel(
            index=2,
            panel="p-levels",
            key="wave",
            series=[(f"run-{i}", 100_000) for i in range(40)],
            grid=(0.0, 200.0, 500),
            line=wave,
            lo=wave - 0.1,
            hi=wave + 0.1,
            approximate=True,
        ),
        "levels-odd-width": Panel(
            index=3,
            panel="p-odd",
            key="wave",
            series=[(f"run-{i}", 333) for i in range(51)],
            grid=np.arange(333.0),
            line=_triangles(51, 333),
        ),
        "empty": Panel(
            index=4,
            panel="p-empty",
            key="nothing",
            series=[],
            grid=np.empty(0),
            line=np.empty((0, 0)),
            error="no numbers under this key",
            warnings=["a warning"],
        ),
    }
    return {name: encode_panel(panel) for name, panel in panels.items()}


def describe(data: bytes) -> str:
    """What a decoder must find in a frame, as JSON; absent values are null."""
    frame = DecodedFrame(data)
    columns = {"x": frame.x[None, :], "line": frame.line, "lo": frame.lo, "hi": frame.hi}
    content: dict[str, Any] = {
        "index": frame.index,
        "exact": frame.is_exact,
        "approximate": frame.is_approximate,
        "meta": frame.meta,
    }
    for name, column in columns.items():
        content[name] = None if column is None else _sample(column)
    return json.dumps(content, ensure_ascii=False) + "\n"


def write_golden_frames(directory: Path) -> None:
    """Write every golden frame and its description."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, data in golden_frames().items():
        (directory / f"{name}.bin").write_bytes(data)
        (directory / f"{name}.json").write_text(describe(data), encoding="utf-8")


def _triangles(rows: int, count: int) -> NDArray[np.float64]:
    """Made by exact arithmetic, so that every processor makes the same bytes; no sines."""
    values: NDArray[np.float64] = np.abs(np.arange(float(rows * count)) % 3000 - 1500) / 1024
    return values.reshape(rows, count)


def _sample(column: NDArray[np.float64]) -> list[list[float | None]]:
    """The first four rows and 40 columns: enough to see a wrong offset, small enough to keep."""
    return [
        [None if np.isnan(value) else value for value in row[:40].tolist()] for row in column[:4]
    ]


if __name__ == "__main__":
    write_golden_frames(Path(sys.argv[1]))
