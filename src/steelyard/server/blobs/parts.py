"""Uploads in parts: they come in any order, are replaced when sent again, and survive a restart.

    ID/content      every part at its offset, so that the end copies nothing
    ID/parts.jsonl  first the size of the parts, then a line for each that came or became void

The whole is hashed while parts come in order; what came out of order is read again for it.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import secrets
import shutil
import threading
from collections.abc import Sequence
from pathlib import Path

import msgspec

from steelyard.errors import Conflict, Invalid, TooLarge, UploadMissing
from steelyard.limits import MIB, UPLOAD_PARTS_MAX
from steelyard.server.blobs.interface import StoredBlob, StoredPart
from steelyard.server.blobs.part_checks import (
    check_number,
    check_part_bytes,
    check_parts,
    check_upload_id,
    make_upload_id,
)
from steelyard.server.blobs.spool import Place, flush_directory, full_disk_is_storage_full

READ_BYTES = 1 * MIB
TAG_BYTES = 16  # as many as an MD5: both are ETags of parts
PARTS_HASHED_PER_COMMIT = 2  # keeps up with parts that come side by side; the answer waits for it


class _Header(msgspec.Struct, frozen=True):
    part_bytes: int


class _Line(msgspec.Struct, frozen=True):
    """A part as it is written down; without a tag it is void."""

    number: int
    size_bytes: int = 0
    tag: str = ""


class Uploads:
    """All uploads in parts, in a directory that one server owns."""

    def __init__(self, directory: Path, place: Place) -> None:
        self._directory = directory
        self._place = place
        self._lock = threading.Lock()
        self._making = threading.Lock()
        self._open: dict[str, Upload] = {}

    def create(self, *, part_bytes: int) -> str:
        """The id of a new upload, which is on disk."""
        check_part_bytes(part_bytes)
        upload_id = make_upload_id()
        self._make(upload_id, part_bytes)
        return upload_id

    def find_or_create(self, upload_id: str, *, part_bytes: int) -> Upload:
        """The upload that another server may have begun."""
        with self._making:
            try:
                return self.find(upload_id)
            except UploadMissing:
                shutil.rmtree(self._directory / upload_id, ignore_errors=True)  # damaged
                self._make(upload_id, part_bytes)
                return self.find(upload_id)

    def list_ids(self) -> list[str]:
        """Of all that are on disk."""
        return [path.name for path in self._directory.glob("*/")]

    def create_writer(
        self, upload_id: str, number: int, *, is_hashed: bool = True
    ) -> LocalPartWriter:
        """See `BlobStore.create_part_writer`."""
        return self.find(upload_id).create_writer(number, is_hashed=is_hashed)

    def list_parts(self, upload_id: str) -> list[StoredPart]:
        """See `BlobStore.list_parts`."""
        return self.find(upload_id).list_parts()

    def _make(self, upload_id: str, part_bytes: int) -> None:
        directory = self._directory / upload_id
        with full_disk_is_storage_full(directory):
            directory.mkdir(parents=True)
            (directory / "content").touch()
            _append(directory / "parts.jsonl", _Header(part_bytes))
            for each in (directory, self._directory, self._directory.parent):
                flush_directory(each)

    def find(self, upload_id: str) -> Upload:
        """The upload, read from disk when nobody asked since the start. Raises UploadMissing."""
        with self._lock:
            found = self._open.get(upload_id)
            if found is None:
                check_upload_id(upload_id)
                found = _read_upload(self._directory / upload_id, upload_id)
                self._open[upload_id] = found
            return found

    def complete(
        self, upload_id: str, parts: Sequence[tuple[int, bytes]], md5: bytes | None
    ) -> StoredBlob:
        """See `BlobStore.complete_upload`."""
        upload = self.find(upload_id)
        upload.close_with(parts)
        blob = upload.hash_whole()
        if md5 is not None and blob.md5 != md5:
            self._drop(upload)
            raise Invalid(
                f"the parts of upload {upload_id} make a content with MD5 {blob.md5.hex()}; "
                f"{md5.hex()} was announced; nothing was kept, upload it again"
            )
        try:
            with full_disk_is_storage_full(upload.content):
                os.truncate(upload.content, blob.size_bytes)
                _flush(upload.content)
                self._place(upload.content, blob)
        except BaseException:
            upload.reopen()
            raise
        self._drop(upload)
        return blob

    def abort(self, upload_id: str) -> bool:
        """Drop an upload; True when it was there."""
        try:
            upload = self.find(upload_id)
            upload.close()
        except UploadMissing:
            return False
        self._drop(upload)
        return True

    def remove_stale(self, *, before_us: int) -> int:
        """Drop the uploads that nobody wrote to since then; how many."""
        removed = 0
        for directory in list(self._directory.glob("*/")):
            try:
                times = [path.stat().st_mtime_ns for path in (directory, *directory.iterdir())]
            except FileNotFoundError:  # it ended meanwhile
                continue
            if max(times) // 1000 >= before_us:
                continue
            try:
                self.find(directory.name)
            except UploadMissing:  # what is left of one that was completed
                shutil.rmtree(directory, ignore_errors=True)
                removed += 1
            else:
                removed += self.abort(directory.name)
        return removed

    def _drop(self, upload: Upload) -> None:
        with self._lock:
            self._open.pop(upload.id, None)
        shutil.rmtree(upload.content.parent, ignore_errors=True)


class Upload:
    """One upload. Its parts are written side by side; everything else happens one by one."""

    def __init__(self, directory: Path, upload_id: str, part_bytes: int) -> None:
        self.id = upload_id
        self.content = directory / "content"
        self.part_bytes = part_bytes
        self.parts: dict[int, StoredPart] = {}
        self._journal = directory / "parts.jsonl"
        self._lock = threading.Lock()
        self._turns: dict[int, Turn] = {}
        self._is_closed = False
        self._hashing = threading.Lock()
        self._forget_hash()

    def create_writer(self, number: int, *, is_hashed: bool = True) -> LocalPartWriter:
        """See `BlobStore.create_part_writer`."""
        check_number(number)
        with full_disk_is_storage_full(self.content), self._lock:
            if self._is_closed:
                raise UploadMissing(self.id)
            turn = Turn()
            overtaken = self._turns.get(number)
            if overtaken is not None:
                overtaken.end()
            if self.parts.pop(number, None) is not None:
                _append(self._journal, _Line(number))
                if number <= self._hashed_count + 1:
                    self._forget_hash()
            self._turns[number] = turn
        with full_disk_is_storage_full(self.content):
            return LocalPartWriter(self, number, turn, is_hashed=is_hashed)

    def list_parts(self) -> list[StoredPart]:
        """Parts that are there, by number."""
        with self._lock:
            return [self.parts[number] for number in sorted(self.parts)]

    def keep_part(self, part: StoredPart, turn: Turn) -> None:
        """Write a part down whose bytes are on disk, and hash on if it is its turn."""
        with self._lock:
            turn.require(part.number)
            _append(self._journal, _Line(part.number, part.size_bytes, part.tag.hex()))
            self.parts[part.number] = part
            self._turns.pop(part.number, None)
        if self._hashing.acquire(blocking=False):
            try:
                self._hash_on(PARTS_HASHED_PER_COMMIT)
            finally:
                self._hashing.release()

    def give_up_part(self, number: int, turn: Turn) -> None:
        """Forget a writer that ended without its part."""
        with self._lock:
            if self._turns.get(number) is turn:
                del self._turns[number]

    def close_with(self, parts: Sequence[tuple[int, bytes]]) -> None:
        """Let nobody write any more, if these are the parts. Invalid says which are not."""
        with self._lock:
            if self._is_closed:
                raise UploadMissing(self.id)
            check_parts(self.id, self.parts, parts, part_bytes=self.part_bytes)
            self._end_turns()
            for extra in [number for number in self.parts if number > len(parts)]:
                del self.parts[extra]

    def close(self) -> None:
        """Let nobody write any more. UploadMissing when that was so already."""
        with self._lock:
            if self._is_closed:
                raise UploadMissing(self.id)
            self._end_turns()

    def reopen(self) -> None:
        """Go on after a completion that failed and may be tried again."""
        with self._lock:
            self._is_closed = False

    def hash_whole(self) -> StoredBlob:
        """Digests of the whole, of an upload that is closed."""
        with self._hashing:
            if self._hashed_count > len(self.parts):
                self._forget_hash()
            self._hash_on(UPLOAD_PARTS_MAX)
            assert self._hashed_count == len(self.parts)
            return StoredBlob(
                sha256=self._sha256.digest(),
                md5=self._md5.digest(),
                size_bytes=sum(part.size_bytes for part in self.parts.values()),
            )

    def _end_turns(self) -> None:
        self._is_closed = True
        for turn in self._turns.values():
            turn.end()
        self._turns.clear()

    def _forget_hash(self) -> None:
        self._hashed_count = 0
        self._sha256 = hashlib.sha256()
        self._md5 = hashlib.md5(usedforsecurity=False)

    def _hash_on(self, count: int) -> None:
        """Hash up to `count` parts that follow those already hashed. Needs `_hashing`."""
        for _ in range(count):
            with self._lock:
                part = self.parts.get(self._hashed_count + 1)
                before = self._sha256
                if part is None or (part.size_bytes != self.part_bytes and not self._is_closed):
                    return  # a short part is the last, or will be sent again
                sha256, md5 = self._sha256.copy(), self._md5.copy()
            with self.content.open("rb", buffering=0) as file:
                file.seek((part.number - 1) * self.part_bytes)
                left_bytes = part.size_bytes
                while left_bytes:
                    piece = file.read(min(left_bytes, READ_BYTES))
                    assert piece, "the file of an upload is shorter than its parts"
                    sha256.update(piece)
                    md5.update(piece)
                    left_bytes -= len(piece)
            with self._lock:
                if self._sha256 is not before:
                    continue  # one of these parts was replaced meanwhile
                self._sha256, self._md5 = sha256, md5
                self._hashed_count = part.number


class Turn:
    """The right to write one part. It ends when somebody else begins to, or with the upload."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self._is_over = False

    def end(self) -> None:
        """Waits for a write that is under way."""
        with self.lock:
            self._is_over = True

    def require(self, number: int) -> None:
        if self._is_over:
            raise Conflict(
                f"part {number} was begun again or its upload has ended; this copy of it is void"
            )


