"""AMD GPUs, through what the kernel's driver shows under /sys: no library, no subprocess.

Files: Linux, Documentation/gpu/amdgpu/thermal.rst and driver-misc.rst. Names of the values as
wandb 0.31.0 has them (xpu/src/gpu_amd.rs).
"""

from __future__ import annotations

import os
from collections.abc import Collection

from steelyard import limits
from steelyard.sdk.capture.cgroup import read_number, read_text

TYPE_CHECKING = False  # as in `typing`, which costs milliseconds to load
if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

VENDOR = "0x1002"
# That of the memory is the one the official client tells; not every card has it.
SENSORS = ("mem", "junction", "edge")


def open_amd(
    chosen: Collection[int] | None, cards: str | os.PathLike[str] = "/sys/class/drm"
) -> AmdGpus | None:
    """The AMD GPUs, or those of them with a chosen index; None where there are none."""
    devices = _find_devices(os.fspath(cards))
    if not devices:
        return None
    from pathlib import Path  # most machines have none, and it takes milliseconds to load

    found = dict(enumerate(Path(device) for device in devices[: limits.SAMPLED_GPUS_MAX]))
    if chosen is not None:
        found = {index: device for index, device in found.items() if index in chosen}
    return AmdGpus(found) if found else None


def _find_devices(cards: str) -> list[str]:
    try:
        names = os.listdir(cards)
    except OSError:
        return []
    numbers = [int(n.removeprefix("card")) for n in names if n[:4] == "card" and n[4:].isdecimal()]
    devices = [os.path.join(cards, f"card{number}", "device") for number in sorted(numbers)]
    return [
        device
        for device in devices
        if read_text(f"{device}/vendor").strip() == VENDOR
        and os.path.exists(f"{device}/mem_info_vram_total")
    ]


class AmdGpus:
    """GPUs by index, with their directories under /sys."""

    def __init__(self, devices: dict[int, Path]) -> None:
        self._devices = devices
        self._sensors = {index: _find_sensors(device) for index, device in devices.items()}

    def close(self) -> None:
        """Nothing is held open."""

    def sample(self, pids: Collection[int]) -> dict[str, float]:
        """See `gpu.Gpus`. Which process uses a card is not told here."""
        found: dict[str, float] = {}
        for index, device in self._devices.items():
            values = self._read_card(device, self._sensors[index])
            found |= {f"gpu.{index}.{k}": v for k, v in values.items() if v is not None}
        return found

    def describe(self) -> dict[str, Any]:
        """gpu, gpu_count, gpu_amd."""
        cards = [_describe_card(device) for device in self._devices.values()]
        version = read_text("/sys/module/amdgpu/version").strip()
        told = {"gpu": cards[0]["name"], "gpu_count": len(cards), "gpu_amd": cards}
        return told | ({"driverVersion": version} if version else {})

    def _read_card(self, device: Path, sensors: dict[str, Path]) -> dict[str, float | None]:
        used = read_number(device / "mem_info_vram_used")
        total = read_number(device / "mem_info_vram_total")
        values: dict[str, float | None] = {
            "gpu": read_number(device / "gpu_busy_percent"),
            "memoryReadWriteActivity": read_number(device / "mem_busy_percent"),
            "memoryAllocatedBytes": used,
            "memoryAllocated": used / total * 100 if used is not None and total else None,
        }
        if "temp" in sensors:
            millidegrees = read_number(sensors["temp"])
            values["temp"] = None if millidegrees is None else millidegrees / 1000
        microwatts = read_number(sensors["power"]) if "power" in sensors else None
        if microwatts is not None:
            values["powerWatts"] = microwatts / 1e6
            cap = read_number(sensors["power"].parent / "power1_cap")
            values["powerPercent"] = microwatts / cap * 100 if cap else None
        return values


def _find_sensors(device: Path) -> dict[str, Path]:
    """Files of temperature and power. Newer cards tell the power of now, older ones a mean."""
    found: dict[str, Path] = {}
    for monitor in sorted(device.glob("hwmon/hwmon*")):
        by_label = {read_text(f).strip(): f for f in sorted(monitor.glob("temp*_label"))}
        for sensor in SENSORS:
            if sensor in by_label:
                name = by_label[sensor].name.replace("_label", "_input")
                found.setdefault("temp", monitor / name)
        for name in ("power1_average", "power1_input"):
            if (monitor / name).exists():
                found.setdefault("power", monitor / name)
    return found


def _describe_card(device: Path) -> dict[str, Any]:
    model = read_text(device / "device").strip()
    card: dict[str, Any] = {
        "name": read_text(device / "product_name").strip() or f"AMD GPU {model}".strip(),
        "memoryTotal": read_number(device / "mem_info_vram_total"),
        "uniqueId": read_text(device / "unique_id").strip(),
        "vbiosVersion": read_text(device / "vbios_version").strip(),
    }
    return {name: value for name, value in card.items() if value not in (None, "")}
