"""Changes of versions and collections that are there: names, aliases, tags, links, deletion."""

from __future__ import annotations

from typing import Any

from steelyard.errors import ArtifactNotFound, Invalid
from steelyard.server.gateway.context import Context, Fields
from steelyard.server.gateway.ids import decode_id
from steelyard.server.gateway.resolvers.artifact_mutations import (
    actor_of,
    get_writable,
    number_of,
)
from steelyard.server.rooms.accounts.policy import may_read_entity
from steelyard.server.rooms.artifacts import collections, edits, links, queries, removal
from steelyard.server.rooms.artifacts.model import Artifact, Collection, Member
from steelyard.server.rooms.artifacts.policy import (
    get_readable_artifact,
    get_writable_collection,
)
from steelyard.server.rooms.projects.commands import ensure_project
from steelyard.server.rooms.projects.model import Project
from steelyard.server.rooms.projects.policy import get_writable_project

# ---- versions


def update_artifact(_source: Any, context: Context, input: dict[str, Any]) -> dict[str, Any]:
    artifact = edits.update_artifact(
        context.conn,
        get_writable(context, input["artifact_id"]),
        description=input.get("description"),
        metadata=input.get("metadata"),
        ttl_s=input.get("ttl_duration_seconds"),
        tags_add=[each["tag_name"] for each in input.get("tags_to_add") or []],
        tags_remove=[each["tag_name"] for each in input.get("tags_to_delete") or []],
        actor=actor_of(context),
        now_us=context.now_us,
    )
    if input.get("aliases") is not None:
        _set_aliases(context, artifact, [each["alias"] for each in input["aliases"]])
    context.forget()
    return {"artifact": artifact}


def _set_aliases(context: Context, artifact: Artifact, wanted: list[str]) -> None:
    """Give a version these aliases, and no others, in its own collection."""
    member = queries.find_own_member(context.conn, artifact.id)
    if member is None:
        raise ArtifactNotFound(artifact.path)
    have = queries.aliases_by_member(context.conn, [member.id]).get(member.id, [])
    extra = [alias.alias for alias in have if alias.alias not in wanted]
    options: dict[str, Any] = {"actor": actor_of(context), "now_us": context.now_us}
    edits.remove_aliases(context.conn, member, extra, **options)
    edits.add_aliases(context.conn, member, wanted, **options)


def delete_artifact(_source: Any, context: Context, input: dict[str, Any]) -> dict[str, Any]:
    artifact = get_writable(context, input["artifact_id"])
    deleted = removal.trash_artifact(
        context.conn,
        artifact,
        delete_aliases=bool(input.get("delete_aliases")),
        freed_bytes=_measure(context, artifact),
        actor=actor_of(context),
        now_us=context.now_us,
    )
    context.forget()
    return {"artifact": deleted}


def _measure(context: Context, target: Artifact | Collection) -> int:
    """What a deletion frees: too long a look for a transaction that writes."""
    key = ("measure", type(target), target.id)
    measured = context.after(key, lambda: context.db.read_now(removal.measure_deletion, target))
    assert isinstance(measured, int)
    return measured


def add_aliases(_source: Any, context: Context, input: dict[str, Any]) -> dict[str, Any]:
    for member, aliases in _members_and_aliases(context, input):
        edits.add_aliases(
            context.conn, member, aliases, actor=actor_of(context), now_us=context.now_us
        )
    return {"success": True}


def delete_aliases(_source: Any, context: Context, input: dict[str, Any]) -> dict[str, Any]:
    for member, aliases in _members_and_aliases(context, input):
        edits.remove_aliases(
            context.conn, member, aliases, actor=actor_of(context), now_us=context.now_us
        )
    return {"success": True}


def _members_and_aliases(context: Context, given: dict[str, Any]) -> list[tuple[Member, list[str]]]:
    """The places of a version in the collections named, to be changed, with their aliases."""
    artifact = get_readable_artifact(context.conn, context.caller, number_of(given["artifact_id"]))
    by_place: dict[tuple[str, str, str], list[str]] = {}
    for each in given["aliases"]:
        place = (each["entity_name"], each["project_name"], each["artifact_collection_name"])
        by_place.setdefault(place, []).append(each["alias"])
    places = queries.members_by_artifact(context.conn, [artifact.id]).get(artifact.id, [])
    found = []
    for (entity, project_name, name), aliases in by_place.items():
        project = get_writable_project(context.conn, context.caller, entity, project_name)
        member = next(
            (each for each in places if (each.project_id, each.collection) == (project.id, name)),
            None,
        )
        if member is None:
            raise ArtifactNotFound(f"{artifact.path} in {project.entity}/{project.name}/{name}")
        found.append((member, aliases))
    return found


# ---- links


def link_artifact(_source: Any, context: Context, input: dict[str, Any]) -> dict[str, Any]:
    artifact = _linked_artifact(context, input)
    project, portfolio = _link_place(context, input)
    member = links.link_artifact(
        context.conn,
        artifact,
        project=project,
        portfolio=portfolio,
        aliases=[each["alias"] for each in input.get("aliases") or []],
        actor=actor_of(context),
        now_us=context.now_us,
    )
    context.forget()
    return {"version_index": member.version_index, "artifact_membership": member}


def _linked_artifact(context: Context, given: dict[str, Any]) -> Artifact:
    if given.get("artifact_id"):
        return get_readable_artifact(context.conn, context.caller, number_of(given["artifact_id"]))
    if not given.get("client_id"):
        raise Invalid("say which artifact to link: send artifactID or clientID")
    for artifact in queries.find_by_client_id(context.conn, given["client_id"]):
        if may_read_entity(context.caller, artifact.entity_id):
            return artifact
    raise ArtifactNotFound(f"that a client calls {given['client_id'][:80]!r}")


