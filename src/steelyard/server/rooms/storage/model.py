"""What uses space, as the rest of the server sees it.

`size_bytes` counts each content once. `freed_bytes` is what disappears when this is deleted and
nothing else: contents that others refer to stay. Contents of files go within a day of a deletion,
those of artifacts when their version leaves the trash. Others are those the caller may see: what
people elsewhere store is nobody's business, so a server admin's numbers are the exact ones.
"""

from __future__ import annotations

import msgspec


class ProjectUsage(msgspec.Struct, frozen=True):
    """A project. Files and artifacts may share contents, so they may sum up to more."""

    entity: str
    project: str
    size_bytes: int
    """Distinct contents and history."""
    freed_bytes: int
    file_bytes: int
    """Contents of the files of its runs."""
    artifact_bytes: int
    """Contents and manifests of its artifacts, with those in the trash."""
    history_bytes: int
    """History, system metrics and console output, compressed."""
    trash_bytes: int
    """What the end of the versions in the trash frees."""
    trash_ends_at_us: int | None
    """When the first of them ends; null: the trash is empty."""


class StorageOverview(msgspec.Struct, frozen=True):
    """Projects by size, the largest first; the sums are of all of them."""

    is_whole_server: bool
    projects: list[ProjectUsage]
    project_count: int
    size_bytes: int
    """Distinct contents of all, and their history: what projects share is counted once."""
    content_bytes: int
    history_bytes: int
    trash_bytes: int
    database_bytes: int | None
    """Of the database with its indexes; only told for the whole server."""
    disk_free_bytes: int | None
    """Of the disk with the data directory; only told for the whole server."""
    blobs_url: str | None
    """Where contents are when not in the data directory; only told for the whole server."""


class CollectionUsage(msgspec.Struct, frozen=True):
    """A collection with all its versions."""

    name: str
    type: str
    version_count: int
    size_bytes: int
    freed_bytes: int
    shared_bytes: int
    """Contents that others of the project, or other projects, refer to as well."""
    trash_version_count: int
    trash_bytes: int
    trash_ends_at_us: int | None
    is_in_trash: bool


class RunUsage(msgspec.Struct, frozen=True):
    """A run with its files and its history."""

    name: str
    display_name: str
    state: str
    created_at_us: int
    size_bytes: int
    """Distinct contents of its files, and its history."""
    freed_bytes: int
    shared_bytes: int
    file_bytes: int
    history_bytes: int
    logged_bytes: int
    """Of the artifact versions it logged; they stay when the run is deleted."""


class ProjectStorage(msgspec.Struct, frozen=True):
    """A project with its collections and runs by size, the largest first."""

    usage: ProjectUsage
    collections: list[CollectionUsage]
    collection_count: int
    runs: list[RunUsage]
    run_count: int
    """Of runs that hold anything."""
