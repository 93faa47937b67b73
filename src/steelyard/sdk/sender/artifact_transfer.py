"""The contents of one artifact on their way: a few requests at once, and little in memory.

The server is asked which of the files it lacks, 1,000 at a time. Small ones travel in packs, large
ones in parts, of which a later try sends those that are not there yet.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import stat
import threading
from _queue import SimpleQueue
from binascii import Error as NotBase64
from binascii import a2b_base64
from collections.abc import Callable, Iterator
from functools import partial

from steelyard.limits import (
    ARTIFACT_CONTENTS_ASKED_AT_ONCE,
    ARTIFACT_PACK_SENT_BYTES,
    ARTIFACT_PACKED_FILE_BYTES_MAX,
    ARTIFACT_SPOILED_TRIES_MAX,
    ARTIFACT_TRANSFERS_AT_ONCE,
)
from steelyard.sdk.sender.artifact_manifest import iter_entries
from steelyard.sdk.sender.link import REQUEST_TIMEOUT_S, Later, Link, Refused
from steelyard.sdk.sender.run_files import Exactly

TYPE_CHECKING = False  # as in `typing`, which costs milliseconds to load
if TYPE_CHECKING:
    from typing import Any

HASH_BYTES = 1024 * 1024
MD5_BYTES = 16
PACK_HEADER_BYTES = MD5_BYTES + 4
JSON_HEADERS = {"Content-Type": "application/json"}
RAW_HEADERS = {"Content-Type": "application/octet-stream"}

#: Of a socket, beside those that are a ConnectionError or a TimeoutError.
NETWORK_ERRORS = (errno.EHOSTUNREACH, errno.ENETDOWN, errno.ENETUNREACH, errno.ENOBUFS)

#: Refusals of a PUT that have nothing to do with what was sent: keys, links that have expired.
NOT_ABOUT_BYTES = (401, 402, 403, 405, 407, 411, 413)

Job = Callable[[], None]


class ArtifactFault(Exception):
    """This artifact can never be sent as it is; the message says why."""


class LocalFile:
    """A file of the artifact, `name` there and `path` here; from `offset` on, where it is one of
    many in that file."""

    __slots__ = ("md5", "name", "offset", "path", "size")

    def __init__(self, name: str, path: str, md5: str, size: int, offset: int | None) -> None:
        self.name, self.path, self.md5, self.size = name, path, md5, size
        self.offset = offset

    @property
    def digest(self) -> bytes:
        try:
            digest = a2b_base64(self.md5, strict_mode=True)
        except NotBase64:
            digest = b""
        if len(digest) != MD5_BYTES:
            raise ArtifactFault(f"{self.name}: its digest {self.md5!r} is no MD5 in base64")
        return digest


class Transfer:
    """One try to bring the files of a manifest to the server.

    `spoiled` counts, over all tries, how often a file arrived as something else. `done_bytes` and
    `total_bytes` grow while it goes on.
    """

    def __init__(
        self, link: Link, artifact_id: str, folder: str, spoiled: dict[str, int] | None = None
    ) -> None:
        self.done_bytes = self.sent_bytes = 0
        self._link = link
        self._path = f"/api/v1/artifacts/{quote_id(artifact_id)}"
        self._folder = folder
        self._copies_mark = f"/artifacts/{os.path.basename(folder)}/files/"  # noqa: PTH119
        self._manifest = os.path.join(folder, "manifest.json")  # noqa: PTH118
        self._spoiled = {} if spoiled is None else spoiled
        self._lock = threading.Lock()
        self._failure: Exception | None = None

    def run(self) -> None:
        """Send what the server lacks. Raises Later, Refused, ArtifactFault, and OSError and
        DamagedManifest for the manifest."""
        queue: SimpleQueue[Job | None] = SimpleQueue()
        slots = threading.Semaphore(ARTIFACT_TRANSFERS_AT_ONCE)
        workers: list[threading.Thread] = []
        try:
            for job in self._jobs():
                slots.acquire()
                if self._failure is not None:
                    break
                queue.put(job)
                if len(workers) < ARTIFACT_TRANSFERS_AT_ONCE:
                    worker = threading.Thread(target=self._work, args=(queue, slots), daemon=True)
                    workers.append(worker)
                    worker.start()
        finally:
            for _ in workers:
                queue.put(None)
            for worker in workers:
                worker.join()
        if self._failure is not None:
            raise self._failure

    def _work(self, queue: SimpleQueue[Job | None], slots: threading.Semaphore) -> None:
        while (job := queue.get()) is not None:
            try:
                if self._failure is None:
                    job()
            except Exception as error:  # noqa: BLE001  # goes to the thread that waits
                self._failure = self._failure or error
            finally:
                slots.release()

    # ---- what is to be done

    def _jobs(self) -> Iterator[Job]:
        for files in self._batches():
            pack: list[LocalFile] = []
            pack_bytes = 0
            for file, answer in self._ask(files):
                if answer.get("is_here"):
                    self._count(file.size)
                elif file.size < ARTIFACT_PACKED_FILE_BYTES_MAX or file.offset is not None:
                    pack.append(file)
                    pack_bytes += file.size + PACK_HEADER_BYTES
                    if pack_bytes >= ARTIFACT_PACK_SENT_BYTES:
                        yield partial(self._send_pack, pack)
                        pack, pack_bytes = [], 0
                elif answer.get("upload_id"):
                    yield from self._part_jobs(file, answer)
                else:
                    yield partial(self._send_whole, file, str(answer["url"]))
            if pack:
                yield partial(self._send_pack, pack)

    def _batches(self) -> Iterator[list[LocalFile]]:
        """Files of this machine, each content once in a batch."""
        found: dict[str, LocalFile] = {}
        for name, fields in iter_entries(self._manifest):
            path, digest = fields.get("local_path"), fields.get("digest")
            if not path or fields.get("ref") is not None:
                continue
            if not isinstance(path, str) or not isinstance(digest, str):
                raise ArtifactFault(f"{name}: its entry in the manifest is damaged")
            size = int(fields.get("size") or 0)
            offset = fields.get("local_offset")
            file = LocalFile(name, self._find_place(path), digest, size, offset)
            if digest in found:
                self._count(file.size)
                continue
            found[digest] = file
            if len(found) == ARTIFACT_CONTENTS_ASKED_AT_ONCE:
                yield list(found.values())
                found.clear()
        if found:
            yield list(found.values())

    def _find_place(self, path: str) -> str:
        """Where the file is: copies are with the run, whose folder may have been moved."""
        _, mark, rest = path.partition(self._copies_mark)
        return os.path.join(self._folder, "files", rest) if mark else path  # noqa: PTH118

    def _ask(self, files: list[LocalFile]) -> Iterator[tuple[LocalFile, dict[str, Any]]]:
        wanted = [{"md5": file.md5, "size_bytes": file.size} for file in files]
        answers = self._ask_for("contents", {"files": wanted}).get("files")
        if not isinstance(answers, list) or len(answers) != len(files):
            raise Refused("the server did not answer for every file", code="invalid", status=400)
        return zip(files, answers, strict=True)

    # ---- small files

    def _send_pack(self, files: list[LocalFile]) -> None:
        parts: list[bytes] = []
        for file in files:
            data = _read_small(file)
            digest = file.digest
            if hashlib.md5(data, usedforsecurity=False).digest() != digest:
                raise _changed(file)
            parts += (digest, len(data).to_bytes(4, "little"), data)
        body = b"".join(parts)
        del parts
        self._link.request(
            "POST", f"{self._path}/contents:pack", body=body, headers=dict(RAW_HEADERS)
        )
        self._count(sum(file.size for file in files), is_sent=True)

    # ---- larger ones

    def _send_whole(self, file: LocalFile, url: str) -> None:
        try:
            self._put(file, url, 0, file.size)
        except Refused as refusal:
            raise self._judge(file, refusal) from refusal
        self._count(file.size, is_sent=True)

    def _put(self, file: LocalFile, url: str, start: int, size: int) -> str:
        """The ETag of a piece of the file that was sent."""
        try:
            with open(file.path, "rb") as content:  # noqa: PTH123
                _check(file, os.fstat(content.fileno()))
                content.seek(start)
                headers = RAW_HEADERS | {"Content-Length": str(size)}
                piece: Any = _Piece(content, size)  # read() or send_on() is all that is asked
                path = own_path(url, self._link.base_url)
                try:
                    answer = self._link.request("PUT", path, body=piece, headers=headers)
                except Later as later:
                    raise piece.failure or later from None
                except Refused as refusal:
                    raise _without_signature(refusal, path) from None
        except OSError as error:
            raise _unreadable(file, error) from error
        return answer.headers.get("ETag", "").strip('"')

    def _part_jobs(self, file: LocalFile, answer: dict[str, Any]) -> Iterator[Job]:
        upload = _Upload(
            file, str(answer["upload_id"]), int(answer["part_bytes"]), answer["part_urls"]
        )
        self._find_parts(upload)
        self._count(min(file.size, len(upload.etags) * upload.part_bytes))
        missing = [number for number in range(1, upload.count + 1) if number not in upload.etags]
        for number in missing:
            yield partial(self._send_part, upload, number)
        if not missing:
            yield partial(self._complete, upload)

    def _find_parts(self, upload: _Upload) -> None:
        """The parts that are there already: the server remembers an upload by its content."""
        path = f"{self._path}/uploads/{quote_id(upload.upload_id)}"
        try:
            state = ask(self._link, "GET", path)
        except Refused as refusal:
            raise self._judge(upload.file, refusal) from refusal
        found = state.get("parts") or []
        upload.etags = {int(part["number"]): str(part["etag"]) for part in found}
        upload.urls = upload.urls or state["part_urls"]

    def _send_part(self, upload: _Upload, number: int) -> None:
        start = (number - 1) * upload.part_bytes
        size = min(upload.part_bytes, upload.file.size - start)
        try:
            etag = self._put(upload.file, upload.urls[number - 1], start, size)
        except Refused as refusal:
            raise self._judge(upload.file, refusal) from refusal
        self._count(size, is_sent=True)
        with self._lock:
            upload.etags[number] = etag
            is_last = len(upload.etags) == upload.count
        if is_last:
            self._complete(upload)

    def _complete(self, upload: _Upload) -> None:
        parts = [{"number": number, "etag": etag} for number, etag in sorted(upload.etags.items())]
        wanted = {"md5": upload.file.md5, "upload_id": upload.upload_id, "parts": parts}
        try:
            self._ask_for("contents:complete", wanted)
        except Refused as refusal:
            raise self._judge(upload.file, refusal) from refusal

    # ---- what both need

    def _judge(self, file: LocalFile, refusal: Refused) -> Exception:
        """What a refused content means: the file is another one by now, or was spoiled on its
        way, or the server, or a proxy before it, does not want it."""
        if refusal.status in (404, 409):
            # Somebody else sends the same content: another writer of a distributed artifact, or a
            # sender before this one whose request is still under way. The next try finds out.
            return Later(f"{file.name}: {refusal}")
        if refusal.status in NOT_ABOUT_BYTES:
            return refusal
        try:
            if _hash_file(file.path) != file.digest:
                return _changed(file)
        except OSError as error:
            return _unreadable(file, error)
        with self._lock:
            count = self._spoiled[file.md5] = self._spoiled.get(file.md5, 0) + 1
        if count < ARTIFACT_SPOILED_TRIES_MAX:
            return Later(f"{file.name}: {refusal}")
        return ArtifactFault(f"{file.name} does not arrive as it is here: {refusal}")

    def _ask_for(self, what: str, content: Any) -> dict[str, Any]:
        return ask(self._link, "POST", f"{self._path}/{what}", content)

    def _count(self, size: int, *, is_sent: bool = False) -> None:
        with self._lock:
            self.done_bytes += size
            self.sent_bytes += size if is_sent else 0


class _Piece(Exactly):
    """A piece of a file on its way; `failure` is what the disk said, which the network hides."""

    failure: OSError | None = None

    def read(self, count: int = -1) -> bytes:
        try:
            return super().read(count)
        except OSError as error:
            self.failure = error
            raise

    def send_on(self, sock: Any) -> None:
        try:
            super().send_on(sock)
        except (ConnectionError, TimeoutError):
            raise
        except OSError as error:
            self.failure = None if error.errno in NETWORK_ERRORS else error
            raise


class _Upload:
    """A file that goes in parts. `etags`: of the parts that are there, numbered from 1."""

    def __init__(self, file: LocalFile, upload_id: str, part_bytes: int, urls: list[str]) -> None:
        self.file, self.upload_id, self.part_bytes, self.urls = file, upload_id, part_bytes, urls
        self.count = max(1, -(-file.size // part_bytes))
        self.etags: dict[int, str] = {}


def ask(
    link: Link,
    method: str,
    path: str,
    content: Any = None,
    *,
    timeout_s: float = REQUEST_TIMEOUT_S,
) -> dict[str, Any]:
    """The object that the server answers. Raises Later, Refused."""
    body = b"" if content is None else json.dumps(content).encode()
    headers = {} if content is None else dict(JSON_HEADERS)
    answer = link.request(method, path, body=body, headers=headers, timeout_s=timeout_s)
    try:
        value = json.loads(answer.body) if answer.body else {}
    except ValueError:
        value = None
    if isinstance(value, dict):
        return value
    raise Refused(
        f"{link.base_url} does not answer like a Steelyard server; check WANDB_BASE_URL",
        code="not_found",
        status=404,
    )


def own_path(url: str, base_url: str) -> str:
    """The path of a signed URL of our server, which may know itself by another address than we
    do: behind a tunnel or a proxy. The signature is of the path."""
    rest = url.partition("://")[2] if "://" in url else ""
    path = f"/{rest.partition('/')[2]}" if rest else url
    prefix = base_url.partition("://")[2].partition("/")[2].rstrip("/")
    return path.removeprefix(f"/{prefix}") if prefix else path


def quote_id(text: str) -> str:
    """An id as one part of a path."""
    from urllib.parse import quote

    return quote(text, safe="")


def _without_signature(refusal: Refused, path: str) -> Refused:
    """The refusal, whose words go to logs: who has a signed URL may send to it."""
    return Refused(
        str(refusal).replace(path, path.partition("?")[0]),
        code=refusal.code,
        status=refusal.status,
        is_stranger=refusal.is_stranger,
    )


def _read_small(file: LocalFile) -> bytes:
    try:
        fd = os.open(file.path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
        try:
            if file.offset is not None:
                return os.pread(fd, file.size, file.offset)
            _check(file, os.fstat(fd))
            data = os.read(fd, file.size + 1)
            while 0 < len(data) < file.size and (more := os.read(fd, file.size - len(data))):
                data += more
        finally:
            os.close(fd)
    except OSError as error:
        raise _unreadable(file, error) from error
    return data


def _check(file: LocalFile, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode) or found.st_size != file.size:
        raise _changed(file)


def _hash_file(path: str) -> bytes:
    digest = hashlib.md5(usedforsecurity=False)
    with open(path, "rb") as content:  # noqa: PTH123
        while data := content.read(HASH_BYTES):
            digest.update(data)
    return digest.digest()


def _changed(file: LocalFile) -> ArtifactFault:
    return ArtifactFault(
        f"{file.name}: {file.path} was changed after it was added, so nothing of the artifact is "
        "committed; log it again, or add files with policy='mutable', which keeps a copy"
    )


def _unreadable(file: LocalFile, error: OSError) -> ArtifactFault:
    return ArtifactFault(
        f"{file.name}: {file.path} cannot be read ({error.strerror or error}), so nothing of the "
        "artifact is committed; log it again"
    )
