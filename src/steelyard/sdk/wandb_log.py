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

    Attributes, as far as it was read:
        end: the byte behind the last whole message.
        size_bytes: where the file ended.
        skipped_blocks: blocks that were damaged, so that what was left of them was passed over.
            Damage in the last block is taken for a message that is still being written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.restart()

    def restart(self) -> None:
        """The next reading begins at the beginning."""
        self.skipped_blocks = self.end = self.size_bytes = 0
        self._block_start = self._at = 0
        self._parts: list[bytes] | None = None  # of a message that goes on in the next chunk

    def __iter__(self) -> Iterator[bytes]:
        """Read the file from its beginning, as `read_on` does."""
        self.restart()
        return self.read_on()

    def read_on(self) -> Iterator[bytes]:
        """Read what came since the last reading, as far as it is there now.

        Raises NotAWandbLog for a wrong beginning, OSError when it cannot be read.
        """
        with self.path.open("rb") as file:
            file.seek(self._block_start)
            block = file.read(BLOCK_BYTES)
            if self._block_start == 0 and self._at == 0:
                if not self._is_begun(block):
                    return
                self._at = self.end = FILE_HEADER.size
            while block:
                self.size_bytes = self._block_start + len(block)
                following = file.read(BLOCK_BYTES) if len(block) == BLOCK_BYTES else b""
                yield from self._read_block(block, is_last=not following)
                if not following:
                    return
                self._block_start += BLOCK_BYTES
                self._at = 0
                block = following

    def _read_block(self, block: bytes, *, is_last: bool) -> Iterator[bytes]:
        """The messages that end in a block, from `_at` on."""
        while self._at + CHUNK_HEADER.size <= len(block):
            kind, content = _read_chunk(block, self._at)
            if content is None:
                if not is_last:
                    self.skipped_blocks += 1
                    self._parts = None
                return
            self._at += CHUNK_HEADER.size + len(content)
            message = self._put_together(kind, content)
            if message is not None:
                self.end = self._block_start + self._at
                yield message

    def _put_together(self, kind: int, content: bytes) -> bytes | None:
        """The message that a chunk ends, None when it ends none."""
        if kind == FULL:
            self._parts = None
            return content
        if kind == FIRST:
            self._parts = [content]
        elif self._parts is not None:  # without its first part it was damaged before
            self._parts.append(content)
            if kind == LAST:
                whole, self._parts = b"".join(self._parts), None
                return whole
        return None

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