class LocalPartWriter:
    """One part, written at its place in the content."""

    def __init__(self, upload: Upload, number: int, turn: Turn, *, is_hashed: bool) -> None:
        self._upload = upload
        self._number = number
        self._turn = turn
        self._descriptor: int | None = os.open(upload.content, os.O_WRONLY)
        self._md5 = hashlib.md5(usedforsecurity=False) if is_hashed else None
        self._size_bytes = 0

    def write(self, part: bytes | bytearray | memoryview) -> None:
        upload = self._upload
        if self._size_bytes + len(part) > upload.part_bytes:
            raise TooLarge(
                f"part {self._number} of upload {upload.id}",
                size=self._size_bytes + len(part),
                limit=upload.part_bytes,
                limit_name="part_bytes",
            )
        assert self._descriptor is not None
        with full_disk_is_storage_full(upload.content), self._turn.lock:
            self._turn.require(self._number)
            at = (self._number - 1) * upload.part_bytes + self._size_bytes
            rest = memoryview(part)
            while rest:
                count = os.pwrite(self._descriptor, rest, at)
                rest, at = rest[count:], at + count
        if self._md5 is not None:
            self._md5.update(part)
        self._size_bytes += len(part)

    def md5(self) -> bytes:
        assert self._md5 is not None, "this part is not hashed"
        return self._md5.digest()

    def commit(self) -> StoredPart:
        assert self._descriptor is not None
        tag = secrets.token_bytes(TAG_BYTES) if self._md5 is None else self._md5.digest()
        part = StoredPart(self._number, self._size_bytes, tag)
        with full_disk_is_storage_full(self._upload.content):
            os.fsync(self._descriptor)
            self._upload.keep_part(part, self._turn)
        self._close()
        return part

    def abort(self) -> None:
        if self._descriptor is not None:
            self._close()
            self._upload.give_up_part(self._number, self._turn)

    def _close(self) -> None:
        if self._descriptor is not None:
            with contextlib.suppress(OSError):
                os.close(self._descriptor)
            self._descriptor = None


