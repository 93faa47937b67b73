"""What is stored: files of random bytes, the same for the same seed."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

from steelyard.limits import MIB

FILES_PER_DIRECTORY = 100


def make_large(directory: Path, *, size_mib: int, seed: int) -> None:
    """One file. Its first MiB is made by chance, the others are it with another number in front."""
    _make_anew(directory)
    first = random.Random(seed).randbytes(MIB - 8)
    with (directory / "weights.bin").open("wb", buffering=0) as file:
        for number in range(size_mib):
            file.write(number.to_bytes(8) + first)


def make_small(directory: Path, *, count: int, size_bytes: int, seed: int) -> None:
    """Many files in directories of a hundred."""
    _make_anew(directory)
    draw = random.Random(seed)
    for number in range(count):
        folder = directory / f"{number // FILES_PER_DIRECTORY:04}"
        if number % FILES_PER_DIRECTORY == 0:
            folder.mkdir()
        (folder / f"{number:06}.bin").write_bytes(draw.randbytes(size_bytes))


def _make_anew(directory: Path) -> None:
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
