"""From a draft to a version: its manifest is checked, its rows are written, it gets its number.

The long part (parsing, packing, looking up contents) happens outside of any transaction, and rows
are written a few at a time, so that others can write in between. Only the last step makes the
version visible. Everything here blocks: edges call it in a worker thread.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from steelyard.errors import Conflict, ContentsMissing, Invalid
from steelyard.limits import (
    CONTENTS_PER_WRITE,
    MANIFEST_PAGES_PER_DELETE,
    MANIFEST_PAGES_PER_WRITE,
    MANIFEST_PAGES_PER_WRITE_BYTES,
    MIB,
)
from steelyard.server.blobs.interface import BlobStore
from steelyard.server.db.dialect import insert
from steelyard.server.db.interface import Database
from steelyard.server.rooms.artifacts.collections import lock_collection, set_values
from steelyard.server.rooms.artifacts.contents import adopt_in_steps
from steelyard.server.rooms.artifacts.drafts import (
    add_output,
    choose_base,
    find_by_digest,
    lock_draft,
    parse_marks,
    take_marks,
)
from steelyard.server.rooms.artifacts.edits import add_aliases, add_tags
from steelyard.server.rooms.artifacts.files import contents_by_md5
from steelyard.server.rooms.artifacts.freed import born_bytes
from steelyard.server.rooms.artifacts.history import add_event
from steelyard.server.rooms.artifacts.model import (
    COMMITTED,
    DELETED,
    PENDING,
    Actor,
    Artifact,
    Manifest,
)
from steelyard.server.rooms.artifacts.names import LATEST
from steelyard.server.rooms.artifacts.packer import (
    INLINE_BYTES_MAX,
    Head,
    Message,
    PackJob,
    Row,
    Text,
    Wanted,
    pack,
    pack_apart,
)
from steelyard.server.rooms.artifacts.pages import PackedPage
from steelyard.server.rooms.artifacts.queries import (
    find_own_member,
    get_artifact,
    list_manifests,
)
from steelyard.server.rooms.artifacts.tables import (
    artifact_contents,
    artifact_manifest_pages,
    artifact_manifests,
    artifact_members,
    artifacts,
)

READ_BYTES = MIB
PATHS_NAMED = 3


class Plan(msgspec.Struct, frozen=True):
    """What a commit starts from."""

    artifact: Artifact
    layers: list[Manifest]
    base: Artifact | None


class Packed(msgspec.Struct):
    """What the packing found; the rows are written by then."""

    head: Head
    page_count: int
    manifest_sha256: bytes
    manifest_bytes: int
    is_dropped: bool = False
    """The rows are gone again: there is a version of the same content."""


def commit_artifact(
    db: Database, blobs: BlobStore, artifact_id: int, *, actor: Actor, now_us: int
) -> Artifact:
    """The version that the draft has become. Idempotent.

    When its collection has a version of the same content, that one is the answer, with the
    aliases and tags of the draft. Blocks; makes its own transactions.

    Raises ContentsMissing when files were not uploaded, Invalid for a bad manifest or digest,
    Conflict when the draft changed meanwhile or has no manifest, ArtifactNotFound when it is gone.
    """
    plan = db.read_now(_read_plan, artifact_id)
    if plan.artifact.state == COMMITTED:
        return plan.artifact
    packed = _pack_and_write(db, blobs, plan, now_us)
    born = db.read_now(born_bytes, plan.artifact)  # too long for a write
    if db.read_now(find_by_digest, plan.artifact.collection_id, packed.head.digest) is not None:
        # Its rows will not be needed. While it is a draft: then they are found if we are killed.
        while db.write_now(_drop_some_pages, plan):
            pass
        packed.is_dropped = True
    made = db.write_now(_finish, plan, packed, born, actor=actor, now_us=now_us)
    if made.id != plan.artifact.id:
        while db.write_now(_hand_over_some, plan.artifact, made.id):
            pass
    return made


def _read_plan(conn: Connection, artifact_id: int) -> Plan:
    artifact = get_artifact(conn, artifact_id)
    if artifact.state == COMMITTED:
        return Plan(artifact, [], None)
    if artifact.state != PENDING:
        raise Conflict(f"{artifact.path} was given up or deleted; log it again")
    layers = _uploaded(conn, artifact)
    base = None
    if layers[0].kind != "full":
        base_id = choose_base(artifact, layers)
        base = None if base_id is None else get_artifact(conn, base_id)
        if base is not None and base.manifest_sha256 is None:
            raise Conflict(
                f"{base.path}, which the new version was to build on, is not there any more; "
                "log the artifact with all its files"
            )
    return Plan(artifact, layers, base)


def _uploaded(conn: Connection, artifact: Artifact) -> list[Manifest]:
    """Manifests of the draft in the order in which they count. Raises Conflict without any."""
    manifests = [m for m in list_manifests(conn, artifact.id) if m.sha256 is not None]
    if not manifests:
        raise Conflict(f"the manifest of {artifact.path} was not uploaded; upload it, then commit")
    full = [m for m in manifests if m.kind == "full"]
    return full[-1:] or manifests


# ---- packing


def _pack_and_write(db: Database, blobs: BlobStore, plan: Plan, now_us: int) -> Packed:
    is_merged = plan.layers[0].kind != "full"
    job = PackJob(
        has_base=plan.base is not None,
        is_base_trusted=plan.base is not None
        and plan.base.collection_id == plan.artifact.collection_id,
        digest=None if is_merged or not plan.artifact.digest else plan.artifact.digest,
        wants_json=is_merged,
    )
    head: Head | None = None
    pages: list[PackedPage] = []
    page_count = waiting_bytes = 0
    only = plan.layers[0]
    writer = blobs.create_writer() if is_merged else None
    try:
        for message in _messages(blobs, plan, job):
            if isinstance(message, Head):
                head = message
            elif isinstance(message, Wanted):
                _require_contents(db, plan.artifact, message, now_us)
            elif isinstance(message, Row):
                pages.append(message.page)
                page_count += 1
                waiting_bytes += len(message.page.data) + len(message.page.digests)
                if (
                    len(pages) >= MANIFEST_PAGES_PER_WRITE
                    or waiting_bytes >= MANIFEST_PAGES_PER_WRITE_BYTES
                ):
                    db.write_now(_write_pages, plan, pages)
                    pages, waiting_bytes = [], 0
            elif isinstance(message, Text) and writer is not None:
                writer.write(message.data)
        if pages:
            db.write_now(_write_pages, plan, pages)
        assert head is not None
        assert only.sha256 is not None and only.size_bytes is not None
        if writer is None:
            return Packed(head, page_count, only.sha256, only.size_bytes)
        stored = writer.commit()
        return Packed(head, page_count, stored.sha256, stored.size_bytes)
    finally:
        if writer is not None:
            writer.abort()


def _messages(blobs: BlobStore, plan: Plan, job: PackJob) -> Iterator[Message]:
    """Short manifests are packed here, long ones in a process of their own."""
    sources = [(layer.sha256, layer.size_bytes) for layer in plan.layers]
    if plan.base is not None:
        sources.insert(0, (plan.base.manifest_sha256, plan.base.manifest_bytes))
    known = [(sha256, size or 0) for sha256, size in sources if sha256 is not None]
    if sum(size for _, size in known) <= INLINE_BYTES_MAX:
        return pack(job, [b"".join(_read(blobs, sha256, size)) for sha256, size in known])
    return pack_apart(job, [(size, _read(blobs, sha256, size)) for sha256, size in known])


def _read(blobs: BlobStore, sha256: bytes, size_bytes: int) -> Iterator[bytes]:
    reader = blobs.open_range(sha256, first=0, size_bytes=size_bytes)
    try:
        while part := reader.read(READ_BYTES):
            yield part
    finally:
        reader.close()


def _require_contents(db: Database, artifact: Artifact, wanted: Wanted, now_us: int) -> None:
    """Raises ContentsMissing, or Invalid for a size that is not the content's."""
    found = db.read_now(contents_by_md5, artifact.collection_id, wanted.md5s)
    missing = [md5 for md5 in dict.fromkeys(wanted.md5s) if md5 not in found]
    if missing:  # another collection of the project may have them
        found |= adopt_in_steps(db, artifact, missing, now_us)
    absent: list[str] = []
    for md5, size, path in zip(wanted.md5s, wanted.sizes, wanted.paths, strict=True):
        content = found.get(md5)
        if content is None:
            absent.append(path)
        elif content.size_bytes != size:
            raise Invalid(
                f"{path!r} in the manifest has {size:,} bytes, its content has "
                f"{content.size_bytes:,}; log the artifact again"
            )
    if absent:
        raise ContentsMissing(absent[:PATHS_NAMED], len(absent))


