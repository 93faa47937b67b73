"""Downloads of artifacts: from the cache of this machine where it has a content, else the server.

Every file is checked by its digest before it gets its name, so a file that is there is whole.
Several are fetched at once; what broke off goes on the next time.
"""

from __future__ import annotations

import contextlib
import errno
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from steelyard.errors import NotFound, ReferenceMissing, SteelyardError, Unavailable
from steelyard.limits import ARTIFACT_THREADS_MAX
from steelyard.sdk import terminal
from steelyard.sdk.artifacts.context import open_cache
from steelyard.sdk.artifacts.digest import MANIFEST_MD5, b64_to_hex
from steelyard.sdk.artifacts.entry import ArtifactManifestEntry
from steelyard.sdk.artifacts.fetch import Download
from steelyard.sdk.artifacts.file_copy import (
    copy_plain,
    hash_steadily,
    remove_quietly,
    write_new,
)
from steelyard.sdk.artifacts.names import ArtifactPath, StrPath, common_start
from steelyard.sdk.artifacts.packs import fetch_pack, is_packable, split_into_packs
from steelyard.sdk.artifacts.places import Root
from steelyard.sdk.artifacts.progress import Progress
from steelyard.sdk.artifacts.references import find_handler

if TYPE_CHECKING:
    from steelyard.sdk.artifacts.artifact import Artifact

Item = TypeVar("Item")
Result = TypeVar("Result")


class Bring(Protocol):
    """Makes an entry a file, of its content where that is known already."""

    def __call__(self, entry: ArtifactManifestEntry, content: bytes | None = None) -> None: ...


BATCH_FILES: Final = 64  # of small things to do with each
FEW_FILES: Final = 16  # up to so many addresses are asked for one by one
WAITING_MAX: Final = 256
NAMED_BYTES: Final = 64  # of the name of a file, in that of its temporary one
_NO_SPACE: Final = (errno.ENOSPC, errno.EDQUOT)


def download(
    artifact: Artifact,
    root: StrPath | None,
    *,
    allow_missing_references: bool,
    skip_cache: bool,
    path_prefix: StrPath | None,
) -> str:
    """`Artifact.download`."""
    directory = artifact._add_download_root(root)
    prefix = os.fspath(path_prefix) if path_prefix else ""
    entries = [each for each in artifact.manifest.entries.values() if each.path.startswith(prefix)]
    os.makedirs(directory, exist_ok=True)  # noqa: PTH103  # of an empty artifact, too
    target = Root(directory)
    for entry in entries:
        target.place(entry.path)  # before anything is written
    supply = Supply(artifact, skip_cache=skip_cache)
    supply.fill(target, entries, allow_missing_references=allow_missing_references)
    return directory


def download_entry(
    artifact: Artifact, entry: ArtifactManifestEntry, root: StrPath | None, *, skip_cache: bool
) -> str:
    """`ArtifactManifestEntry.download`."""
    target = Root(artifact._add_download_root(root))
    target.place(entry.path)
    Supply(artifact, skip_cache=skip_cache).fill(target, [entry])
    return target.place(entry.path)


def fetch_to(artifact: Artifact, entry: ArtifactManifestEntry, path: str) -> None:
    """Write the bytes of one file of an artifact to the new file `path`."""
    Supply(artifact, skip_cache=False).write(entry, path)


