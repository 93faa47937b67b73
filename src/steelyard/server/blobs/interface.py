"""What the server asks of a blob store: bytes named by their own SHA-256.

A blob appears whole or not at all, never changes, and is stored once however often it is sent.
Nothing here holds a whole blob in memory. Everything blocks: edges call it from worker threads.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import msgspec

from steelyard.errors import BlobMissing, TooLarge


class StoredBlob(msgspec.Struct, frozen=True):
    """A blob that is durable. `sha256` is its name; `md5` is what the W&B protocol compares."""

    sha256: bytes
    md5: bytes
    size_bytes: int


class BlobWriter(Protocol):
    """One upload on its way. Ends with exactly one of `commit` and `abort`."""

    def write(self, part: bytes | bytearray | memoryview) -> None:
        """Append a part. Raises StorageFull; the caller then aborts."""
        ...

    def md5(self) -> bytes:
        """MD5 of what was written so far, to compare with what the sender announced."""
        ...

    def commit(self) -> StoredBlob:
        """Make the blob visible and durable (survives a power cut). Raises StorageFull."""
        ...

    def abort(self) -> None:
        """Drop what was written. Idempotent, does nothing after `commit`, never raises."""
        ...


class BlobReader(Protocol):
    """A range of a blob, read once from front to back."""

    def read(self, size_bytes: int, /) -> bytes:
        """Up to `size_bytes`; empty at the end of the range."""
        ...

    def close(self) -> None: ...


class BlobStore(Protocol):
    """Local directory now, S3 later; `tests/contract/test_blobs_contract.py` says what holds."""

    def create_writer(self) -> BlobWriter:
        """Start an upload. Raises StorageFull."""
        ...

    def open_range(self, sha256: bytes, *, first: int, size_bytes: int) -> BlobReader:
        """Read `size_bytes` from byte `first` on. Raises BlobMissing.

        A reader that is open goes on working when the blob is deleted.
        """
        ...

    def find_size(self, sha256: bytes) -> int | None:
        """Size in bytes, None when there is no such blob."""
        ...

    def list_settled(self, *, before_us: int) -> Iterator[bytes]:
        """Digests of the blobs that nobody stored (again) since `before_us`, in no order."""
        ...

    def delete(self, sha256: bytes, *, settled_before_us: int | None = None) -> bool:
        """Delete a blob; True when it was there.

        With `settled_before_us` a blob that was stored (again) since then stays: an upload of the
        same content may be about to refer to it.
        """
        ...

    def remove_unfinished(self) -> int:
        """Drop uploads that a dead process left. Only for the server that owns the store, at start.

        Returns how many there were.
        """
        ...


def read_blob(blobs: BlobStore, sha256: bytes, *, size_bytes_max: int) -> bytes:
    """The whole content of a small blob. Raises BlobMissing, TooLarge above `size_bytes_max`."""
    size_bytes = blobs.find_size(sha256)
    if size_bytes is None:
        raise BlobMissing(sha256)
    if size_bytes > size_bytes_max:
        raise TooLarge(
            "the content", size=size_bytes, limit=size_bytes_max, limit_name="size_bytes_max"
        )
    reader = blobs.open_range(sha256, first=0, size_bytes=size_bytes)
    try:
        return reader.read(size_bytes)
    finally:
        reader.close()
