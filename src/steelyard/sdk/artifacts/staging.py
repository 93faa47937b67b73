"""Files of an artifact that wait to be logged: kept as they were when they were added.

Each artifact has a directory of its own below the staging directory, made with the first file
that may change ("mutable"): copies named by numbers, and one file with all the small ones.
`stage.py` moves it into the run's folder when the artifact is logged. Until then it belongs to this
process, and goes with the artifact.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import threading
import time
import weakref
from typing import TYPE_CHECKING, Any, Final

from steelyard.errors import Invalid, SteelyardError
from steelyard.limits import ARTIFACT_ADD_TRIES_MAX, ARTIFACT_STAGING_DAYS
from steelyard.sdk import terminal
from steelyard.sdk.artifacts.cache import ArtifactCache
from steelyard.sdk.artifacts.context import current_settings, open_cache, staging_dir
from steelyard.sdk.artifacts.digest import MANIFEST_MD5
from steelyard.sdk.artifacts.file_copy import (
    READ_ONLY,
    Copied,
    copy_hashed,
    copy_plain,
    hash_steadily,
    link_or_copy,
    remove_quietly,
)
from steelyard.sdk.artifacts.small_files import PackedFile, SmallFiles, read_small

if TYPE_CHECKING:
    from steelyard.sdk.artifacts.names import StrPath

POLICIES: Final = ("mutable", "immutable")
#: In a directory whose artifact was logged, where it could not be moved to the run's folder.
LOGGED_MARK: Final = "logged"


class StagedFile:
    """A file ready to be logged: where its bytes are, `path` or `packed`, and what they are."""

    __slots__ = ("digest", "packed", "path", "size")

    def __init__(
        self, path: str | None, digest: str, size: int, packed: PackedFile | None = None
    ) -> None:
        self.path = path
        self.packed = packed
        self.digest = digest
        self.size = size


class Staging:
    """The files of one artifact that wait. Any thread may add."""

    def __init__(self, owner: Any, algorithm: str) -> None:
        settings = current_settings()
        self.cache: ArtifactCache = open_cache(settings)
        self.directory: str | None = None
        self._base = staging_dir(settings)
        self._owner = weakref.ref(owner)
        self._algorithm = algorithm
        self._lock = threading.Lock()
        self._count = 0
        self._cached_bytes = 0
        self._finalizer: Any = None
        self._small = SmallFiles(self, self._new_name)

    def take(
        self, source: StrPath, *, policy: str | None, skip_cache: bool, is_absolute: bool = False
    ) -> StagedFile:
        """Keep a file as it is now ("mutable"), or note where it is ("immutable").

        `is_absolute`: the path is known to be absolute and without `.` or `..`.

        Raises Invalid for another policy, OSError for a file that cannot be read or copied.
        """
        policy = policy or "mutable"
        if policy not in POLICIES:
            raise Invalid(f"policy is {policy!r}; it is mutable or immutable")
        path = os.fspath(source)
        if not is_absolute:
            path = os.path.abspath(path)  # noqa: PTH100
        if policy == "mutable" and (small := self._take_small(path)) is not None:
            return small
        found = os.stat(path)  # noqa: PTH116
        is_md5 = self._algorithm == MANIFEST_MD5
        known = self.cache.checksums.find(path, found) if is_md5 else None
        if policy == "immutable":
            if known is not None:
                return StagedFile(path, known, found.st_size)
            copied = self._hash_in_place(path)
            self._remember(path, copied, is_md5)
            return StagedFile(path, copied.digest, copied.size)
        if known is not None and not skip_cache:
            content = self.cache.path_of(known)
            # A content that a user has as a file of their own, too, is not linked to but copied.
            if self.cache.find(content, found.st_size) and self.cache.is_ours_alone(content):
                target = self._new_name()
                with contextlib.suppress(OSError):  # it was removed this moment
                    link_or_copy(content, target)
                    if self.cache.is_ours_alone(target):
                        return StagedFile(target, known, found.st_size)
                    remove_quietly(target)  # since this moment
        target, copied = self._copy(path)
        self._remember(path, copied, is_md5)
        if not skip_cache and self.cache.add_link(
            target, self.cache.path_of(copied.digest, self._algorithm)
        ):
            with self._lock:
                self._cached_bytes += copied.size
        return StagedFile(target, copied.digest, copied.size)

    def _take_small(self, path: str) -> StagedFile | None:
        """None for a larger file."""
        for left in range(ARTIFACT_ADD_TRIES_MAX - 1, -1, -1):
            found = read_small(path, self._algorithm)
            if found is None:
                return None
            content, copied = found
            if copied.is_steady or not left:
                break
        if not copied.is_steady:
            _warn_of_changes(path, copied)
        if self.directory is None:
            with self._lock:
                if self.directory is None:
                    self._make_directory()
        return StagedFile(None, copied.digest, copied.size, self._small.append(content))

    def prepare_for_many(self) -> None:
        """Before many files are taken, which `settle` ends."""
        self._small.hold()

    def make_new(self, name: str) -> str:
        """A path for a file that is yet to be written; it ends with `name`."""
        folder = f"{self._new_name()}-new"
        path = f"{folder}/{name}"
        os.makedirs(os.path.dirname(path), mode=0o700)  # noqa: PTH103, PTH120
        return path

    def copy_for_writing(self, source: str, target: str) -> None:
        """Begin a new file with what an earlier one has."""
        copy_plain(source, target, mode=0o600)

    def adopt(self, path: str) -> StagedFile:
        """Keep a file that was written to a path of `make_new`."""
        target = self._new_name()
        os.replace(path, target)  # noqa: PTH105
        assert self.directory is not None
        made = path[len(self.directory) + 1 :].partition("/")[0]
        shutil.rmtree(f"{self.directory}/{made}", ignore_errors=True)
        os.chmod(target, READ_ONLY)  # noqa: PTH101
        hashed = hash_steadily(target, self._algorithm)
        return StagedFile(target, hashed.digest, hashed.size)

    def drop(self, file: StagedFile) -> None:
        """Forget a file that is not wanted after all."""
        path = file.path
        if (
            path is not None
            and self.directory is not None
            and path.startswith(f"{self.directory}/")
        ):
            remove_quietly(path)

    def settle(self) -> None:
        """After some files: let other processes know, and keep the cache in its bounds."""
        self.cache.checksums.flush()
        self._small.release()
        with self._lock:
            size_bytes, self._cached_bytes = self._cached_bytes, 0
        self.cache.count_added(size_bytes)

    def hand_over(self) -> str | None:
        """The directory with the files, which is the caller's from now on; None without any."""
        if self._finalizer is not None:
            self._finalizer.detach()
        self.settle()
        return self.directory

    def _remember(self, path: str, copied: Copied, is_md5: bool) -> None:
        if is_md5 and copied.is_steady:
            self.cache.checksums.note(path, copied.stat, copied.digest)

    def _copy(self, path: str) -> tuple[str, Copied]:
        for left in range(ARTIFACT_ADD_TRIES_MAX - 1, -1, -1):
            target = self._new_name()
            copied = copy_hashed(path, target, self._algorithm)
            if copied.is_steady:
                return target, copied
            if left:
                remove_quietly(target)
        _warn_of_changes(path, copied)
        return target, copied

    def _hash_in_place(self, path: str) -> Copied:
        for _ in range(ARTIFACT_ADD_TRIES_MAX):
            copied = hash_steadily(path, self._algorithm)
            if copied.is_steady:
                return copied
        raise Invalid(
            f"{path} is being written to while it is added with policy='immutable', so what would "
            "be uploaded is not what was hashed; add it when it is complete, or as mutable"
        )

    def _new_name(self) -> str:
        with self._lock:
            if self.directory is None:
                self._make_directory()
            self._count += 1
            return f"{self.directory}/{self._count}"

    def _make_directory(self) -> None:
        name = f"{_host()}-{os.getpid()}-{os.urandom(6).hex()}"
        directory = f"{self._base}/{name}"
        try:
            os.makedirs(directory, mode=0o700)  # noqa: PTH103
        except OSError as error:
            raise StagingUnwritable(self._base, error) from error
        self.directory = directory
        owner = self._owner()
        assert owner is not None
        self._finalizer = weakref.finalize(owner, _remove, directory, os.getpid())


