"""Artifacts as they cross the network: what the REST API under `/api/v1` takes and gives.

Ids are opaque texts, the same as in the GraphQL gateway, so that `birthArtifactID` in a manifest
means one thing whoever wrote it. MD5 digests are base64 as in manifests. Moments are microseconds
since 1970 UTC.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

Kind = Literal["sequence", "portfolio"]
State = Literal["PENDING", "COMMITTED", "PENDING_DELETION", "DELETED"]
ManifestKind = Literal["full", "incremental", "patch"]
EventKind = Literal[
    "alias_added",
    "alias_moved",
    "alias_removed",
    "version_logged",
    "version_deleted",
    "version_restored",
    "renamed",
    "moved",
    "linked",
    "unlinked",
    "metadata_changed",
    "ttl_changed",
]

TTL_INHERIT = -1  # wandb 0.31.0 sdk/artifacts/_ttl.py: what "no own time to live" is written as
TTL_NEVER = -2


# ---- reading


class RunRef(msgspec.Struct, frozen=True):
    """A run, as far as a list of artifacts shows it."""

    entity: str
    project: str
    name: str
    display_name: str
    state: str
    job_type: str | None
    created_at_us: int


class ArtifactType(msgspec.Struct, frozen=True):
    """A type of artifacts in a project, and how much there is of it."""

    name: str
    description: str | None
    collection_count: int
    version_count: int
    size_bytes: int


class ArtifactTypes(msgspec.Struct, frozen=True):
    """All types of a project, by name."""

    items: list[ArtifactType]


class VersionHead(msgspec.Struct, frozen=True, kw_only=True):
    """A version as lists show it. `version` and `index` are those of the collection listed."""

    id: str
    version: str
    index: int
    digest: str
    state: State
    aliases: list[str]
    tags: list[str]
    size_bytes: int
    file_count: int
    created_at_us: int
    created_by_run: RunRef | None
    created_by_user: str | None
    description: str | None


class VersionRef(msgspec.Struct, frozen=True, kw_only=True):
    """Where a version is: `entity/project/name:version`."""

    entity: str
    project: str
    name: str
    version: str
    id: str
    type: str
    aliases: list[str] = []
    size_bytes: int = 0
    created_at_us: int = 0
    use_as: str | None = None
    """Of a run's input: what the run called it."""


class Link(msgspec.Struct, frozen=True):
    """A place in another collection from which the version can be had too."""

    entity: str
    project: str
    name: str
    version: str
    aliases: list[str]


class Version(VersionHead, frozen=True, kw_only=True):
    """One version in full. `source` differs from its own place when that is a link."""

    entity: str
    project: str
    name: str
    type: str
    kind: Kind
    digest_algorithm: str
    metadata: dict[str, Any]
    ttl_s: int | None
    """Seconds from its creation until it goes to the trash; null: it stays."""
    ttl_is_inherited: bool
    history_step: int | None
    history_index: int
    """Its place among the versions of its collection that exist, from 0."""
    updated_at_us: int
    expires_at_us: int | None
    source: VersionRef
    links: list[Link]
    manifest_url: str
    """Signed: needs no sign-in, and expires after a day."""


class Collection(msgspec.Struct, frozen=True, kw_only=True):
    """A named line of versions (`sequence`) or a set of links to versions (`portfolio`)."""

    name: str
    entity: str
    project: str
    type: str
    kind: Kind
    description: str | None
    tags: list[str]
    version_count: int
    latest: VersionHead | None
    size_bytes: int
    created_at_us: int
    updated_at_us: int
    created_by_run: RunRef | None


class TreeItem(msgspec.Struct, frozen=True, kw_only=True):
    """A file or directory in one directory of a version."""

    name: str
    path: str
    is_dir: bool
    size_bytes: int
    file_count: int | None = None
    digest: str | None = None
    ref: str | None = None
    mimetype: str | None = None
    url: str | None = None


