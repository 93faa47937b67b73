"""Versions of artifacts: lists, one in full, changes to it, its end and its return, its uses."""

from __future__ import annotations

from collections.abc import Callable

from litestar import delete, get, patch, post
from sqlalchemy.engine import Connection

from steelyard.errors import ArtifactNotFound, Invalid
from steelyard.server.api.artifact_rows import (
    events_of,
    heads_of,
    run_refs,
    version_of,
    version_of_artifact,
)
from steelyard.server.api.artifacts import COLLECTION
from steelyard.server.db.interface import Database
from steelyard.server.http.artifact_urls import ArtifactUrls
from steelyard.server.http.paging import Page, check_limit, decode_cursor, encode_cursor
from steelyard.server.http.signing import Signer
from steelyard.server.rooms.accounts.model import Caller
from steelyard.server.rooms.artifacts.edits import add_aliases, remove_aliases, update_artifact
from steelyard.server.rooms.artifacts.history import list_events
from steelyard.server.rooms.artifacts.listing import find_trashed
from steelyard.server.rooms.artifacts.model import Actor, Artifact, Member
from steelyard.server.rooms.artifacts.names import decode_artifact_id, parse_version
from steelyard.server.rooms.artifacts.policy import (
    get_readable_artifact,
    get_readable_collection,
    get_readable_member,
    get_writable_member,
    require_writable_artifact,
)
from steelyard.server.rooms.artifacts.queries import (
    count_members,
    get_artifact,
    list_members,
)
from steelyard.server.rooms.artifacts.removal import (
    measure_deletion,
    restore_artifact,
    trash_artifact,
)
from steelyard.server.rooms.artifacts.uses import count_uses, list_uses, use_artifact
from steelyard.server.rooms.artifacts.version_search import count_found, search_members
from steelyard.server.rooms.projects.policy import get_writable_project
from steelyard.server.rooms.runs.json_text import dump_json
from steelyard.server.rooms.runs.policy import get_writable_run_named
from steelyard.server.settings import ServerSettings
from steelyard.wire import artifacts as wire

VERSIONS = COLLECTION + "/versions"
VERSION = VERSIONS + "/{ref:str}"
RESTORE = ":restore"
Clock = Callable[[], int]


@get(VERSIONS)
async def list_artifact_versions(
    entity: str,
    project: str,
    name: str,
    caller: Caller,
    db: Database,
    q: str | None = None,
    cursor: str | None = None,
    limit: int | None = None,
) -> Page[wire.VersionHead]:
    """List versions, newest first; `q` is a version, or part of an alias, tag or description."""
    count = check_limit(limit)
    after = decode_cursor(cursor, tuple[int])[0] if cursor else None

    def read(conn: Connection) -> Page[wire.VersionHead]:
        found = get_readable_collection(conn, caller, entity, project, name)
        if q is not None and q.strip():
            members = search_members(conn, found.id, q, after=after, limit=count + 1)
            total = count_found(conn, found.id, q)
        else:
            members = list_members(conn, found.id, after=after, limit=count + 1)
            total = count_members(conn, found.id)
        heads = heads_of(conn, caller, members[:count])
        more = encode_cursor(heads[count - 1].index) if len(members) > count else None
        return Page(heads, more, total)

    return await db.read(read)


@get(VERSION)
async def show_artifact_version(
    entity: str,
    project: str,
    name: str,
    ref: str,
    caller: Caller,
    db: Database,
    signer: Signer,
    settings: ServerSettings,
    now_us: Clock,
) -> wire.Version:
    """One version in full: `ref` is "v3", an alias, or "latest"."""
    urls = ArtifactUrls(signer, settings.public_url, now_us())

    def read(conn: Connection) -> wire.Version:
        member = get_readable_member(conn, caller, entity, project, name, ref)
        return version_of(conn, caller, urls, member)

    return await db.read(read)


@get("/api/v1/artifacts/{artifact_id:str}")
async def show_artifact(
    artifact_id: str,
    caller: Caller,
    db: Database,
    signer: Signer,
    settings: ServerSettings,
    now_us: Clock,
) -> wire.Version:
    """One version in full by its id; drafts too, and what is in the trash."""
    urls = ArtifactUrls(signer, settings.public_url, now_us())

    def read(conn: Connection) -> wire.Version:
        artifact = get_readable_artifact(conn, caller, decode_artifact_id(artifact_id))
        return version_of_artifact(conn, caller, urls, artifact)

    return await db.read(read)


@patch(VERSION)
async def edit_artifact_version(
    entity: str,
    project: str,
    name: str,
    ref: str,
    data: wire.VersionPatch,
    caller: Caller,
    db: Database,
    signer: Signer,
    settings: ServerSettings,
    now_us: Clock,
) -> wire.Version:
    """Change a version's description, metadata, time to live, tags, or its aliases here."""
    urls = ArtifactUrls(signer, settings.public_url, now_us())

    def write(conn: Connection) -> wire.Version:
        member = get_writable_member(conn, caller, entity, project, name, ref)
        _edit(conn, caller, member, data, now_us())
        return version_of(conn, caller, urls, member)

    return await db.write(write)


def _edit(
    conn: Connection, caller: Caller, member: Member, data: wire.VersionPatch, now_us: int
) -> None:
    actor = Actor(caller.user_id)
    changes = (data.description, data.metadata, data.ttl_s)
    if any(change is not None for change in changes) or data.tags_add or data.tags_remove:
        artifact = get_artifact(conn, member.artifact_id)
        require_writable_artifact(caller, artifact)
        update_artifact(
            conn,
            artifact,
            description=data.description,
            metadata=None if data.metadata is None else dump_json(data.metadata),
            ttl_s=data.ttl_s,
            tags_add=data.tags_add,
            tags_remove=data.tags_remove,
            actor=actor,
            now_us=now_us,
        )
    remove_aliases(conn, member, data.aliases_remove, actor=actor, now_us=now_us, note=data.note)
    add_aliases(conn, member, data.aliases_add, actor=actor, now_us=now_us, note=data.note)