def _write_pages(conn: Connection, plan: Plan, pages: Sequence[PackedPage]) -> None:
    """Rows of the draft; those of an earlier try are replaced."""
    _require_unchanged(conn, plan)
    rows = [
        {
            "artifact_id": plan.artifact.id,
            "page": page.page,
            "first_path": page.first_path,
            "entry_count": page.entry_count,
            "entries_before": page.entries_before,
            "bytes_before": page.bytes_before,
            "digests": page.digests,
            "data": page.data,
        }
        for page in pages
    ]
    put = insert(conn, artifact_manifest_pages)
    key = ["artifact_id", "page"]
    content = {name: put.excluded[name] for name in rows[0] if name not in key}
    conn.execute(put.on_conflict_do_update(index_elements=key, set_=content), rows)


def _require_unchanged(conn: Connection, plan: Plan) -> Artifact:
    """The draft, held. Raises Conflict when it is not what was packed."""
    artifact = lock_draft(conn, plan.artifact.id)
    if [m.sha256 for m in _uploaded(conn, artifact)] != [m.sha256 for m in plan.layers]:
        raise Conflict(f"the manifest of {artifact.path} changed during its commit; commit again")
    return artifact


# ---- the last step


def _finish(
    conn: Connection, plan: Plan, packed: Packed, born: int, *, actor: Actor, now_us: int
) -> Artifact:
    before = get_artifact(conn, plan.artifact.id)
    if before.state == COMMITTED:  # a second commit of the same draft was faster
        return before
    collection = lock_collection(conn, plan.artifact.collection_id)
    artifact = _require_unchanged(conn, plan)
    actor = Actor(actor.user_id, artifact.created_by_run_id or actor.run_id)
    marks = parse_marks(artifact)
    digest = packed.head.digest
    same = find_by_digest(conn, collection.id, digest)
    if same is not None:
        take_marks(conn, same, marks, run_id=artifact.created_by_run_id, actor=actor, now_us=now_us)
        _give_up(conn, artifact, same, now_us)
        return get_artifact(conn, same.id)
    if packed.is_dropped:
        raise Conflict(
            f"the version of the same content as {artifact.path} was deleted during the commit; "
            "commit again"
        )
    pages = artifact_manifest_pages
    beyond = sa.and_(pages.c.artifact_id == artifact.id, pages.c.page >= packed.page_count)
    conn.execute(sa.delete(pages).where(beyond))
    index = collection.next_index
    set_values(
        conn,
        collection.id,
        {
            "next_index": index + 1,
            "version_count": collection.version_count + 1,
            "content_bytes": collection.content_bytes + born,
            "updated_at_us": now_us,
        },
    )
    conn.execute(
        sa.update(artifacts)
        .where(artifacts.c.id == artifact.id)
        .values(
            state=COMMITTED,
            version_index=index,
            digest=digest,
            size_bytes=packed.head.size_bytes,
            file_count=packed.head.file_count,
            page_count=packed.page_count,
            manifest_sha256=packed.manifest_sha256,
            manifest_bytes=packed.manifest_bytes,
            base_id=artifact.base_id if plan.base is None else plan.base.id,
            committed_at_us=now_us,
            updated_at_us=now_us,
            draft=None,
        )
    )
    conn.execute(
        insert(conn, artifact_members).values(
            collection_id=collection.id,
            version_index=index,
            artifact_id=artifact.id,
            is_link=False,
            created_at_us=now_us,
            created_by_user_id=actor.user_id,
        )
    )
    add_event(
        conn,
        "version_logged",
        collection_id=collection.id,
        artifact_id=artifact.id,
        actor=actor,
        now_us=now_us,
        version_index=index,
    )
    member = find_own_member(conn, artifact.id)
    assert member is not None
    add_aliases(conn, member, [LATEST, *marks.aliases], actor=actor, now_us=now_us)
    add_tags(conn, artifact.id, marks.tags)
    add_output(conn, artifact.id, artifact.created_by_run_id, now_us)
    return get_artifact(conn, artifact.id)