def _warn_of_changes(path: str, copied: Copied) -> None:
    terminal.termwarn(
        f"{path} is being written to while it is added: the artifact has {copied.size:,} "
        "bytes of it, which may be a mixture of before and after. Add it when it is complete"
    )


class StagingUnwritable(SteelyardError, PermissionError):
    """Files of artifacts cannot be kept until their upload."""

    code = "staging_unwritable"

    def __init__(self, directory: str, error: OSError) -> None:
        super().__init__(
            f"files of artifacts cannot be kept in {directory} ({error.strerror or error}); "
            "set WANDB_DATA_DIR to a directory you may write to, or add files with "
            "policy='immutable'"
        )


def list_abandoned(base: str, *, now: float | None = None) -> list[str]:
    """Directories of artifacts that nobody will log any more.

    Their process is gone, or they were logged by a run whose folder is gone; or nothing was added
    for a week by a process of another machine.
    """
    found = []
    for entry in _scan(base):
        with contextlib.suppress(OSError):
            if _is_abandoned(entry, now if now is not None else time.time()):
                found.append(entry.path)
    return found


def _is_abandoned(entry: os.DirEntry[str], now: float) -> bool:
    mark = f"{entry.path}/{LOGGED_MARK}"
    if os.path.exists(mark):  # noqa: PTH110
        with open(mark, encoding="utf-8") as file:  # noqa: PTH123
            return not os.path.isdir(file.read())  # noqa: PTH112
    host, _, rest = entry.name.rpartition("-")[0].rpartition("-")
    if host == _host() and rest.isdigit():
        return not _is_running(int(rest))
    return entry.stat().st_mtime < now - ARTIFACT_STAGING_DAYS * 86_400


def _is_running(pid: int) -> bool:
    if os.name == "nt":
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _host() -> str:
    return "".join(c if c.isalnum() else "_" for c in socket.gethostname()) or "host"


def _scan(base: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(base) as entries:
            return [entry for entry in entries if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []


def _remove(directory: str, pid: int) -> None:
    if os.getpid() == pid:  # a forked child leaves what its parent has
        shutil.rmtree(directory, ignore_errors=True)
