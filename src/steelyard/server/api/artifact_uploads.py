"""Logging a version: the draft, which contents are missing, their arrival, manifest and commit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from litestar import Request, get, post, put
from sqlalchemy.engine import Connection

from steelyard.errors import ArtifactNotFound, Conflict, Invalid, TooLarge
from steelyard.limits import (
    ARTIFACT_CONTENTS_PER_CALL_MAX,
    ARTIFACT_MULTIPART_FROM_BYTES,
    ARTIFACT_PART_URLS_PER_CALL_MAX,
    UPLOAD_BYTES_MAX,
)
from steelyard.server.api.artifact_rows import version_of_artifact
from steelyard.server.api.artifacts import ARTIFACTS
from steelyard.server.blobs.interface import BlobStore
from steelyard.server.db.interface import Database
from steelyard.server.http.artifact_urls import ArtifactUrls
from steelyard.server.http.manifests import receive_manifest
from steelyard.server.http.signing import Signer
from steelyard.server.rooms.accounts.model import Caller
from steelyard.server.rooms.artifacts.commit import commit_artifact
from steelyard.server.rooms.artifacts.contents import ask_contents, get_upload
from steelyard.server.rooms.artifacts.drafts import (
    create_artifact,
    create_manifest,
    lock_draft,
    parse_marks,
    record_manifest,
)
from steelyard.server.rooms.artifacts.model import Actor, Artifact, Content, NewDraft, Upload
from steelyard.server.rooms.artifacts.names import (
    LATEST,
    decode_artifact_id,
    encode_artifact_id,
    format_md5,
    parse_md5,
)
from steelyard.server.rooms.artifacts.policy import (
    get_readable_artifact,
    get_writable_artifact,
    may_read_artifact,
)
from steelyard.server.rooms.artifacts.queries import (
    find_by_client_id,
    find_collection,
    find_latest,
)
from steelyard.server.rooms.artifacts.uploads import (
    begin_upload,
    choose_part_bytes,
    complete_content,
)
from steelyard.server.rooms.projects.commands import ensure_project
from steelyard.server.rooms.runs.json_text import dump_json
from steelyard.server.rooms.runs.queries import get_run
from steelyard.server.settings import ServerSettings
from steelyard.wire import artifacts as wire

ARTIFACT = "/api/v1/artifacts/{artifact_id:str}"
Clock = Callable[[], int]
AnyRequest = Request[Any, Any, Any]


@post(ARTIFACTS, status_code=200)
async def create_artifact_draft(
    entity: str,
    project: str,
    data: wire.NewArtifact,
    caller: Caller,
    db: Database,
    now_us: Clock,
) -> wire.Draft:
    """Begin a version. COMMITTED in the answer: the same content is here, nothing more to do.

    Project, type and collection are made when absent. The entity may be "-": the caller's own.
    """

    def write(conn: Connection) -> wire.Draft:
        place, _ = ensure_project(
            conn,
            caller=caller,
            entity=entity,
            name=project,
            now_us=now_us(),
        )
        run = None
        if data.run is not None:
            path = f"{place.entity}/{place.name}/{data.run}"
            run = get_run(conn, place.id, data.run, path=path)
        collection = find_collection(conn, place.id, data.collection)
        latest = None if collection is None else find_latest(conn, collection.id)
        latest_id = None if latest is None else latest.artifact_id
        run_id = None if run is None else run.id
        artifact = create_artifact(
            conn,
            project=place,
            draft=_draft(data, run_id, _base(conn, caller, data, latest_id)),
            actor=Actor(caller.user_id, run_id),
            now_us=now_us(),
        )
        return wire.Draft(
            id=artifact.key,
            state=artifact.state,
            version=artifact.version,
            base_id=None if artifact.base_id is None else encode_artifact_id(artifact.base_id),
            latest_id=None if latest_id is None else encode_artifact_id(latest_id),
        )

    return await db.write(write)


@post(ARTIFACT + "/contents", status_code=200)
async def ask_artifact_contents(
    artifact_id: str,
    data: wire.ContentsWanted,
    caller: Caller,
    db: Database,
    blobs: BlobStore,
    signer: Signer,
    settings: ServerSettings,
    now_us: Clock,
) -> wire.ContentAnswers:
    """Which of up to 2,000 files the project has, and where to send the others.

    Many large files have more parts than one answer holds: where `part_urls` is empty beside an
    `upload_id`, the state of that upload has them.
    """
    wanted = _check_wanted(data)
    moment = now_us()
    urls = ArtifactUrls(signer, settings.public_url, moment)

    def write(conn: Connection) -> tuple[Artifact, dict[bytes, Content]]:
        artifact = get_writable_artifact(conn, caller, decode_artifact_id(artifact_id))
        artifact = lock_draft(conn, artifact.id)
        return artifact, ask_contents(conn, artifact, list(wanted), now_us=moment)

    artifact, here = await db.write(write)
    uploads: dict[bytes, Upload] = {}
    for md5, size_bytes in wanted.items():
        if md5 not in here and size_bytes > ARTIFACT_MULTIPART_FROM_BYTES:
            uploads[md5] = await asyncio.to_thread(
                begin_upload,
                db,
                blobs,
                artifact.id,
                md5=md5,
                size_bytes=size_bytes,
                part_bytes=choose_part_bytes(size_bytes),
                now_us=moment,
            )
    answers = []
    urls_left = ARTIFACT_PART_URLS_PER_CALL_MAX
    for file in data.files:
        md5 = parse_md5(file.md5)
        upload = uploads.get(md5)
        urls_left -= 0 if upload is None else _count_parts(upload, file.size_bytes)
        answers.append(
            _answer(
                artifact,
                file,
                here.get(md5),
                upload,
                urls,
                has_part_urls=urls_left >= 0,
            )
        )
    return wire.ContentAnswers(answers)


@post(ARTIFACT + "/contents:complete", status_code=200)
async def complete_artifact_content(
    artifact_id: str,
    data: wire.CompleteContent,
    caller: Caller,
    db: Database,
    blobs: BlobStore,
    now_us: Clock,
) -> wire.StoredContent:
    """Make one content of the parts that were sent. Asked twice: the same."""
    artifact = await read_writable(db, caller, artifact_id)
    size_bytes = await asyncio.to_thread(
        complete_content,
        db,
        blobs,
        artifact.id,
        upload_id=data.upload_id,
        md5=parse_md5(data.md5),
        parts=[(part.number, parse_etag(part.etag)) for part in data.parts],
        now_us=now_us(),
    )
    return wire.StoredContent(data.md5, size_bytes)


@get(ARTIFACT + "/uploads/{upload_id:str}")
async def show_artifact_upload(
    artifact_id: str,
    upload_id: str,
    caller: Caller,
    db: Database,
    blobs: BlobStore,
    signer: Signer,
    settings: ServerSettings,
    now_us: Clock,
) -> wire.UploadState:
    """The parts of an upload that are there already, to go on with the others."""
    urls = ArtifactUrls(signer, settings.public_url, now_us())
    artifact = await read_writable(db, caller, artifact_id)
    upload = await db.read(get_upload, artifact.id, upload_id)
    parts = await asyncio.to_thread(blobs.list_parts, upload_id)
    return wire.UploadState(
        md5=format_md5(upload.md5),
        size_bytes=upload.size_bytes,
        part_bytes=upload.part_bytes,
        parts=[wire.UploadedPart(part.number, part.tag.hex()) for part in parts],
        part_urls=_part_urls(upload, upload.size_bytes, urls),
    )


@put(ARTIFACT + "/manifest", status_code=200, request_max_body_size=None)
async def store_artifact_manifest(
    request: AnyRequest,
    artifact_id: str,
    caller: Caller,
    db: Database,
    blobs: BlobStore,
    now_us: Clock,
) -> wire.StoredContent:
    """Store the manifest of a draft: its JSON, plain or with Content-Encoding gzip."""
    artifact = await read_writable(db, caller, artifact_id)
    blob = await receive_manifest(request, blobs)

    def write(conn: Connection) -> None:
        manifest = create_manifest(
            conn,
            artifact,
            kind=parse_marks(artifact).kind,
            base_id=artifact.base_id,
            digest=format_md5(blob.md5),
            now_us=now_us(),
        )
        record_manifest(conn, manifest.id, blob, now_us=now_us())

    if artifact.state == "COMMITTED":
        raise Conflict(f"{artifact.path} is committed; log a new version instead")
    await db.write(write)
    return wire.StoredContent(format_md5(blob.md5), blob.size_bytes)


@post(ARTIFACT + "/commit", status_code=200)
async def commit_artifact_draft(
    artifact_id: str,
    caller: Caller,
    db: Database,
    blobs: BlobStore,
    signer: Signer,
    settings: ServerSettings,
    now_us: Clock,
) -> wire.Version:
    """Make the draft a version. Asked twice: the same. 409 names files that are not here."""
    artifact = await read_writable(db, caller, artifact_id)
    actor = Actor(caller.user_id, artifact.created_by_run_id)
    committed = await asyncio.to_thread(
        commit_artifact, db, blobs, artifact.id, actor=actor, now_us=now_us()
    )
    urls = ArtifactUrls(signer, settings.public_url, now_us())
    return await db.read(version_of_artifact, caller, urls, committed)


@get("/api/v1/artifact-clients/{client_id:str}")
async def find_client_artifact(client_id: str, caller: Caller, db: Database) -> wire.ClientMapping:
    """The version that a client calls so: what `wandb-client-artifact://` references name."""

    def read(conn: Connection) -> wire.ClientMapping:
        for artifact in find_by_client_id(conn, client_id):
            if may_read_artifact(conn, caller, artifact):
                return wire.ClientMapping(artifact.key)
        return wire.ClientMapping(None)

    return await db.read(read)


# ---- parts


async def read_writable(db: Database, caller: Caller, artifact_id: str) -> Artifact:
    return await db.read(get_writable_artifact, caller, decode_artifact_id(artifact_id))


def _draft(data: wire.NewArtifact, run_id: int | None, base_id: int | None) -> NewDraft:
    return NewDraft(
        type=data.type,
        collection=data.collection,
        digest=data.digest,
        client_id=data.client_id,
        digest_algorithm=data.digest_algorithm,
        sequence_client_id=data.sequence_client_id,
        run_id=run_id,
        description=data.description,
        metadata=dump_json(data.metadata or {}),
        aliases=data.aliases,
        tags=data.tags,
        ttl_s=data.ttl_s,
        history_step=data.history_step,
        base_id=base_id,
        distributed_id=data.distributed_id,
        is_deduplicated=data.kind == "full",
        manifest_kind=data.kind,
    )


def _base(
    conn: Connection, caller: Caller, data: wire.NewArtifact, latest_id: int | None
) -> int | None:
    if data.base is None or data.base == LATEST:
        return latest_id if data.base == LATEST else None
    base = get_readable_artifact(conn, caller, decode_artifact_id(data.base))
    if base.manifest_sha256 is None:
        raise ArtifactNotFound(f"{base.path} to build on")
    return base.id


def _check_wanted(data: wire.ContentsWanted) -> dict[bytes, int]:
    if len(data.files) > ARTIFACT_CONTENTS_PER_CALL_MAX:
        raise TooLarge(
            "the list of files",
            size=len(data.files),
            limit=ARTIFACT_CONTENTS_PER_CALL_MAX,
            limit_name="ARTIFACT_CONTENTS_PER_CALL_MAX",
        )
    for file in data.files:
        if not 0 <= file.size_bytes <= UPLOAD_BYTES_MAX:
            raise Invalid(f"a file can have 0…{UPLOAD_BYTES_MAX:,} bytes, not {file.size_bytes:,}")
    return {parse_md5(file.md5): file.size_bytes for file in data.files}


def _answer(
    artifact: Artifact,
    file: wire.ContentWanted,
    content: Content | None,
    upload: Upload | None,
    urls: ArtifactUrls,
    *,
    has_part_urls: bool,
) -> wire.ContentAnswer:
    md5 = file.md5
    if content is not None:
        birth_id = encode_artifact_id(content.birth_artifact_id)
        return wire.ContentAnswer(md5=md5, is_here=True, birth_id=birth_id)
    if upload is None:
        url = urls.content_upload(artifact.id, parse_md5(md5))
        return wire.ContentAnswer(md5=md5, is_here=False, url=url, birth_id=artifact.key)
    return wire.ContentAnswer(
        md5=md5,
        is_here=False,
        upload_id=upload.upload_id,
        part_bytes=upload.part_bytes,
        part_urls=_part_urls(upload, file.size_bytes, urls) if has_part_urls else [],
        birth_id=artifact.key,
    )


def _part_urls(upload: Upload, size_bytes: int, urls: ArtifactUrls) -> list[str]:
    count = _count_parts(upload, size_bytes)
    return [urls.part_upload(upload.upload_id, number) for number in range(1, count + 1)]


def _count_parts(upload: Upload, size_bytes: int) -> int:
    return -(-size_bytes // upload.part_bytes)


def parse_etag(etag: str) -> bytes:
    """The MD5 in the ETag of a part. Raises Invalid."""
    try:
        digest = bytes.fromhex(etag.strip().removeprefix("W/").strip('"'))
    except ValueError:
        digest = b""
    if len(digest) != 16:
        raise Invalid(f"{etag[:80]!r} is not the ETag of a part: 32 hexadecimal digits")
    return digest


handlers = [
    create_artifact_draft,
    ask_artifact_contents,
    complete_artifact_content,
    show_artifact_upload,
    store_artifact_manifest,
    commit_artifact_draft,
    find_client_artifact,
]
