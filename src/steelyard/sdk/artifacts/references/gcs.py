"""gs:// references, looked at with google-cloud-storage where that is installed."""

from __future__ import annotations

from importlib import import_module
from posixpath import basename, join
from typing import Any
from urllib.parse import urlsplit

from steelyard.errors import ContentDamaged, Invalid, ReferenceMissing, UsageError
from steelyard.sdk.artifacts.entry import ArtifactManifestEntry
from steelyard.sdk.artifacts.references import too_many, without_checksum


class _Unreachable(Exception):
    """Nothing can be said of the object; the message says why."""


def describe(
    uri: str, name: str | None, *, checksum: bool, max_objects: int, artifact: Any
) -> list[ArtifactManifestEntry]:
    """The object, or the objects below the prefix; names that end with / are directories.

    Source: wandb 0.31.0 storage_handlers/gcs_handler.py, for paths, digests and `extra`.
    """
    bucket, key, version = _split(uri)
    address = f"gs://{bucket}/{key}"
    path = name or key or bucket
    if not checksum:
        return [ArtifactManifestEntry(path=path, ref=address, digest=address)]
    try:
        objects = _connect().bucket(bucket)
        blob = _ask(objects.get_blob, key, generation=version) if key else None
        if blob is None and version is not None:
            raise Invalid(f"the reference {uri} leads to nothing")
        if blob is not None and not blob.name.endswith("/"):
            return [_entry(address, name or basename(key), blob)]
        entries: list[ArtifactManifestEntry] = []
        for item in _ask(lambda: list(objects.list_blobs(prefix=key, max_results=max_objects + 1))):
            if item.name.endswith("/"):
                continue
            if len(entries) >= max_objects:
                raise too_many(uri, max_objects)
            folder = key.rstrip("/")
            inner = item.name[len(folder) + 1 :] if folder else item.name
            ref = f"gs://{bucket}/{item.name}"
            entries.append(_entry(ref, join(name, inner) if name else inner, item))
    except _Unreachable as why:
        return without_checksum(address, path, str(why))
    if not entries:
        raise Invalid(f"the reference {uri} leads to nothing: no object and no prefix of that name")
    return entries


def fetch(entry: ArtifactManifestEntry, target: str, *, remote: Any) -> None:
    """Download the object, in the version that was added. Raises ReferenceMissing."""
    assert entry.ref is not None
    bucket, key, _ = _split(entry.ref)
    try:
        objects = _connect().bucket(bucket)
        version = entry.extra.get("versionID")
        blob = _ask(objects.get_blob, key, generation=version) if version else None
        blob = blob or _ask(objects.get_blob, key)
    except _Unreachable as why:
        raise UsageError(f"{entry.path!r} refers to {entry.ref}: {why}") from None
    if blob is None:
        raise ReferenceMissing(f"{entry.path!r} refers to {entry.ref}, which is not there any more")
    if blob.etag != entry.digest and entry.digest != entry.ref:
        raise ContentDamaged(
            entry.path,
            f"the reference {entry.ref} has another content now",
            expected=entry.digest,
            found=str(blob.etag),
        )
    with open(target, "wb") as file:  # noqa: PTH123
        blob.download_to_file(file)


def _split(uri: str) -> tuple[str, str, str | None]:
    parts = urlsplit(uri)
    return parts.netloc, parts.path.lstrip("/"), parts.fragment or None


def _connect() -> Any:
    """A client of the store. Raises _Unreachable without the package or without credentials."""
    try:
        storage = import_module("google.cloud.storage")
    except ImportError:
        raise _Unreachable(
            "the package google-cloud-storage is not installed (pip install google-cloud-storage)"
        ) from None
    return _ask(storage.Client)


def _ask(question: Any, *arguments: Any, **options: Any) -> Any:
    try:
        return question(*arguments, **options)
    except Exception as error:  # noqa: BLE001  # a library with several trees of errors
        raise _Unreachable(f"Google Cloud Storage cannot be asked ({error})") from None


def _entry(address: str, path: str, blob: Any) -> ArtifactManifestEntry:
    return ArtifactManifestEntry(
        path=path,
        ref=address,
        digest=blob.etag,
        size=blob.size,
        extra={"versionID": blob.generation},
    )