@delete(VERSION, status_code=200)
async def delete_artifact_version(
    entity: str,
    project: str,
    name: str,
    ref: str,
    caller: Caller,
    db: Database,
    now_us: Clock,
    delete_aliases: bool = False,
) -> wire.VersionDeleted:
    """Put a version into the trash, with its links and aliases (409 unless `delete_aliases`)."""

    def find(conn: Connection) -> Artifact:
        member = get_writable_member(conn, caller, entity, project, name, ref)
        if member.is_link:
            raise Invalid(f"{member.path} is a link; remove the link, or delete the version itself")
        return get_artifact(conn, member.artifact_id)

    def write(conn: Connection) -> Artifact:
        return trash_artifact(
            conn,
            find(conn),
            delete_aliases=delete_aliases,
            freed_bytes=freed,
            actor=Actor(caller.user_id),
            now_us=now_us(),
        )

    freed = await db.read(lambda conn: measure_deletion(conn, find(conn)))
    gone = await db.write(write)
    return wire.VersionDeleted(freed_bytes=freed, expires_at_us=gone.purge_at_us or 0)


@post(VERSION, status_code=200)
async def restore_artifact_version(
    entity: str,
    project: str,
    name: str,
    ref: str,
    caller: Caller,
    db: Database,
    signer: Signer,
    settings: ServerSettings,
    now_us: Clock,
) -> wire.Version:
    """Bring a version back from the trash: POST to `…/versions/v3:restore`."""
    urls = ArtifactUrls(signer, settings.public_url, now_us())

    def write(conn: Connection) -> wire.Version:
        found = get_writable_project(conn, caller, entity, project)
        index = parse_version(ref.removesuffix(RESTORE))
        if index is None or not ref.endswith(RESTORE):
            raise Invalid(f"{ref!r} can only be restored, as v3{RESTORE}")
        artifact = find_trashed(conn, found.id, name, index)
        if artifact is None:
            raise ArtifactNotFound(f"{found.entity}/{found.name}/{name}:v{index} in the trash")
        back = restore_artifact(conn, artifact, actor=Actor(caller.user_id), now_us=now_us())
        return version_of_artifact(conn, caller, urls, back)

    return await db.write(write)


@get(VERSION + "/used-by")
async def list_artifact_users(
    entity: str,
    project: str,
    name: str,
    ref: str,
    caller: Caller,
    db: Database,
    cursor: str | None = None,
    limit: int | None = None,
) -> Page[wire.RunRef]:
    """Runs that read a version, newest first; those the caller may see."""
    count = check_limit(limit)
    after = decode_cursor(cursor, tuple[int])[0] if cursor else None

    def read(conn: Connection) -> Page[wire.RunRef]:
        member = get_readable_member(conn, caller, entity, project, name, ref)
        uses = list_uses(conn, member.artifact_id, after=after, limit=count + 1)
        runs = run_refs(conn, caller, (use.run_id for use in uses[:count]))
        more = encode_cursor(uses[count - 1].run_id) if len(uses) > count else None
        total = count_uses(conn, [member.artifact_id]).get(member.artifact_id, 0)
        return Page([runs[u.run_id] for u in uses[:count] if u.run_id in runs], more, total)

    return await db.read(read)


@get(VERSION + "/events")
async def list_artifact_version_events(
    entity: str,
    project: str,
    name: str,
    ref: str,
    caller: Caller,
    db: Database,
    cursor: str | None = None,
    limit: int | None = None,
) -> Page[wire.Event]:
    """What happened to a version, newest first."""
    count = check_limit(limit)
    after = decode_cursor(cursor, tuple[int])[0] if cursor else None

    def read(conn: Connection) -> Page[wire.Event]:
        member = get_readable_member(conn, caller, entity, project, name, ref)
        events = list_events(conn, artifact_id=member.artifact_id, after=after, limit=count + 1)
        more = encode_cursor(events[count - 1].id) if len(events) > count else None
        return Page(events_of(conn, caller, events[:count]), more)

    return await db.read(read)


@post(VERSION + "/uses", status_code=200)
async def use_artifact_version(
    entity: str,
    project: str,
    name: str,
    ref: str,
    data: wire.NewUse,
    caller: Caller,
    db: Database,
    signer: Signer,
    settings: ServerSettings,
    now_us: Clock,
) -> wire.Version:
    """Note that a run reads the version; the caller must be able to write the run."""
    urls = ArtifactUrls(signer, settings.public_url, now_us())

    def write(conn: Connection) -> wire.Version:
        member = get_readable_member(conn, caller, entity, project, name, ref)
        of = data.run
        run = get_writable_run_named(conn, caller, of.entity, of.project, of.name)
        artifact = get_artifact(conn, member.artifact_id)
        use_artifact(conn, artifact, run_id=run.id, use_as=data.use_as, now_us=now_us())
        return version_of(conn, caller, urls, member)

    return await db.write(write)


handlers = [
    list_artifact_versions,
    show_artifact_version,
    show_artifact,
    edit_artifact_version,
    delete_artifact_version,
    restore_artifact_version,
    list_artifact_users,
    list_artifact_version_events,
    use_artifact_version,
]
