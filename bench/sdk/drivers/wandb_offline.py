"""The official client, WANDB_MODE=offline: its service process writes a .wandb file."""

import os
import struct
from collections.abc import Iterator
from pathlib import Path

MODE = "offline"


def load() -> None:
    global wandb
    import wandb


def init(work: str) -> None:
    global _run
    _run = wandb.init(project=os.environ["BENCH_PROJECT"], mode=MODE, dir=work)


def log(step: int, row: dict[str, float]) -> None:
    _run.log(row, step=step)


def finish() -> None:
    _run.finish()


def count(work: str) -> int:
    from wandb.proto.wandb_internal_pb2 import Record

    steps = set()
    for path in Path(work).glob("wandb/*run-*/*.wandb"):
        for body in split_records(path.read_bytes()):
            record = Record.FromString(body)
            if record.WhichOneof("record_type") == "history":
                steps.add(record.history.step.num)
    return len(steps)


def split_records(data: bytes) -> Iterator[bytes]:
    """Whole records of the LevelDB log format: 7 bytes of file header, then blocks of 32 KiB."""
    at, parts = 7, b""
    while at + 7 <= len(data):
        room = 32768 - at % 32768
        if room < 7:  # too small for a header: padding
            at += room
            continue
        _, length, kind = struct.unpack_from("<IHB", data, at)
        at += 7
        if kind == 0 or at + length > len(data):
            return  # not written yet
        parts += data[at : at + length]
        at += length
        if kind in (1, 4):  # whole, or the last part
            yield parts
            parts = b""
