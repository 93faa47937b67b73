"""Versions that the server itself makes, of contents that are in the blob store already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from sqlalchemy.engine import Connection

from steelyard.server.blobs.interface import BlobStore, StoredBlob
from steelyard.server.db.interface import Database
from steelyard.server.rooms.artifacts.commit import commit_artifact
from steelyard.server.rooms.artifacts.contents import record_contents
from steelyard.server.rooms.artifacts.drafts import (
    create_artifact,
    create_manifest,
    record_manifest,
)
from steelyard.server.rooms.artifacts.manifest import (
    ManifestDocument,
    ManifestEntry,
    digest_of,
    encode_manifest,
    merge_manifests,
)
from steelyard.server.rooms.artifacts.model import COMMITTED, Actor, Artifact, NewDraft
from steelyard.server.rooms.artifacts.names import format_md5
from steelyard.server.rooms.projects.model import Project

STORAGE_CONFIG = {"storageLayout": "V2"}


def store_version(
    db: Database,
    blobs: BlobStore,
    *,
    project: Project,
    draft: NewDraft,
    entries: Mapping[str, ManifestEntry],
    stored: Sequence[StoredBlob],
    actor: Actor,
    now_us: int,
) -> Artifact:
    """A version with these entries; the one of the same content, if there is one.

    `stored` are the contents that the entries name: just stored, or of a version that the caller
    may read (which the edge has checked). The digest of `draft` is computed here. Blocks; makes its
    own transactions. Raises Invalid for what no version may have, ContentsMissing.
    """
    layer = ManifestDocument(contents=dict(entries), storage_policy_config=STORAGE_CONFIG)
    manifest = merge_manifests(None, [layer])
    named = msgspec.structs.replace(draft, digest=digest_of(manifest))
    artifact = db.write_now(
        create_artifact, project=project, draft=named, actor=actor, now_us=now_us
    )
    if artifact.state == COMMITTED:
        return artifact
    writer = blobs.create_writer()
    try:
        for piece in encode_manifest(manifest):
            writer.write(piece)
        blob = writer.commit()
    finally:
        writer.abort()

    def record(conn: Connection) -> None:
        record_contents(conn, artifact.id, stored, now_us=now_us)
        announced = create_manifest(
            conn, artifact, kind="full", base_id=None, digest=format_md5(blob.md5), now_us=now_us
        )
        record_manifest(conn, announced.id, blob, now_us=now_us)

    db.write_now(record)
    return commit_artifact(db, blobs, artifact.id, actor=actor, now_us=now_us)
