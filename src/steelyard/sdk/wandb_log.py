"""Reads the log that the official client keeps of a run: `run-ID.wandb`.

The file begins with 7 bytes (`:W&B`, magic, version). They count as part of the first of the
blocks of 32 KiB that follow, which hold chunks: checksum (CRC-32 of type and content, uint32),
length of the content (uint16), type (one byte), content; all little-endian. A message is one chunk
or several. A chunk does not cross the end of a block; where not even the head of one fits, the
block is filled with zeros.

Source: wandb 0.31 core/pkg/leveldb/record.go and core/internal/transactionlog/reader.go.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from steelyard.errors import Invalid

BLOCK_BYTES: Final = 32 * 1024
FILE_HEADER: Final = struct.Struct("<4sHB")
IDENT: Final = b":W&B"
MAGIC: Final = 0xBEE1
VERSION: Final = 0
CHUNK_HEADER: Final = struct.Struct("<IHB")
FULL, FIRST, MIDDLE, LAST = 1, 2, 3, 4

#: CRC-32 of each type alone, to go on from with the content.
_CRC_OF_TYPE: Final = [zlib.crc32(bytes([kind])) for kind in range(256)]


class NotAWandbLog(Invalid):
    """The file is none of these, or of a version that we do not know."""


class WandbLog:
    """The whole messages of a file, in order.

    After the iteration `skipped_blocks` says how many blocks were damaged, so that what was left
    of them was passed over, and `end` where the last whole message ended. Damage in the last block
    of a file is taken for a message that is still being written: a later look at the file goes
    on there.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.skipped_blocks = 0
        self.end = 0
        """Byte in the file behind the last whole message."""
        self.size_bytes = 0
        """Of what was read of the file."""

    def __iter__(self) -> Iterator[bytes]:
        """Read the file from its beginning, as far as it is there now.

        Raises NotAWandbLog for a wrong beginning, OSError when it cannot be read.
        """
        self.skipped_blocks = self.end = self.size_bytes = 0
        parts: list[bytes] | None = None  # of a message that goes on in the next chunk
        with self.path.open("rb") as file:
            block = file.read(BLOCK_BYTES)
            if not self._is_begun(block):
                return
            at = self.end = FILE_HEADER.size
            while block:
                start, self.size_bytes = self.size_bytes, self.size_bytes + len(block)
                following = file.read(BLOCK_BYTES) if len(block) == BLOCK_BYTES else b""
                while at + CHUNK_HEADER.size <= len(block):
                    kind, content = _read_chunk(block, at)
                    if content is None:
                        if not following:
                            return
                        self.skipped_blocks += 1
                        parts = None
                        break
                    at += CHUNK_HEADER.size + len(content)
                    if kind == FULL:
                        parts = None
                        self.end = start + at
                        yield content
                    elif kind == FIRST:
                        parts = [content]
                    elif parts is not None:  # without its first part it was damaged before
                        parts.append(content)
                        if kind == LAST:
                            self.end = start + at
                            yield b"".join(parts)
                            parts = None
                block, at = following, 0

    def _is_begun(self, block: bytes) -> bool:
        """Whether the head of the file is there. Raises NotAWandbLog for another one."""
        if len(block) < FILE_HEADER.size:
            whole = FILE_HEADER.pack(IDENT, MAGIC, VERSION)
            if whole.startswith(block):
                return False
            raise NotAWandbLog(f"{self.path} is no log of the wandb client")
        ident, magic, version = FILE_HEADER.unpack_from(block)
        if (ident, magic) != (IDENT, MAGIC):
            raise NotAWandbLog(f"{self.path} is no log of the wandb client")
        if version != VERSION:
            raise NotAWandbLog(
                f"{self.path} has version {version}, this program reads version {VERSION}; "
                "update Steelyard, or upload it with the client that wrote it: wandb sync"
            )
        return True


def _read_chunk(block: bytes, at: int) -> tuple[int, bytes | None]:
    """(type, content) of the chunk at a place; None for content that is cut off or damaged."""
    checksum, length, kind = CHUNK_HEADER.unpack_from(block, at)
    start = at + CHUNK_HEADER.size
    content = block[start : start + length]
    if (
        not FULL <= kind <= LAST  # zeros as well: a hole in the file
        or len(content) < length
        or zlib.crc32(content, _CRC_OF_TYPE[kind]) != checksum
    ):
        return kind, None
    return kind, content
