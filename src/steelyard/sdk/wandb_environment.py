"""Facts of a process and its machine in the official client's log, in the names of its own JSON.

Source: wandb 0.31.0 wandb/proto/wandb_internal.proto, EnvironmentRecord and what it holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from steelyard.sdk.protobuf import (
    Fields,
    collect,
    last_bytes,
    last_int,
    last_text,
    last_time_us,
    text_of,
)

#: Number → (name in JSON, how to read it).
Shape = Mapping[int, tuple[str, "type[str] | type[int] | str | Shape | tuple[Shape]"]]

GIT: Final[Shape] = {1: ("remote", str), 2: ("commit", str)}
# 64-bit numbers are texts in the JSON of Protocol Buffers, and so in the client's.
_DISK: Final[Shape] = {1: ("total", "int64"), 2: ("used", "int64")}
_GPU_NVIDIA: Final[Shape] = {
    1: ("name", str),
    2: ("memoryTotal", "int64"),
    3: ("cudaCores", int),
    4: ("architecture", str),
    5: ("uuid", str),
    6: ("pciBusId", str),
}
_GPU_AMD: Final[Shape] = {
    number: (name, str)
    for number, name in enumerate(
        (
            "id",
            "uniqueId",
            "vbiosVersion",
            "performanceLevel",
            "gpuOverdrive",
            "gpuMemoryOverdrive",
            "maxPower",
            "series",
            "model",
            "vendor",
            "sku",
            "sclkRange",
            "mclkRange",
        ),
        start=1,
    )
}
_APPLE: Final[Shape] = {
    1: ("name", str),
    2: ("ecpuCores", int),
    3: ("pcpuCores", int),
    4: ("gpuCores", int),
    5: ("memoryGb", int),
    6: ("swapTotalBytes", "int64"),
    7: ("ramTotalBytes", "int64"),
    8: ("macModel", str),
}
_TRAINIUM: Final[Shape] = {
    1: ("name", str),
    2: ("vendor", str),
    3: ("neuronDeviceCount", int),
    4: ("neuroncorePerDeviceCount", int),
}
_TPU: Final[Shape] = {
    1: ("name", str),
    2: ("hbmGib", int),
    3: ("devicesPerChip", int),
    4: ("count", int),
}
ENVIRONMENT: Final[Shape] = {
    1: ("os", str),
    2: ("python", str),
    3: ("startedAt", "time"),
    4: ("docker", str),
    5: ("args", "texts"),
    6: ("program", str),
    7: ("codePath", str),
    8: ("codePathLocal", str),
    9: ("git", GIT),
    10: ("email", str),
    11: ("root", str),
    12: ("host", str),
    13: ("username", str),
    14: ("executable", str),
    15: ("colab", str),
    16: ("cpu_count", int),
    17: ("cpu_count_logical", int),
    18: ("gpu", str),
    19: ("gpu_count", int),
    20: ("disk", "map of disks"),
    21: ("memory", {1: ("total", "int64")}),
    22: ("cpu", {1: ("count", int), 2: ("countLogical", int), 3: ("model", str)}),
    23: ("apple", _APPLE),
    24: ("gpu_nvidia", (_GPU_NVIDIA,)),
    25: ("cudaVersion", str),
    26: ("gpu_amd", (_GPU_AMD,)),
    27: ("slurm", "map of texts"),
    28: ("trainium", _TRAINIUM),
    29: ("tpu", _TPU),
    30: ("coreweave", {1: ("cluster_name", str), 2: ("org_id", str), 3: ("region", str)}),
    199: ("writerId", str),
}


def read_environment(data: bytes) -> dict[str, Any]:
    """Facts of the process and its machine, as the client's JSON names them."""
    return describe(data, ENVIRONMENT)


def describe(data: bytes, shape: Shape) -> dict[str, Any]:
    fields = collect(data)
    return {
        name: _describe_field(fields, number, kind)
        for number, (name, kind) in shape.items()
        if number in fields
    }


def _describe_field(fields: Fields, number: int, kind: Any) -> Any:
    messages = [value for value in fields[number] if isinstance(value, bytes)]
    if kind is str:
        return last_text(fields, number) or ""
    if kind is int:
        return last_int(fields, number)
    if kind == "int64":
        return str(last_int(fields, number))
    if kind == "texts":
        return [text_of(value) for value in messages]
    if kind == "time":
        return _format_time(last_time_us(fields, number) or 0)
    if kind in ("map of disks", "map of texts"):  # entries: 1 key, 2 value
        entries = [collect(message) for message in messages]
        is_text = kind == "map of texts"
        return {
            last_text(entry, 1) or "": (last_text(entry, 2) or "")
            if is_text
            else describe(last_bytes(entry, 2) or b"", _DISK)
            for entry in entries
        }
    if isinstance(kind, tuple):
        return [describe(message, kind[0]) for message in messages]
    return describe(messages[-1] if messages else b"", kind)


def _format_time(at_us: int) -> str:
    from datetime import UTC, datetime, timedelta

    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at_us)
    return moment.isoformat().replace("+00:00", "Z")
