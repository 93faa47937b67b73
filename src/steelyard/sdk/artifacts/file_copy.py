"""Copies of files: shared extents where the file system can, else bytes; hashed on the way.

The digest is always of the bytes of the copy. Where the original changed in the middle, that is
said, for the copy may then be a mixture.
"""

from __future__ import annotations

import contextlib
import os
from typing import Any, Final

from steelyard.sdk.artifacts.digest import CHUNK_BYTES, b64_of, new_hasher

#: ioctl of Linux: make the target share the extents of the source (Btrfs, XFS, ZFS, bcachefs).
FICLONE: Final = 0x40049409
CLONE_BYTES_MIN: Final = 64 * 1024  # below, copying is as fast
READ_ONLY: Final = 0o444
KERNEL_BYTES: Final = 64 * 1024 * 1024  # copied by one call

_devices_without_clones: set[tuple[int, int]] = set()


class Copied:
    """What a copy is, and whether the original held still."""

    __slots__ = ("digest", "is_steady", "size", "stat")

    def __init__(self, digest: str, size: int, stat: os.stat_result, is_steady: bool) -> None:
        self.digest = digest
        self.size = size
        self.stat = stat
        self.is_steady = is_steady


def copy_hashed(source: str, target: str, algorithm: str, *, mode: int = READ_ONLY) -> Copied:
    """Copy `source` to the new file `target`. Raises OSError, and leaves no part behind then."""
    reading = os.open(source, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    try:
        before = os.fstat(reading)
        writing = _open_new(target, mode)
        try:
            hasher = new_hasher(algorithm)
            if _clone(reading, writing, before):
                size = _read_through(writing, hasher, None)
                is_steady = True  # the file system took it at one moment
            else:
                size = _read_through(reading, hasher, writing)
                is_steady = is_same(before, os.fstat(reading)) and size == before.st_size
        except BaseException:
            os.close(writing)
            os.unlink(target)  # noqa: PTH108
            raise
        os.close(writing)
    finally:
        os.close(reading)
    return Copied(b64_of(hasher), size, before, is_steady)


def hash_steadily(source: str, algorithm: str) -> Copied:
    """The digest of a file that stays where it is, and whether it held still meanwhile."""
    reading = os.open(source, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    try:
        before = os.fstat(reading)
        hasher = new_hasher(algorithm)
        size = _read_through(reading, hasher, None)
        is_steady = is_same(before, os.fstat(reading)) and size == before.st_size
    finally:
        os.close(reading)
    return Copied(b64_of(hasher), size, before, is_steady)


def _open_new(target: str, mode: int) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0)
    return os.open(target, flags, mode)


def is_same(one: os.stat_result, other: os.stat_result) -> bool:
    return (one.st_size, one.st_mtime_ns) == (other.st_size, other.st_mtime_ns)


def _clone(reading: int, writing: int, source: os.stat_result) -> bool:
    """Share the extents; whether that worked."""
    if source.st_size < CLONE_BYTES_MIN:
        return False
    devices = (source.st_dev, os.fstat(writing).st_dev)
    if devices in _devices_without_clones:
        return False
    try:
        import fcntl

        fcntl.ioctl(writing, FICLONE, reading)
    except (ImportError, OSError):
        _devices_without_clones.add(devices)
        return False
    return True


def _read_through(reading: int, hasher: Any, writing: int | None) -> int:
    """Hash what is read from here on, and write it. Returns its length."""
    size = 0
    data = os.read(reading, CLONE_BYTES_MIN)
    if len(data) < CLONE_BYTES_MIN:  # most files are small: no buffer for those
        while data:
            hasher.update(data)
            write_all(writing, data)
            size += len(data)
            data = os.read(reading, CLONE_BYTES_MIN)
        return size
    buffer = bytearray(CHUNK_BYTES)
    view = memoryview(buffer)
    part: Any = data
    while len(part):
        hasher.update(part)
        write_all(writing, part)
        size += len(part)
        part = (
            view[: os.readv(reading, [buffer])]
            if hasattr(os, "readv")
            else os.read(reading, CHUNK_BYTES)
        )
    return size


def write_all(writing: int | None, data: Any) -> None:
    if writing is None:
        return
    done = os.write(writing, data)
    while done < len(data):
        done += os.write(writing, data[done:])


def link_or_copy(source: str, target: str) -> None:
    """A second name of a read-only file of ours, or a copy of it elsewhere. Raises OSError."""
    try:
        os.link(source, target)
    except FileExistsError:
        raise
    except OSError:  # another file system, or one without hard links
        copy_hashed(source, target, "MANIFEST_MD5")


def remove_quietly(path: str) -> None:
    """Remove a file that may be gone."""
    with contextlib.suppress(OSError):
        os.unlink(path)  # noqa: PTH108


def write_new(target: str, content: bytes, *, mode: int) -> None:
    """Write the new file `target`. Raises OSError, leaves no part."""
    writing = _open_new(target, mode)
    try:
        write_all(writing, content)
    except BaseException:
        os.close(writing)
        os.unlink(target)  # noqa: PTH108
        raise
    os.close(writing)


def copy_plain(source: str, target: str, *, mode: int = 0o666) -> None:
    """Copy to the new file `target` what need not be read. Raises OSError, leaves no part."""
    reading = os.open(source, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    try:
        stat = os.fstat(reading)
        writing = _open_new(target, mode)
        try:
            if not _clone(reading, writing, stat):
                _copy_in_kernel(reading, writing)
        except BaseException:
            os.close(writing)
            os.unlink(target)  # noqa: PTH108
            raise
        os.close(writing)
    finally:
        os.close(reading)


def try_clone(source: str, target: str) -> int | None:
    """Make the new file `target` share the extents of `source`.

    None when that worked; else nothing is made, and this is the mode it would have. Raises OSError.
    """
    reading = os.open(source, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    try:
        writing = _open_new(target, 0o666)
        try:
            if _clone(reading, writing, os.fstat(reading)):
                return None
            mode = os.fstat(writing).st_mode & 0o777
        finally:
            os.close(writing)
    finally:
        os.close(reading)
    os.unlink(target)  # noqa: PTH108
    return mode


def _copy_in_kernel(reading: int, writing: int) -> None:
    if hasattr(os, "copy_file_range"):
        try:
            while os.copy_file_range(reading, writing, KERNEL_BYTES):
                pass
        except OSError:  # two file systems, or a kernel that cannot
            os.lseek(reading, os.lseek(writing, 0, os.SEEK_CUR), os.SEEK_SET)
        else:
            return
    while data := os.read(reading, CHUNK_BYTES):
        write_all(writing, data)
