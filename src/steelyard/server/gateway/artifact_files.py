"""Contents and manifests of artifacts over HTTP: signed links, and paths with a key.

Clients send no key to a signed URL, so the URL alone is the permission. The paths with a key are
what the official client falls back to when a signed link has expired.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from litestar import HttpMethod, Request, Response, put, route
from sqlalchemy.engine import Connection

from steelyard.errors import ArtifactNotFound, Invalid, NotFound
from steelyard.server.blobs.interface import BlobStore
from steelyard.server.db.interface import Database
from steelyard.server.http.artifact_urls import (
    CONTENTS,
    MANIFEST_NAME,
    MANIFEST_UPLOADS,
    MANIFESTS,
    PARTS,
    UPLOADS,
    check_artifact_link,
)
from steelyard.server.http.downloads import (
    CORS_HEADERS,
    PREFLIGHT_HEADERS,
    Download,
    answer_download,
)
from steelyard.server.http.file_urls import SignedLink
from steelyard.server.http.manifests import receive_manifest
from steelyard.server.http.run_files import name_in_url
from steelyard.server.http.signing import Signer
from steelyard.server.http.uploads import receive_blob, receive_part
from steelyard.server.rooms.accounts.model import Caller
from steelyard.server.rooms.artifacts.contents import record_content
from steelyard.server.rooms.artifacts.drafts import record_manifest
from steelyard.server.rooms.artifacts.files import find_content
from steelyard.server.rooms.artifacts.model import Artifact, Content
from steelyard.server.rooms.artifacts.named import VersionDigests
from steelyard.server.rooms.artifacts.names import decode_artifact_id, parse_md5
from steelyard.server.rooms.artifacts.policy import get_readable_artifact, get_readable_collection
from steelyard.server.rooms.artifacts.queries import find_manifest, get_artifact
from steelyard.server.rooms.artifacts.reach import (
    find_entity_content,
    get_collection_content,
    get_version_content,
)
from steelyard.server.rooms.files.model import guess_mimetype

CONTENT_PATH = CONTENTS + "{collection_id:int}/{md5:str}/{path:path}"
UPLOAD_PATH = UPLOADS + "{artifact_id:int}/{md5:str}"
PART_PATH = PARTS + "{upload_id:str}/{number:int}"
MANIFEST_PATH = MANIFESTS + "{artifact_id:int}/" + MANIFEST_NAME
MANIFEST_UPLOAD_PATH = MANIFEST_UPLOADS + "{manifest_id:int}/" + MANIFEST_NAME
# wandb 0.31.0 sdk/artifacts/storage_policies/wandb_storage_policy.py: the three forms of a path.
V1_PATH = "/artifacts/{entity:str}/{md5:str}"
V2_PATH = (
    "/artifactsV2/{region:str}/{entity:str}/{project:str}/{collection:str}/{birth:str}/{md5:str}"
)
V2_NAME_PATH = V2_PATH + "/{name:str}"
V2_ID_PATH = (
    "/artifactsV2/{region:str}/{entity:str}/{project:str}/{collection:str}/{artifact:str}"
    "/{birth:str}/{md5:str}/{name:str}"
)

AnyRequest = Request[Any, Any, Any]
READ_METHODS = [HttpMethod.GET, HttpMethod.HEAD]


@put(UPLOAD_PATH, status_code=200, request_max_body_size=None, include_in_schema=False)
async def upload_content(
    request: AnyRequest,
    db: Database,
    blobs: BlobStore,
    signer: Signer,
    now_us: Callable[[], int],
    artifact_id: int,
    md5: str,
    expires: int = 0,
    signature: str = "",
) -> Response[bytes]:
    """Store the body as a content of a draft; refused when its MD5 is not the announced one."""
    link = SignedLink(expires, signature)
    check_artifact_link(signer, "upload", link, f"{artifact_id}/{md5}", now_us=now_us())
    blob = await receive_blob(request, blobs, name=md5, md5=bytes.fromhex(md5))
    await db.write(record_content, artifact_id, blob, now_us=now_us())
    return _stored(md5)


@put(PART_PATH, status_code=200, request_max_body_size=None, include_in_schema=False)
async def upload_part(
    request: AnyRequest,
    blobs: BlobStore,
    signer: Signer,
    now_us: Callable[[], int],
    upload_id: str,
    number: int,
    expires: int = 0,
    signature: str = "",
) -> Response[bytes]:
    """Store the body as one part of a content; the ETag is what completes the upload."""
    link = SignedLink(expires, signature)
    check_artifact_link(signer, "part upload", link, f"{upload_id}/{number}", now_us=now_us())
    part = await receive_part(request, blobs, upload_id, number, name=f"part {number}")
    return _stored(part.tag.hex())


@put(MANIFEST_UPLOAD_PATH, status_code=200, request_max_body_size=None, include_in_schema=False)
async def upload_manifest(
    request: AnyRequest,
    db: Database,
    blobs: BlobStore,
    signer: Signer,
    now_us: Callable[[], int],
    manifest_id: int,
    expires: int = 0,
    signature: str = "",
) -> Response[bytes]:
    """Store the body as an announced manifest of a draft."""
    link = SignedLink(expires, signature)
    check_artifact_link(signer, "manifest upload", link, str(manifest_id), now_us=now_us())
    manifest = await db.read(find_manifest, manifest_id)
    if manifest is None:
        raise ArtifactNotFound("whose manifest this is")
    expected = parse_md5(manifest.digest) if manifest.digest else None
    blob = await receive_manifest(request, blobs, md5=expected)
    await db.write(record_manifest, manifest_id, blob, now_us=now_us())
    return _stored(blob.md5.hex())


@route(CONTENT_PATH, http_method=READ_METHODS, status_code=200, include_in_schema=False)
async def download_signed_content(
    request: AnyRequest,
    db: Database,
    blobs: BlobStore,
    signer: Signer,
    now_us: Callable[[], int],
    collection_id: int,
    md5: str,
    expires: int = 0,
    signature: str = "",
) -> Response[Any]:
    """Send a content to whoever has the link."""
    name = name_in_url(request, segments_before=5)
    subject = f"{collection_id}/{md5}/{name}"
    link = SignedLink(expires, signature)
    check_artifact_link(signer, "download", link, subject, now_us=now_us())
    content = await db.read(find_content, collection_id, bytes.fromhex(md5))
    if content is None:
        raise NotFound(f"the content {md5} of {name!r} was deleted")
    return await answer_download(request, blobs, _describe(content, name), may_redirect=True)


@route(MANIFEST_PATH, http_method=READ_METHODS, status_code=200, include_in_schema=False)
async def download_manifest(
    request: AnyRequest,
    db: Database,
    blobs: BlobStore,
    signer: Signer,
    now_us: Callable[[], int],
    artifact_id: int,
    expires: int = 0,
    signature: str = "",
) -> Response[Any]:
    """Send the manifest of a version to whoever has the link."""
    link = SignedLink(expires, signature)
    check_artifact_link(signer, "manifest download", link, str(artifact_id), now_us=now_us())
    artifact = await db.read(get_artifact, artifact_id)
    if artifact.manifest_sha256 is None or artifact.manifest_bytes is None:
        raise ArtifactNotFound(f"{artifact.path} with a manifest")
    manifest = Download(
        name=MANIFEST_NAME,
        sha256=artifact.manifest_sha256,
        size_bytes=artifact.manifest_bytes,
        mimetype="application/json",
        updated_at_us=artifact.committed_at_us or artifact.updated_at_us,
    )
    return await answer_download(request, blobs, manifest)


@route(V1_PATH, http_method=READ_METHODS, status_code=200, include_in_schema=False)
async def download_entity_content(
    request: AnyRequest, caller: Caller, db: Database, blobs: BlobStore, entity: str, md5: str
) -> Response[Any]:
    """Send a content that a project of the entity has, to whoever may see the entity."""
    content = await db.read(find_entity_content, caller, entity, parse_hex(md5))
    return await answer_download(request, blobs, _describe(content, md5))


@route(
    [V2_PATH, V2_NAME_PATH],
    http_method=READ_METHODS,
    status_code=200,
    include_in_schema=False,
)
async def download_collection_content(
    request: AnyRequest,
    caller: Caller,
    db: Database,
    blobs: BlobStore,
    version_digests: VersionDigests,
    entity: str,
    project: str,
    collection: str,
    md5: str,
    name: str | None = None,
) -> Response[Any]:
    """Send a content of a collection, or of what is linked there, to whoever may see it."""
    digest = parse_hex(md5)

    def read(conn: Connection) -> Content:
        found = get_readable_collection(conn, caller, entity, project, collection)
        return get_collection_content(conn, caller, version_digests, found, digest)

    content = await db.read(read)
    return await answer_download(request, blobs, _describe(content, name or md5))


@route(V2_ID_PATH, http_method=READ_METHODS, status_code=200, include_in_schema=False)
async def download_version_content(
    request: AnyRequest,
    caller: Caller,
    db: Database,
    blobs: BlobStore,
    version_digests: VersionDigests,
    artifact: str,
    md5: str,
    name: str,
) -> Response[Any]:
    """Send a content of a version to whoever may see the version, by a link too.

    By a link only what the version names: its collection may have much else.
    """
    digest = parse_hex(md5)

    def read(conn: Connection) -> Content:
        found: Artifact = get_readable_artifact(conn, caller, decode_artifact_id(artifact))
        return get_version_content(conn, caller, version_digests, found, digest)

    content = await db.read(read)
    return await answer_download(request, blobs, _describe(content, name))


@route(
    [
        CONTENT_PATH,
        UPLOAD_PATH,
        PART_PATH,
        MANIFEST_PATH,
        MANIFEST_UPLOAD_PATH,
        V1_PATH,
        V2_PATH,
        V2_NAME_PATH,
        V2_ID_PATH,
    ],
    http_method=[HttpMethod.OPTIONS],
    status_code=204,
    include_in_schema=False,
)
async def answer_artifact_preflight() -> Response[None]:
    """Let pages of other origins read and write contents: the link or the key is the permission."""
    return Response(None, headers=PREFLIGHT_HEADERS)


def parse_hex(text: str) -> bytes:
    """The 16 bytes of an MD5 in hexadecimal. Raises Invalid."""
    try:
        digest = bytes.fromhex(text)
    except ValueError:
        digest = b""
    if len(digest) != 16:
        raise Invalid(f"{text[:80]!r} is no MD5 in hexadecimal (32 digits)")
    return digest


def _describe(content: Content, name: str) -> Download:
    return Download(
        name=name,
        sha256=content.sha256,
        size_bytes=content.size_bytes,
        mimetype=guess_mimetype(name),
        updated_at_us=0,
    )


def _stored(md5_hex: str) -> Response[bytes]:
    headers = CORS_HEADERS | {"ETag": f'"{md5_hex}"'}
    return Response(b"", headers=headers, media_type="text/plain")


# Preflight first: Litestar makes up its own answer to OPTIONS with the first handler of a path.
handlers = [
    answer_artifact_preflight,
    upload_content,
    upload_part,
    upload_manifest,
    download_signed_content,
    download_manifest,
    download_entity_content,
    download_collection_content,
    download_version_content,
]
