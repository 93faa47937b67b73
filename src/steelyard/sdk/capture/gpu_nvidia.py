"""NVIDIA GPUs, through NVML (nvidia-ml-py). Loaded only where the driver's library is found.

Names and meanings of the values as wandb 0.31.0 has them (xpu/src/gpu_nvidia.rs).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator

from steelyard import limits

TYPE_CHECKING = False  # as in `typing`, which costs milliseconds to load
if TYPE_CHECKING:
    from typing import Any

LIBRARY = "libnvidia-ml.so.1"
# nvml.h, NVML_DEVICE_ARCH_*
ARCHITECTURES = {
    **{2: "Kepler", 3: "Maxwell", 4: "Pascal", 5: "Volta", 6: "Turing", 7: "Ampere", 8: "Ada"},
    **{9: "Hopper", 10: "Blackwell"},
}
#: Values that are also told of the GPUs the process itself works on.
OF_PROCESS = frozenset(
    {"gpu", "memory", "memoryAllocated", "memoryAllocatedBytes", "temp", "powerWatts"}
    | {"enforcedPowerLimitWatts", "powerPercent"}
)

Values = Iterator[tuple[str, float]]


def open_nvidia(chosen: Collection[int] | None) -> NvidiaGpus | None:
    """The NVIDIA GPUs, or those of them with a chosen index; None where there is no driver."""
    # What ctypes.CDLL does. Where there is no driver, which is where every millisecond of a short
    # run counts, ctypes itself (2 ms) is not loaded.
    from _ctypes import dlopen

    try:
        dlopen(LIBRARY, os.RTLD_NOW)
        import pynvml  # type: ignore[import-untyped]  # no stubs
    except (OSError, ImportError):
        return None
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return None
    return NvidiaGpus(pynvml, chosen)


class NvidiaGpus:
    """GPUs whose driver is initialized, until `close`."""

    def __init__(self, nvml: Any, chosen: Collection[int] | None) -> None:
        self._nvml = nvml
        self._readings: tuple[Callable[[Any], Values], ...] = (
            *(self._read_load, self._read_memory, self._read_temperature, self._read_power),
            *(self._read_sm_clock, self._read_memory_clock, self._read_graphics_clock),
            *(self._read_corrected, self._read_uncorrected, self._read_fan, self._read_encoder),
            *(self._read_link_generation, self._read_link_width, self._read_link_speed),
            self._read_energy,
        )
        #: (index, reading) that a card said it does not have: it is not asked again.
        self._missing: set[tuple[int, str]] = set()
        self._handles = dict(self._open_handles(chosen))
        # What is not there now may be there next time; these answers are final.
        self._final = (
            nvml.NVMLError_NotSupported,
            nvml.NVMLError_FunctionNotFound,
            nvml.NVMLError_NoPermission,
            nvml.NVMLError_InvalidArgument,
        )

    def close(self) -> None:
        try:
            self._nvml.nvmlShutdown()
        except self._nvml.NVMLError:
            return

    def sample(self, pids: Collection[int]) -> dict[str, float]:
        """See `gpu.Gpus`."""
        found: dict[str, float] = {}
        for index, handle in self._handles.items():
            values: dict[str, float] = {}
            for reading in self._readings:
                name = reading.__name__
                if (index, name) in self._missing:
                    continue
                try:
                    values.update(reading(handle))
                except self._final:
                    self._missing.add((index, name))
                except self._nvml.NVMLError:
                    continue
            found |= {f"gpu.{index}.{name}": value for name, value in values.items()}
            if values and self._is_used_by(handle, pids):
                shared = {name: values[name] for name in values.keys() & OF_PROCESS}
                found |= {f"gpu.process.{index}.{name}": value for name, value in shared.items()}
        return found

    def describe(self) -> dict[str, Any]:
        """gpu, gpu_count, gpu_nvidia, cudaVersion, driverVersion."""
        nvml, ask = self._nvml, self._ask
        if not self._handles:
            return {}
        cards: list[dict[str, Any]] = []
        for handle in self._handles.values():
            memory = ask(nvml.nvmlDeviceGetMemoryInfo, handle)
            card = {
                "name": ask(nvml.nvmlDeviceGetName, handle),
                "memoryTotal": int(memory.total) if memory else None,
                "cudaCores": ask(nvml.nvmlDeviceGetNumGpuCores, handle),
                "architecture": ARCHITECTURES.get(ask(nvml.nvmlDeviceGetArchitecture, handle)),
                "uuid": ask(nvml.nvmlDeviceGetUUID, handle),
            }
            cards.append({name: value for name, value in card.items() if value is not None})
        cuda = ask(nvml.nvmlSystemGetCudaDriverVersion_v2)
        told = {
            "gpu": next((card["name"] for card in cards if "name" in card), None),
            "gpu_count": len(cards),
            "gpu_nvidia": cards,
            "cudaVersion": f"{cuda // 1000}.{cuda % 1000 // 10}" if cuda else None,
            "driverVersion": ask(nvml.nvmlSystemGetDriverVersion),
        }
        return {name: value for name, value in told.items() if value is not None}

    def _open_handles(self, chosen: Collection[int] | None) -> Iterator[tuple[int, Any]]:
        count = self._ask(self._nvml.nvmlDeviceGetCount) or 0
        for index in range(min(count, limits.SAMPLED_GPUS_MAX)):
            if chosen is None or index in chosen:
                handle = self._ask(self._nvml.nvmlDeviceGetHandleByIndex, index)
                if handle is not None:  # a card that fell off the bus has none
                    yield index, handle

    def _ask(self, function: Callable[..., Any], *arguments: Any) -> Any:
        try:
            answer = function(*arguments)
        except self._nvml.NVMLError:
            return None
        return answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer

    def _is_used_by(self, handle: Any, pids: Collection[int]) -> bool:
        """In a pid namespace of its own the process has another pid than the driver knows it by."""
        running = self._ask(self._nvml.nvmlDeviceGetComputeRunningProcesses, handle) or ()
        return any(process.pid in pids for process in running)

    def _read_load(self, handle: Any) -> Values:
        rates = self._nvml.nvmlDeviceGetUtilizationRates(handle)
        yield "gpu", rates.gpu
        yield "memory", rates.memory

    def _read_memory(self, handle: Any) -> Values:
        memory = self._nvml.nvmlDeviceGetMemoryInfo(handle)
        if memory.total:
            yield "memoryAllocated", memory.used / memory.total * 100
        yield "memoryAllocatedBytes", memory.used

    def _read_temperature(self, handle: Any) -> Values:
        nvml = self._nvml
        yield "temp", nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU)

    def _read_power(self, handle: Any) -> Values:
        watts = self._nvml.nvmlDeviceGetPowerUsage(handle) / 1000
        yield "powerWatts", watts
        limit = self._ask(self._nvml.nvmlDeviceGetEnforcedPowerLimit, handle)
        if limit:
            yield "enforcedPowerLimitWatts", limit / 1000
            yield "powerPercent", watts / limit * 100_000

    def _read_sm_clock(self, handle: Any) -> Values:
        yield "smClock", self._nvml.nvmlDeviceGetClockInfo(handle, self._nvml.NVML_CLOCK_SM)

    def _read_memory_clock(self, handle: Any) -> Values:
        yield "memoryClock", self._nvml.nvmlDeviceGetClockInfo(handle, self._nvml.NVML_CLOCK_MEM)

    def _read_graphics_clock(self, handle: Any) -> Values:
        nvml = self._nvml
        yield "graphicsClock", nvml.nvmlDeviceGetClockInfo(handle, nvml.NVML_CLOCK_GRAPHICS)

    def _read_corrected(self, handle: Any) -> Values:
        kind = self._nvml.NVML_MEMORY_ERROR_TYPE_CORRECTED
        yield "correctedMemoryErrors", self._count_errors(handle, kind)

    def _read_uncorrected(self, handle: Any) -> Values:
        kind = self._nvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED
        yield "uncorrectedMemoryErrors", self._count_errors(handle, kind)

    def _count_errors(self, handle: Any, kind: int) -> float:
        """Since the driver was loaded: those of the card's whole life stay after a repair."""
        nvml = self._nvml
        place = nvml.NVML_MEMORY_LOCATION_DEVICE_MEMORY
        count: float = nvml.nvmlDeviceGetMemoryErrorCounter(
            handle, kind, nvml.NVML_VOLATILE_ECC, place
        )
        return count

    def _read_fan(self, handle: Any) -> Values:
        yield "fanSpeed", self._nvml.nvmlDeviceGetFanSpeed(handle)

    def _read_encoder(self, handle: Any) -> Values:
        yield "encoderUtilization", self._nvml.nvmlDeviceGetEncoderUtilization(handle)[0]

    def _read_link_generation(self, handle: Any) -> Values:
        yield "pcieLinkGen", self._nvml.nvmlDeviceGetCurrPcieLinkGeneration(handle)

    def _read_link_width(self, handle: Any) -> Values:
        yield "pcieLinkWidth", self._nvml.nvmlDeviceGetCurrPcieLinkWidth(handle)

    def _read_link_speed(self, handle: Any) -> Values:
        yield "pcieLinkSpeed", self._nvml.nvmlDeviceGetPcieSpeed(handle) * 1_000_000

    def _read_energy(self, handle: Any) -> Values:
        """Since the driver was loaded; differences are what a run used."""
        yield "energyJoules", self._nvml.nvmlDeviceGetTotalEnergyConsumption(handle) / 1000
