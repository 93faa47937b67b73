"""Blobs in a local directory: `ab/cd/abcd…` by SHA-256, uploads under `incoming/` until whole.

An upload is hashed while it is written, flushed to disk, then renamed into place, so a name that
exists is a blob that is complete. The modification time says when a blob was last stored.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import secrets
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from steelyard.errors import BlobMissing, StorageFull
from steelyard.server.blobs.interface import StoredBlob

INCOMING = "incoming"
FULL_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EFBIG})


class LocalBlobs:
    """A blob store in the directory `root`, which one server owns."""

    def __init__(self, root: Path) -> None:
        self.root = root
        # Storing a blob again and deleting it as unused exclude each other.
        self._placing = threading.Lock()
        with _full_disk_is_storage_full(root):
            (root / INCOMING).mkdir(parents=True, exist_ok=True)

    def create_writer(self) -> LocalWriter:
        path = self.root / INCOMING / f"{secrets.token_hex(16)}.part"
        with _full_disk_is_storage_full(path):
            return LocalWriter(self, path)

    def open_range(self, sha256: bytes, *, first: int, size_bytes: int) -> LocalReader:
        try:
            file = self._path(sha256).open("rb")
        except FileNotFoundError as error:
            raise BlobMissing(sha256) from error
        file.seek(first)
        return LocalReader(file, size_bytes)

    def find_size(self, sha256: bytes) -> int | None:
        try:
            return self._path(sha256).stat().st_size
        except FileNotFoundError:
            return None

    def list_settled(self, *, before_us: int) -> Iterator[bytes]:
        for path in self.root.glob("??/??/*"):
            with contextlib.suppress(FileNotFoundError):  # deleted since it was listed
                if _stored_at_us(path) < before_us:
                    yield bytes.fromhex(path.name)

    def delete(self, sha256: bytes, *, settled_before_us: int | None = None) -> bool:
        path = self._path(sha256)
        with self._placing:
            try:
                if settled_before_us is not None and _stored_at_us(path) >= settled_before_us:
                    return False
                path.unlink()
            except FileNotFoundError:
                return False
        return True

    def remove_unfinished(self) -> int:
        parts = list((self.root / INCOMING).glob("*.part"))
        for part in parts:
            part.unlink(missing_ok=True)
        return len(parts)

    def place(self, part: Path, sha256: bytes) -> None:
        """Give a flushed upload its final name. Atomic; the names are on disk on return."""
        path = self._path(sha256)
        with self._placing:
            if path.exists():
                os.utime(path)
                part.unlink()
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                part.rename(path)
        # Also for a blob that was there: whoever placed it may not have come this far yet.
        for directory in (path.parent, path.parent.parent, self.root):
            _flush_directory(directory)

    def _path(self, sha256: bytes) -> Path:
        name = sha256.hex()
        return self.root / name[:2] / name[2:4] / name


class LocalWriter:
    """One upload into `incoming/`."""

    def __init__(self, blobs: LocalBlobs, path: Path) -> None:
        self._blobs = blobs
        self._path = path
        self._file: BinaryIO = path.open("xb", buffering=0)
        self._sha256 = hashlib.sha256()
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._size_bytes = 0

    def write(self, part: bytes | bytearray | memoryview) -> None:
        with _full_disk_is_storage_full(self._path):
            rest = memoryview(part)
            while rest:  # an unbuffered file may take less than it was given
                rest = rest[self._file.write(rest) :]
        self._sha256.update(part)
        self._md5.update(part)
        self._size_bytes += len(part)

    def md5(self) -> bytes:
        return self._md5.digest()

    def commit(self) -> StoredBlob:
        sha256 = self._sha256.digest()
        with _full_disk_is_storage_full(self._path):
            os.fsync(self._file.fileno())
            self._file.close()
            self._blobs.place(self._path, sha256)
        return StoredBlob(sha256=sha256, md5=self._md5.digest(), size_bytes=self._size_bytes)

    def abort(self) -> None:
        with contextlib.suppress(OSError):
            self._file.close()
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)


class LocalReader:
    """A range of a file."""

    def __init__(self, file: BinaryIO, size_bytes: int) -> None:
        self._file = file
        self._left_bytes = size_bytes

    def read(self, size_bytes: int, /) -> bytes:
        part = self._file.read(min(size_bytes, self._left_bytes))
        self._left_bytes -= len(part)
        return part

    def close(self) -> None:
        self._file.close()


@contextlib.contextmanager
def _full_disk_is_storage_full(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in FULL_ERRORS:
            raise
        raise StorageFull(
            f"the disk of the server is full or failing ({error.strerror}, {path.parent}); nothing "
            "of this upload was kept, send it again when there is space"
        ) from error


def _stored_at_us(path: Path) -> int:
    return path.stat().st_mtime_ns // 1000


def _flush_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
