"""Uploads in parts that go on at any server: several servers share one bucket and one database.

    uploads/ID/state        the size of the parts, who writes which, and which are there
    uploads/ID/parts/N-TOKEN  the bytes of part N as one writer sent them; they never change

Each server also keeps the parts it received on its own disk (see `parts`), hashed on their way, and
fetches only those that others received when the upload is completed. What counts is the state. It
is read and written under a lock of all servers; should that lock be lost in between, a part may be
forgotten, which the sender is told at the end, but never taken for another.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress

import msgspec
import obstore
from obstore.store import S3Store

from steelyard.errors import Conflict, Invalid, StorageUnavailable, UploadMissing
from steelyard.limits import MIB, S3_PART_BYTES, S3_PARTS_AT_ONCE, SERVER_LOCKS_AT_ONCE
from steelyard.server.blobs.interface import StoredBlob, StoredPart
from steelyard.server.blobs.part_checks import (
    check_number,
    check_part_bytes,
    check_parts,
    check_upload_id,
    make_upload_id,
)
from steelyard.server.blobs.parts import LocalPartWriter, Upload, Uploads
from steelyard.server.db.locks import ServerLocks

PREFIX = "uploads"
CHUNK_BYTES = 1 * MIB


class _Part(msgspec.Struct, frozen=True):
    token: str
    size_bytes: int
    tag: str  # its MD5


class _State(msgspec.Struct):
    part_bytes: int
    written_at_us: int
    writers: dict[int, str] = {}
    """Number of a part to the token of who began to write it last."""
    parts: dict[int, _Part] = {}

    def list_parts(self) -> list[StoredPart]:
        """Parts that are there, by number."""
        return [
            StoredPart(number, part.size_bytes, bytes.fromhex(part.tag))
            for number, part in sorted(self.parts.items())
        ]


class SharedUploads:
    """All uploads in parts of a bucket. `uploads` is what this server has of them on its disk."""

    def __init__(
        self,
        store: S3Store,
        uploads: Uploads,
        locks: ServerLocks,
        errors: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._store = store
        self._uploads = uploads
        self._locks = locks
        self._errors = errors
        # Each holds one lock for long and needs another on the way.
        self._completions = threading.BoundedSemaphore(SERVER_LOCKS_AT_ONCE // 2)

    def create(self, *, part_bytes: int) -> str:
        """See `BlobStore.create_upload`."""
        check_part_bytes(part_bytes)
        upload_id = make_upload_id()
        self._save(upload_id, _State(part_bytes, _now_us()))
        return upload_id

    def create_writer(
        self, upload_id: str, number: int, *, is_hashed: bool = True
    ) -> SharedPartWriter:
        """See `BlobStore.create_part_writer`. Every part is hashed: others check it by its MD5."""
        del is_hashed
        check_number(number)
        token = secrets.token_hex(8)
        with self._changing(upload_id) as state:
            state.writers[number] = token
            state.parts.pop(number, None)
        here = self._uploads.find_or_create(upload_id, part_bytes=state.part_bytes)
        return SharedPartWriter(self, here, here.create_writer(number), number, token)

    def list_parts(self, upload_id: str) -> list[StoredPart]:
        """See `BlobStore.list_parts`."""
        return self._load(upload_id).list_parts()

    def complete(
        self, upload_id: str, parts: Sequence[tuple[int, bytes]], md5: bytes | None
    ) -> StoredBlob:
        """See `BlobStore.complete_upload`. StorageUnavailable while another request does it."""
        check_upload_id(upload_id)
        completion = self._locks.alone_if_free(f"completion of {upload_id}")
        with self._completions, completion as is_free:
            if not is_free:
                raise StorageUnavailable(
                    f"upload {upload_id} is being put together for another request; ask again"
                )
            state = self._load(upload_id)
            there = {part.number: part for part in state.list_parts()}
            check_parts(upload_id, there, parts, part_bytes=state.part_bytes)
            here = self._uploads.find_or_create(upload_id, part_bytes=state.part_bytes)
            self._fetch_missing(here, state, len(parts))
            try:
                blob = self._uploads.complete(upload_id, parts, md5)
            except Invalid:
                if upload_id not in self._uploads.list_ids():  # the whole was not as announced
                    self.abort(upload_id)
                raise
            self.abort(upload_id)
            return blob

    def abort(self, upload_id: str) -> bool:
        """See `BlobStore.abort_upload`."""
        try:
            with self._locks.alone(_lock(upload_id)):
                self._load(upload_id)
                self._drop(upload_id)
        except UploadMissing:
            return False
        finally:
            self._uploads.abort(upload_id)
        return True

    def remove_stale(self, *, before_us: int) -> int:
        """See `BlobStore.remove_stale_uploads`."""
        here = self._uploads.list_ids()  # before it is asked which go on
        with self._errors():
            found = obstore.list_with_delimiter(self._store, PREFIX)["common_prefixes"]
        ids = [path.rpartition("/")[2] for path in found]
        kept = set()
        removed = 0
        for upload_id in ids:
            if self._written_at_us(upload_id) < before_us:
                removed += self.abort(upload_id)
                self._drop(upload_id)  # also what is left of one that ended
            else:
                kept.add(upload_id)
        for upload_id in here:
            if upload_id not in kept:  # it ended at another server
                self._uploads.abort(upload_id)
        self._uploads.remove_stale(before_us=before_us)
        return removed

    def keep_part(self, here: Upload, part: StoredPart, token: str) -> None:
        """Bring a part that is on this server's disk to all. Raises Conflict, UploadMissing."""
        path = _data(here.id, part.number, token)
        with self._errors():
            if part.size_bytes <= S3_PART_BYTES:
                content = b"".join(_read(here, part))
                obstore.put(self._store, path, content, use_multipart=False)
            else:
                obstore.put(
                    self._store,
                    path,
                    _read(here, part),
                    chunk_size=S3_PART_BYTES,
                    max_concurrency=S3_PARTS_AT_ONCE,
                )
        try:
            with self._changing(here.id) as state:
                if state.writers.get(part.number) != token:
                    raise _void(part.number)
                del state.writers[part.number]
                state.parts[part.number] = _Part(token, part.size_bytes, part.tag.hex())
        except (Conflict, UploadMissing):
            with self._errors():
                obstore.delete(self._store, [path])
            raise

    def _fetch_missing(self, here: Upload, state: _State, count: int) -> None:
        """Have the parts from 1 to `count` on this server's disk."""
        have = {part.number: part.tag.hex() for part in here.list_parts()}
        for number in range(1, count + 1):
            part = state.parts[number]
            if have.get(number) == part.tag:
                continue
            writer = here.create_writer(number)
            try:
                self._fetch(here.id, number, part.token, writer)
                if writer.md5().hex() != part.tag:
                    raise StorageUnavailable(
                        f"part {number} of upload {here.id} came back damaged from the store; "
                        "try again"
                    )
                writer.commit()
            except BaseException:
                writer.abort()
                raise

    def _fetch(self, upload_id: str, number: int, token: str, writer: LocalPartWriter) -> None:
        with self._errors():
            try:
                found = obstore.get(self._store, _data(upload_id, number, token))
            except FileNotFoundError as error:
                if "NoSuchBucket" in str(error):
                    raise
                raise UploadMissing(upload_id) from error  # given up meanwhile
            for chunk in found.stream(CHUNK_BYTES):
                writer.write(bytes(chunk))

    @contextmanager
    def _changing(self, upload_id: str) -> Iterator[_State]:
        """The state, to be changed; nobody else changes it meanwhile. Raises UploadMissing."""
        check_upload_id(upload_id)
        with self._locks.alone(_lock(upload_id)):
            state = self._load(upload_id)
            yield state
            state.written_at_us = _now_us()
            self._save(upload_id, state)

    def _load(self, upload_id: str) -> _State:
        check_upload_id(upload_id)
        with self._errors():
            try:
                text = obstore.get(self._store, _state(upload_id)).bytes()
            except FileNotFoundError as error:
                if "NoSuchBucket" in str(error):
                    raise
                raise UploadMissing(upload_id) from error
        try:
            return msgspec.json.decode(bytes(text), type=_State)
        except msgspec.DecodeError as error:
            raise UploadMissing(upload_id) from error

    def _save(self, upload_id: str, state: _State) -> None:
        text = msgspec.json.encode(state)
        with self._errors():
            obstore.put(self._store, _state(upload_id), text, use_multipart=False)

    def _written_at_us(self, upload_id: str) -> int:
        """When somebody wrote to it last; of what is left of one that ended, when it was stored."""
        try:
            return self._load(upload_id).written_at_us
        except UploadMissing:
            pass
        with self._errors():
            left = obstore.list(self._store, f"{PREFIX}/{upload_id}").collect()
        return max((int(each["last_modified"].timestamp() * 1e6) for each in left), default=0)

    def _drop(self, upload_id: str) -> None:
        """The state first: what is left is garbage then, never half an upload."""
        with self._errors():
            with suppress(FileNotFoundError):
                obstore.delete(self._store, [_state(upload_id)])
            left = [
                each["path"]
                for some in obstore.list(self._store, f"{PREFIX}/{upload_id}")
                for each in some
            ]
            if left:
                obstore.delete(self._store, left)


