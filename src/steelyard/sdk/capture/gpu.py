"""GPUs of this machine: NVIDIA by its management library, AMD by what the kernel shows.

Apple's are not read: their counters are private interfaces, and no maintained library with a free
licence reads them without root.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from steelyard.sdk.capture import gpu_amd, gpu_nvidia

TYPE_CHECKING = False  # as in `typing`, which costs milliseconds to load
if TYPE_CHECKING:
    from typing import Any, Protocol
else:
    Protocol = object


class Gpus(Protocol):
    """The GPUs of one vendor."""

    def sample(self, pids: Collection[int]) -> dict[str, float]:
        """`gpu.N.gpu` and so on; `gpu.process.N.…` for those that one of the pids works on.

        Raises nothing: what a GPU does not tell is left out, and does not concern the others.
        """

    def describe(self) -> dict[str, Any]:
        """Names, memory and versions, as parts of the metadata."""

    def close(self) -> None:
        """Let go of the driver."""


def open_gpus(settings: Mapping[str, Any]) -> list[Gpus]:
    """The GPUs that are to be looked at; empty where there are none."""
    chosen = settings.get("x_stats_gpu_device_ids")
    found = [gpu_nvidia.open_nvidia(chosen), gpu_amd.open_amd(chosen)]
    return [gpus for gpus in found if gpus is not None]


def describe_gpus(settings: Mapping[str, Any]) -> dict[str, Any]:
    """gpu (a name), gpu_count, and by vendor gpu_nvidia or gpu_amd, a list of cards. Bytes."""
    described: dict[str, Any] = {}
    for gpus in open_gpus(settings):
        described = gpus.describe() | described  # the first vendor names the machine
        gpus.close()
    overrides = {
        "gpu": settings.get("x_stats_gpu_type"),
        "gpu_count": settings.get("x_stats_gpu_count"),
    }
    return described | {name: value for name, value in overrides.items() if value}