def _give_up(conn: Connection, artifact: Artifact, same: Artifact, now_us: int) -> None:
    """The draft has become a version that was there already; whoever knows its id finds that."""
    pages = artifact_manifest_pages
    conn.execute(sa.delete(pages).where(pages.c.artifact_id == artifact.id))
    manifests = artifact_manifests
    conn.execute(sa.delete(manifests).where(manifests.c.artifact_id == artifact.id))
    conn.execute(
        sa.update(artifacts)
        .where(artifacts.c.id == artifact.id)
        .values(state=DELETED, same_as_id=same.id, updated_at_us=now_us, draft=None)
    )


def _drop_some_pages(conn: Connection, plan: Plan) -> int:
    """Delete some rows of the draft; how many. None where another commit of it was faster."""
    artifact = get_artifact(conn, plan.artifact.id)
    if artifact.id != plan.artifact.id or artifact.state != PENDING:
        return 0
    pages = artifact_manifest_pages.c
    some = sa.select(pages.page).where(pages.artifact_id == artifact.id)
    numbers = list(conn.execute(some.limit(MANIFEST_PAGES_PER_DELETE)).scalars())
    of_some = sa.and_(pages.artifact_id == artifact.id, pages.page.in_(numbers))
    return conn.execute(sa.delete(artifact_manifest_pages).where(of_some)).rowcount


def _hand_over_some(conn: Connection, artifact: Artifact, same_id: int) -> int:
    """Let contents that came with a draft be those of the version it turned out to be; how many."""
    columns = artifact_contents.c
    of_draft = sa.and_(
        columns.collection_id == artifact.collection_id, columns.birth_artifact_id == artifact.id
    )
    some = sa.select(columns.md5).where(of_draft).limit(CONTENTS_PER_WRITE)
    md5s = list(conn.execute(some).scalars())
    of_some = sa.and_(of_draft, columns.md5.in_(md5s))
    changed = sa.update(artifact_contents).where(of_some).values(birth_artifact_id=same_id)
    return conn.execute(changed).rowcount if md5s else 0
