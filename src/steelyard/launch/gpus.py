"""The GPUs that agents on this machine are given, as CUDA_VISIBLE_DEVICES names them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from steelyard.errors import Invalid

# An index, or the beginning of a card's or a slice's name. CUDA C++ programming guide, appendix
# "CUDA environment variables".
DEVICE: Final = re.compile(r"\d+|(GPU|MIG)-[A-Za-z0-9/-]+", re.ASCII)


def choose_gpus(option: str, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Names of the GPUs to share out.

    `option` is "all": those of CUDA_VISIBLE_DEVICES if it is set, else every card of this machine;
    "none"; or names with commas between them. Raises Invalid for what is no name of a GPU.
    """
    if option == "none":
        return ()
    if option != "all":
        return _read(option, "gpus=")
    allowed = environ.get("CUDA_VISIBLE_DEVICES")
    if allowed is None:
        return tuple(map(str, range(count_gpus())))
    # CUDA ends at the first thing that it cannot read, as -1: nothing is to be used.
    names = []
    for name in allowed.split(","):
        if not DEVICE.fullmatch(name.strip()):
            break
        names.append(name.strip())
    return tuple(names)


def count_gpus() -> int:
    """NVIDIA GPUs of this machine; 0 where there is no driver."""
    from steelyard.sdk.capture.gpu_nvidia import open_nvidia

    found = open_nvidia(None)
    if found is None:
        return 0
    try:
        return int(found.describe().get("gpu_count", 0))
    finally:
        found.close()


def _read(text: str, where: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(","))
    wrong = [name for name in names if not DEVICE.fullmatch(name)]
    if wrong:
        raise Invalid(f"{where}{text}: {wrong[0]!r} is no GPU; name them as in gpus=0,1,3")
    return names
