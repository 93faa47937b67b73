"""Comparing a directory with an artifact, and making it equal."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from steelyard.errors import ContentDamaged, Invalid
from steelyard.limits import ARTIFACT_THREADS_MAX
from steelyard.sdk import terminal
from steelyard.sdk.artifacts.digest import hash_file
from steelyard.sdk.artifacts.entry import ArtifactManifestEntry
from steelyard.sdk.artifacts.places import Root

if TYPE_CHECKING:
    from steelyard.sdk.artifacts.artifact import Artifact


class FileNotThere(Invalid, FileNotFoundError):
    """A file of the artifact that the directory does not have."""


def verify(artifact: Artifact, root: str) -> None:
    """`Artifact.verify`."""
    for path, name in _files_below(root):
        if not is_member(artifact, name):
            raise Invalid(f"{path} is not a file of the artifact {artifact.name}")
    place = Root(root)
    entries = list(artifact.manifest.entries.values())
    files = [entry for entry in entries if entry.ref is None]
    for entry in files:
        place.place(entry.path)

    def check(entry: ArtifactManifestEntry) -> None:
        path = place.place(entry.path)
        try:
            found = hash_file(path, entry.digest_algorithm())
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            raise FileNotThere(f"{root} has no file {entry.path!r} of {artifact.name}") from None
        if found != entry.digest:
            raise ContentDamaged(entry.path, path, expected=entry.digest, found=found)

    with ThreadPoolExecutor(ARTIFACT_THREADS_MAX, "steelyard-verify") as pool:
        for _ in pool.map(check, files):
            pass
    if len(files) < len(entries):
        terminal.termwarn(f"{len(entries) - len(files):,} references were not verified")


def is_member(artifact: Artifact, name: str) -> bool:
    """Whether the artifact has a file, or an object, of that name."""
    try:
        artifact.get_entry(name)
    except KeyError:
        return False
    return True


def clear(artifact: Artifact, root: str) -> None:
    """Remove what is below the directory and not of the artifact; links themselves, not what they
    lead to."""
    entries = artifact.manifest.entries
    for folder, folders, files in os.walk(root, topdown=False):
        for name in files:
            path = os.path.join(folder, name)  # noqa: PTH118
            if os.path.relpath(path, root).replace(os.sep, "/") not in entries:
                os.unlink(path)  # noqa: PTH108
        for name in folders:
            path = os.path.join(folder, name)  # noqa: PTH118
            if os.path.islink(path):  # noqa: PTH114
                os.unlink(path)  # noqa: PTH108
            elif not os.listdir(path):  # noqa: PTH208
                os.rmdir(path)  # noqa: PTH106


def _files_below(root: str) -> Iterator[tuple[str, str]]:
    for folder, _, files in os.walk(root):
        for name in files:
            path = os.path.join(folder, name)  # noqa: PTH118
            yield path, os.path.relpath(path, root).replace(os.sep, "/")
