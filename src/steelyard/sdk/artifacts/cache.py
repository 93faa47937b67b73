"""Contents of artifacts on this machine, by digest: fetched once, shared by all processes.

    <cache>/artifacts/
      obj/md5/ab/cdef…     contents by MD5 (xxh128/ and etag/ likewise); read-only
      partial/…            downloads that broke off, to be continued
      usage                about how many bytes obj/ has
      lock                 held while that is changed or old contents are removed
      checksums.sqlite     see checksums.py

Every file of obj/ has a sealed time of change, which any write to it would alter; its time of
access is when it was last used. So a spoilt file is known by one look at it. Where extents cannot
be shared, a large content is one file with the user's first download of it, which they may write
to: then the seal is broken, and the content is fetched anew when it is next asked for.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from steelyard.limits import ARTIFACT_CACHE_BYTES_MAX, ARTIFACT_CACHE_DISK_SHARE_MAX
from steelyard.sdk.artifacts.checksums import Checksums
from steelyard.sdk.artifacts.digest import MANIFEST_MD5, MANIFEST_XXH128, b64_to_hex
from steelyard.sdk.artifacts.file_copy import (
    READ_ONLY,
    copy_plain,
    remove_quietly,
    try_clone,
    write_new,
)

SEAL_NS: Final = 1_000_000_000_000_000_000  # 2001-09-09: the time of change of what is intact
SHARED_SEAL_NS: Final = 271_828_183  # … or any second and these ns, where a user sees it, too
WRITABLE: Final = 0o222
LINK_BYTES_MIN: Final = 1024 * 1024  # below, a copy costs next to nothing
TRIM_TO: Final = 0.9  # of the cap, so that not every file asks for a trim
_FOLDERS: Final = {MANIFEST_MD5: "md5", MANIFEST_XXH128: "xxh128"}


class CacheUsage:
    """What the cache holds, in bytes and files."""

    __slots__ = ("file_count", "partial_bytes", "size_bytes")

    def __init__(self, size_bytes: int, file_count: int, partial_bytes: int) -> None:
        self.size_bytes = size_bytes
        self.file_count = file_count
        self.partial_bytes = partial_bytes


class ArtifactCache:
    """The cache below one directory. Objects are cheap: all state is on disk."""

    def __init__(self, root: str, bytes_max: int | None = None) -> None:
        """`bytes_max` None: 20 GiB or a tenth of the disk; 0: nothing is kept."""
        self.root: str = root
        self.checksums: Checksums = Checksums(f"{root}/checksums.sqlite")
        self._bytes_max = bytes_max

    @property
    def bytes_max(self) -> int:
        """What the cache may hold."""
        if self._bytes_max is None:
            share = _disk_bytes(self.root) * ARTIFACT_CACHE_DISK_SHARE_MAX
            self._bytes_max = int(min(ARTIFACT_CACHE_BYTES_MAX, share))
        return self._bytes_max

    def path_of(self, digest: str, algorithm: str = MANIFEST_MD5) -> str:
        """Where a content is or would be. Raises ValueError for a digest that is no base64."""
        digits = b64_to_hex(digest)
        return f"{self.root}/obj/{_FOLDERS[algorithm]}/{digits[:2]}/{digits[2:]}"

    def path_of_reference(self, url: str, tag: str) -> str:
        """Where what an address and an ETag stand for is or would be."""
        import hashlib

        digits = hashlib.sha256(f"{len(url)}:{url}{tag}".encode()).hexdigest()
        return f"{self.root}/obj/etag/{digits[:2]}/{digits[2:]}"

    def partial_path(self, path: str) -> str:
        """Where the download of that content waits to be continued."""
        folder = f"{self.root}/partial"
        os.makedirs(folder, mode=0o700, exist_ok=True)  # noqa: PTH103
        return f"{folder}/{path[len(self.root) + 5 :].replace('/', '-')}"

    def find(self, path: str, size: int | None) -> bool:
        """Whether the content is there, with its size and as it was put there."""
        try:
            stat = os.stat(path)  # noqa: PTH116  # for each of many
        except OSError:
            return False
        if not _is_sealed(stat) or (size is not None and stat.st_size != size):
            return False
        with contextlib.suppress(OSError):
            os.utime(path, ns=(time.time_ns(), stat.st_mtime_ns))
        return True

    def is_ours_alone(self, path: str) -> bool:
        """Whether no user may write to the content: only then a link to it stays as it is."""
        try:
            return not os.stat(path).st_mode & WRITABLE  # noqa: PTH116
        except OSError:
            return False

    def copy_out(self, path: str, target: str, size: int | None) -> bool:
        """Copy a content to the new file `target`; False, and it is gone, where it is spoilt.

        Raises OSError of the target.
        """
        if not self.find(path, size):
            return False
        try:
            copy_plain(path, target)
        except FileNotFoundError:
            return False  # removed this moment
        if self.find(path, size) or not os.path.exists(path):  # noqa: PTH110
            return True  # nobody wrote to it meanwhile
        remove_quietly(target)
        remove_quietly(path)
        return False

    def hand_out(self, path: str, target: str) -> None:
        """Make a content that was just fetched the new file `target`, too: a clone, a link where it
        is large and extents cannot be shared, else a copy. Raises OSError."""
        if os.stat(path).st_size < LINK_BYTES_MIN or not self._link_out(path, target):  # noqa: PTH116
            copy_plain(path, target)

    def _link_out(self, path: str, target: str) -> bool:
        mode = try_clone(path, target)
        if mode is None:
            return True
        seal_ns = time.time_ns() // 1_000_000_000 * 1_000_000_000 + SHARED_SEAL_NS
        try:
            os.link(path, target)
            os.utime(path, ns=(time.time_ns(), seal_ns))
            os.chmod(path, mode)  # noqa: PTH101
            found = os.stat(path)  # noqa: PTH116
            # Times may be too coarse to tell a write; and who linked to it before it was writable
            # relies on it (who does so now, looks at its mode first).
            if found.st_mtime_ns == seal_ns and found.st_nlink == 2:
                return True
            os.chmod(path, READ_ONLY)  # noqa: PTH101
            os.utime(path, ns=(time.time_ns(), SEAL_NS))
        except OSError:
            pass  # another file system, or one without links
        remove_quietly(target)
        return False

    def add_link(self, source: str, path: str) -> bool:
        """Make a read-only file of ours, whose digest `path` names, a content as well.

        Whether the cache has grown by it. A file system that cannot do it goes without.
        """
        if self._bytes_max == 0:
            return False
        try:
            os.utime(source, ns=(time.time_ns(), SEAL_NS))
            _link_into(source, path)
        except FileExistsError:
            if not self.find(path, None):  # spoilt
                remove_quietly(path)
                return self.add_link(source, path)
            return False
        except OSError:
            return False
        return True

    def add_bytes(self, path: str, content: bytes) -> None:
        """Make bytes, whose digest `path` names, a content. Raises OSError."""
        temporary = f"{self.partial_path(path)}-{os.urandom(4).hex()}"
        write_new(temporary, content, mode=0o444)
        try:
            self._seal(temporary, path)
        except BaseException:
            remove_quietly(temporary)
            raise

    def move_in(self, source: str, path: str) -> None:
        """Make a file of ours, whose digest `path` names, a content. Raises OSError."""
        os.chmod(source, 0o444)  # noqa: PTH101
        self._seal(source, path)

    def _seal(self, source: str, path: str) -> None:
        os.utime(source, ns=(time.time_ns(), SEAL_NS))
        try:
            os.replace(source, path)  # noqa: PTH105
        except FileNotFoundError:
            os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)  # noqa: PTH103, PTH120
            os.replace(source, path)  # noqa: PTH105

    def remove(self, path: str) -> None:
        """Drop a content that turned out to be spoilt."""
        remove_quietly(path)

    def count_added(self, size_bytes: int) -> None:
        """Note that the cache has grown, and make room when it is too large."""
        if size_bytes <= 0:
            return
        with self._lock() as is_locked:
            if not is_locked:
                return
            known = self._read_usage()
            total = size_bytes + known if known is not None else self.measure().size_bytes
            if total > self.bytes_max:
                total = self._trim(int(self.bytes_max * TRIM_TO))[1]
            self._write_usage(total)

    def trim(self, bytes_max: int, *, partial_too: bool = False) -> int:
        """Remove what was not used longest, until no more than that is left. Bytes freed."""
        with self._lock():
            freed, total = self._trim(bytes_max)
            self._write_usage(total)
        if partial_too:
            for entry in _files_below(f"{self.root}/partial"):
                freed += _remove(entry)
        return freed

    def measure(self) -> CacheUsage:
        """What is there, counted."""
        sizes = [entry.stat().st_size for entry in _files_below(f"{self.root}/obj")]
        partial = sum(entry.stat().st_size for entry in _files_below(f"{self.root}/partial"))
        return CacheUsage(sum(sizes), len(sizes), partial)

    def _trim(self, bytes_max: int) -> tuple[int, int]:
        """(bytes freed, bytes left)."""
        found = []
        for entry in _files_below(f"{self.root}/obj"):
            with contextlib.suppress(OSError):
                stat = entry.stat()
                found.append((stat.st_atime_ns, stat.st_size, entry.path))
        total = sum(size for _, size, _ in found)
        freed = 0
        for _, size, path in sorted(found):
            if total <= bytes_max:
                break
            with contextlib.suppress(OSError):
                os.unlink(path)  # noqa: PTH108
                total -= size
                freed += size
        return freed, total

    def _read_usage(self) -> int | None:
        try:
            with open(f"{self.root}/usage", encoding="ascii") as file:  # noqa: PTH123
                return int(file.read())
        except (OSError, ValueError):
            return None

    def _write_usage(self, total: int) -> None:
        with contextlib.suppress(OSError):
            Path(f"{self.root}/usage").write_text(str(total), encoding="ascii")

    @contextlib.contextmanager
    def _lock(self) -> Iterator[bool]:
        """Alone among the processes of this machine; False where nothing can be locked."""
        try:
            os.makedirs(self.root, mode=0o700, exist_ok=True)  # noqa: PTH103
            fd = os.open(f"{self.root}/lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError:
            yield False
            return
        try:
            lock_file(fd)
            yield True
        finally:
            os.close(fd)


def _is_sealed(stat: os.stat_result) -> bool:
    changed_ns = stat.st_mtime_ns
    return changed_ns == SEAL_NS or changed_ns % 1_000_000_000 == SHARED_SEAL_NS


def lock_file(fd: int, *, wait: bool = True) -> bool:
    """Lock an open file until it is closed; whether it is ours. Where no locks are: ours."""
    try:
        import fcntl
    except ImportError:
        return True
    try:
        fcntl.flock(fd, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # NFS without a lock server
        return True
    return True


def _link_into(source: str, path: str) -> None:
    try:
        os.link(source, path)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)  # noqa: PTH103, PTH120
        os.link(source, path)


def _files_below(folder: str) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    yield from _files_below(entry.path)
                else:
                    yield entry
    except OSError:
        return


def _remove(entry: os.DirEntry[str]) -> int:
    with contextlib.suppress(OSError):
        size = entry.stat().st_size
        os.unlink(entry.path)  # noqa: PTH108
        return size
    return 0


def _disk_bytes(path: str) -> int:
    """Size of the disk that a directory is or will be on."""
    import shutil

    while True:
        try:
            return shutil.disk_usage(path).total
        except OSError:
            parent = os.path.dirname(path)  # noqa: PTH120
            if parent == path:
                return ARTIFACT_CACHE_BYTES_MAX
            path = parent
