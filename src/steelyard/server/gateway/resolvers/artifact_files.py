"""Files of versions, manifests, and contents on their way: three more kinds of `File`."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from steelyard.errors import TooLarge
from steelyard.limits import GATEWAY_PAGE_ITEMS_MAX
from steelyard.server.gateway.context import Context, Fields
from steelyard.server.gateway.ids import decode_cursor, encode_id
from steelyard.server.gateway.resolvers import artifact_reads
from steelyard.server.gateway.resolvers.paging import connection, page_size
from steelyard.server.http.artifact_urls import ArtifactUrls
from steelyard.server.rooms.artifacts.files import count_entries, find_entries, list_entries
from steelyard.server.rooms.artifacts.model import Artifact, Content, Upload
from steelyard.server.rooms.artifacts.names import format_md5
from steelyard.server.rooms.artifacts.pages import Entry
from steelyard.server.rooms.files.model import guess_mimetype

#: wandb 0.28.2 tests/system_tests/test_artifacts: where storage paths of artifact files begin.
STORAGE_ROOT = "wandb_artifacts"
MANIFEST_NAME = "wandb_manifest.json"


class StoredFile(msgspec.Struct, frozen=True):
    """An entry of a version: a content that is kept here, or a reference to one elsewhere."""

    artifact: Artifact
    entry: Entry


class ManifestFile(msgspec.Struct, frozen=True):
    """A version's manifest; with `manifest_id` one that a client is to upload."""

    artifact: Artifact
    manifest_id: int | None


class WantedFile(msgspec.Struct, frozen=True):
    """A content that a client has, and what the collection has of it."""

    artifact: Artifact
    name: str
    md5: bytes
    content: Content | None
    upload: Upload | None = None
    """How it is to be sent, if in parts."""
    part_count: int = 0


def files(
    artifact: Artifact,
    context: Context,
    names: list[str] | None = None,
    after: str | None = None,
    first: int | None = None,
) -> dict[str, Any]:
    """Files of a version by path; those of `names` that there are."""
    limit = page_size(first)
    place = decode_cursor(after)
    if names is None:
        entries = list_entries(context.conn, artifact.id, after=place, limit=limit + 1)

        def count() -> int:
            return count_entries(context.conn, artifact.id)[0]
    else:
        _check_count(names)
        found = find_entries(context.conn, artifact.id, names)
        entries = [found[path] for path in sorted(found) if place is None or path > place]

        def count() -> int:
            return len(found)

    return _files(artifact, entries, limit=limit, count=count)


def files_by_manifest_entries(
    artifact: Artifact,
    context: Context,
    entries: list[dict[str, Any]] | None = None,
    after: str | None = None,
    first: int | None = None,
    **_unused: Any,
) -> dict[str, Any]:
    """Links to those of the entries that the version has: its own manifest says what they hold."""
    names = [entry["name"] for entry in entries or []]
    limit = page_size(GATEWAY_PAGE_ITEMS_MAX if first is None else first)
    return files(artifact, context, names=names, after=after, first=limit)


def _files(
    artifact: Artifact, entries: Sequence[Entry], *, limit: int, count: Callable[[], int]
) -> dict[str, Any]:
    nodes = [StoredFile(artifact, entry) for entry in entries]
    return connection(
        nodes, lambda node: node.entry.path, limit=limit, count=count, upload_headers=[]
    )


def _check_count(names: Sequence[str]) -> None:
    if len(names) > GATEWAY_PAGE_ITEMS_MAX:
        raise TooLarge(
            "the list of file names",
            size=len(names),
            limit=GATEWAY_PAGE_ITEMS_MAX,
            limit_name="GATEWAY_PAGE_ITEMS_MAX",
        )


def urls(context: Context) -> ArtifactUrls:
    """Signed links of this answer."""
    return context.keep(
        "artifact urls", lambda: ArtifactUrls(context.signer, context.base_url, context.now_us)
    )


def storage_path(collection_id: int, artifact_id: int, md5: bytes) -> str:
    """Names a content of a collection; `artifact_id` is of the version that brought it."""
    return f"{STORAGE_ROOT}/{collection_id}/{artifact_id}/{md5.hex()}"


# ---- StoredFile


def _stored_url(file: StoredFile, context: Context, **_unused: Any) -> str:
    """Of a reference: where it refers to."""
    if file.entry.ref is not None:
        return file.entry.ref
    return urls(context).content(file.artifact.collection_id, file.entry.md5, file.entry.path)


def _stored_id(file: StoredFile, _context: Context) -> str:
    return _opaque(f"ArtifactFile:{file.artifact.id}/{file.entry.path}")


def _stored_name(file: StoredFile, _context: Context) -> str:
    return file.entry.path


def _stored_size(file: StoredFile, _context: Context) -> int:
    return file.entry.size_bytes


def _stored_mimetype(file: StoredFile, _context: Context) -> str:
    return guess_mimetype(file.entry.path)


def _stored_digest(file: StoredFile, _context: Context) -> str | None:
    return file.entry.digest


