"""Blobs in a local directory: `ab/abcd…` by SHA-256, beside uploads on their way (see `spool`).

An upload is hashed while it is written, flushed to disk, then renamed into place, so a name that
exists is a blob that is complete. The modification time says when a blob was last stored.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from steelyard.errors import BlobMissing
from steelyard.server.blobs.flush import flush_all
from steelyard.server.blobs.interface import (
    BlobWriter,
    PartWriter,
    StoredBlob,
    StoredPart,
)
from steelyard.server.blobs.parts import Uploads
from steelyard.server.blobs.spool import (
    Spool,
    describe,
    flush_directory,
    full_disk_is_storage_full,
)

INCOMING = "incoming"
UPLOADS = "uploads"
LAYOUT = "layout"


class LocalBlobs:
    """A blob store in the directory `root`, which one server owns."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._root = str(root)
        # Storing a blob again and deleting it as unused exclude each other.
        self._placing = threading.Lock()
        self._spool = Spool(root / INCOMING, self._place)
        self._uploads = Uploads(root / UPLOADS, self._place)
        self._flatten()

    def create_writer(self) -> BlobWriter:
        return self._spool.create_writer()

    def store_all(self, contents: Sequence[bytes | bytearray | memoryview]) -> list[StoredBlob]:
        blobs = [describe(content) for content in contents]
        missing = {blob.sha256: content for blob, content in zip(blobs, contents, strict=True)}
        with self._placing:
            for sha256 in [*missing]:
                if _touch(self._name(sha256)):
                    del missing[sha256]
        moves = [(str(self._spool.new_path()), sha256) for sha256 in missing]
        with full_disk_is_storage_full(self.root / INCOMING):
            try:
                for (part, _), content in zip(moves, missing.values(), strict=True):
                    _write_file(part, content)
                if moves:
                    flush_all((part for part, _ in moves), on=self.root)
                    with self._placing:
                        for part, sha256 in moves:
                            _rename(part, self._name(sha256))
            except BaseException:
                for part, _ in moves:
                    with contextlib.suppress(OSError):
                        os.unlink(part)  # noqa: PTH108
                raise
            # Also of blobs that were there: whoever placed them may not have come this far yet.
            directories = {self._name(blob.sha256).rpartition("/")[0] for blob in blobs}
            flush_all([*directories, str(self.root)], on=self.root)
        return blobs

    def create_upload(self, *, part_bytes: int) -> str:
        return self._uploads.create(part_bytes=part_bytes)

    def create_part_writer(
        self, upload_id: str, number: int, *, is_hashed: bool = True
    ) -> PartWriter:
        return self._uploads.create_writer(upload_id, number, is_hashed=is_hashed)

    def list_parts(self, upload_id: str) -> list[StoredPart]:
        return self._uploads.list_parts(upload_id)

    def complete_upload(
        self, upload_id: str, parts: Sequence[tuple[int, bytes]], *, md5: bytes | None = None
    ) -> StoredBlob:
        return self._uploads.complete(upload_id, parts, md5)

    def abort_upload(self, upload_id: str) -> bool:
        return self._uploads.abort(upload_id)

    def remove_stale_uploads(self, *, before_us: int) -> int:
        return self._uploads.remove_stale(before_us=before_us)

    def open_range(self, sha256: bytes, *, first: int, size_bytes: int) -> LocalReader:
        try:
            file = self._path(sha256).open("rb")
        except FileNotFoundError as error:
            raise BlobMissing(sha256) from error
        file.seek(first)
        return LocalReader(file, size_bytes)

    def read_all(self, blobs: Sequence[bytes]) -> list[bytes]:
        return [self._read(sha256) for sha256 in blobs]

    def _read(self, sha256: bytes) -> bytes:
        try:
            descriptor = os.open(self._name(sha256), os.O_RDONLY)
        except FileNotFoundError as error:
            raise BlobMissing(sha256) from error
        try:
            left_bytes = os.fstat(descriptor).st_size
            content = os.read(descriptor, left_bytes)
            while len(content) < left_bytes and (
                more := os.read(descriptor, left_bytes - len(content))
            ):
                content += more
        finally:
            os.close(descriptor)
        return content

    def find_size(self, sha256: bytes) -> int | None:
        try:
            return self._path(sha256).stat().st_size
        except FileNotFoundError:
            return None

    def make_link(self, sha256: bytes, *, headers: Mapping[str, str]) -> str | None:
        return None

    def list_settled(self, *, before_us: int) -> Iterator[bytes]:
        for path in self.root.glob("??/*"):
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
        return self._spool.remove_unfinished()

    def _place(self, part: Path, blob: StoredBlob) -> None:
        """Give a flushed upload its final name. Atomic; the names are on disk on return."""
        path = self._path(blob.sha256)
        with self._placing:
            if _touch(str(path)):
                part.unlink()
            else:
                _rename(str(part), str(path))
                _touch(str(path))  # parts may have been written long ago
        # Also for a blob that was there: whoever placed it may not have come this far yet.
        for directory in (path.parent, self.root):
            flush_directory(directory)

    def _path(self, sha256: bytes) -> Path:
        return Path(self._name(sha256))

    def _name(self, sha256: bytes) -> str:
        """Of each of many: making a Path costs as much as reading a small file."""
        name = sha256.hex()
        return f"{self._root}/{name[:2]}/{name}"

    def _flatten(self) -> None:
        """Bring blobs of earlier versions, at `ab/cd/abcd…`, to where they belong now.

        One level holds a million blobs in directories of 4,000 names, and saves a directory of its
        own for nearly every blob of a small store.
        """
        layout = self.root / LAYOUT
        with full_disk_is_storage_full(layout):
            if layout.exists():
                return
            for path in self.root.glob("??/??/*"):
                path.rename(path.parent.parent / path.name)
            for directory in self.root.glob("??/??/"):
                directory.rmdir()
            layout.write_text("1\n")


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


def _write_file(path: str, content: bytes | bytearray | memoryview) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
    finally:
        os.close(descriptor)


def _rename(part: str, path: str) -> None:
    try:
        os.rename(part, path)  # noqa: PTH104
    except FileNotFoundError:  # the first blob of its directory
        os.makedirs(path.rpartition("/")[0], exist_ok=True)  # noqa: PTH103
        os.rename(part, path)  # noqa: PTH104


def _touch(path: str) -> bool:
    """Say that the file was stored now; False when there is none."""
    try:
        os.utime(path)
    except FileNotFoundError:
        return False
    return True


def _stored_at_us(path: Path) -> int:
    return path.stat().st_mtime_ns // 1000
