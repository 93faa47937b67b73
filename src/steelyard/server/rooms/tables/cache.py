"""A directory of things made from contents, by key: bounded, and safe for those who read it.

An entry is a file or a directory that appears by rename, whole, and never changes. Its time of
modification says when it was last used; what was not used longest goes first. On the disk a file
that somebody has open stays until it is closed.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from pathlib import Path

from steelyard.errors import Invalid, StorageFull, Unavailable
from steelyard.limits import TABLE_REFUSAL_S, TABLE_REFUSALS_KEPT

INCOMING = "incoming"
SHRUNK_TO = 0.9  # of the limit, so that not every new entry looks through all


class DiskCache:
    """Entries below `root`, of at most `bytes_max` together once the newest is left out."""

    def __init__(
        self, root: Path, *, bytes_max: int, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        self.root = root
        self._bytes_max = bytes_max
        self._now_s = now_s
        self._lock = threading.Lock()
        self._making: dict[str, Future[Path]] = {}
        self._refused: OrderedDict[str, tuple[float, Invalid]] = OrderedDict()
        self._bytes: int | None = None

    def find(self, key: str) -> Path | None:
        """The entry, marked as used now; None when it has to be made."""
        path = self._path(key)
        try:
            os.utime(path)
        except FileNotFoundError:
            return None
        return path

    def get(self, key: str, make: Callable[[Path], None], *, wait_s: float) -> Path:
        """The entry; `make` writes an absent one to the path it is given.

        Several who ask at once wait for one maker, which works in a thread of its own. Raises
        what the maker raised, and Unavailable when it takes longer than `wait_s`: it goes on, so
        that whoever asks later finds the entry. What was Invalid is said again for a while
        (TABLE_REFUSAL_S) without trying: the key stands for a content, which stays as it is.
        """
        if (path := self.find(key)) is not None:
            return path
        with self._lock:
            if (refusal := self._find_refusal(key)) is not None:
                raise refusal.with_traceback(None)
            future = self._making.get(key)
            if future is None:
                future = self._making[key] = Future()
                name = f"cache {key[:8]}"
                arguments = (key, make, future)
                threading.Thread(target=self._make, args=arguments, name=name, daemon=True).start()
        try:
            return future.result(wait_s)
        except FutureTimeout as error:
            if future.done():  # the maker itself ran out of time
                raise
            raise Unavailable(
                "this is being prepared and takes a while; ask again in some seconds"
            ) from error

    def remove_unfinished(self) -> None:
        """Drop what a killed server left half-made. Only for the server that owns the directory."""
        shutil.rmtree(self.root / INCOMING, ignore_errors=True)

    @contextlib.contextmanager
    def scratch(self) -> Iterator[Path]:
        """An empty directory on the same disk, gone afterwards."""
        path = self.root / INCOMING / secrets.token_hex(16)
        try:
            path.mkdir(parents=True)
            yield path
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
                raise
            raise StorageFull(
                f"the disk of the server is full ({path.parent}), so this cannot be prepared; "
                "make room and ask again"
            ) from error
        finally:
            shutil.rmtree(path, ignore_errors=True)

    def _make(self, key: str, make: Callable[[Path], None], future: Future[Path]) -> None:
        try:
            with self.scratch() as scratch:
                made = scratch / "made"
                make(made)
                path = self._place(made, key)
            # Who asks from now on finds the entry itself; until here they found the future.
            self._forget(key)
            future.set_result(path)
            self._shrink(path)
        except BaseException as error:  # noqa: BLE001  # whoever waits gets it
            if isinstance(error, Invalid):
                self._keep_refusal(key, error)
            self._forget(key)
            if not future.done():
                future.set_exception(error)

    def _find_refusal(self, key: str) -> Invalid | None:
        since, refusal = self._refused.get(key, (0.0, None))
        if refusal is not None and self._now_s() - since >= TABLE_REFUSAL_S:
            del self._refused[key]
            return None
        return refusal

    def _keep_refusal(self, key: str, refusal: Invalid) -> None:
        with self._lock:
            self._refused[key] = self._now_s(), refusal
            while len(self._refused) > TABLE_REFUSALS_KEPT:
                self._refused.popitem(last=False)

    def _forget(self, key: str) -> None:
        with self._lock:
            self._making.pop(key, None)

    def _place(self, made: Path, key: str) -> Path:
        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        if self._bytes is not None:
            self._bytes += _size_bytes(made)
        try:
            made.rename(path)
        except OSError:  # another server was faster: the entry is the same
            if not path.exists():
                raise
        return path

    def _shrink(self, newest: Path) -> None:
        """Delete entries until the rest fits, except the newest."""
        with self._lock:
            if self._bytes is not None and self._bytes <= self._bytes_max:
                return
            entries: list[tuple[float, int, Path]] = []
            for path in self.root.glob("??/*"):
                with contextlib.suppress(FileNotFoundError):
                    if path.parent.name != INCOMING:
                        entries.append((path.stat().st_mtime, _size_bytes(path), path))
            total = sum(size for _, size, _ in entries)
            if total > self._bytes_max:
                for _, size, path in sorted(entries):
                    if total <= self._bytes_max * SHRUNK_TO:
                        break
                    if path != newest:
                        _delete(path)
                        total -= size
            self._bytes = total

    def _path(self, key: str) -> Path:
        return self.root / key[:2] / key


def _size_bytes(path: Path) -> int:
    if path.is_file():
        return path.stat().st_size
    return sum(each.stat().st_size for each in path.rglob("*") if each.is_file())


def _delete(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