def _stored_md5(file: StoredFile, _context: Context) -> str | None:
    return format_md5(file.entry.md5) if file.entry.is_content else None


def _stored_path(file: StoredFile, _context: Context) -> str | None:
    if not file.entry.is_content:
        return None
    return storage_path(file.artifact.collection_id, file.artifact.id, file.entry.md5)


def _stored_at(file: StoredFile, _context: Context) -> int:
    return file.artifact.created_at_us


def _stored_artifact(file: StoredFile, _context: Context) -> Artifact:
    return file.artifact


def nothing(_file: Any, _context: Context, **_unused: Any) -> None:
    return None


# ---- ManifestFile


def _manifest_url(file: ManifestFile, context: Context, **_unused: Any) -> str:
    return urls(context).manifest(file.artifact.id)


def _manifest_upload_url(file: ManifestFile, context: Context) -> str | None:
    if file.manifest_id is None:
        return None
    return urls(context).manifest_upload(file.manifest_id)


def _manifest_id(file: ManifestFile, _context: Context) -> str:
    return encode_id("ArtifactManifestFile", file.manifest_id or file.artifact.id)


def _manifest_name(_file: ManifestFile, _context: Context) -> str:
    return MANIFEST_NAME


def _manifest_size(file: ManifestFile, _context: Context) -> int:
    return file.artifact.manifest_bytes or 0


# ---- WantedFile


def _wanted_upload_url(file: WantedFile, context: Context) -> str | None:
    """None for a content that is here already: the client leaves it out then."""
    if file.content is not None:
        return None
    # wandb 0.28.2 core saver.go: a null here means "is here already", also of one sent in parts.
    return urls(context).content_upload(file.artifact.id, file.md5)


def _wanted_parts(file: WantedFile, context: Context) -> dict[str, Any] | None:
    upload = file.upload
    if upload is None:
        return None
    parts = [
        {"part_number": number, "upload_url": urls(context).part_upload(upload.upload_id, number)}
        for number in range(1, file.part_count + 1)
    ]
    return {"upload_id": upload.upload_id, "upload_url_parts": parts}


def _wanted_path(file: WantedFile, _context: Context) -> str:
    return storage_path(file.artifact.collection_id, file.artifact.id, file.md5)


def _wanted_artifact(file: WantedFile, context: Context) -> Artifact:
    """The version that brought the content. Its number may be of one that is gone by now."""
    born = file.artifact.id if file.content is None else file.content.birth_artifact_id
    return artifact_reads.find_artifact(context, born) or file.artifact


def _wanted_id(file: WantedFile, _context: Context) -> str:
    return _opaque(f"ArtifactUpload:{file.artifact.id}/{file.md5.hex()}")


def _wanted_name(file: WantedFile, _context: Context) -> str:
    return file.name


def _wanted_size(file: WantedFile, _context: Context) -> int:
    return 0 if file.content is None else file.content.size_bytes


def _wanted_md5(file: WantedFile, _context: Context) -> str:
    return format_md5(file.md5)


# ---- which of them


def _opaque(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _no_headers(_file: Any, _context: Context) -> list[str]:
    return []


_MANIFEST: Fields = {
    "id": _manifest_id,
    "name": _manifest_name,
    "displayName": _manifest_name,
    "url": _manifest_url,
    "directUrl": _manifest_url,
    "uploadUrl": _manifest_upload_url,
    "uploadHeaders": _no_headers,
    "sizeBytes": _manifest_size,
}
_STORED: Fields = {
    "id": _stored_id,
    "name": _stored_name,
    "displayName": _stored_name,
    "url": _stored_url,
    "directUrl": _stored_url,
    "sizeBytes": _stored_size,
    "mimetype": _stored_mimetype,
    "updatedAt": _stored_at,
    "md5": _stored_md5,
    "digest": _stored_digest,
    "storagePath": _stored_path,
    "artifact": _stored_artifact,
}
_WANTED: Fields = {
    "id": _wanted_id,
    "name": _wanted_name,
    "displayName": _wanted_name,
    "sizeBytes": _wanted_size,
    "md5": _wanted_md5,
    "digest": _wanted_md5,
    "uploadUrl": _wanted_upload_url,
    "uploadMultipartUrls": _wanted_parts,
    "uploadHeaders": _no_headers,
    "storagePath": _wanted_path,
    "artifact": _wanted_artifact,
}
_KINDS: dict[type, Fields] = {
    StoredFile: _STORED,
    ManifestFile: _MANIFEST,
    WantedFile: _WANTED,
}


def with_artifact_files(of_runs: Fields) -> Fields:
    """Resolvers of `File` for these kinds too; what a kind does not have is null."""

    def choose(name: str, of_run: Callable[..., Any]) -> Callable[..., Any]:
        kinds: dict[type, Callable[..., Any]] = {
            kind: fields.get(name, nothing) for kind, fields in _KINDS.items()
        }

        def resolve(file: Any, context: Context, **arguments: Any) -> Any:
            return kinds.get(type(file), of_run)(file, context, **arguments)

        return resolve

    return {name: choose(name, of_run) for name, of_run in of_runs.items()}