def _link_place(context: Context, given: dict[str, Any]) -> tuple[Project, str]:
    """The project, which is made when absent, and the name of the portfolio."""
    if given.get("artifact_portfolio_id"):
        found = _get_collection(context, given["artifact_portfolio_id"])
        project = get_writable_project(context.conn, context.caller, found.entity, found.project)
        return project, found.name
    if not given.get("artifact_portfolio_name"):
        raise Invalid("say where to link to: send artifactPortfolioName or artifactPortfolioID")
    project, _ = ensure_project(
        context.conn,
        caller=context.caller,
        entity=given.get("entity_name") or "",
        name=given.get("project_name") or "",
        now_us=context.now_us,
    )
    return project, given["artifact_portfolio_name"]


def unlink_artifact(_source: Any, context: Context, input: dict[str, Any]) -> dict[str, Any]:
    collection = _get_collection(context, input["artifact_portfolio_id"])
    number = number_of(input["artifact_id"])
    places = queries.members_by_artifact(context.conn, [number]).get(number, [])
    member = next((each for each in places if each.collection_id == collection.id), None)
    if member is None:
        raise ArtifactNotFound(f"{input['artifact_id']!r} in {collection.path}")
    links.unlink(context.conn, member, actor=actor_of(context), now_us=context.now_us)
    return {"success": True}


# ---- collections


def update_sequence(_source: Any, context: Context, input: dict[str, Any]) -> dict[str, Any]:
    return _update_collection(context, input["artifact_sequence_id"], input)


def update_portfolio(_source: Any, context: Context, input: dict[str, Any]) -> dict[str, Any]:
    return _update_collection(context, input["artifact_portfolio_id"], input)


def _update_collection(context: Context, id: str, given: dict[str, Any]) -> dict[str, Any]:
    changed = collections.update_collection(
        context.conn,
        _get_collection(context, id),
        name=given.get("name") or None,
        description=given.get("description"),
        actor=actor_of(context),
        now_us=context.now_us,
    )
    return {"artifact_collection": changed}


def move_sequence(_source: Any, context: Context, input: dict[str, Any]) -> dict[str, Any]:
    moved = collections.update_collection(
        context.conn,
        _get_collection(context, input["artifact_sequence_id"]),
        type=input["destination_artifact_type_name"],
        actor=actor_of(context),
        now_us=context.now_us,
    )
    return {"artifact_collection": moved}


def delete_sequence(_source: Any, context: Context, input: dict[str, Any]) -> dict[str, Any]:
    return _delete_collection(context, input["artifact_sequence_id"])


def delete_portfolio(_source: Any, context: Context, input: dict[str, Any]) -> dict[str, Any]:
    return _delete_collection(context, input["artifact_portfolio_id"])


def _delete_collection(context: Context, id: str) -> dict[str, Any]:
    collection = _get_collection(context, id)
    removal.trash_collection(
        context.conn,
        collection,
        freed_bytes=_measure(context, collection),
        actor=actor_of(context),
        now_us=context.now_us,
    )
    context.forget()
    return {"artifact_collection": queries.find_collection_by_id(context.conn, collection.id)}


def add_collection_tags(_source: Any, context: Context, input: dict[str, Any]) -> dict[str, Any]:
    collection = _get_collection_named(context, input)
    wanted = [each["tag_name"] for each in input["tags"]]
    collections.add_collection_tags(context.conn, collection.id, wanted)
    tags = queries.tags_by_collection(context.conn, [collection.id]).get(collection.id, [])
    return {"tags": [tag for tag in tags if tag.tag in wanted]}


def delete_collection_tags(_source: Any, context: Context, input: dict[str, Any]) -> dict[str, Any]:
    collection = _get_collection_named(context, input)
    unwanted = [each["tag_name"] for each in input["tags"]]
    collections.remove_collection_tags(context.conn, collection.id, unwanted)
    return {"success": True}


def _get_collection(context: Context, id: str) -> Collection:
    """The collection of an id, to change it. Raises ArtifactNotFound, Forbidden."""
    found = queries.find_collection_by_id(context.conn, decode_id("ArtifactCollection", id))
    if found is None or found.deleted_mark:
        raise ArtifactNotFound(f"collection with the id {id[:80]!r}")
    return get_writable_collection(
        context.conn, context.caller, found.entity, found.project, found.name
    )


def _get_collection_named(context: Context, given: dict[str, Any]) -> Collection:
    return get_writable_collection(
        context.conn,
        context.caller,
        given["entity_name"],
        given["project_name"],
        given["artifact_collection_name"],
    )


MUTATION: Fields = {
    "updateArtifact": update_artifact,
    "deleteArtifact": delete_artifact,
    "addAliases": add_aliases,
    "deleteAliases": delete_aliases,
    "linkArtifact": link_artifact,
    "unlinkArtifact": unlink_artifact,
    "updateArtifactSequence": update_sequence,
    "updateArtifactPortfolio": update_portfolio,
    "moveArtifactSequence": move_sequence,
    "deleteArtifactSequence": delete_sequence,
    "deleteArtifactPortfolio": delete_portfolio,
    "createArtifactCollectionTagAssignments": add_collection_tags,
    "deleteArtifactCollectionTagAssignments": delete_collection_tags,
}
