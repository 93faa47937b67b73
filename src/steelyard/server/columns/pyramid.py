"""Summaries of a long chunk, for panels of more points than can be drawn one by one.

Per 64 and per 4,096 points: first step, low, high, mean, last, and count, over the finite values.
"""

from __future__ import annotations

import msgspec
import numpy as np

from steelyard.server.columns import codec, seal
from steelyard.server.columns.interface import Floats, Ints

CELL_POINTS = (64, 4096)
POINTS_MIN = 4096  # shorter chunks have no summaries: reading them whole costs little


class Level(msgspec.Struct, frozen=True):
    """Arrays with one entry per cell of `points` values; NaN where no value is finite."""

    points: int
    step: bytes
    low: bytes
    high: bytes
    mean: bytes
    last: bytes
    count: bytes


class Cells(msgspec.Struct, frozen=True):
    step: Ints
    low: Floats
    high: Floats
    mean: Floats
    last: Floats
    count: Ints


_LEVELS = msgspec.msgpack.Decoder(list[Level])


def add_pyramids(segment: seal.PackedSegment) -> seal.PackedSegment:
    """The segment with summaries of its long, strictly increasing chunks of numbers."""
    chunks = [
        msgspec.structs.replace(chunk, pyramid=pack_pyramid(chunk))
        if chunk.kind != codec.CELLS and chunk.n >= POINTS_MIN and chunk.positions is None
        else chunk
        for chunk in segment.chunks
    ]
    return msgspec.structs.replace(segment, chunks=chunks)


def pack_pyramid(chunk: seal.PackedChunk) -> bytes:
    steps = codec.unpack_ints(chunk.steps)
    values = np.asarray(seal.unpack_values(chunk.kind, chunk.vals)).astype(np.float64)
    return msgspec.msgpack.encode(
        [pack_level(summarise(steps, values, points), points) for points in CELL_POINTS]
    )


def unpack_level(blob: bytes, points: int) -> Cells:
    level = next(level for level in _LEVELS.decode(blob) if level.points == points)
    return Cells(
        step=codec.unpack_ints(level.step),
        low=codec.unpack_floats(level.low),
        high=codec.unpack_floats(level.high),
        mean=codec.unpack_floats(level.mean),
        last=codec.unpack_floats(level.last),
        count=codec.unpack_ints(level.count),
    )


def pack_level(cells: Cells, points: int) -> Level:
    return Level(
        points=points,
        step=codec.pack_ints(cells.step),
        low=codec.pack_floats(cells.low),
        high=codec.pack_floats(cells.high),
        mean=codec.pack_floats(cells.mean),
        last=codec.pack_floats(cells.last),
        count=codec.pack_ints(cells.count),
    )


def summarise(steps: Ints, values: Floats, points: int) -> Cells:
    """Cells of `points` consecutive values, the last one shorter."""
    starts = np.arange(0, len(values), points)
    finite = np.isfinite(values)
    count = np.add.reduceat(finite.astype(np.int64), starts)
    # The position of the last finite value of each cell; -1 when there is none.
    last_at = np.maximum.reduceat(np.where(finite, np.arange(len(values)), -1), starts)
    total = np.add.reduceat(np.where(finite, values, 0.0), starts)
    known = np.where(finite, values, np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        return Cells(
            step=steps[starts],
            low=np.fmin.reduceat(known, starts),
            high=np.fmax.reduceat(known, starts),
            mean=total / count,
            last=np.where(count > 0, values[last_at], np.nan),
            count=count,
        )
