"""Where uploads wait on the server's own disk until they are whole.

Content is named by its digest, which is known only after its last byte. So an upload is written and
hashed here, and then handed to the store: by a rename to a local one, by one upload to S3, which
therefore never sees an upload that broke off.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Final

from steelyard.errors import StorageFull
from steelyard.server.blobs.interface import StoredBlob

FULL_ERRORS: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EFBIG})

#: Takes a whole file that is closed and on disk; the file is gone from its path on return.
Place = Callable[[Path, StoredBlob], None]


class Spool:
    """Uploads in one piece, in a directory that one server owns."""

    def __init__(self, directory: Path, place: Place) -> None:
        self.directory = directory
        self._place = place
        with full_disk_is_storage_full(directory):
            directory.mkdir(parents=True, exist_ok=True)

    def create_writer(self) -> SpoolWriter:
        """Start an upload. Raises StorageFull."""
        path = self.new_path()
        with full_disk_is_storage_full(path):
            return SpoolWriter(path, self._place)

    def new_path(self) -> Path:
        """A name that nobody has, for a file that `remove_unfinished` may take."""
        return self.directory / f"{secrets.token_hex(16)}.part"

    def remove_unfinished(self) -> int:
        """Drop what a dead process left; how many there were."""
        parts = list(self.directory.glob("*.part"))
        for part in parts:
            part.unlink(missing_ok=True)
        return len(parts)


class SpoolWriter:
    """One upload: written, hashed on the way, flushed, handed over."""

    def __init__(self, path: Path, place: Place) -> None:
        self._path = path
        self._place = place
        self._file: BinaryIO = path.open("xb", buffering=0)
        self._sha256 = hashlib.sha256()
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._size_bytes = 0

    def write(self, part: bytes | bytearray | memoryview) -> None:
        with full_disk_is_storage_full(self._path):
            rest = memoryview(part)
            while rest:  # an unbuffered file may take less than it was given
                rest = rest[self._file.write(rest) :]
        self._sha256.update(part)
        self._md5.update(part)
        self._size_bytes += len(part)

    def md5(self) -> bytes:
        return self._md5.digest()

    def commit(self) -> StoredBlob:
        blob = StoredBlob(
            sha256=self._sha256.digest(), md5=self._md5.digest(), size_bytes=self._size_bytes
        )
        with full_disk_is_storage_full(self._path):
            os.fsync(self._file.fileno())
            self._file.close()
            self._place(self._path, blob)
        return blob

    def abort(self) -> None:
        with contextlib.suppress(OSError):
            self._file.close()
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)


def describe(content: bytes | bytearray | memoryview) -> StoredBlob:
    """What the content will be called once it is stored."""
    return StoredBlob(
        sha256=hashlib.sha256(content).digest(),
        md5=hashlib.md5(content, usedforsecurity=False).digest(),
        size_bytes=len(content),
    )


@contextlib.contextmanager
def full_disk_is_storage_full(path: Path) -> Iterator[None]:
    """StorageFull, with the place, for what the system says when a disk takes no more."""
    try:
        yield
    except OSError as error:
        if error.errno not in FULL_ERRORS:
            raise
        raise StorageFull(
            f"the disk of the server is full or failing ({error.strerror}, {path.parent}); nothing "
            "of this upload was kept, send it again when there is space"
        ) from error


def flush_directory(path: Path) -> None:
    """Have the names in a directory on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
