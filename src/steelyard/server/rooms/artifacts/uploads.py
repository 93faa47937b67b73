"""Contents that arrive in parts: begun once per draft and content, completed once, resumable.

Everything here blocks and makes its own transactions: edges call it in a worker thread.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.engine import Connection

from steelyard.errors import Invalid, TooLarge, UploadMissing
from steelyard.limits import (
    ARTIFACT_PART_BYTES,
    UPLOAD_BYTES_MAX,
    UPLOAD_PART_BYTES_MAX,
    UPLOAD_PARTS_MAX,
)
from steelyard.server.blobs.interface import BlobStore, StoredBlob, StoredPart
from steelyard.server.db.interface import Database
from steelyard.server.rooms.artifacts.contents import (
    delete_upload,
    find_upload,
    find_uploads,
    put_upload,
    record_content,
)
from steelyard.server.rooms.artifacts.files import find_content
from steelyard.server.rooms.artifacts.model import Upload
from steelyard.server.rooms.artifacts.queries import get_artifact

MIB = 1024 * 1024


def choose_part_bytes(size_bytes: int) -> int:
    """How large the parts of a content are: a whole number of MiB, few enough of them."""
    if size_bytes > UPLOAD_BYTES_MAX:
        raise TooLarge(
            "the file", size=size_bytes, limit=UPLOAD_BYTES_MAX, limit_name="UPLOAD_BYTES_MAX"
        )
    needed = -(-size_bytes // UPLOAD_PARTS_MAX)
    return max(ARTIFACT_PART_BYTES, -(-needed // MIB) * MIB)


def begin_upload(
    db: Database,
    blobs: BlobStore,
    artifact_id: int,
    *,
    md5: bytes,
    size_bytes: int,
    part_bytes: int,
    now_us: int,
) -> Upload:
    """The upload in parts of a content for a draft: the one that began already, or a new one.

    `size_bytes` is 0 where the client does not say it. Raises Invalid for parts that are too large.
    """
    if not 0 < part_bytes <= UPLOAD_PART_BYTES_MAX:
        raise Invalid(f"a part can have 1…{UPLOAD_PART_BYTES_MAX:,} bytes, not {part_bytes:,}")
    known = db.read_now(find_uploads, artifact_id, [md5]).get(md5)
    if known is not None and known.part_bytes == part_bytes and is_open(blobs, known.upload_id):
        return known
    if known is not None:
        db.write_now(delete_upload, known.upload_id)
        blobs.abort_upload(known.upload_id)
    upload_id = blobs.create_upload(part_bytes=part_bytes)
    wanted = Upload(
        upload_id=upload_id,
        artifact_id=artifact_id,
        md5=md5,
        size_bytes=size_bytes,
        part_bytes=part_bytes,
        created_at_us=now_us,
    )
    made = db.write_now(put_upload, wanted)
    if made.upload_id != upload_id:  # another request for the same content was faster
        blobs.abort_upload(upload_id)
    return made


def is_open(blobs: BlobStore, upload_id: str) -> bool:
    """The store still takes parts of the upload."""
    try:
        blobs.list_parts(upload_id)
    except UploadMissing:
        return False
    return True


def list_upload_parts(blobs: BlobStore, upload: Upload) -> list[StoredPart]:
    """The parts that are there, by number. Raises UploadMissing."""
    return blobs.list_parts(upload.upload_id)


def complete_content(
    db: Database,
    blobs: BlobStore,
    artifact_id: int,
    *,
    upload_id: str,
    md5: bytes,
    parts: Sequence[tuple[int, bytes]],
    now_us: int,
) -> int:
    """Make one content of the parts; its size. Asked again after it was done: the same.

    Raises Invalid for parts that are missing or differ (the upload stays), or when the whole is not
    what was announced (it is gone then), UploadMissing.
    """
    upload = db.read_now(find_upload, artifact_id, upload_id)
    if upload is None:
        return _completed_before(db, artifact_id, upload_id, md5)
    if upload.md5 != md5:
        raise Invalid("the upload was begun for another content; begin one for this MD5")
    try:
        blob = blobs.complete_upload(upload_id, parts, md5=upload.md5)
    except Invalid:
        if not is_open(blobs, upload_id):
            db.write_now(delete_upload, upload_id)
        raise
    except UploadMissing:
        size_bytes = _completed_before(db, artifact_id, upload_id, md5)
        db.write_now(delete_upload, upload_id)
        return size_bytes
    db.write_now(_record, artifact_id, upload_id, blob, now_us)
    return blob.size_bytes


def _record(
    conn: Connection, artifact_id: int, upload_id: str, blob: StoredBlob, now_us: int
) -> None:
    record_content(conn, artifact_id, blob, now_us=now_us)
    delete_upload(conn, upload_id)


def _completed_before(db: Database, artifact_id: int, upload_id: str, md5: bytes) -> int:
    artifact = db.read_now(get_artifact, artifact_id)
    content = db.read_now(find_content, artifact.collection_id, md5)
    if content is None:
        raise UploadMissing(upload_id)
    return content.size_bytes
