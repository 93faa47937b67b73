"""Contents for tests of blob stores."""

from __future__ import annotations

import hashlib

from steelyard.server.blobs.interface import BlobStore, StoredBlob, read_blob

FAR_FUTURE_US = 2**62


def make_content(size_bytes: int, *, seed: int = 0) -> bytes:
    """Bytes that do not repeat, the same for the same seed."""
    return hashlib.shake_128(str(seed).encode()).digest(size_bytes)


def md5_of(content: bytes) -> bytes:
    """What the W&B protocol names the content by."""
    return hashlib.md5(content, usedforsecurity=False).digest()


def store(blobs: BlobStore, content: bytes, *, part_bytes: int = 65_536) -> StoredBlob:
    """Upload `content` piece by piece."""
    writer = blobs.create_writer()
    for first in range(0, len(content), part_bytes):
        writer.write(content[first : first + part_bytes])
    return writer.commit()


def load(blobs: BlobStore, sha256: bytes) -> bytes:
    """The whole content."""
    return read_blob(blobs, sha256, size_bytes_max=2**40)
