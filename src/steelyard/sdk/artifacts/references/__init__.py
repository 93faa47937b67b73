"""References: entries of an artifact whose bytes are elsewhere, and stay there.

`find_handler` gives the module for an address. Each has two functions:

    describe(uri, name, checksum=…, max_objects=…, artifact=…) -> entries for the manifest
    fetch(entry, target, remote=…) -> None: write the bytes to the file `target`
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import urlsplit

from steelyard.errors import Invalid, UsageError
from steelyard.limits import ARTIFACT_REFERENCES_MAX
from steelyard.sdk import terminal
from steelyard.sdk.artifacts.entry import ArtifactManifestEntry

if TYPE_CHECKING:
    from steelyard.sdk.artifacts.artifact import Artifact

_MODULES: Final = {
    "s3": "s3",
    "gs": "gcs",
    "http": "http",
    "https": "http",
    "file": "files",
    "wandb-artifact": "artifacts",
    "wandb-client-artifact": "artifacts",
}


class Handler(Protocol):
    """A module that knows one kind of address."""

    describe: Callable[..., list[ArtifactManifestEntry]]
    fetch: Callable[..., None]


def find_handler(uri: str) -> Any:
    """The module for an address; None for a scheme that nobody here knows."""
    name = _MODULES.get(urlsplit(uri).scheme)
    return import_module(f"{__name__}.{name}") if name is not None else None


def describe_reference(
    uri: str,
    name: str | None,
    *,
    checksum: bool,
    max_objects: int | None,
    artifact: Artifact,
) -> Sequence[ArtifactManifestEntry]:
    """The entries for an address: one, or one for each object below it.

    Raises Invalid for what is no address, for one that leads to nothing, and for more objects than
    `max_objects`.
    """
    if not isinstance(uri, str) or not urlsplit(uri).scheme:
        raise Invalid(
            f"{uri!r} is no address; references are URIs such as s3://bucket/key, and a local file "
            "is file:///path"
        )
    handler = find_handler(uri)
    if handler is None:
        if name is None:
            raise UsageError(
                f"the reference {uri} has a scheme that is not known here; "
                "pass name=, its path in the artifact"
            )
        terminal.termwarn(f"the reference {uri} is noted as it is: its scheme is not known here")
        return [ArtifactManifestEntry(path=name, ref=uri, digest=uri)]
    limit = max_objects or ARTIFACT_REFERENCES_MAX
    entries: Sequence[ArtifactManifestEntry] = handler.describe(
        uri, name, checksum=checksum, max_objects=limit, artifact=artifact
    )
    return entries


def too_many(uri: str, limit: int) -> Invalid:
    """The error for more objects than were allowed."""
    return Invalid(
        f"there are more than {limit:,} objects below {uri}; "
        "allow more with max_objects=, or add a part of it"
    )


def without_checksum(uri: str, name: str, why: str) -> list[ArtifactManifestEntry]:
    """An entry for what could not be looked at, and a warning that says so."""
    terminal.termwarn(
        f"the reference {uri} is noted without checksum and size: {why}. A change behind it makes "
        "no new version; checksum=False says that this is meant"
    )
    return [ArtifactManifestEntry(path=name, ref=uri, digest=uri)]