class Supply:
    """Where the files of one artifact come from."""

    def __init__(self, artifact: Artifact, *, skip_cache: bool) -> None:
        self._artifact = artifact
        self._remote = artifact._remote_for_use()
        self._cache = open_cache(self._remote.settings)
        self._is_cached = not skip_cache and self._remote.settings.artifact_cache_bytes_max != 0
        self._urls: dict[str, str] = {}
        self._added_bytes = 0
        self._lock = threading.Lock()
        self._is_stopped = False
        self._progress: Progress | None = None

    def fill(
        self,
        root: Root,
        entries: list[ArtifactManifestEntry],
        *,
        allow_missing_references: bool = False,
    ) -> None:
        """Make every entry a file below the root. What is there already is left alone."""
        size_bytes = sum(entry.size or 0 for entry in entries)
        name = self._artifact.name
        self._progress = Progress(name, file_count=len(entries), size_bytes=size_bytes)

        def bring(entry: ArtifactManifestEntry, content: bytes | None = None) -> None:
            try:
                if content is None:
                    self._bring(root, entry)
                else:
                    self._bring_content(root, entry, content)
            except ReferenceMissing as error:
                if not allow_missing_references:
                    raise
                terminal.termwarn(str(error))
            except IsADirectoryError:
                terminal.termwarn(f"{entry.path!r} is left out: there is a directory of that name")
            except NotADirectoryError:
                terminal.termwarn(f"{entry.path!r} is left out: a file is where its directory is")

        try:
            lacking: list[ArtifactManifestEntry] = []
            for missing in run_all(self._looker(root), split(entries), self._stop):
                lacking += missing
            for _ in run_all(call, self._jobs(root, lacking, bring), self._stop):
                pass
        finally:
            self._progress.end()
            self._cache.checksums.flush()
            self._cache.count_added(self._added_bytes)

    def write(self, entry: ArtifactManifestEntry, path: str) -> None:
        """Write the bytes of an entry to the new file `path`."""
        if entry.ref is not None:
            self._write_reference(entry, path)
        elif self._is_cached:
            self._write_cached(entry, path)
        else:
            self._fetch(entry, path, mode=0o666)

    # ---- which are there, and where the others are

    def _looker(
        self, root: Root
    ) -> Callable[[list[ArtifactManifestEntry]], list[ArtifactManifestEntry]]:
        def find_missing(entries: list[ArtifactManifestEntry]) -> list[ArtifactManifestEntry]:
            missing = []
            for entry in entries:
                if self._is_there(root.place(entry.path), entry):
                    self._count(entry.size or 0, 1)
                else:
                    missing.append(entry)
            return missing

        return find_missing

    def _is_there(self, path: str, entry: ArtifactManifestEntry) -> bool:
        try:
            stat = os.lstat(path)  # for each of many
        except OSError:
            return False
        if not is_regular(stat.st_mode) or (entry.size is not None and stat.st_size != entry.size):
            return False
        algorithm = entry.digest_algorithm()
        if algorithm == MANIFEST_MD5 and self._cache.checksums.find(path, stat) == entry.digest:
            return True
        copied = hash_steadily(path, algorithm)
        if algorithm == MANIFEST_MD5 and copied.is_steady:
            self._cache.checksums.note(path, copied.stat, copied.digest)
        return copied.digest == entry.digest

    def _jobs(
        self, root: Root, entries: list[ArtifactManifestEntry], bring: Bring
    ) -> Iterator[Callable[[], None]]:
        """What is to be done, in pieces that may be done side by side."""
        here: list[ArtifactManifestEntry] = []
        packed: list[ArtifactManifestEntry] = []
        single: list[ArtifactManifestEntry] = []
        for entry in entries:
            if entry.ref is not None:
                single.append(entry)
            elif self._is_in_cache(entry):
                here.append(entry)
            else:
                (packed if is_packable(entry) else single).append(entry)
        if len(packed) == 1:
            single += packed
            packed = []
        for pack in split_into_packs(packed):
            yield partial(self._bring_pack, root, pack, bring)
        for some in split(here):
            yield partial(self._bring_some, some, bring)
        for entry in self._with_addresses(single):
            yield partial(bring, entry)

    def _with_addresses(
        self, entries: list[ArtifactManifestEntry]
    ) -> Iterator[ArtifactManifestEntry]:
        """The entries, each once it is known where its content can be had."""
        asked = []
        for entry in entries:
            if entry.ref is not None:
                yield entry
            else:
                asked.append(entry)
        if len(asked) <= FEW_FILES:
            yield from asked  # `_address_of` asks for each
            return
        wanted = {entry.path: entry for entry in asked}
        common = common_start(list(wanted))
        for page in self._remote.list_files(self._place(), prefix=common):
            for item in page:
                found = wanted.pop(item["path"], None)
                if found is not None:
                    self._urls[found.path] = str(item["url"])
                    yield found
            if not wanted:
                return
        yield from wanted.values()  # `_address_of` says what is wrong

    def _is_in_cache(self, entry: ArtifactManifestEntry) -> bool:
        return self._is_cached and os.path.exists(  # noqa: PTH110
            self._cache.path_of(entry.digest, entry.digest_algorithm())
        )

    def _address_of(self, entry: ArtifactManifestEntry) -> str:
        """A fresh signed address. Raises NotFound when the server has no such file."""
        for page in self._remote.list_files(self._place(), prefix=entry.path, page=FEW_FILES):
            for item in page:
                if item["path"] == entry.path and item["url"]:
                    return str(item["url"])
            break
        raise NotFound(
            f"the server has no content for {entry.path!r} of {self._artifact.name}; "
            "the version may have been deleted"
        )

    def _place(self) -> ArtifactPath:
        return self._artifact._path()

    # ---- one of them

    def _bring(self, root: Root, entry: ArtifactManifestEntry) -> None:
        path = root.make_parents(entry.path)
        if os.path.isdir(path) and not os.path.islink(path):  # noqa: PTH112, PTH114
            raise IsADirectoryError(errno.EISDIR, "a directory is there", path)
        temporary = self._temporary_for(path, entry)
        try:
            self.write(entry, temporary)
            os.replace(temporary, path)  # noqa: PTH105
        except Unavailable:
            raise  # what has arrived stays, to be continued
        except BaseException:
            remove_quietly(temporary)
            raise
        self._count(0, 1)

    def _bring_some(self, entries: list[ArtifactManifestEntry], bring: Bring) -> None:
        for entry in entries:
            if self._is_stopped:
                return
            bring(entry)

    def _bring_pack(self, root: Root, entries: list[ArtifactManifestEntry], bring: Bring) -> None:
        """Small files by one request; what does not come with it, by one of its own."""
        assert self._artifact.id is not None
        found = fetch_pack(self._remote, self._artifact.id, entries)
        for entry in entries:
            if self._is_stopped:
                return
            bring(entry, found.get(entry.digest))

    def _bring_content(self, root: Root, entry: ArtifactManifestEntry, content: bytes) -> None:
        """Write a content that is in memory, and has been checked."""
        path = root.make_parents(entry.path)
        if self._is_cached:
            try:
                self._cache.add_bytes(self._cache.path_of(entry.digest), content)
            except OSError as error:
                self._give_up_cache(error)
            else:
                with self._lock:
                    self._added_bytes += len(content)
        temporary = _hidden_beside(path, os.urandom(4).hex())
        write_new(temporary, content, mode=0o666)
        try:
            os.replace(temporary, path)  # noqa: PTH105
        except BaseException:
            remove_quietly(temporary)
            raise
        self._count(len(content), 1)

    def _temporary_for(self, path: str, entry: ArtifactManifestEntry) -> str:
        if self._is_cached or entry.ref is not None:
            return _hidden_beside(path, os.urandom(4).hex())
        # The same each time, so that the next download goes on with it.
        return _hidden_beside(path, f"{b64_to_hex(entry.digest)[:12]}.part")

    def _write_cached(self, entry: ArtifactManifestEntry, path: str) -> None:
        content = self._cache.path_of(entry.digest, entry.digest_algorithm())
        if self._cache.copy_out(content, path, entry.size):
            self._count(entry.size or 0)
            return
        try:
            partial = self._cache.partial_path(content)
            is_new = self._fetch(entry, partial, lambda: self._cache.find(content, entry.size))
            if is_new:
                self._cache.move_in(partial, content)
                with self._lock:
                    self._added_bytes += entry.size or 0
        except OSError as error:
            if isinstance(error, SteelyardError):
                raise
            self._give_up_cache(error)
            self._fetch(entry, path, mode=0o666)
            return
        if is_new:
            with contextlib.suppress(FileNotFoundError):  # another process made room this moment
                self._cache.hand_out(content, path)
                return
        elif self._cache.copy_out(content, path, entry.size):
            return
        self._fetch(entry, path, mode=0o666)

    def _give_up_cache(self, error: OSError) -> None:
        """Go on without the cache, and say why."""
        if error.errno in _NO_SPACE:
            self._cache.trim(0, partial_too=True)
        with self._lock:
            was_cached, self._is_cached = self._is_cached, False
        if was_cached:
            terminal.termwarn(
                f"the cache {self._cache.root} takes nothing more ({error.strerror or error}), so "
                "files are downloaded without it; set WANDB_CACHE_DIR to another directory"
            )

    def _fetch(
        self,
        entry: ArtifactManifestEntry,
        path: str,
        is_there: Callable[[], bool] = lambda: False,
        *,
        mode: int = 0o600,
    ) -> bool:
        url = self._urls.get(entry.path) or self._address_of(entry)
        download = Download(
            self._remote,
            entry,
            url,
            renew=lambda: self._address_of(entry),
            count=self._count,
            stopped=lambda: self._is_stopped,
        )
        return download.run(path, is_there, mode=mode)

    def _write_reference(self, entry: ArtifactManifestEntry, path: str) -> None:
        assert entry.ref is not None
        handler = find_handler(entry.ref)
        if handler is None:
            raise ReferenceMissing(
                f"{entry.path!r} refers to {entry.ref}, which nobody here knows how to download"
            )
        is_checked = self._is_cached and entry.digest != entry.ref
        is_checked = is_checked and not entry.ref.startswith(("file:", "wandb-"))
        content = self._cache.path_of_reference(entry.ref, entry.digest)
        if not (is_checked and self._copy_kept(entry, content, path)):
            handler.fetch(entry, path, remote=self._remote)
            if is_checked:
                self._keep_reference(path, content)
        self._count(entry.size or 0)

    def _copy_kept(self, entry: ArtifactManifestEntry, content: str, path: str) -> bool:
        """Copy what the cache has for a reference; False where it has nothing, or not any more."""
        return self._cache.copy_out(content, path, entry.size)

    def _keep_reference(self, path: str, content: str) -> None:
        partial = f"{self._cache.partial_path(content)}-{os.urandom(4).hex()}"
        try:
            copy_plain(path, partial)
            size = os.stat(partial).st_size  # noqa: PTH116
            self._cache.move_in(partial, content)
        except OSError:
            remove_quietly(partial)
            return
        with self._lock:
            self._added_bytes += size

    def _count(self, size_bytes: int, files: int = 0) -> None:
        if self._progress is not None:
            self._progress.add(size_bytes, files)

    def _stop(self) -> None:
        self._is_stopped = True