class FileItem(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of a manifest. A reference has `ref` and no `url`: its bytes are elsewhere."""

    path: str
    size_bytes: int
    digest: str
    ref: str | None
    extra: dict[str, Any]
    mimetype: str
    url: str | None
    birth_id: str | None


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened to a collection or a version, and who did it."""

    at_us: int
    user: str | None
    run: RunRef | None
    kind: EventKind
    version: str | None
    alias: str | None
    from_version: str | None
    note: str | None


class Dependents(msgspec.Struct, frozen=True):
    """What a deletion would touch, and what it would free once the trash is emptied."""

    aliases: list[str]
    links: list[Link]
    used_by: list[RunRef]
    used_by_count: int
    freed_bytes: int


class CollectionDependents(msgspec.Struct, frozen=True):
    """What deleting a whole collection would touch: the first of each kind, and how many."""

    version_count: int
    aliases: list[str]
    alias_count: int
    links: list[Link]
    link_count: int
    used_by: list[RunRef]
    used_by_count: int
    freed_bytes: int


class TrashedVersion(msgspec.Struct, frozen=True):
    """A version in the trash; `freed_bytes` come free at `expires_at_us`."""

    version: VersionRef
    deleted_at_us: int
    expires_at_us: int
    deleted_by: str | None
    freed_bytes: int


class RunArtifacts(msgspec.Struct, frozen=True):
    """What a run read and wrote."""

    inputs: list[VersionRef]
    outputs: list[VersionRef]


# ---- differences


class FileChange(msgspec.Struct, frozen=True):
    """A path that differs; a size is null where the file is absent."""

    path: str
    size_before: int | None
    size_after: int | None


class ChangeCounts(msgspec.Struct, frozen=True):
    added: int
    removed: int
    changed: int
    same: int


class FileChanges(msgspec.Struct, frozen=True):
    """Up to 1,000 paths of each kind; `counts` counts all."""

    added: list[FileChange]
    removed: list[FileChange]
    changed: list[FileChange]
    counts: ChangeCounts
    bytes_added: int
    bytes_removed: int


class ValueChange(msgspec.Struct, frozen=True):
    """A key whose value differs; null where it is absent."""

    key: str
    before: Any
    after: Any


class MetricChange(msgspec.Struct, frozen=True):
    """A value of the summary; `delta` when both are numbers."""

    key: str
    before: Any
    after: Any
    delta: float | None


class InputChange(msgspec.Struct, frozen=True):
    """An artifact that the runs read in different versions; null: not read."""

    type: str
    name: str
    before: str | None
    after: str | None


class CodeChange(msgspec.Struct, frozen=True):
    """The code behind the two runs."""

    commit_before: str | None
    commit_after: str | None
    repo: str | None
    dirty_before: bool | None
    dirty_after: bool | None
    program_before: str | None
    program_after: str | None


class Causes(msgspec.Struct, frozen=True):
    """What differs between the runs that logged two versions."""

    run_from: RunRef | None
    run_to: RunRef | None
    inputs: list[InputChange]
    config: list[ValueChange]
    code: CodeChange | None
    environment: list[ValueChange]
    metrics: list[MetricChange]


class VersionDiff(msgspec.Struct, frozen=True):
    """What changed from one version to another."""

    from_version: VersionHead = msgspec.field(name="from")
    to: VersionHead
    files: FileChanges
    metadata: list[ValueChange]
    description: ValueChange | None
    causes: Causes


class CauseCounts(msgspec.Struct, frozen=True):
    """How much differs between the run behind a version and that behind the one before it."""

    inputs: int
    config: int
    code: int
    environment: int


class BisectStep(msgspec.Struct, frozen=True, kw_only=True):
    """A version, the metric of the run that logged it, and how far both are from the one before.

    `value` is null where there is no run, the caller may not see it, or it has no such metric; NaN
    and infinities are strings. `before` is the version before, null for the first.
    """

    version: VersionHead
    before: str | None
    value: Any
    delta: float | None
    causes: CauseCounts | None


class Bisection(msgspec.Struct, frozen=True, kw_only=True):
    """A page of versions in a row, newest first; `metrics` are keys that runs of the page have."""

    items: list[BisectStep]
    next_cursor: str | None
    total: int
    metrics: list[str]


# ---- lineage


class LineageNode(msgspec.Struct, frozen=True, kw_only=True):
    """An artifact version, a run, or a `stack` that stands for `hidden_count` of one kind."""

    id: str
    kind: Literal["artifact", "run", "stack"]
    label: str
    type: str | None
    version: str | None
    state: str | None
    entity: str | None
    project: str | None
    name: str | None
    created_at_us: int | None
    aliases: list[str]
    hidden_count: int = 0


class LineageEdge(msgspec.Struct, frozen=True):
    """`used`: artifact to run; `logged`: run to artifact; `linked`: artifact to its link."""

    from_id: str = msgspec.field(name="from")
    to: str
    kind: Literal["used", "logged", "linked"]


class Lineage(msgspec.Struct, frozen=True):
    """The graph around a version. `truncated`: more than `limit` nodes are near."""

    root: str
    nodes: list[LineageNode]
    edges: list[LineageEdge]
    truncated: bool


# ---- writing


class NewArtifact(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A version that a client is about to log. Sent again with the same `client_id`: the same."""

    type: str
    collection: str
    digest: str
    client_id: str
    digest_algorithm: str = "MANIFEST_MD5"
    sequence_client_id: str | None = None
    run: str | None = None
    description: str | None = None
    metadata: dict[str, Any] | None = None
    aliases: list[str] = []
    tags: list[str] = []
    ttl_s: int | None = None
    history_step: int | None = None
    base: str | None = None
    """An id, or the word latest, or null."""
    kind: ManifestKind = "full"
    distributed_id: str | None = None
    finalize: bool = True
    """False: one part of a distributed artifact, which another writer will finish."""


class Draft(msgspec.Struct, frozen=True):
    """A version on its way. COMMITTED: its content was here already, nothing more to do."""

    id: str
    state: State
    version: str | None
    base_id: str | None
    latest_id: str | None


class ContentWanted(msgspec.Struct, frozen=True):
    """A file that the client has."""

    md5: str
    size_bytes: int


class ContentsWanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    files: list[ContentWanted]


class ContentAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the project has the file; else `url` takes it by PUT, or `part_urls` its parts.

    `part_urls` may be left to the state of the upload, where the answer would get too long.
    """

    md5: str
    is_here: bool
    url: str | None = None
    upload_id: str | None = None
    part_bytes: int | None = None
    part_urls: list[str] = []
    birth_id: str | None = None


class ContentAnswers(msgspec.Struct, frozen=True):
    """In the order that was asked in."""

    files: list[ContentAnswer]


class UploadedPart(msgspec.Struct, frozen=True):
    """`etag` is what the PUT of the part answered: its MD5 in hexadecimal."""

    number: int
    etag: str


class CompleteContent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All parts are there: make one content of them."""

    md5: str
    upload_id: str
    parts: list[UploadedPart]


class StoredContent(msgspec.Struct, frozen=True):
    md5: str
    size_bytes: int


class UploadState(msgspec.Struct, frozen=True):
    """The parts of an upload that are there already, and where to send the others."""

    md5: str
    size_bytes: int
    part_bytes: int
    parts: list[UploadedPart]
    part_urls: list[str]


class PackWanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Files of the version, by path."""

    paths: list[str]


class PackStored(msgspec.Struct, frozen=True):
    """How many files of the pack are stored now."""

    stored: int


class VersionPatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Changes to a version; what is left out or null stays."""

    description: str | None = None
    metadata: dict[str, Any] | None = None
    ttl_s: int | None = None
    """-1: as the collection has it; -2: it never expires."""
    tags_add: list[str] = []
    tags_remove: list[str] = []
    aliases_add: list[str] = []
    aliases_remove: list[str] = []
    note: str | None = None
    """Why, for the history of aliases."""


class CollectionPatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Changes to a collection; what is left out or null stays. `tags` replaces all tags."""

    name: str | None = None
    description: str | None = None
    type: str | None = None
    tags: list[str] | None = None


class VersionDeleted(msgspec.Struct, frozen=True):
    """In the trash; at `expires_at_us` it is gone and `freed_bytes` come free."""

    freed_bytes: int
    expires_at_us: int


class CollectionDeleted(msgspec.Struct, frozen=True):
    freed_bytes: int
    version_count: int


class RunPath(msgspec.Struct, frozen=True):
    entity: str
    project: str
    name: str


class NewUse(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A run reads the version, and may call it by a name of its own."""

    run: RunPath
    use_as: str | None = None


class NewLink(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`source`: an id, or "entity/project/name:v3"."""

    source: str
    aliases: list[str] = []
    type: str | None = None
    """Of the portfolio, when this link makes it; the type of the source otherwise."""


class NewLinkAnswer(msgspec.Struct, frozen=True):
    """The version in the portfolio."""

    version: str


class ClientMapping(msgspec.Struct, frozen=True):
    """What `wandb-client-artifact://CLIENT_ID` stands for; null: not logged here."""

    id: str | None
