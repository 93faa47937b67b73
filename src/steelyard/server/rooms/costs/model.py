"""Prices, and what they make of a run."""

from __future__ import annotations

from typing import Literal

import msgspec

PriceKind = Literal["gpu", "host"]


class Price(msgspec.Struct, frozen=True, kw_only=True):
    """What an hour costs: of one GPU of a type, or of a whole machine with all that is in it.

    `name` is a part of the GPU's name in any case (`h100`), or a pattern of host names
    (`gpu-node-*`). A machine that a host price fits costs that, whatever GPUs it has.
    """

    kind: PriceKind
    name: str
    usd_per_hour: float
    source: str = ""
    """Where the number is from, and of when."""
    updated_at_us: int = 0


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """One computer that a run works on."""

    host: str | None
    gpu: str | None
    gpu_count: int


class Charge(msgspec.Struct, frozen=True, kw_only=True):
    """What a run has cost. `usd` is None where nothing says what its machines cost."""

    seconds: float
    gpu: str | None
    gpu_count: int
    gpu_hours: float
    tokens: float | None
    usd: float | None


class CostEntry(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of the costs of a run between two looks at it."""

    run_id: int
    gpu: str | None
    gpu_count: int
    seconds: float
    seconds_before: float
    since_us: int
    gpu_hours: float
    tokens: float | None
    usd: float | None
    written: dict[str, list[float]]
    """Key of the summary to the values that we put there, the latest last."""
    is_final: bool
    next_at_us: int
