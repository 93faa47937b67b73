"""Blobs in an S3-compatible store, below the prefix of one server.

    blobs/ab/abcd…  contents by SHA-256
    stamps/abcd…    empty; its time says when a large content was last stored again
    uploads/…       uploads in parts, where several servers use the place (see `shared_uploads`)
    owner           the database whose prefix this is: two would delete each other's contents

An upload is spooled on the server's disk (see `spool`) and goes to S3 when it is whole: in one
request, or as a multipart upload, so a name that exists is a blob that is complete. Storing and
deleting of one content exclude each other, within a server and among those on one PostgreSQL.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import (
    BaseError,
    GenericError,
    PermissionDeniedError,
    UnauthenticatedError,
)
from obstore.store import S3Store

from steelyard.errors import BlobMissing, CannotStart, StorageUnavailable
from steelyard.limits import (
    MIB,
    S3_CONNECT_S_MAX,
    S3_GETS_AT_ONCE,
    S3_LINK_S,
    S3_PART_BYTES,
    S3_PARTS_AT_ONCE,
    S3_PUTS_AT_ONCE,
    S3_REQUEST_S_MAX,
    S3_RETRIES_MAX,
    S3_RETRY_S_MAX,
    S3_SILENCE_S_MAX,
    UPLOAD_PARTS_MAX,
)
from steelyard.server.blobs.interface import (
    BlobWriter,
    PartWriter,
    StoredBlob,
    StoredPart,
)
from steelyard.server.blobs.keyed_locks import KeyedLocks
from steelyard.server.blobs.parts import Uploads
from steelyard.server.blobs.place import S3Place
from steelyard.server.blobs.presign import sign_download
from steelyard.server.blobs.shared_uploads import SharedUploads
from steelyard.server.blobs.spool import Spool, describe
from steelyard.server.db.locks import ServerLocks

if TYPE_CHECKING:
    from obstore.store import S3Config, S3Credential

SECOND_US = 1_000_000
CHUNK_BYTES = 1 * MIB
REFUSED = re.compile("status code: 40[13] ")
OUT_OF_RANGE = "416 Range Not Satisfiable"


class S3Blobs:
    """A blob store in S3. `spool` is a local directory that one server owns.

    With `server_locks` other servers may use the place, too: uploads in parts go on at any of them,
    and what one stores no other deletes meanwhile (see `tasks/unused_blobs`).
    """

    def __init__(
        self, place: S3Place, spool: Path, server_locks: ServerLocks | None = None
    ) -> None:
        self.place = place
        self._store = _connect(place)
        self._locks = KeyedLocks()
        self._sending = KeyedLocks()  # a large content is sent once, though many bring it
        self._server_locks = server_locks
        self._spool = Spool(spool / "incoming", self._place)
        here = Uploads(spool / "uploads", self._place)
        self._uploads: Uploads | SharedUploads = here
        if server_locks is not None:
            self._uploads = SharedUploads(self._store, here, server_locks, self._errors)

    def check(self) -> None:
        """Raises StorageUnavailable with the reason when the store does not let us in."""
        with self._errors():
            for _ in obstore.list(self._store, "owner"):
                break

    def claim(self, server_id: str, *, may_begin: bool) -> None:
        """Make the prefix this server's.

        CannotStart when it is another's, or nobody's where the server has files elsewhere
        (`may_begin` is false).
        """
        self.check()
        with self._errors():
            try:
                owner = bytes(obstore.get(self._store, "owner").bytes()).decode()
            except FileNotFoundError:
                if not may_begin:
                    raise CannotStart(
                        f"{self.place.url} has no files of this server; copy everything there from "
                        "where they are, or set blobs_url as it was"
                    ) from None
                obstore.put(self._store, "owner", server_id.encode())
                return
        if owner != server_id:
            raise CannotStart(
                f"{self.place.url} holds the files of another server, and each would delete those "
                "of the other; give this one a prefix of its own (blobs_url)"
            )

    def create_writer(self) -> BlobWriter:
        return self._spool.create_writer()

    def store_all(self, contents: Sequence[bytes | bytearray | memoryview]) -> list[StoredBlob]:
        blobs = [describe(content) for content in contents]
        each = {blob.sha256: content for blob, content in zip(blobs, contents, strict=True)}

        def put(sha256: bytes) -> None:
            with self._locks.held(sha256), self._errors():
                obstore.put(self._store, _path(sha256), each[sha256], use_multipart=False)

        with self._storing(each), ThreadPoolExecutor(S3_PUTS_AT_ONCE) as pool:
            for _ in pool.map(put, each):
                pass
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

    def open_range(self, sha256: bytes, *, first: int, size_bytes: int) -> S3Reader:
        if size_bytes <= 0 and self.find_size(sha256) is None:
            raise BlobMissing(sha256)
        return S3Reader(self._store, _path(sha256), sha256, first, size_bytes, self._errors)

    def read_all(self, blobs: Sequence[bytes]) -> list[bytes]:
        def get(sha256: bytes) -> bytes:
            with self._errors():
                try:
                    return bytes(obstore.get(self._store, _path(sha256)).bytes())
                except FileNotFoundError as error:
                    if "NoSuchBucket" in str(error):
                        raise
                    raise BlobMissing(sha256) from error

        with ThreadPoolExecutor(S3_GETS_AT_ONCE) as pool:
            return list(pool.map(get, blobs))

    def find_size(self, sha256: bytes) -> int | None:
        with self._errors():
            try:
                return obstore.head(self._store, _path(sha256))["size"]
            except FileNotFoundError:
                return None

    def make_link(self, sha256: bytes, *, headers: Mapping[str, str]) -> str | None:
        if not self.place.public_endpoint:
            return None
        now = datetime.datetime.now(datetime.UTC)
        return sign_download(
            self.place, _path(sha256), headers=headers, expires_s=S3_LINK_S, now=now
        )

    def list_settled(self, *, before_us: int) -> Iterator[bytes]:
        with self._errors():
            again = {
                bytes.fromhex(stamp["path"].rpartition("/")[2])
                for stamps in obstore.list(self._store, "stamps")
                for stamp in stamps
                if _at_us(stamp["last_modified"]) >= before_us
            }
            for found in obstore.list(self._store, "blobs"):
                for blob in found:
                    sha256 = bytes.fromhex(blob["path"].rpartition("/")[2])
                    if _at_us(blob["last_modified"]) < before_us and sha256 not in again:
                        yield sha256

    def delete(self, sha256: bytes, *, settled_before_us: int | None = None) -> bool:
        with self._locks.held(sha256), self._errors():
            stored_at_us = self._find_time(_path(sha256))
            if stored_at_us is None:
                return False
            if settled_before_us is not None:
                again_at_us = self._find_time(_stamp(sha256)) or 0
                if max(stored_at_us, again_at_us) >= settled_before_us:
                    return False
            obstore.delete(self._store, [_path(sha256), _stamp(sha256)])
            return True

    def remove_unfinished(self) -> int:
        return self._spool.remove_unfinished()

    def _place(self, part: Path, blob: StoredBlob) -> None:
        """Send a spooled upload. A large one that is there already is only stamped."""
        sha256, size_bytes = blob.sha256, blob.size_bytes
        with self._sending.held(sha256), self._errors():
            # In this order, as whoever deletes does: first of all servers, then of this one.
            with self._storing([sha256]), self._locks.held(sha256):
                is_stored = size_bytes > S3_PART_BYTES and self.find_size(sha256) == size_bytes
                if is_stored:
                    obstore.put(self._store, _stamp(sha256), b"")
                elif size_bytes <= S3_PART_BYTES:
                    obstore.put(self._store, _path(sha256), part, use_multipart=False)
                    is_stored = True
            if not is_stored:  # unlocked: what was absent is too new to be deleted
                obstore.put(
                    self._store,
                    _path(sha256),
                    part,
                    chunk_size=max(S3_PART_BYTES, -(-size_bytes // UPLOAD_PARTS_MAX)),
                    max_concurrency=S3_PARTS_AT_ONCE,
                )
        part.unlink()

    def _storing(self, digests: Iterable[bytes]) -> AbstractContextManager[None]:
        """No other server deletes these contents meanwhile."""
        return self._server_locks.storing(digests) if self._server_locks else nullcontext()

    def _find_time(self, path: str) -> int | None:
        try:
            return _at_us(obstore.head(self._store, path)["last_modified"])
        except FileNotFoundError:
            return None

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """StorageUnavailable, with what to do, for whatever S3 says but "no such object"."""
        try:
            yield
        except (BaseError, FileNotFoundError, TimeoutError) as error:
            raise StorageUnavailable(_explain(self.place, error)) from error


class S3Reader:
    """A range of an object, in one streamed request that is open from the start.

    It is asked again, from where it broke off, when it does.
    """

    def __init__(
        self,
        store: S3Store,
        path: str,
        sha256: bytes,
        first: int,
        size_bytes: int,
        errors: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._store = store
        self._path = path
        self._sha256 = sha256
        self._at = first
        self._left_bytes = max(0, size_bytes)
        self._errors = errors
        self._chunk = memoryview(b"")
        self._chunks: Iterator[bytes] = iter(())
        if self._left_bytes:
            with errors():
                self._open()

    def read(self, size_bytes: int, /) -> bytes:
        pieces = []
        while size_bytes > 0 and self._left_bytes > 0:
            if not self._chunk:
                self._chunk = memoryview(self._next_chunk())
                continue
            piece = self._chunk[: min(size_bytes, self._left_bytes)]
            self._chunk = self._chunk[len(piece) :]
            self._left_bytes -= len(piece)
            size_bytes -= len(piece)
            pieces.append(piece)
        return b"".join(pieces)

    def close(self) -> None:
        self._chunks = iter(())  # dropping the stream ends its request
        self._left_bytes = 0

    def _next_chunk(self) -> bytes:
        with self._errors():
            for tries_left in reversed(range(S3_RETRIES_MAX)):
                try:
                    chunk = next(self._chunks, None)
                    if chunk is None:
                        raise GenericError("the answer ended early")
                except (BaseError, TimeoutError):
                    if not tries_left:
                        raise
                    self._open()
                    if not self._left_bytes:
                        break
                else:
                    self._at += len(chunk)
                    return chunk
        return b""

    def _open(self) -> None:
        asked = (self._at, self._at + self._left_bytes)
        try:
            answer = obstore.get(self._store, self._path, options={"range": asked})
        except FileNotFoundError as error:
            if "NoSuchBucket" in str(error):
                raise
            raise BlobMissing(self._sha256) from error
        except BaseError as error:
            if OUT_OF_RANGE not in str(error):
                raise
            self._left_bytes = 0
        else:
            self._left_bytes = answer.range[1] - self._at
            self._chunks = iter(answer.stream(CHUNK_BYTES))


def _connect(place: S3Place) -> S3Store:
    def seconds(count: float) -> datetime.timedelta:
        return datetime.timedelta(seconds=count)

    def provide_credentials() -> S3Credential:
        return {
            "access_key_id": place.access_key_id,
            "secret_access_key": place.secret_access_key,
            "token": place.session_token or None,
            "expires_at": None,
        }

    config: S3Config = {
        "region": place.region,
        "virtual_hosted_style_request": not place.is_path_style,
    }
    if place.endpoint:
        config |= {"endpoint": place.endpoint, "aws_endpoint_url_s3": place.endpoint}
    return S3Store(
        place.bucket,
        prefix=place.prefix or None,
        config=config,
        client_options={
            "allow_http": place.endpoint.startswith("http://"),
            "connect_timeout": seconds(S3_CONNECT_S_MAX),
            "read_timeout": seconds(S3_SILENCE_S_MAX),
            "timeout": seconds(S3_REQUEST_S_MAX),
        },
        retry_config={
            "max_retries": S3_RETRIES_MAX,
            "retry_timeout": seconds(S3_RETRY_S_MAX),
            "backoff": {
                "init_backoff": seconds(0.1),
                "max_backoff": seconds(S3_CONNECT_S_MAX),
                "base": 2,
            },
        },
        # Else variables of the environment would be mixed with what the settings say.
        credential_provider=provide_credentials if place.access_key_id else None,
    )


def _path(sha256: bytes) -> str:
    name = sha256.hex()
    return f"blobs/{name[:2]}/{name}"


def _stamp(sha256: bytes) -> str:
    return f"stamps/{sha256.hex()}"


def _at_us(moment: datetime.datetime) -> int:
    """The last microsecond it may mean: S3 tells whole seconds."""
    return int(moment.timestamp()) * SECOND_US + SECOND_US - 1


def _explain(place: S3Place, error: Exception) -> str:
    """What went wrong and what to do. Lists say by their text alone what others say by a type."""
    text = str(error)
    told = text.partition("\n")[0][:300]
    if isinstance(error, PermissionDeniedError | UnauthenticatedError) or REFUSED.search(text):
        return (
            f"{place.url} refuses the server ({told}); check the access key and its rights to "
            "list, get, put and delete there"
        )
    if isinstance(error, FileNotFoundError) or "NoSuchBucket" in text:
        return f"{place.url} is not there ({told}); check blobs_url, or make the bucket"
    return f"{place.url} does not answer as it should ({told}); nothing was kept, try again later"
