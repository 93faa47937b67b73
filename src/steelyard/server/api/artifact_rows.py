"""What the room says of artifacts, as the shapes of `wire/artifacts.py`: whole lists at a time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy.engine import Connection

from steelyard.server.http.artifact_urls import ArtifactUrls
from steelyard.server.rooms.accounts.model import Caller
from steelyard.server.rooms.accounts.policy import may_read_entity
from steelyard.server.rooms.artifacts.model import Artifact, Collection, Event, Member
from steelyard.server.rooms.artifacts.names import format_version
from steelyard.server.rooms.artifacts.queries import (
    aliases_by_artifact,
    aliases_by_member,
    artifacts_by_id,
    collections_by_id,
    count_members,
    in_steps,
    latest_by_collection,
    members_by_artifact,
    tags_by_artifact,
    tags_by_collection,
)
from steelyard.server.rooms.runs.model import Run
from steelyard.server.rooms.runs.queries import list_runs_by_id
from steelyard.wire import artifacts as wire

NO_MEMBER_INDEX = -1


def run_ref(run: Run) -> wire.RunRef:
    return wire.RunRef(
        entity=run.entity,
        project=run.project,
        name=run.name,
        display_name=run.display_name,
        state=run.state,
        job_type=run.job_type,
        created_at_us=run.created_at_us,
    )


def run_refs(
    conn: Connection, caller: Caller, run_ids: Iterable[int | None]
) -> dict[int, wire.RunRef]:
    """Runs by number, those that exist and that the caller may see."""
    wanted = [run_id for run_id in run_ids if run_id is not None]
    found: dict[int, wire.RunRef] = {}
    for some in in_steps(wanted):
        for run in list_runs_by_id(conn, some):
            if may_read_entity(caller, run.entity_id):
                found[run.id] = run_ref(run)
    return found


def heads_of(conn: Connection, caller: Caller, members: Sequence[Member]) -> list[wire.VersionHead]:
    """Versions of a list, in its order."""
    artifacts = artifacts_by_id(conn, [member.artifact_id for member in members])
    aliases = aliases_by_member(conn, [member.id for member in members])
    tags = tags_by_artifact(conn, list(artifacts))
    runs = run_refs(conn, caller, (a.created_by_run_id for a in artifacts.values()))
    return [
        _head(
            artifacts[member.artifact_id],
            member.version_index,
            [alias.alias for alias in aliases.get(member.id, [])],
            [tag.tag for tag in tags.get(member.artifact_id, [])],
            runs,
        )
        for member in members
    ]


def _head(
    artifact: Artifact,
    index: int,
    aliases: list[str],
    tags: list[str],
    runs: dict[int, wire.RunRef],
) -> wire.VersionHead:
    run_id = artifact.created_by_run_id
    return wire.VersionHead(
        id=artifact.key,
        version=format_version(index),
        index=index,
        digest=artifact.digest,
        state=artifact.state,
        aliases=aliases,
        tags=tags,
        size_bytes=artifact.size_bytes,
        file_count=artifact.file_count,
        created_at_us=artifact.created_at_us,
        created_by_run=None if run_id is None else runs.get(run_id),
        created_by_user=artifact.username,
        description=artifact.description,
    )


def version_of(
    conn: Connection, caller: Caller, urls: ArtifactUrls, member: Member
) -> wire.Version:
    """A version in full, in the place where it was asked for."""
    artifact = artifacts_by_id(conn, [member.artifact_id])[member.artifact_id]
    head = heads_of(conn, caller, [member])[0]
    aliases = aliases_by_artifact(conn, [artifact.id]).get(artifact.id, [])
    of_member: dict[int, list[str]] = {}
    for alias in aliases:
        of_member.setdefault(alias.member_id, []).append(alias.alias)
    members = members_by_artifact(conn, [artifact.id]).get(artifact.id, [])
    own = next((each for each in members if not each.is_link), member)
    return _full(
        head,
        artifact,
        urls,
        member=member,
        source=ref_of_member(own, artifact, of_member.get(own.id, [])),
        links=[
            link_of(each, of_member.get(each.id, []))
            for each in members
            if each.is_link and may_read_entity(caller, each.entity_id)
        ],
        history_index=count_members(conn, member.collection_id, before=member.version_index),
    )


def version_of_artifact(
    conn: Connection, caller: Caller, urls: ArtifactUrls, artifact: Artifact
) -> wire.Version:
    """The same by its own place; a draft, or a version in the trash, has none."""
    members = members_by_artifact(conn, [artifact.id]).get(artifact.id, [])
    readable = [member for member in members if may_read_entity(caller, member.entity_id)]
    if readable:
        return version_of(conn, caller, urls, readable[0])
    runs = run_refs(conn, caller, [artifact.created_by_run_id])
    tags = [tag.tag for tag in tags_by_artifact(conn, [artifact.id]).get(artifact.id, [])]
    index = NO_MEMBER_INDEX if artifact.version_index is None else artifact.version_index
    return _full(
        _head(artifact, index, [], tags, runs),
        artifact,
        urls,
        member=None,
        source=ref_of_artifact(artifact),
        links=[],
        history_index=0,
    )


def _full(
    head: wire.VersionHead,
    artifact: Artifact,
    urls: ArtifactUrls,
    *,
    member: Member | None,
    source: wire.VersionRef,
    links: list[wire.Link],
    history_index: int,
) -> wire.Version:
    place = member or artifact
    values = {field: getattr(head, field) for field in head.__struct_fields__}
    return wire.Version(
        **values,
        entity=place.entity,
        project=place.project,
        name=place.collection,
        type=place.type,
        kind="sequence" if member is None else member.kind,
        digest_algorithm=artifact.digest_algorithm,
        metadata=artifact.parse_metadata(),
        ttl_s=artifact.ttl_s or None,
        ttl_is_inherited=artifact.ttl_s is None,
        history_step=artifact.history_step,
        history_index=history_index,
        updated_at_us=artifact.updated_at_us,
        expires_at_us=artifact.expires_at_us,
        source=source,
        links=links,
        manifest_url=urls.manifest(artifact.id),
    )


def ref_of_member(
    member: Member, artifact: Artifact, aliases: list[str], use_as: str | None = None
) -> wire.VersionRef:
    return wire.VersionRef(
        entity=member.entity,
        project=member.project,
        name=member.collection,
        version=member.version,
        id=artifact.key,
        type=artifact.type,
        aliases=aliases,
        size_bytes=artifact.size_bytes,
        created_at_us=artifact.created_at_us,
        use_as=use_as,
    )


def ref_of_artifact(
    artifact: Artifact, aliases: list[str] | None = None, use_as: str | None = None
) -> wire.VersionRef:
    """A version in its own collection, there or not."""
    return wire.VersionRef(
        entity=artifact.entity,
        project=artifact.project,
        name=artifact.collection,
        version=artifact.version or "draft",
        id=artifact.key,
        type=artifact.type,
        aliases=aliases or [],
        size_bytes=artifact.size_bytes,
        created_at_us=artifact.created_at_us,
        use_as=use_as,
    )


def link_of(member: Member, aliases: list[str]) -> wire.Link:
    return wire.Link(
        entity=member.entity,
        project=member.project,
        name=member.collection,
        version=member.version,
        aliases=aliases,
    )


def collections_of(
    conn: Connection, caller: Caller, collections: Sequence[Collection]
) -> list[wire.Collection]:
    """Collections of a list, in its order, each with its newest version."""
    ids = [collection.id for collection in collections]
    tags = tags_by_collection(conn, ids)
    latest = latest_by_collection(conn, ids)
    members = [latest[collection_id] for collection_id in ids if collection_id in latest]
    heads = {
        member.collection_id: head
        for member, head in zip(members, heads_of(conn, caller, members), strict=True)
    }
    runs = run_refs(conn, caller, (each.created_by_run_id for each in collections))
    return [
        wire.Collection(
            name=each.name,
            entity=each.entity,
            project=each.project,
            type=each.type,
            kind=each.kind,
            description=each.description,
            tags=[tag.tag for tag in tags.get(each.id, [])],
            version_count=each.version_count,
            latest=heads.get(each.id),
            size_bytes=each.content_bytes,
            created_at_us=each.created_at_us,
            updated_at_us=each.updated_at_us,
            created_by_run=runs.get(each.created_by_run_id or 0),
        )
        for each in collections
    ]


def collection_of(conn: Connection, caller: Caller, collection: Collection) -> wire.Collection:
    """One collection, as it is now."""
    now = collections_by_id(conn, [collection.id])[collection.id]
    return collections_of(conn, caller, [now])[0]


def events_of(conn: Connection, caller: Caller, events: Sequence[Event]) -> list[wire.Event]:
    """Events of a list, in its order."""
    runs = run_refs(conn, caller, (event.run_id for event in events))
    return [
        wire.Event(
            at_us=event.at_us,
            user=event.username,
            run=runs.get(event.run_id or 0),
            kind=event.kind,  # type: ignore[arg-type]  # written by history.add_event only
            version=None if event.version_index is None else format_version(event.version_index),
            alias=event.alias,
            from_version=None if event.from_index is None else format_version(event.from_index),
            note=event.note,
        )
        for event in events
    ]
