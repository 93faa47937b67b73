"""Many small contents in one request, in both directions.

A pack is [16 bytes MD5 · uint32 length, little-endian · bytes], repeated, each content once.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from typing import Any

from litestar import Request, Response, post
from sqlalchemy.engine import Connection

from steelyard.errors import Invalid, TooLarge
from steelyard.limits import ARTIFACT_CONTENTS_PER_CALL_MAX, ARTIFACT_PACK_BYTES_MAX
from steelyard.server.api.artifact_uploads import ARTIFACT, read_writable
from steelyard.server.blobs.interface import BlobStore, StoredBlob
from steelyard.server.db.interface import Database
from steelyard.server.http.bodies import read_body
from steelyard.server.rooms.accounts.model import Caller
from steelyard.server.rooms.artifacts.contents import record_in_steps
from steelyard.server.rooms.artifacts.files import contents_by_md5, find_entries
from steelyard.server.rooms.artifacts.model import Content
from steelyard.server.rooms.artifacts.names import decode_artifact_id, format_md5
from steelyard.server.rooms.artifacts.policy import get_readable_artifact
from steelyard.wire import artifacts as wire

HEAD_BYTES = 20  # MD5 and length
PACK_TYPE = "application/octet-stream"


@post(ARTIFACT + "/contents:pack", status_code=200, request_max_body_size=None)
async def store_artifact_pack(
    request: Request[Any, Any, Any],
    artifact_id: str,
    caller: Caller,
    db: Database,
    blobs: BlobStore,
    now_us: Callable[[], int],
) -> wire.PackStored:
    """Store many small files: [16 bytes MD5 · uint32 length, little-endian · bytes], repeated.

    All or nothing; up to 16 MiB. A file whose MD5 is not what stands before it is refused.
    """
    artifact = await read_writable(db, caller, artifact_id)
    body = await read_body(
        request,
        size_bytes_max=ARTIFACT_PACK_BYTES_MAX,
        limit_name="ARTIFACT_PACK_BYTES_MAX",
    )
    stored = await asyncio.to_thread(_store_pack, blobs, body)
    await asyncio.to_thread(record_in_steps, db, artifact.id, stored, now_us=now_us())
    return wire.PackStored(len(stored))


@post(
    ARTIFACT + "/contents:fetch",
    status_code=200,
    media_type=PACK_TYPE,
)
async def fetch_artifact_pack(
    artifact_id: str, data: wire.PackWanted, caller: Caller, db: Database, blobs: BlobStore
) -> Response[bytes]:
    """Up to 2,000 small files of a version as a pack, up to 16 MiB.

    [16 bytes MD5 · uint32 length, little-endian · bytes], repeated, each content once. What the
    version does not hold is left out: the caller knows what it asked for.
    """
    if len(data.paths) > ARTIFACT_CONTENTS_PER_CALL_MAX:
        raise TooLarge(
            "the list of paths",
            size=len(data.paths),
            limit=ARTIFACT_CONTENTS_PER_CALL_MAX,
            limit_name="ARTIFACT_CONTENTS_PER_CALL_MAX",
        )

    def read(conn: Connection) -> list[Content]:
        artifact = get_readable_artifact(conn, caller, decode_artifact_id(artifact_id))
        entries = find_entries(conn, artifact.id, data.paths).values()
        md5s = [entry.md5 for entry in entries if entry.is_content]
        return list(contents_by_md5(conn, artifact.collection_id, md5s).values())

    contents = await db.read(read)
    size_bytes = sum(HEAD_BYTES + content.size_bytes for content in contents)
    if size_bytes > ARTIFACT_PACK_BYTES_MAX:
        raise TooLarge(
            "the pack",
            size=size_bytes,
            limit=ARTIFACT_PACK_BYTES_MAX,
            limit_name="ARTIFACT_PACK_BYTES_MAX",
        )
    pack = await asyncio.to_thread(_read_pack, blobs, contents)
    return Response(pack, media_type=PACK_TYPE)


def _read_pack(blobs: BlobStore, contents: Sequence[Content]) -> bytes:
    parts: list[bytes] = []
    stored = blobs.read_all([content.sha256 for content in contents])
    for content, data in zip(contents, stored, strict=True):
        parts += (content.md5, len(data).to_bytes(4, "little"), data)
    return b"".join(parts)


def _store_pack(blobs: BlobStore, body: bytes) -> Sequence[StoredBlob]:
    contents: list[memoryview] = []
    view, at = memoryview(body), 0
    while at < len(body):
        head = view[at : at + HEAD_BYTES]
        size_bytes = int.from_bytes(head[16:], "little")
        content = view[at + HEAD_BYTES : at + HEAD_BYTES + size_bytes]
        if len(head) < HEAD_BYTES or len(content) < size_bytes:
            raise Invalid(f"the pack is cut off in file {len(contents) + 1}; send it again")
        digest = hashlib.md5(content, usedforsecurity=False).digest()
        if digest != bytes(head[:16]):
            raise Invalid(
                f"file {len(contents) + 1} of the pack is not what was announced: its MD5 is "
                f"{format_md5(digest)}, not {format_md5(bytes(head[:16]))}; nothing was stored"
            )
        contents.append(content)
        at += HEAD_BYTES + size_bytes
    return blobs.store_all(contents)


handlers = [store_artifact_pack, fetch_artifact_pack]
