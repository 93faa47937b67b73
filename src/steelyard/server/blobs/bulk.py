"""Filling a local store that nobody uses yet, at the price of writing the files."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from itertools import chain

from steelyard.errors import Invalid
from steelyard.server.blobs.flush import flush_all
from steelyard.server.blobs.local import LocalBlobs
from steelyard.server.blobs.spool import full_disk_is_storage_full


def fill_local(blobs: LocalBlobs, contents: Iterable[tuple[bytes, Iterable[bytes]]]) -> None:
    """Store contents, each as (SHA-256, its pieces); durable together on return.

    They go straight to their places, where half a file may be left when this is interrupted: only
    for a store that is dropped then. Raises Invalid for a content that has another digest.
    """
    root = os.fspath(blobs.root)
    directories: set[str] = set()
    with full_disk_is_storage_full(blobs.root):
        for sha256, pieces in contents:
            name = sha256.hex()
            directory = f"{root}/{name[:2]}"
            if directory not in directories:
                os.makedirs(directory, exist_ok=True)  # noqa: PTH103  # a Path costs as much
                directories.add(directory)
            if _write(f"{directory}/{name}", pieces) != sha256:
                raise Invalid(f"the content {name} has changed while it was read; try again")
        made = chain(blobs.root.glob("??/*"), blobs.root.glob("??"), [blobs.root])
        flush_all(made, on=blobs.root)


def _write(path: str, pieces: Iterable[bytes]) -> bytes:
    """Write the file; the SHA-256 of what was written."""
    digest = hashlib.sha256()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        for piece in pieces:
            digest.update(piece)
            rest = memoryview(piece)
            while rest:
                rest = rest[os.write(descriptor, rest) :]
    finally:
        os.close(descriptor)
    return digest.digest()
