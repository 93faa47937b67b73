"""Writes logs of the official client, to be read back: framing by hand, messages by its own code.

The framing is that of wandb 0.31 core/pkg/leveldb/record.go (Writer).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

HEAD = struct.pack("<4sHB", b":W&B", 0xBEE1, 0)
BLOCK_BYTES = 32 * 1024
CHUNK_HEAD_BYTES = 7


def encode_log(messages: Iterable[bytes]) -> bytes:
    """A whole file."""
    log = bytearray(HEAD)
    for message in messages:
        _append(log, message)
    return bytes(log)


def write_log(path: Path, records: Iterable[Any]) -> Path:
    """A file of protobuf records."""
    path.write_bytes(encode_log(record.SerializeToString() for record in records))
    return path


def _append(log: bytearray, message: bytes) -> None:
    rest, is_first = message, True
    while True:
        room = BLOCK_BYTES - len(log) % BLOCK_BYTES
        if room < CHUNK_HEAD_BYTES:
            log += b"\0" * room
            continue
        part, rest = rest[: room - CHUNK_HEAD_BYTES], rest[room - CHUNK_HEAD_BYTES :]
        kind = (1 if is_first else 4) if not rest else (2 if is_first else 3)
        log += struct.pack("<IHB", zlib.crc32(bytes([kind]) + part), len(part), kind) + part
        if not rest:
            return
        is_first = False
