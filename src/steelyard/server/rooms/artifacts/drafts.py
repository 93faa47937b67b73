"""Versions on their way: made before their contents arrive, finished by a commit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from steelyard.errors import ArtifactNotFound, Conflict, Invalid, TooLarge
from steelyard.limits import (
    ALIASES_PER_CALL_MAX,
    ARTIFACT_CLIENT_ID_CHARS_MAX,
    MANIFESTS_PER_ARTIFACT_MAX,
)
from steelyard.server.blobs.interface import StoredBlob
from steelyard.server.db.dialect import insert
from steelyard.server.rooms.artifacts.collections import (
    check_description,
    check_tag_count,
    ensure_collection,
)
from steelyard.server.rooms.artifacts.edits import (
    add_aliases,
    add_tags,
    check_metadata,
    check_ttl,
    expiry,
)
from steelyard.server.rooms.artifacts.model import (
    COMMITTED,
    DELETED,
    MD5_ALGORITHM,
    PENDING,
    Actor,
    Artifact,
    Collection,
    Manifest,
    ManifestKind,
    NewDraft,
)
from steelyard.server.rooms.artifacts.names import check_alias, check_tag, parse_md5
from steelyard.server.rooms.artifacts.queries import (
    find_manifest,
    find_own_member,
    get_artifact,
    list_manifests,
)
from steelyard.server.rooms.artifacts.tables import (
    artifact_manifests,
    artifact_outputs,
    artifacts,
)
from steelyard.server.rooms.projects.model import Project


class DraftMarks(msgspec.Struct, frozen=True):
    """What a draft is to be called once it is a version, and the kind of its manifest."""

    aliases: list[str] = []
    tags: list[str] = []
    kind: ManifestKind = "full"


def create_artifact(
    conn: Connection, *, project: Project, draft: NewDraft, actor: Actor, now_us: int
) -> Artifact:
    """A draft, or the version that is there already when it has that digest (COMMITTED).

    Idempotent by the client's id. The aliases and tags of the draft are then the version's. Type
    and collection are made when absent. Raises Invalid for what no version may have, and when the
    collection has another type.
    """
    _check(draft)
    collection = ensure_collection(
        conn,
        project=project,
        name=draft.collection,
        kind="sequence",
        type=draft.type,
        actor=actor,
        now_us=now_us,
    )
    found = _find_same_call(conn, collection, draft)
    if found is None and draft.is_deduplicated and draft.distributed_id is None and draft.digest:
        found = find_by_digest(conn, collection.id, draft.digest)
        if found is not None:
            take_marks(
                conn,
                found,
                DraftMarks(draft.aliases, draft.tags),
                run_id=draft.run_id,
                actor=actor,
                now_us=now_us,
            )
    if found is not None:
        return get_artifact(conn, found.id)
    artifact_id = conn.execute(
        insert(conn, artifacts)
        .values(_values_of(collection, draft, actor, now_us))
        .returning(artifacts.c.id)
    ).scalar_one()
    return get_artifact(conn, artifact_id)


def find_by_digest(conn: Connection, collection_id: int, digest: str) -> Artifact | None:
    """The newest version of a collection with that digest, or None."""
    found = conn.execute(
        sa.select(artifacts.c.id)
        .where(
            artifacts.c.collection_id == collection_id,
            artifacts.c.digest == digest,
            artifacts.c.state == COMMITTED,
        )
        .order_by(artifacts.c.version_index.desc())
        .limit(1)
    ).scalar()
    return None if found is None else get_artifact(conn, found)


def take_marks(
    conn: Connection,
    artifact: Artifact,
    marks: DraftMarks,
    *,
    run_id: int | None,
    actor: Actor,
    now_us: int,
) -> None:
    """Give a version the aliases and tags of a draft, and note the run that logged it."""
    member = find_own_member(conn, artifact.id)
    assert member is not None  # it is committed
    add_aliases(conn, member, marks.aliases, actor=actor, now_us=now_us)
    add_tags(conn, artifact.id, marks.tags)
    add_output(conn, artifact.id, run_id, now_us)


def add_output(conn: Connection, artifact_id: int, run_id: int | None, now_us: int) -> None:
    """Note that a run logged the version."""
    if run_id is None:
        return
    conn.execute(
        insert(conn, artifact_outputs)
        .values(artifact_id=artifact_id, run_id=run_id, created_at_us=now_us)
        .on_conflict_do_nothing(index_elements=["artifact_id", "run_id"])
    )


def lock_draft(conn: Connection, artifact_id: int) -> Artifact:
    """The draft, held for this transaction.

    Raises Conflict when it is no draft any more, ArtifactNotFound when there is none.
    """
    where = artifacts.c.id == artifact_id
    conn.execute(sa.select(artifacts.c.id).where(where).with_for_update())
    artifact = get_artifact(conn, artifact_id)
    if artifact.id != artifact_id or artifact.state == COMMITTED:
        raise Conflict(f"{artifact.path} is committed; log a new version instead")
    if artifact.state != PENDING:
        raise ArtifactNotFound(f"{artifact.path}: it was given up or deleted; log it again")
    return artifact


def touch_draft(conn: Connection, artifact_id: int, now_us: int) -> None:
    """Note that somebody works on the draft: abandoned ones are dropped."""
    where = sa.and_(artifacts.c.id == artifact_id, artifacts.c.state == PENDING)
    conn.execute(sa.update(artifacts).where(where).values(updated_at_us=now_us))


# ---- manifests


def create_manifest(
    conn: Connection,
    artifact: Artifact,
    *,
    kind: ManifestKind,
    base_id: int | None,
    digest: str,
    now_us: int,
) -> Manifest:
    """Announce a manifest of a draft. A draft has one, or several of kind `patch`.

    Announced again without being uploaded in between, it is the same. `digest` is its base64 MD5,
    or empty while it is unknown. Raises Conflict when the draft is committed.
    """
    artifact = lock_draft(conn, artifact.id)
    if digest:
        parse_md5(digest)
    known = list_manifests(conn, artifact.id)
    open_one = next((m for m in reversed(known) if m.kind == kind and m.sha256 is None), None)
    if kind != "patch" and open_one is None:
        open_one = next((m for m in known if m.kind == kind), None)
    if kind == "patch":  # each writer of a distributed artifact has its own
        open_one = next((m for m in known if digest and m.digest == digest), None)
    if open_one is not None:
        values: dict[str, Any] = {"digest": digest or open_one.digest, "base_id": base_id}
        if open_one.sha256 is not None and digest and digest != open_one.digest:
            values |= {"sha256": None, "size_bytes": None}
        where = artifact_manifests.c.id == open_one.id
        conn.execute(sa.update(artifact_manifests).where(where).values(values))
        _hold_base(conn, artifact)
        return _get_manifest(conn, open_one.id)
    if len(known) >= MANIFESTS_PER_ARTIFACT_MAX:
        raise TooLarge(
            "the list of manifests of the artifact",
            size=len(known) + 1,
            limit=MANIFESTS_PER_ARTIFACT_MAX,
            limit_name="MANIFESTS_PER_ARTIFACT_MAX",
        )
    made = (
        insert(conn, artifact_manifests)
        .values(
            artifact_id=artifact.id, kind=kind, base_id=base_id, digest=digest, created_at_us=now_us
        )
        .returning(artifact_manifests.c.id)
    )
    touch_draft(conn, artifact.id, now_us)
    manifest_id = conn.execute(made).scalar_one()
    _hold_base(conn, artifact)
    return _get_manifest(conn, manifest_id)


def choose_base(artifact: Artifact, manifests: Sequence[Manifest]) -> int | None:
    """The version that the draft builds on: the first that its manifests name, or its own.

    wandb 0.31.0: the base of a patch may be the artifact itself, which then has none.
    """
    named = [m.base_id for m in manifests if m.base_id not in (None, artifact.id)]
    return named[0] if named else artifact.base_id


def _hold_base(conn: Connection, artifact: Artifact) -> None:
    """Note at the draft what its manifests build on: that is not purged while the draft lives."""
    layers = [m for m in list_manifests(conn, artifact.id) if m.kind != "full"]
    base_id = choose_base(artifact, layers)
    if base_id != artifact.base_id:
        where = artifacts.c.id == artifact.id
        conn.execute(sa.update(artifacts).where(where).values(base_id=base_id))


def announce_manifest(conn: Connection, manifest_id: int, *, digest: str, now_us: int) -> Manifest:
    """Say which MD5 (base64) the manifest will have. Raises Conflict when it is committed."""
    manifest = _get_manifest(conn, manifest_id)
    lock_draft(conn, manifest.artifact_id)
    parse_md5(digest)
    if digest != manifest.digest:
        where = artifact_manifests.c.id == manifest_id
        values = {"digest": digest, "sha256": None, "size_bytes": None}
        conn.execute(sa.update(artifact_manifests).where(where).values(values))
    touch_draft(conn, manifest.artifact_id, now_us)
    return _get_manifest(conn, manifest_id)


def record_manifest(conn: Connection, manifest_id: int, blob: StoredBlob, *, now_us: int) -> None:
    """Note that a manifest was uploaded. The same one again changes nothing, also after commit.

    Raises ArtifactNotFound when the draft is gone, Conflict for another one after the commit.
    """
    manifest = _get_manifest(conn, manifest_id)
    if manifest.sha256 == blob.sha256:
        return
    lock_draft(conn, manifest.artifact_id)
    where = artifact_manifests.c.id == manifest_id
    values = {"sha256": blob.sha256, "size_bytes": blob.size_bytes}
    conn.execute(sa.update(artifact_manifests).where(where).values(values))
    touch_draft(conn, manifest.artifact_id, now_us)


def _get_manifest(conn: Connection, manifest_id: int) -> Manifest:
    manifest = find_manifest(conn, manifest_id)
    if manifest is None:
        raise ArtifactNotFound(f"whose manifest has the number {manifest_id}")
    return manifest


# ---- parts of create_artifact


def _check(draft: NewDraft) -> None:
    if draft.digest_algorithm != MD5_ALGORITHM:
        raise Invalid(
            f"this server names contents by {MD5_ALGORITHM}, not {draft.digest_algorithm!r}"
        )
    for text in (draft.client_id, draft.sequence_client_id, draft.distributed_id, draft.digest):
        if text is not None and len(text) > ARTIFACT_CLIENT_ID_CHARS_MAX:
            raise TooLarge(
                f"the id {text[:20]!r}…",
                size=len(text),
                limit=ARTIFACT_CLIENT_ID_CHARS_MAX,
                limit_name="ARTIFACT_CLIENT_ID_CHARS_MAX",
            )
    for alias in draft.aliases:
        check_alias(alias)
    if len(draft.aliases) > ALIASES_PER_CALL_MAX:
        raise TooLarge(
            "the list of aliases",
            size=len(draft.aliases),
            limit=ALIASES_PER_CALL_MAX,
            limit_name="ALIASES_PER_CALL_MAX",
        )
    for tag in draft.tags:
        check_tag(tag)
    check_tag_count(len(draft.tags))


def _find_same_call(conn: Connection, collection: Collection, draft: NewDraft) -> Artifact | None:
    """What an earlier try of the same call made, or another writer of the distributed artifact."""
    if draft.client_id is not None:
        of_client = sa.and_(
            artifacts.c.client_id == draft.client_id,
            artifacts.c.project_id == collection.project_id,
        )
        found = conn.execute(sa.select(artifacts.c.id).where(of_client)).scalar()
        if found is not None:
            artifact = get_artifact(conn, found)
            if artifact.state in (PENDING, COMMITTED):
                return artifact
            # In the trash: what is logged now is a new version.
            forget = sa.update(artifacts).where(artifacts.c.id == found).values(client_id=None)
            conn.execute(forget)
    if draft.distributed_id is not None:
        found = conn.execute(
            sa.select(artifacts.c.id)
            .where(
                artifacts.c.collection_id == collection.id,
                artifacts.c.distributed_id == draft.distributed_id,
                artifacts.c.state != DELETED,
            )
            .order_by(artifacts.c.id.desc())
            .limit(1)
        ).scalar()
        if found is not None:
            artifact = get_artifact(conn, found)
            if artifact.state == PENDING:
                _add_marks(conn, artifact, DraftMarks(draft.aliases, draft.tags))
                return get_artifact(conn, found)
    return None


def _add_marks(conn: Connection, artifact: Artifact, marks: DraftMarks) -> None:
    before = parse_marks(artifact)
    merged = DraftMarks(
        list(dict.fromkeys(before.aliases + marks.aliases)),
        list(dict.fromkeys(before.tags + marks.tags)),
        before.kind,
    )
    if merged != before:
        text = msgspec.json.encode(merged).decode()
        where = artifacts.c.id == artifact.id
        conn.execute(sa.update(artifacts).where(where).values(draft=text))


def parse_marks(artifact: Artifact) -> DraftMarks:
    """What the draft is to be called."""
    return msgspec.json.decode(artifact.draft or "{}", type=DraftMarks)


def _values_of(
    collection: Collection, draft: NewDraft, actor: Actor, now_us: int
) -> dict[str, Any]:
    ttl_s = check_ttl(draft.ttl_s)
    marks = DraftMarks(draft.aliases, draft.tags, draft.manifest_kind)
    return {
        "project_id": collection.project_id,
        "collection_id": collection.id,
        "state": PENDING,
        "digest": draft.digest,
        "digest_algorithm": draft.digest_algorithm,
        "description": None if draft.description is None else check_description(draft.description),
        "metadata": check_metadata(draft.metadata),
        "ttl_s": ttl_s,
        "expires_at_us": expiry(ttl_s, now_us),
        "history_step": draft.history_step,
        "created_at_us": now_us,
        "updated_at_us": now_us,
        "created_by_run_id": draft.run_id,
        "created_by_user_id": actor.user_id,
        "client_id": draft.client_id,
        "sequence_client_id": draft.sequence_client_id,
        "distributed_id": draft.distributed_id,
        "base_id": draft.base_id,
        "draft": msgspec.json.encode(marks).decode(),
    }
