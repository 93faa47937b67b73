"""Small pictures of large ones, kept on the disk by content and size.

One object lives as long as the server. Pictures are decoded in a process that can be ended.
"""

from __future__ import annotations

import functools
from pathlib import Path

from steelyard.errors import Invalid, TooLarge
from steelyard.limits import (
    MIB,
    TABLE_WAIT_S,
    TABLE_WORKER_IDLE_S,
    THUMBNAIL_CACHE_BYTES_MAX,
    THUMBNAIL_S,
    THUMBNAIL_SOURCE_BYTES_MAX,
)
from steelyard.server.blobs.interface import BlobStore
from steelyard.server.rooms.tables import jobs
from steelyard.server.rooms.tables.cache import DiskCache
from steelyard.server.rooms.tables.workers import WorkerPool

FORM = 1  # bump when pictures are made differently


class Thumbnails:
    """Makes and keeps them. Everything blocks: edges call it in worker threads."""

    def __init__(self, blobs: BlobStore, directory: Path) -> None:
        self._blobs = blobs
        self._cache = DiskCache(directory, bytes_max=THUMBNAIL_CACHE_BYTES_MAX)
        self._cache.remove_unfinished()
        self._pool = WorkerPool(count=1, idle_s=TABLE_WORKER_IDLE_S, wait_s=TABLE_WAIT_S)

    def stop(self) -> None:
        self._pool.stop()

    def get(self, sha256: bytes, size_bytes: int, *, size: int) -> bytes:
        """The picture as WebP, at most `size` pixels wide and high.

        Raises Invalid for what is no picture, TooLarge, BlobMissing.
        """
        if size_bytes > THUMBNAIL_SOURCE_BYTES_MAX:
            raise TooLarge(
                "the picture",
                size=size_bytes,
                limit=THUMBNAIL_SOURCE_BYTES_MAX,
                limit_name="THUMBNAIL_SOURCE_BYTES_MAX",
            )
        key = f"{sha256.hex()}-{FORM}-{size}"
        make = functools.partial(self._make, sha256, size_bytes, size)
        path = self._cache.get(key, make, wait_s=TABLE_WAIT_S)
        try:
            return path.read_bytes()
        except FileNotFoundError:  # dropped from the cache in between
            return self._cache.get(key, make, wait_s=TABLE_WAIT_S).read_bytes()

    def _make(self, sha256: bytes, size_bytes: int, size: int, out: Path) -> None:
        with self._cache.scratch() as scratch:
            picture = scratch / "picture"
            reader = self._blobs.open_range(sha256, first=0, size_bytes=size_bytes)
            try:
                with picture.open("wb") as file:
                    while part := reader.read(MIB):
                        file.write(part)
            finally:
                reader.close()
            if not size_bytes:
                raise Invalid("the picture is an empty file")
            self._pool.run(jobs.Thumbnail(str(picture), str(out), size), timeout_s=THUMBNAIL_S)
