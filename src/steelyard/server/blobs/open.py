"""From a place to a blob store."""

from __future__ import annotations

from pathlib import Path

from steelyard.server.blobs.interface import BlobStore
from steelyard.server.blobs.local import LocalBlobs


def open_blobs(directory: Path) -> BlobStore:
    """The blob store in `directory`, made when absent, for the server that owns it.

    Drops what a killed server left half-received. Raises StorageFull.
    """
    blobs = LocalBlobs(directory)
    blobs.remove_unfinished()
    return blobs
