"""What hangs on versions and collections: links into portfolios, and what a deletion touches."""

from __future__ import annotations

from collections.abc import Callable

from litestar import delete, get, post
from sqlalchemy.engine import Connection

from steelyard.server.api.artifact_rows import link_of, run_refs
from steelyard.server.api.artifact_versions import VERSION
from steelyard.server.api.artifacts import COLLECTION
from steelyard.server.db.interface import Database
from steelyard.server.rooms.accounts.model import Caller
from steelyard.server.rooms.artifacts.dependents import get_collection_usage
from steelyard.server.rooms.artifacts.links import link_artifact, unlink
from steelyard.server.rooms.artifacts.model import Actor, Artifact, Member
from steelyard.server.rooms.artifacts.names import decode_artifact_id, parse_path
from steelyard.server.rooms.artifacts.policy import (
    get_readable_artifact,
    get_readable_collection,
    get_readable_member,
    get_writable_member,
)
from steelyard.server.rooms.artifacts.queries import aliases_by_member, get_artifact
from steelyard.server.rooms.artifacts.removal import get_usage
from steelyard.server.rooms.projects.policy import get_writable_project
from steelyard.wire import artifacts as wire

Clock = Callable[[], int]


@get(VERSION + "/dependents")
async def list_artifact_dependents(
    entity: str, project: str, name: str, ref: str, caller: Caller, db: Database
) -> wire.Dependents:
    """What a deletion would touch: aliases, links, runs, and the bytes that would come free."""

    def read(conn: Connection) -> wire.Dependents:
        member = get_readable_member(conn, caller, entity, project, name, ref)
        usage = get_usage(conn, get_artifact(conn, member.artifact_id))
        runs = run_refs(conn, caller, usage.run_ids)
        return wire.Dependents(
            aliases=usage.aliases,
            links=_links_of(conn, usage.links),
            used_by=[runs[run_id] for run_id in usage.run_ids if run_id in runs],
            used_by_count=usage.run_count,
            freed_bytes=usage.freed_bytes,
        )

    return await db.read(read)


@get(COLLECTION + "/dependents")
async def list_artifact_collection_dependents(
    entity: str, project: str, name: str, caller: Caller, db: Database
) -> wire.CollectionDependents:
    """What the deletion of a whole collection would touch, over all of its versions."""

    def read(conn: Connection) -> wire.CollectionDependents:
        found = get_readable_collection(conn, caller, entity, project, name)
        usage = get_collection_usage(conn, found)
        runs = run_refs(conn, caller, usage.run_ids)
        return wire.CollectionDependents(
            version_count=usage.version_count,
            aliases=usage.aliases,
            alias_count=usage.alias_count,
            links=_links_of(conn, usage.links),
            link_count=usage.link_count,
            used_by=[runs[run_id] for run_id in usage.run_ids if run_id in runs],
            used_by_count=usage.run_count,
            freed_bytes=usage.freed_bytes,
        )

    return await db.read(read)


@post(COLLECTION + "/links", status_code=201)
async def link_artifact_version(
    entity: str,
    project: str,
    name: str,
    data: wire.NewLink,
    caller: Caller,
    db: Database,
    now_us: Clock,
) -> wire.NewLinkAnswer:
    """Link a version into a portfolio, which is made when absent."""

    def write(conn: Connection) -> wire.NewLinkAnswer:
        target = get_writable_project(conn, caller, entity, project)
        artifact = _find_source(conn, caller, data.source, entity, project)
        member = link_artifact(
            conn,
            artifact,
            project=target,
            portfolio=name,
            aliases=data.aliases,
            type=data.type,
            actor=Actor(caller.user_id),
            now_us=now_us(),
        )
        return wire.NewLinkAnswer(member.version)

    return await db.write(write)


@delete(COLLECTION + "/links/{version:str}", status_code=204)
async def unlink_artifact_version(
    entity: str,
    project: str,
    name: str,
    version: str,
    caller: Caller,
    db: Database,
    now_us: Clock,
) -> None:
    """Take a version out of a portfolio; the version itself stays."""

    def write(conn: Connection) -> None:
        member = get_writable_member(conn, caller, entity, project, name, version)
        unlink(conn, member, actor=Actor(caller.user_id), now_us=now_us())

    await db.write(write)


def _find_source(
    conn: Connection, caller: Caller, source: str, entity: str, project: str
) -> Artifact:
    artifact_id = decode_artifact_id(source)
    if artifact_id is not None:
        return get_readable_artifact(conn, caller, artifact_id)
    of_entity, of_project, name, ref = parse_path(source)
    member = get_readable_member(
        conn, caller, of_entity or entity, of_project or project, name, ref
    )
    return get_artifact(conn, member.artifact_id)


def _links_of(conn: Connection, links: list[Member]) -> list[wire.Link]:
    aliases = aliases_by_member(conn, [link.id for link in links])
    return [link_of(link, [alias.alias for alias in aliases.get(link.id, [])]) for link in links]


handlers = [
    list_artifact_dependents,
    list_artifact_collection_dependents,
    link_artifact_version,
    unlink_artifact_version,
]