def _read_upload(directory: Path, upload_id: str) -> Upload:
    journal = directory / "parts.jsonl"
    try:
        text = journal.read_bytes()
        (directory / "content").stat()
        whole = text.rpartition(b"\n")[0]
        if len(whole) + 1 < len(text):  # a line that a killed server did not finish
            os.truncate(journal, len(whole) + 1)
        header, *lines = whole.split(b"\n")
        upload = Upload(directory, upload_id, msgspec.json.decode(header, type=_Header).part_bytes)
        for line in (msgspec.json.decode(each, type=_Line) for each in lines):
            upload.parts.pop(line.number, None)
            if line.tag:
                part = StoredPart(line.number, line.size_bytes, bytes.fromhex(line.tag))
                upload.parts[line.number] = part
    except (FileNotFoundError, msgspec.DecodeError) as error:  # damaged: a power cut
        raise UploadMissing(upload_id) from error
    return upload


def _append(path: Path, line: _Header | _Line) -> None:
    """One line more, on disk on return. A line that did not fit is taken back."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        size_bytes = os.fstat(descriptor).st_size
        text = msgspec.json.encode(line) + b"\n"
        try:
            if os.write(descriptor, text) != len(text):
                raise OSError(errno.ENOSPC, "no space left")
            os.fsync(descriptor)
        except OSError:
            os.ftruncate(descriptor, size_bytes)
            raise
    finally:
        os.close(descriptor)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
