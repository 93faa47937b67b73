"""Getting one content from the server: continued where it broke off, checked as it comes in."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from steelyard.errors import ContentDamaged, SteelyardError, Unavailable
from steelyard.limits import ARTIFACT_TRANSFER_TRIES_MAX
from steelyard.sdk.artifacts.cache import lock_file
from steelyard.sdk.artifacts.digest import CHUNK_BYTES, b64_of, new_hasher
from steelyard.sdk.artifacts.entry import ArtifactManifestEntry

if TYPE_CHECKING:
    from steelyard.sdk.artifacts.remote import Remote

PAUSE_S: Final = 0.25
PAUSE_S_MAX: Final = 10.0
_REFUSED: Final = (400, 401, 403, 404, 410)  # an address that has expired, perhaps


class Download:
    """One content on its way into a file.

    `url` is a signed address; `renew` gives another one when it has expired. `count` is told of
    bytes that arrived. `stopped` says that nobody wants it any more.
    """

    def __init__(
        self,
        remote: Remote,
        entry: ArtifactManifestEntry,
        url: str,
        *,
        renew: Callable[[], str],
        count: Callable[[int], None] = lambda size: None,
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        self._remote = remote
        self._entry = entry
        self._url = url
        self._renew = renew
        self._count = count
        self._stopped = stopped
        self._is_renewed = False

    def run(
        self, partial: str, is_there: Callable[[], bool] = lambda: False, *, mode: int = 0o600
    ) -> bool:
        """Fetch into `partial`, or what is still missing of it.

        False when another process has just done it: `is_there` tells. On return the file is whole
        and has its digest. Raises ContentDamaged naming the file, Unavailable when the server does
        not answer for long; what has arrived is kept then.
        """
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)
        while True:
            file = os.open(partial, flags, mode)
            lock_file(file)  # another process may be fetching it: wait for that
            if _is_at(file, partial):
                break
            os.close(file)
            if is_there():
                return False
        try:
            self._fill(file)
        except ContentDamaged:
            os.unlink(partial)  # noqa: PTH108
            raise
        finally:
            os.close(file)
        return True

    def _fill(self, file: int) -> None:
        spoilt = False
        while True:
            hasher = new_hasher(self._entry.digest_algorithm())
            size = _hash_from_start(file, hasher, self._entry.size)
            size = self._fetch_rest(file, hasher, size)
            found = b64_of(hasher)
            if found == self._entry.digest:
                return
            os.ftruncate(file, 0)
            self._count(-size)
            if spoilt:
                raise ContentDamaged(
                    self._entry.path,
                    f"as it came from {self._remote.connection.base_url}, twice",
                    expected=self._entry.digest,
                    found=found,
                )
            spoilt = True

    def _fetch_rest(self, file: int, hasher: Any, have: int) -> int:
        """Append to the file until it is whole. Returns its length."""
        self._count(have)
        wanted = self._entry.size
        tries = 0
        while wanted is None or have < wanted:
            before = have
            try:
                have, is_whole = self._fetch_once(file, hasher, have)
                if is_whole:
                    return have
                problem: SteelyardError = Unavailable(f"it broke off after {have:,} bytes")
            except Unavailable as error:
                problem = error
                have = os.lseek(file, 0, os.SEEK_CUR)
            tries = 0 if have > before else tries + 1
            if tries >= ARTIFACT_TRANSFER_TRIES_MAX or self._stopped():
                raise Unavailable(
                    f"{self._entry.path!r} could not be downloaded: {problem}; what has arrived is "
                    "kept, so call download() again to go on"
                ) from problem
            if tries:
                time.sleep(min(PAUSE_S * 2 ** (tries - 1), PAUSE_S_MAX))
        return have

    def _fetch_once(self, file: int, hasher: Any, have: int) -> tuple[int, bool]:
        """(length of the file, whether that is all)."""
        headers = {"Range": f"bytes={have}-"} if have else {}
        answer = self._remote.open_url(self._url, headers)
        if answer.status in _REFUSED and not self._is_renewed:
            for _ in answer.chunks():
                pass
            self._is_renewed, self._url = True, self._renew()
            return have, False
        if not answer.is_ok:
            error = answer.error()
            if answer.is_temporary:
                raise Unavailable(str(error))
            raise error
        skip = 0 if answer.status == 206 else have  # a server that knows no ranges starts anew
        for chunk in answer.chunks():
            if skip:
                dropped = min(skip, len(chunk))
                skip -= dropped
                chunk = chunk[dropped:]
                if not chunk:
                    continue
            hasher.update(chunk)
            _write_all(file, chunk)
            have += len(chunk)
            self._count(len(chunk))
            if self._stopped():
                raise Unavailable("it was stopped")
        announced = answer.headers.get("Content-Length", "")
        is_whole = have == self._entry.size if self._entry.size is not None else announced != ""
        return have, is_whole


def _hash_from_start(file: int, hasher: Any, size: int | None) -> int:
    """Hash what the file has, which is at most as long as it should be. Returns its length."""
    have = os.fstat(file).st_size
    if size is not None and have > size:
        os.ftruncate(file, 0)
    os.lseek(file, 0, os.SEEK_SET)
    done = 0
    while data := os.read(file, CHUNK_BYTES):
        hasher.update(data)
        done += len(data)
    return done


def _write_all(file: int, data: bytes) -> None:
    done = os.write(file, data)
    while done < len(data):
        done += os.write(file, data[done:])


def _is_at(file: int, path: str) -> bool:
    """Whether the open file still has that name: who had it before may have moved it."""
    try:
        named, ours = os.stat(path), os.fstat(file)  # noqa: PTH116
    except OSError:
        return False
    return (named.st_dev, named.st_ino) == (ours.st_dev, ours.st_ino)
