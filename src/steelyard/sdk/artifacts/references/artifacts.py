"""References to files of other artifacts: logged ones by their id, others by their client id."""

from __future__ import annotations

import os
import weakref
from typing import TYPE_CHECKING, Any, Final

from steelyard.errors import Invalid, ReferenceMissing, SteelyardError, UsageError
from steelyard.sdk.artifacts.entry import (
    ARTIFACT_SCHEME,
    CLIENT_SCHEME,
    ArtifactManifestEntry,
    make_artifact_url,
    split_artifact_url,
)

if TYPE_CHECKING:
    from steelyard.sdk.artifacts.artifact import Artifact
    from steelyard.sdk.artifacts.remote import Remote

HOPS_MAX: Final = 20

#: Artifacts of this process by client id, as long as somebody holds them.
by_client_id: weakref.WeakValueDictionary[str, Artifact] = weakref.WeakValueDictionary()


def describe(
    uri: str, name: str | None, *, checksum: bool, max_objects: int, artifact: Artifact
) -> list[ArtifactManifestEntry]:
    """One entry with the digest of the file, which is what the address leads to in the end.

    Source: wandb 0.31.0 storage_handlers/wb_artifact_handler.py and wb_local_artifact_handler.py:
    the size of such an entry is 0, for its bytes count where they are.
    """
    if uri.startswith(f"{CLIENT_SCHEME}:"):
        digest = _digest_by_client_id(uri)
    else:
        owner, entry = follow(artifact._remote_for_use(), uri)
        assert owner.id is not None
        uri, digest = make_artifact_url(owner.id, entry.path), entry.digest
    path = name or os.path.basename(uri)  # noqa: PTH119
    return [ArtifactManifestEntry(path=path, ref=uri, size=0, digest=digest)]


def follow(remote: Remote, url: str) -> tuple[Artifact, ArtifactManifestEntry]:
    """The artifact and the entry that an address leads to, over references to references.

    Raises ReferenceMissing where there is no such file, Invalid where it goes in a circle.
    """
    from steelyard.sdk.artifacts.artifact import Artifact

    for _ in range(HOPS_MAX):
        artifact_id, path = split_artifact_url(url)
        try:
            artifact = Artifact._from_version(remote.get(artifact_id), remote)
        except SteelyardError as error:
            raise ReferenceMissing(f"{url} refers to an artifact that is gone: {error}") from error
        entry = artifact.manifest.get_entry_by_path(path)
        if entry is None:
            raise ReferenceMissing(f"{url}: {artifact.name} has no file {path!r}")
        entry._parent_artifact = artifact
        if entry.ref is None or not entry.ref.startswith(f"{ARTIFACT_SCHEME}:"):
            return artifact, entry
        url = entry.ref
    raise Invalid(f"{url} refers to itself over {HOPS_MAX} other artifacts")


def fetch(entry: ArtifactManifestEntry, target: str, *, remote: Remote) -> None:
    """Write the bytes of the file of the other artifact."""
    from steelyard.sdk.artifacts.download import fetch_to

    assert entry.ref is not None
    if entry.ref.startswith(f"{CLIENT_SCHEME}:"):
        raise ReferenceMissing(
            f"{entry.path!r} refers to an artifact that was never logged ({entry.ref})"
        )
    owner, found = follow(remote, entry.ref)
    fetch_to(owner, found, target)


def _digest_by_client_id(uri: str) -> str:
    client_id, _, path = uri.partition("://")[2].partition("/")
    known: Any = by_client_id.get(client_id.partition(":")[0])
    if known is None:
        raise UsageError(f"{uri} refers to an artifact that this process does not have")
    entry = known.manifest.get_entry_by_path(path)
    if entry is None:
        raise Invalid(f"{uri} leads to nothing: {known.name} has no file {path!r}")
    return str(entry.digest)
