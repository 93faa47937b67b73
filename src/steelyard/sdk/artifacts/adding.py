"""Putting files of this machine into an artifact: one, a directory, or a new one."""

from __future__ import annotations

import contextlib
import os
import stat
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import IO, TYPE_CHECKING, Any, Final

from steelyard.errors import Invalid
from steelyard.limits import ARTIFACT_THREADS_MAX
from steelyard.sdk import terminal
from steelyard.sdk.artifacts.digest import ALGORITHM_KEY, MANIFEST_XXH128, b64_to_hex
from steelyard.sdk.artifacts.entry import ArtifactManifestEntry
from steelyard.sdk.artifacts.names import StrPath, as_text, check_path
from steelyard.sdk.artifacts.progress import describe_bytes
from steelyard.sdk.artifacts.staging import StagedFile

if TYPE_CHECKING:
    from steelyard.sdk.artifacts.artifact import Artifact

BATCH_FILES: Final = 64  # of a directory, taken by a thread at once
SMALL_BATCH_BYTES: Final = BATCH_FILES * 64 * 1024
SAID_AFTER_S: Final = 2.0
TEMPORARY_NAME_DIGITS: Final = 20


def add_file(
    artifact: Artifact,
    local_path: StrPath,
    name: StrPath | None,
    *,
    is_tmp: bool,
    skip_cache: bool,
    policy: str | None,
    overwrite: bool,
) -> ArtifactManifestEntry:
    """`Artifact.add_file`."""
    source = os.fspath(local_path)
    if not os.path.isfile(source):  # noqa: PTH113  # for each of many
        raise Invalid(f"{source!r} is not a file; add_dir() takes a directory")
    path = as_text(name) if name else os.path.basename(source)  # noqa: PTH119
    check_path(path)  # before anything is copied
    file = artifact._staging_for_use().take(source, policy=policy, skip_cache=skip_cache)
    if is_tmp:
        # wandb 0.31.0 sdk/artifacts/artifact.py add_file: the name up to its first dot is replaced.
        folder, _, last = path.rpartition("/")
        digits = b64_to_hex(file.digest)[:TEMPORARY_NAME_DIGITS]
        last = ".".join([digits, *last.split(".")[1:]])
        path = f"{folder}/{last}" if folder else last
    return _enter(artifact, file, source, path, skip_cache=skip_cache, overwrite=overwrite)


def add_dir(
    artifact: Artifact,
    local_path: StrPath,
    name: StrPath | None,
    *,
    skip_cache: bool,
    policy: str | None,
    merge: bool,
) -> None:
    """`Artifact.add_dir`."""
    root = os.fspath(local_path)
    if not os.path.isdir(root):  # noqa: PTH112
        raise Invalid(f"{root!r} is not a directory; add_file() takes a file")
    prefix = f"{as_text(name).rstrip('/')}/" if name else ""
    above = os.path.abspath(root).rstrip(os.sep) + os.sep  # noqa: PTH100
    began = time.monotonic()
    staging = artifact._staging_for_use()

    def take(batch: list[tuple[str, str]]) -> int:
        size = 0
        for source, inner in batch:
            file = staging.take(
                above + inner, policy=policy, skip_cache=skip_cache, is_absolute=True
            )
            _enter(artifact, file, source, prefix + inner, skip_cache=skip_cache, overwrite=merge)
            size += file.size
        return size

    files = list(files_below(root))
    batches = [files[at : at + BATCH_FILES] for at in range(0, len(files), BATCH_FILES)]
    staging.prepare_for_many()
    try:
        size_bytes = sum(_in_threads(take, batches))
    finally:
        staging.settle()
    took_s = time.monotonic() - began
    if took_s > SAID_AFTER_S:
        terminal.termlog(
            f"added {len(files):,} files of {root} to artifact {artifact.name} "
            f"({describe_bytes(size_bytes)}, {took_s:.1f} s)"
        )


@contextlib.contextmanager
def new_file(artifact: Artifact, path: str, mode: str, encoding: str | None) -> Iterator[IO[Any]]:
    """`Artifact.new_file`."""
    old = artifact.manifest.get_entry_by_path(path)
    if old is not None and "x" in mode:
        raise Invalid(
            f"the artifact has a file {path!r} already; pass mode='w' to write it anew, or "
            "another name"
        )
    staging = artifact._staging_for_use()
    written = staging.make_new(path)
    if old is not None and old.local_path and ("a" in mode or "r" in mode):
        staging.copy_for_writing(old.local_path, written)
    try:
        with open(written, mode, encoding=encoding) as file:  # noqa: PTH123
            yield file
    except UnicodeEncodeError:
        terminal.termerror(f"{path!r} cannot be written as {encoding or 'text'}: pass encoding=")
        raise
    adopted = staging.adopt(written)
    _enter(artifact, adopted, written, path, skip_cache=True, overwrite="x" not in mode)


