"""Files of versions: by directory, and flat, each with a URL to download it."""

from __future__ import annotations

from collections.abc import Callable

from litestar import get
from sqlalchemy.engine import Connection

from steelyard.limits import (
    ARTIFACT_FILES_PER_PAGE_DEFAULT,
    ARTIFACT_FILES_PER_PAGE_MAX,
    PAGE_ITEMS_MAX,
)
from steelyard.server.api.artifact_versions import VERSION
from steelyard.server.db.interface import Database
from steelyard.server.http.artifact_urls import ArtifactUrls
from steelyard.server.http.paging import Page, check_limit, decode_cursor, encode_cursor
from steelyard.server.http.signing import Signer
from steelyard.server.rooms.accounts.model import Caller
from steelyard.server.rooms.artifacts.files import Directory, list_directory, list_entries
from steelyard.server.rooms.artifacts.model import Artifact
from steelyard.server.rooms.artifacts.pages import Entry
from steelyard.server.rooms.artifacts.policy import get_readable_member
from steelyard.server.rooms.artifacts.queries import get_artifact
from steelyard.server.rooms.files.model import guess_mimetype
from steelyard.server.settings import ServerSettings
from steelyard.wire import artifacts as wire


@get(VERSION + "/tree")
async def list_artifact_directory(
    entity: str,
    project: str,
    name: str,
    ref: str,
    caller: Caller,
    db: Database,
    signer: Signer,
    settings: ServerSettings,
    now_us: Callable[[], int],
    path: str = "",
    cursor: str | None = None,
    limit: int | None = None,
) -> Page[wire.TreeItem]:
    """What is directly in a directory of a version; directories with all that is below them."""
    count = check_limit(limit, limit_max=PAGE_ITEMS_MAX)
    after = decode_cursor(cursor, tuple[str])[0] if cursor else None
    urls = ArtifactUrls(signer, settings.public_url, now_us())

    def read(conn: Connection) -> Page[wire.TreeItem]:
        member = get_readable_member(conn, caller, entity, project, name, ref)
        artifact = get_artifact(conn, member.artifact_id)
        items = list_directory(conn, artifact.id, path, after=after, limit=count + 1)
        page = items[:count]
        more = encode_cursor(_place(page[-1])) if len(items) > count else None
        return Page([_tree_item(artifact, item, urls) for item in page], more)

    return await db.read(read)


@get(VERSION + "/files")
async def list_artifact_files(
    entity: str,
    project: str,
    name: str,
    ref: str,
    caller: Caller,
    db: Database,
    signer: Signer,
    settings: ServerSettings,
    now_us: Callable[[], int],
    prefix: str = "",
    after: str | None = None,
    cursor: str | None = None,
    limit: int | None = None,
) -> Page[wire.FileItem]:
    """All files of a version in order of path: those below `prefix`, those after a path."""
    count = check_limit(
        ARTIFACT_FILES_PER_PAGE_DEFAULT if limit is None else limit,
        limit_max=ARTIFACT_FILES_PER_PAGE_MAX,
    )
    start = decode_cursor(cursor, tuple[str])[0] if cursor else after
    urls = ArtifactUrls(signer, settings.public_url, now_us())

    def read(conn: Connection) -> Page[wire.FileItem]:
        member = get_readable_member(conn, caller, entity, project, name, ref)
        artifact = get_artifact(conn, member.artifact_id)
        entries = list_entries(conn, artifact.id, prefix=prefix, after=start, limit=count + 1)
        page = entries[:count]
        more = encode_cursor(page[-1].path) if len(entries) > count else None
        total = None if prefix else artifact.file_count
        return Page([_file_item(artifact, entry, urls) for entry in page], more, total)

    return await db.read(read)


def _place(item: Directory | Entry) -> str:
    return f"{item.path}/" if isinstance(item, Directory) else item.path


def _tree_item(artifact: Artifact, item: Directory | Entry, urls: ArtifactUrls) -> wire.TreeItem:
    name = item.path.rsplit("/", 1)[-1]
    if isinstance(item, Directory):
        return wire.TreeItem(
            name=name,
            path=item.path,
            is_dir=True,
            size_bytes=item.size_bytes,
            file_count=item.file_count,
        )
    return wire.TreeItem(
        name=name,
        path=item.path,
        is_dir=False,
        size_bytes=item.size_bytes,
        digest=item.digest,
        ref=item.ref,
        mimetype=guess_mimetype(item.path),
        url=_url(artifact, item, urls),
    )


def _file_item(artifact: Artifact, entry: Entry, urls: ArtifactUrls) -> wire.FileItem:
    return wire.FileItem(
        path=entry.path,
        size_bytes=entry.size_bytes,
        digest=entry.checked_digest,
        ref=entry.ref,
        extra=entry.extra or {},
        mimetype=guess_mimetype(entry.path),
        url=_url(artifact, entry, urls),
        birth_id=entry.birth_id,
    )


def _url(artifact: Artifact, entry: Entry, urls: ArtifactUrls) -> str | None:
    if not entry.is_content:
        return None
    return urls.content(artifact.collection_id, entry.md5, entry.path)


handlers = [list_artifact_directory, list_artifact_files]
