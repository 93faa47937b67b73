"""Small files that wait for their upload, one behind the other in one file.

Artifacts of many files are mostly of small ones, and making a file costs a file system more than
writing what is in it (bench/artifacts).
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from steelyard.limits import ARTIFACT_SMALL_FILE_BYTES_MAX
from steelyard.sdk.artifacts.digest import b64_of, new_hasher
from steelyard.sdk.artifacts.file_copy import Copied, is_same, write_all, write_new

if TYPE_CHECKING:
    from steelyard.sdk.artifacts.staging import Staging

NAME: Final = "small"
READ_ONLY: Final = 0o444


class PackedFile:
    """One of them: `size` bytes at `offset` of the file `path`."""

    __slots__ = ("_make_name", "_staging", "name", "offset", "size")

    def __init__(
        self, staging: Staging, name: str, offset: int, size: int, make_name: Callable[[], str]
    ) -> None:
        self.name, self.offset, self.size = name, offset, size
        self._staging = staging
        self._make_name = make_name

    def __repr__(self) -> str:
        return f"{self.path}@{self.offset}"

    @property
    def path(self) -> str:
        """The file that it is in; it moves when the artifact is logged."""
        return f"{self._staging.directory}/{self.name}"

    def unpack(self) -> str:
        """A read-only file with these bytes; one that is not there once the artifact is sent."""
        target = self._make_name()
        with contextlib.suppress(FileNotFoundError):
            fd = os.open(self.path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
            try:
                content = os.pread(fd, self.size, self.offset)
            finally:
                os.close(fd)
            write_new(target, content, mode=READ_ONLY)
        return target


class SmallFiles:
    """The small files of one staging directory. Any thread may add."""

    def __init__(self, staging: Staging, make_name: Callable[[], str]) -> None:
        self._staging = staging
        self._make_name = make_name
        self._lock = threading.Lock()
        self._pid = 0
        self._fd: int | None = None
        self._size = 0
        self._is_held = False

    def append(self, content: bytes) -> PackedFile:
        """Keep these bytes. Raises OSError, and keeps nothing then."""
        pid = os.getpid()
        name = f"{NAME}-{pid}"  # a forked child has one of its own
        with self._lock:
            if self._fd is None or self._pid != pid:
                self._close()
                self._open(name, pid)
            assert self._fd is not None
            offset = self._size
            try:
                write_all(self._fd, content)
            except BaseException:
                os.ftruncate(self._fd, offset)
                self._close()
                raise
            self._size += len(content)
            if not self._is_held:
                self._close()
        return PackedFile(self._staging, name, offset, len(content), self._make_name)

    def hold(self) -> None:
        """Keep the file open from the next one on: many will come."""
        with self._lock:
            self._is_held = True

    def release(self) -> None:
        """Close it. More may be added."""
        with self._lock:
            self._is_held = False
            self._close()

    def _close(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _open(self, name: str, pid: int) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_CLOEXEC", 0)
        self._fd = os.open(f"{self._staging.directory}/{name}", flags, 0o600)
        self._pid = pid
        self._size = os.lseek(self._fd, 0, os.SEEK_END)


def read_small(path: str, algorithm: str) -> tuple[bytes, Copied] | None:
    """The bytes of a file and what they are; None for a larger one. Raises OSError."""
    fd = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    try:
        before = os.fstat(fd)
        if before.st_size > ARTIFACT_SMALL_FILE_BYTES_MAX:
            return None
        content = os.read(fd, ARTIFACT_SMALL_FILE_BYTES_MAX + 1)
        is_steady = is_same(before, os.fstat(fd)) and len(content) == before.st_size
    finally:
        os.close(fd)
    if len(content) > ARTIFACT_SMALL_FILE_BYTES_MAX:
        return None
    hasher = new_hasher(algorithm)
    hasher.update(content)
    return content, Copied(b64_of(hasher), len(content), before, is_steady)