class SharedPartWriter:
    """One part: written to this server's disk, then brought to all."""

    def __init__(
        self,
        uploads: SharedUploads,
        here: Upload,
        writer: LocalPartWriter,
        number: int,
        token: str,
    ) -> None:
        self._uploads = uploads
        self._here = here
        self._writer = writer
        self._number = number
        self._token = token

    def write(self, part: bytes | bytearray | memoryview) -> None:
        self._writer.write(part)

    def md5(self) -> bytes:
        return self._writer.md5()

    def commit(self) -> StoredPart:
        part = self._writer.commit()
        self._uploads.keep_part(self._here, part, self._token)
        return part

    def abort(self) -> None:
        self._writer.abort()


def _read(here: Upload, part: StoredPart) -> Iterator[bytes]:
    """The bytes of a part on this server's disk. Conflict when somebody wrote over them."""
    md5 = hashlib.md5(usedforsecurity=False)
    with here.content.open("rb", buffering=0) as file:
        file.seek((part.number - 1) * here.part_bytes)
        left_bytes = part.size_bytes
        while left_bytes:
            piece = file.read(min(left_bytes, CHUNK_BYTES))
            if not piece:
                break
            md5.update(piece)
            left_bytes -= len(piece)
            if not left_bytes and md5.digest() != part.tag:
                break
            yield piece
    if left_bytes or md5.digest() != part.tag:
        raise _void(part.number)


def _void(number: int) -> Conflict:
    return Conflict(
        f"part {number} was begun again or its upload has ended; this copy of it is void"
    )


def _lock(upload_id: str) -> str:
    return f"upload {upload_id}"


def _state(upload_id: str) -> str:
    return f"{PREFIX}/{upload_id}/state"


def _data(upload_id: str, number: int, token: str) -> str:
    return f"{PREFIX}/{upload_id}/parts/{number:05}-{token}"


def _now_us() -> int:
    return time.time_ns() // 1000