def add_bytes(
    artifact: Artifact, pieces: Iterable[bytes], name: str, *, is_tmp: bool, overwrite: bool
) -> ArtifactManifestEntry:
    """Add a file of these bytes, one piece after the other."""
    staging = artifact._staging_for_use()
    written = staging.make_new(name.rpartition("/")[2])
    with open(written, "wb") as file:  # noqa: PTH123
        file.writelines(pieces)
    adopted = staging.adopt(written)
    path = name
    if is_tmp:
        folder, _, last = name.rpartition("/")
        digits = b64_to_hex(adopted.digest)[:TEMPORARY_NAME_DIGITS]
        last = ".".join([digits, *last.split(".")[1:]])
        path = f"{folder}/{last}" if folder else last
    return _enter(artifact, adopted, written, path, skip_cache=True, overwrite=overwrite)


def files_below(root: str) -> Iterator[tuple[str, str]]:
    """(path, path relative to the root with /) of every file, links followed, in order of names.

    Raises Invalid for what is neither file nor directory, and for a link to nothing.
    """
    yield from _walk(root, "", ())


def _walk(root: str, prefix: str, above: tuple[tuple[int, int], ...]) -> Iterator[tuple[str, str]]:
    found = os.stat(root)  # noqa: PTH116
    here = (found.st_dev, found.st_ino)
    if here in above and found.st_ino:
        return  # a link to a directory that it is in
    folders = []
    with os.scandir(root) as entries:
        for entry in sorted(entries, key=lambda each: each.name):
            name = prefix + entry.name
            if entry.is_dir():
                folders.append((entry.path, f"{name}/"))
            elif entry.is_file():
                yield entry.path, name
            else:
                raise Invalid(_describe_odd(entry.path))
    for path, inner in folders:
        yield from _walk(path, inner, (*above, here))


def _describe_odd(path: str) -> str:
    if stat.S_ISLNK(os.lstat(path).st_mode) and not os.path.exists(path):  # noqa: PTH110
        return f"{path!r} is a link to nothing; remove it, or add the files one by one"
    return f"{path!r} is a pipe, a socket or a device, which an artifact cannot hold"


def _in_threads(
    take: Callable[[list[tuple[str, str]]], int], batches: list[list[tuple[str, str]]]
) -> list[int]:
    if len(batches) < 2:
        return [take(batch) for batch in batches]
    first, *batches = batches
    began_s, began_cpu_s = time.monotonic(), time.thread_time()
    sizes = [take(first)]
    took_s, took_cpu_s = time.monotonic() - began_s, time.thread_time() - began_cpu_s
    if sizes[0] < SMALL_BATCH_BYTES and took_s < 2 * took_cpu_s:
        # Small files of a quick disk: threads would only take the interpreter from one another.
        return sizes + [take(batch) for batch in batches]
    count = min(ARTIFACT_THREADS_MAX, os.cpu_count() or 1, len(batches))
    with ThreadPoolExecutor(count, "steelyard-add") as pool:
        futures = [pool.submit(take, batch) for batch in batches]
        try:
            return sizes + [future.result() for future in futures]
        except BaseException:
            for future in futures:
                future.cancel()
            raise


def _enter(
    artifact: Artifact,
    file: StagedFile,
    source: str,
    path: str,
    *,
    skip_cache: bool,
    overwrite: bool,
) -> ArtifactManifestEntry:
    is_xxh = artifact.digest_algorithm == MANIFEST_XXH128
    entry = ArtifactManifestEntry(
        path=path,
        digest=file.digest,
        size=file.size,
        local_path=file.path,
        skip_cache=skip_cache,
        extra={ALGORITHM_KEY: "XXH128"} if is_xxh else None,
    )
    entry._packed = file.packed
    try:
        artifact.manifest.add_entry(entry, overwrite=overwrite)
    except Invalid:
        artifact._staging_for_use().drop(file)
        raise
    artifact._added_local_paths[source] = entry
    return entry
