"""file:// references: files of this machine, or of a file system that several share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from steelyard.errors import ContentDamaged, Invalid, ReferenceMissing
from steelyard.limits import ARTIFACT_THREADS_MAX
from steelyard.sdk.artifacts.digest import hash_file, md5_of_text
from steelyard.sdk.artifacts.entry import ArtifactManifestEntry
from steelyard.sdk.artifacts.file_copy import copy_hashed
from steelyard.sdk.artifacts.references import too_many


def path_of(uri: str) -> str:
    """The path that a file:// address names."""
    return url2pathname(urlsplit(uri).path) if uri.startswith("file:") else uri


def describe(
    uri: str, name: str | None, *, checksum: bool, max_objects: int, artifact: Any
) -> list[ArtifactManifestEntry]:
    """The file, or the files below the directory. Source: wandb 0.31.0 storage_handlers/
    local_file_handler.py, for paths, and for the digest without checksum: the MD5 of the URI."""
    path = path_of(uri)
    if os.path.isfile(path):  # noqa: PTH113
        found = [(name or os.path.basename(path), uri, path)]  # noqa: PTH119
    elif os.path.isdir(path):  # noqa: PTH112
        found = []
        for file in _files_below(path):
            if len(found) >= max_objects:
                raise too_many(uri, max_objects)
            inner = os.path.relpath(file, start=path)
            found.append((_join(name, inner), f"{uri.rstrip('/')}/{inner}", file))
    else:
        raise Invalid(f"the reference {uri} leads to nothing: there is no file {path!r}")
    return _describe_all(found, checksum)


def _describe_all(found: list[tuple[str, str, str]], checksum: bool) -> list[ArtifactManifestEntry]:
    def one(item: tuple[str, str, str]) -> ArtifactManifestEntry:
        name, uri, path = item
        digest = hash_file(path) if checksum else md5_of_text(_uri_of(path))
        size = os.stat(path).st_size  # noqa: PTH116
        return ArtifactManifestEntry(path=name, ref=uri, size=size, digest=digest)

    if len(found) < 2 or not checksum:
        return [one(item) for item in found]
    with ThreadPoolExecutor(ARTIFACT_THREADS_MAX, "steelyard-hash") as pool:
        return list(pool.map(one, found))


def fetch(entry: ArtifactManifestEntry, target: str, *, remote: Any) -> None:
    """Copy the file. Raises ReferenceMissing, ContentDamaged."""
    assert entry.ref is not None
    path = path_of(entry.ref)
    try:
        copied = copy_hashed(path, target, entry.digest_algorithm(), mode=0o666)
    except OSError as error:
        raise ReferenceMissing(
            f"{entry.path!r} refers to {path}, which cannot be read: {error.strerror or error}"
        ) from error
    if entry.digest not in (copied.digest, md5_of_text(_uri_of(path))):
        raise ContentDamaged(
            entry.path,
            f"the reference {entry.ref} has another content now",
            expected=entry.digest,
            found=copied.digest,
        )


def _uri_of(path: str) -> str:
    from pathlib import Path

    return Path(path).resolve().as_uri()


def _join(name: str | None, inner: str) -> str:
    return f"{name}/{inner}" if name else inner


def _files_below(path: str) -> Iterator[str]:
    for directory, names, files in os.walk(path):
        names.sort()
        for file in sorted(files):
            yield os.path.join(directory, file)  # noqa: PTH118
