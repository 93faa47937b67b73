"""Artifacts as the rest of the server sees them."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from steelyard.server.rooms.artifacts.names import (
    encode_artifact_id,
    format_version,
)
from steelyard.server.rooms.runs.json_text import parse_json_object

PENDING, COMMITTED = "PENDING", "COMMITTED"
IN_TRASH, DELETED = "PENDING_DELETION", "DELETED"
State = Literal["PENDING", "COMMITTED", "PENDING_DELETION", "DELETED"]
Kind = Literal["sequence", "portfolio"]
ManifestKind = Literal["full", "incremental", "patch"]

MD5_ALGORITHM = "MANIFEST_MD5"
#: What `ttl_s` says instead of seconds. wandb 0.31.0 sdk/artifacts/artifact.py: INHERIT, DISABLED.
TTL_INHERIT = -1
TTL_NEVER = -2


class ArtifactType(msgspec.Struct, frozen=True):
    """A type of a project."""

    id: int
    project_id: int
    name: str
    description: str | None
    created_at_us: int


class TypeCounts(msgspec.Struct, frozen=True):
    """A type and how much there is of it."""

    type: ArtifactType
    collection_count: int
    version_count: int
    size_bytes: int


class Collection(msgspec.Struct, frozen=True):
    """A sequence of versions, or a portfolio of links. `content_bytes`: its distinct contents."""

    id: int
    project_id: int
    entity_id: int
    entity: str
    project: str
    type_id: int
    type: str
    kind: Kind
    name: str
    deleted_mark: int
    description: str | None
    created_at_us: int
    updated_at_us: int
    created_by_run_id: int | None
    created_by_user_id: int | None
    next_index: int
    version_count: int
    content_bytes: int
    dirty_since_us: int | None

    @property
    def path(self) -> str:
        return f"{self.entity}/{self.project}/{self.name}"


class Artifact(msgspec.Struct, frozen=True):
    """A version in the collection that it was logged to, or a draft of one."""

    id: int
    project_id: int
    entity_id: int
    entity: str
    project: str
    collection_id: int
    collection: str
    is_collection_deleted: bool
    type_id: int
    type: str
    version_index: int | None
    state: State
    digest: str
    digest_algorithm: str
    description: str | None
    metadata: str
    ttl_s: int | None
    expires_at_us: int | None
    history_step: int | None
    size_bytes: int
    file_count: int
    page_count: int
    created_at_us: int
    updated_at_us: int
    committed_at_us: int | None
    created_by_run_id: int | None
    created_by_user_id: int | None
    username: str | None
    client_id: str | None
    sequence_client_id: str | None
    distributed_id: str | None
    manifest_sha256: bytes | None
    manifest_bytes: int | None
    base_id: int | None
    same_as_id: int | None
    draft: str | None
    trashed_at_us: int | None
    purge_at_us: int | None
    freed_bytes: int | None
    trash: str | None
    trashed_by_user_id: int | None

    @property
    def key(self) -> str:
        """The id that clients see."""
        return encode_artifact_id(self.id)

    @property
    def version(self) -> str | None:
        return None if self.version_index is None else format_version(self.version_index)

    @property
    def path(self) -> str:
        """entity/project/name:v3, for messages."""
        return f"{self.entity}/{self.project}/{self.collection}:{self.version or 'draft'}"

    @property
    def is_committed(self) -> bool:
        return self.state == COMMITTED

    def parse_metadata(self) -> dict[str, Any]:
        return parse_json_object(self.metadata, "the metadata of an artifact")


class Member(msgspec.Struct, frozen=True):
    """A version in a collection: its own (`is_link` false) or a link in a portfolio."""

    id: int
    collection_id: int
    project_id: int
    entity_id: int
    entity: str
    project: str
    collection: str
    kind: Kind
    type: str
    version_index: int
    artifact_id: int
    is_link: bool
    created_at_us: int
    created_by_user_id: int | None

    @property
    def version(self) -> str:
        return format_version(self.version_index)

    @property
    def path(self) -> str:
        return f"{self.entity}/{self.project}/{self.collection}:{self.version}"


class Alias(msgspec.Struct, frozen=True):
    """An alias of a collection and the member that it points to."""

    id: int
    collection_id: int
    alias: str
    member_id: int
    artifact_id: int


class Tag(msgspec.Struct, frozen=True):
    id: int
    tag: str


class NewDraft(msgspec.Struct, frozen=True, kw_only=True):
    """What a client says of the version that it is about to log."""

    type: str
    collection: str
    digest: str
    client_id: str | None
    digest_algorithm: str = MD5_ALGORITHM
    sequence_client_id: str | None = None
    run_id: int | None = None
    description: str | None = None
    metadata: str = "{}"
    """JSON text of an object."""
    aliases: list[str] = []
    tags: list[str] = []
    ttl_s: int | None = None
    """Seconds, TTL_INHERIT, TTL_NEVER, or None: inherited."""
    history_step: int | None = None
    base_id: int | None = None
    distributed_id: str | None = None
    is_deduplicated: bool = True
    """Answer with a version of the same digest, if there is one."""
    manifest_kind: ManifestKind = "full"
    """Of the manifest that is going to follow, where the client does not announce it."""


class Manifest(msgspec.Struct, frozen=True):
    """A manifest of a draft, on its way or uploaded (`sha256` is set then)."""

    id: int
    artifact_id: int
    kind: ManifestKind
    base_id: int | None
    digest: str
    sha256: bytes | None
    size_bytes: int | None
    created_at_us: int


class Content(msgspec.Struct, frozen=True):
    """A content of a collection. `birth_artifact_id` is the first artifact that had it."""

    collection_id: int
    md5: bytes
    sha256: bytes
    size_bytes: int
    birth_artifact_id: int


class Upload(msgspec.Struct, frozen=True):
    """A content on its way in parts; `upload_id` is the blob store's."""

    upload_id: str
    artifact_id: int
    md5: bytes
    size_bytes: int
    part_bytes: int
    created_at_us: int


class Use(msgspec.Struct, frozen=True):
    """A run that read a version."""

    artifact_id: int
    run_id: int
    use_as: str | None
    created_at_us: int


class Event(msgspec.Struct, frozen=True):
    """Something that happened; see `wire/artifacts.py` for the kinds."""

    id: int
    collection_id: int
    artifact_id: int | None
    kind: str
    at_us: int
    user_id: int | None
    username: str | None
    run_id: int | None
    version_index: int | None
    from_index: int | None
    alias: str | None
    note: str | None


class Actor(msgspec.Struct, frozen=True):
    """Who does something, for the history of a collection."""

    user_id: int | None
    run_id: int | None = None


class Usage(msgspec.Struct, frozen=True):
    """What depends on a version."""

    aliases: list[str]
    links: list[Member]
    run_ids: list[int]
    run_count: int
    freed_bytes: int


class CollectionUsage(msgspec.Struct, frozen=True):
    """What depends on all versions of a collection: the first of each kind, and how many."""

    version_count: int
    aliases: list[str]
    alias_count: int
    links: list[Member]
    link_count: int
    run_ids: list[int]
    run_count: int
    freed_bytes: int
