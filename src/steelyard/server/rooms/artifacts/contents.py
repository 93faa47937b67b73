"""Contents of collections: what is here, what arrived, what arrives in parts.

Whether content is here is answered for the project only: equal bytes of others stay a secret,
though the blob store keeps one copy of them.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from steelyard.errors import UploadMissing
from steelyard.limits import CONTENTS_PER_WRITE
from steelyard.server.blobs.interface import StoredBlob
from steelyard.server.db.dialect import insert
from steelyard.server.db.interface import Database
from steelyard.server.db.locks import hold_contents
from steelyard.server.rooms.artifacts.drafts import touch_draft
from steelyard.server.rooms.artifacts.files import contents_by_md5
from steelyard.server.rooms.artifacts.model import Artifact, Content, Upload
from steelyard.server.rooms.artifacts.queries import get_artifact, in_steps
from steelyard.server.rooms.artifacts.tables import artifact_contents, artifact_uploads


def ask_contents(
    conn: Connection, artifact: Artifact, md5s: Sequence[bytes], *, now_us: int
) -> dict[bytes, Content]:
    """Those of the contents that the project has, ready to be named by the draft's manifest.

    A write: contents of other collections become the draft's collection's too, and those it has
    are kept from the sweep for as long as the draft may live.
    """
    found = contents_by_md5(conn, artifact.collection_id, md5s)
    others = adopt_contents(conn, artifact, [md5 for md5 in md5s if md5 not in found], now_us)
    for some in in_steps(list(found)):
        conn.execute(
            sa.update(artifact_contents)
            .where(artifact_contents.c.collection_id == artifact.collection_id)
            .where(artifact_contents.c.md5.in_(some))
            .values(touched_at_us=now_us)
        )
    touch_draft(conn, artifact.id, now_us)
    return found | others


def adopt_contents(
    conn: Connection, artifact: Artifact, md5s: Sequence[bytes], now_us: int
) -> dict[bytes, Content]:
    """Contents that other collections of the project have, now the draft's collection's too."""
    adopted: dict[bytes, Content] = {}
    for some in in_steps(md5s):
        found = _find_elsewhere(conn, artifact, some)
        held = hold_contents(conn, [content.sha256 for content in found.values()])
        if held is not None and found:
            again = _find_elsewhere(conn, artifact, list(found))
            found = {md5: content for md5, content in again.items() if content.sha256 in held}
        adopted |= found
    _insert(conn, artifact, list(adopted.values()), now_us)
    return adopted


def _find_elsewhere(
    conn: Connection, artifact: Artifact, md5s: Sequence[bytes]
) -> dict[bytes, Content]:
    columns = artifact_contents.c
    found: dict[bytes, Content] = {}
    rows = conn.execute(
        sa.select(columns.md5, columns.sha256, columns.size_bytes)
        .where(columns.project_id == artifact.project_id, columns.md5.in_(md5s))
        .where(columns.collection_id != artifact.collection_id)
    )
    for row in rows:
        found.setdefault(
            bytes(row.md5),
            Content(
                collection_id=artifact.collection_id,
                md5=bytes(row.md5),
                sha256=bytes(row.sha256),
                size_bytes=row.size_bytes,
                birth_artifact_id=artifact.id,
            ),
        )
    return found


def record_contents(
    conn: Connection, artifact_id: int, blobs: Sequence[StoredBlob], *, now_us: int
) -> Artifact:
    """Note contents that were uploaded for a draft. Idempotent, also after its commit.

    Raises ArtifactNotFound when the artifact is gone.
    """
    artifact = get_artifact(conn, artifact_id)
    made = [
        Content(
            collection_id=artifact.collection_id,
            md5=blob.md5,
            sha256=blob.sha256,
            size_bytes=blob.size_bytes,
            birth_artifact_id=artifact.id,
        )
        for blob in blobs
    ]
    _insert(conn, artifact, made, now_us)
    touch_draft(conn, artifact.id, now_us)
    return artifact


def record_in_steps(
    db: Database, artifact_id: int, blobs: Sequence[StoredBlob], *, now_us: int
) -> None:
    """The same for many, so that others can write in between. Blocks."""
    for first in range(0, len(blobs), CONTENTS_PER_WRITE):
        some = blobs[first : first + CONTENTS_PER_WRITE]
        db.write_now(record_contents, artifact_id, some, now_us=now_us)


def adopt_in_steps(
    db: Database, artifact: Artifact, md5s: Sequence[bytes], now_us: int
) -> dict[bytes, Content]:
    """`adopt_contents` for many, so that others can write in between. Blocks."""
    adopted: dict[bytes, Content] = {}
    for some in in_steps(md5s, CONTENTS_PER_WRITE):
        adopted |= db.write_now(adopt_contents, artifact, some, now_us)
    return adopted


def record_content(conn: Connection, artifact_id: int, blob: StoredBlob, *, now_us: int) -> None:
    """The same for one content."""
    record_contents(conn, artifact_id, [blob], now_us=now_us)


def _insert(conn: Connection, artifact: Artifact, contents: Sequence[Content], now_us: int) -> None:
    """Content that the collection has stays as it is, but for the time it was last counted on."""
    rows = [
        {
            "collection_id": artifact.collection_id,
            "md5": content.md5,
            "project_id": artifact.project_id,
            "sha256": content.sha256,
            "size_bytes": content.size_bytes,
            "birth_artifact_id": content.birth_artifact_id,
            "touched_at_us": now_us,
        }
        for content in {content.md5: content for content in contents}.values()
    ]
    if rows:  # row by row: a statement with all of them takes ten times as long to put together
        put = insert(conn, artifact_contents)
        conn.execute(
            put.on_conflict_do_update(
                index_elements=["collection_id", "md5"],
                set_={"touched_at_us": put.excluded.touched_at_us},
            ),
            rows,
        )


# ---- in parts


def find_upload(conn: Connection, artifact_id: int, upload_id: str) -> Upload | None:
    """The upload in parts of that id, of that draft."""
    where = sa.and_(
        artifact_uploads.c.upload_id == upload_id, artifact_uploads.c.artifact_id == artifact_id
    )
    row = conn.execute(sa.select(artifact_uploads).where(where)).first()
    return None if row is None else _upload(row)


def get_upload(conn: Connection, artifact_id: int, upload_id: str) -> Upload:
    """The same. Raises UploadMissing."""
    upload = find_upload(conn, artifact_id, upload_id)
    if upload is None:
        raise UploadMissing(upload_id)
    return upload


def get_upload_by_id(conn: Connection, upload_id: str) -> Upload:
    """The upload in parts of that id. Raises UploadMissing."""
    where = artifact_uploads.c.upload_id == upload_id
    row = conn.execute(sa.select(artifact_uploads).where(where)).first()
    if row is None:
        raise UploadMissing(upload_id)
    return _upload(row)


def find_uploads(conn: Connection, artifact_id: int, md5s: Sequence[bytes]) -> dict[bytes, Upload]:
    """Uploads in parts of a draft that have begun, by MD5 of the whole content."""
    found: dict[bytes, Upload] = {}
    for some in in_steps(md5s):
        rows = conn.execute(
            sa.select(artifact_uploads)
            .where(artifact_uploads.c.artifact_id == artifact_id)
            .where(artifact_uploads.c.md5.in_(some))
        )
        found |= {bytes(row.md5): _upload(row) for row in rows}
    return found


def put_upload(conn: Connection, upload: Upload) -> Upload:
    """Note an upload in parts; the one of the same content that began first is the answer."""
    values = {field: getattr(upload, field) for field in upload.__struct_fields__}
    conn.execute(
        insert(conn, artifact_uploads)
        .values(values)
        .on_conflict_do_nothing(index_elements=["artifact_id", "md5"])
    )
    return find_uploads(conn, upload.artifact_id, [upload.md5])[upload.md5]


def delete_upload(conn: Connection, upload_id: str) -> None:
    """Forget an upload in parts."""
    conn.execute(sa.delete(artifact_uploads).where(artifact_uploads.c.upload_id == upload_id))


def _upload(row: sa.Row[tuple[object, ...]]) -> Upload:
    values = dict(row._mapping)
    md5 = values.pop("md5")
    return Upload(md5=bytes(md5), **values)