def _hidden_beside(path: str, mark: str) -> str:
    """A temporary name in the folder of a file, which itself may be as long as names can be."""
    folder, name = os.path.split(path)
    start = os.fsencode(name)[:NAMED_BYTES].decode(errors="ignore")
    return f"{folder}/.{start}.{mark}"


def run_all(
    work: Callable[[Item], Result], items: Iterable[Item], stop: Callable[[], None]
) -> Iterator[Result]:
    """The result of each, several at once, in the order they are done.

    The first error ends it: `stop` is called, what is under way is waited for, and it is raised.
    """
    waiting: set[Future[Result]] = set()
    pool = ThreadPoolExecutor(ARTIFACT_THREADS_MAX, "steelyard-artifact")
    try:
        for item in items:
            waiting.add(pool.submit(work, item))
            if len(waiting) >= WAITING_MAX:
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                yield from [future.result() for future in done]
        while waiting:
            done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            yield from [future.result() for future in done]
    except BaseException:
        stop()
        for future in waiting:
            future.cancel()
        raise
    finally:
        pool.shutdown()


def split(entries: list[ArtifactManifestEntry]) -> Iterator[list[ArtifactManifestEntry]]:
    """The entries, as many at a time as a thread is worth being asked for."""
    for at in range(0, len(entries), BATCH_FILES):
        yield entries[at : at + BATCH_FILES]


def call(job: Callable[[], None]) -> None:
    """Do it."""
    job()


def is_regular(mode: int) -> bool:
    """Whether that is a file, and neither a link nor a device."""
    import stat

    return stat.S_ISREG(mode)
