"""A filtered table as a new version of a dataset: its rows, and the media files that they name."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
from sqlalchemy.engine import Connection

from steelyard.errors import Invalid
from steelyard.limits import MIB, TABLE_SAVED_FILES_MAX
from steelyard.server.blobs.interface import BlobStore, StoredBlob
from steelyard.server.db.interface import Database
from steelyard.server.db.locks import hold_contents
from steelyard.server.rooms.accounts.model import Caller
from steelyard.server.rooms.artifacts.commit import commit_artifact
from steelyard.server.rooms.artifacts.contents import record_contents
from steelyard.server.rooms.artifacts.drafts import (
    create_artifact,
    create_manifest,
    record_manifest,
)
from steelyard.server.rooms.artifacts.manifest import (
    DIGEST_HEADER,
    ManifestDocument,
    ManifestEntry,
)
from steelyard.server.rooms.artifacts.model import Actor, Artifact, NewDraft
from steelyard.server.rooms.artifacts.names import format_md5
from steelyard.server.rooms.artifacts.pages import Entry
from steelyard.server.rooms.projects.policy import get_writable_project
from steelyard.server.rooms.runs.json_text import dump_json
from steelyard.server.rooms.tables.mentioned import find_mentioned
from steelyard.server.rooms.tables.sources import Blob
from steelyard.server.rooms.tables.table_engine import ExportQuestion, OpenTable, TableEngine


class Target(msgspec.Struct, frozen=True):
    """Where the new version goes; `name` is the file in it, without its ending."""

    entity: str
    project: str
    collection: str
    type: str
    name: str
    description: str | None
    aliases: list[str]


class SavedTable(msgspec.Struct, frozen=True):
    """The version, and how many rows and media files it has."""

    artifact: Artifact
    row_count: int
    file_count: int


def save_table(
    engine: TableEngine,
    db: Database,
    blobs: BlobStore,
    caller: Caller,
    *,
    question: ExportQuestion,
    target: Target,
    now_us: Callable[[], int],
) -> SavedTable:
    """Write the rows that pass into a version of `target`, which is made when absent.

    The same rows saved again are the version that is there. Raises the errors of both policies,
    Invalid for too many rows or files. Blocks.
    """
    path = f"{target.name}.table.json"
    # Asked first, so that nothing is written for somebody who may not.
    db.read_now(_check_writable, caller, target)
    with engine.exported(caller, question) as (file, written, table):
        if len(written.media) > TABLE_SAVED_FILES_MAX:
            raise Invalid(
                f"the rows name {len(written.media):,} files; at most {TABLE_SAVED_FILES_MAX:,} "
                "are saved with a table (TABLE_SAVED_FILES_MAX); filter more"
            )
        stored = _store(blobs, file)
    media = db.read_now(find_mentioned, caller, table.origin, written.media)
    entries = {name: _refer(entry) for name, entry in media.references.items()}
    entries |= {name: _hold(_stored(blob)) for name, blob in media.blobs.items()}
    entries[path] = _hold(stored)
    manifest = ManifestDocument(
        dict(sorted(entries.items())), storage_policy_config={"storageLayout": "V2"}
    )
    uploaded = _store_bytes(blobs, msgspec.json.encode(manifest))
    draft = NewDraft(
        type=target.type,
        collection=target.collection,
        digest=_digest(manifest),
        client_id=secrets.token_hex(16),
        description=target.description,
        metadata=dump_json({"source": str(question.ref), "rows": written.row_count}),
        aliases=target.aliases,
    )

    def write(conn: Connection) -> Artifact:
        return _create(
            conn, caller, target, draft, table, list(media.blobs), stored, uploaded, now_us()
        )

    artifact = db.write_now(write)
    if not artifact.is_committed:
        artifact = commit_artifact(
            db, blobs, artifact.id, actor=Actor(caller.user_id), now_us=now_us()
        )
    return SavedTable(artifact, written.row_count, len(entries))


def _check_writable(conn: Connection, caller: Caller, target: Target) -> None:
    get_writable_project(conn, caller, target.entity, target.project)


def _create(
    conn: Connection,
    caller: Caller,
    target: Target,
    draft: NewDraft,
    table: OpenTable,
    media: Sequence[str],
    stored: StoredBlob,
    manifest: StoredBlob,
    now_us: int,
) -> Artifact:
    project = get_writable_project(conn, caller, target.entity, target.project)
    actor = Actor(caller.user_id)
    artifact = create_artifact(conn, project=project, draft=draft, actor=actor, now_us=now_us)
    if artifact.is_committed:
        return artifact
    # Found again in this transaction: a content whose last owner went in between is not counted on.
    there = find_mentioned(conn, caller, table.origin, media).blobs
    held = hold_contents(conn, [blob.sha256 for blob in there.values()])
    if held is not None:
        again = find_mentioned(conn, caller, table.origin, media).blobs
        there = {path: blob for path, blob in again.items() if blob.sha256 in held}
    blobs = [stored, *(_stored(blob) for blob in there.values())]
    record_contents(conn, artifact.id, blobs, now_us=now_us)
    digest = base64.b64encode(manifest.md5).decode()
    made = create_manifest(conn, artifact, kind="full", base_id=None, digest=digest, now_us=now_us)
    record_manifest(conn, made.id, manifest, now_us=now_us)
    return artifact


def _digest(manifest: ManifestDocument) -> str:
    """wandb 0.31.0 artifact_manifest_v1.py: MD5 of "path:digest" lines in order of path."""
    digest = hashlib.md5(DIGEST_HEADER, usedforsecurity=False)
    for path, entry in sorted(manifest.contents.items()):
        digest.update(f"{path}:{entry.digest}\n".encode())
    return digest.hexdigest()


def _hold(blob: StoredBlob) -> ManifestEntry:
    return ManifestEntry(digest=format_md5(blob.md5), size=blob.size_bytes)


def _refer(entry: Entry) -> ManifestEntry:
    """A file outside of this server stays where it is."""
    digest, size = entry.checked_digest, entry.size_bytes
    return ManifestEntry(digest=digest, size=size, ref=entry.ref, extra=entry.extra)


def _stored(blob: Blob) -> StoredBlob:
    return StoredBlob(sha256=blob.sha256, md5=blob.md5, size_bytes=blob.size_bytes)


def _store(blobs: BlobStore, path: Path) -> StoredBlob:
    writer = blobs.create_writer()
    try:
        with path.open("rb") as file:
            while part := file.read(MIB):
                writer.write(part)
        return writer.commit()
    except BaseException:
        writer.abort()
        raise


def _store_bytes(blobs: BlobStore, content: bytes) -> StoredBlob:
    writer = blobs.create_writer()
    try:
        writer.write(content)
        return writer.commit()
    except BaseException:
        writer.abort()
        raise
