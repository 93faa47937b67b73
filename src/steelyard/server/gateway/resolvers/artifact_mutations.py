"""How a client logs a version: begin, announce, upload, commit; and how a run uses one.

wandb 0.28.2 core/pkg/artifacts/saver.go: createArtifact, createArtifactManifest, any number of
createArtifactFiles with uploads, clientIDMapping, the manifest, commitArtifact.
"""

from __future__ import annotations

from typing import Any

from steelyard.errors import ArtifactNotFound, Invalid
from steelyard.server.gateway.context import Context, Fields
from steelyard.server.gateway.ids import decode_id, encode_id
from steelyard.server.gateway.resolvers.artifact_files import ManifestFile
from steelyard.server.rooms.artifacts import drafts, queries
from steelyard.server.rooms.artifacts.commit import commit_artifact
from steelyard.server.rooms.artifacts.model import (
    MD5_ALGORITHM,
    Actor,
    Artifact,
    Manifest,
    ManifestKind,
    NewDraft,
)
from steelyard.server.rooms.artifacts.names import decode_artifact_id
from steelyard.server.rooms.artifacts.policy import (
    get_readable_artifact,
    get_writable_artifact,
)
from steelyard.server.rooms.artifacts.uses import use_artifact
from steelyard.server.rooms.projects.commands import ensure_project
from steelyard.server.rooms.runs.policy import get_writable_run_named
from steelyard.server.rooms.runs.queries import get_run

_KINDS: dict[str, ManifestKind] = {
    "FULL": "full",
    "INCREMENTAL": "incremental",
    "PATCH": "patch",
}


def actor_of(context: Context, run_id: int | None = None) -> Actor:
    """Who does it, for the history of the collection."""
    return Actor(user_id=context.caller.user_id, run_id=run_id)


def number_of(id: str) -> int:
    """The number in the id of a version. Raises ArtifactNotFound."""
    number = decode_artifact_id(id)
    if number is None:
        raise ArtifactNotFound(f"with the id {id[:80]!r}")
    return number


def get_writable(context: Context, id: str) -> Artifact:
    """The version of an id that the caller may change."""
    return get_writable_artifact(context.conn, context.caller, number_of(id))


def create_artifact(_source: Any, context: Context, input: dict[str, Any]) -> dict[str, Any]:
    region = input.get("storage_region")
    if region not in (None, "", "default"):
        raise Invalid(
            f"invalid storageRegion {region!r}: this server keeps files in one place; leave "
            "storage_region out"
        )
    project, _ = ensure_project(
        context.conn,
        caller=context.caller,
        entity=input["entity_name"],
        name=input["project_name"],
        now_us=context.now_us,
    )
    run_id: int | None = None
    if input.get("run_name"):
        path = f"{project.entity}/{project.name}/{input['run_name']}"
        run_id = get_run(context.conn, project.id, input["run_name"], path=path).id
    artifact = drafts.create_artifact(
        context.conn,
        project=project,
        draft=_draft(input, run_id),
        actor=actor_of(context, run_id),
        now_us=context.now_us,
    )
    context.forget()
    return {"artifact": artifact}


def _draft(given: dict[str, Any], run_id: int | None) -> NewDraft:
    names = given.get("artifact_collection_names") or []
    name = given.get("artifact_collection_name") or (names[0] if names else None)
    if not name:
        raise Invalid("an artifact needs a name; send artifactCollectionName")
    return NewDraft(
        type=given["artifact_type_name"],
        collection=name,
        digest=given["digest"],
        digest_algorithm=given.get("digest_algorithm") or MD5_ALGORITHM,
        client_id=given.get("client_id") or None,
        sequence_client_id=given.get("sequence_client_id") or None,
        run_id=run_id,
        description=given.get("description"),
        metadata=given.get("metadata") or "{}",
        aliases=[each["alias"] for each in given.get("aliases") or []],
        tags=[each["tag_name"] for each in given.get("tags") or []],
        ttl_s=given.get("ttl_duration_seconds"),
        history_step=given.get("history_step"),
        distributed_id=given.get("distributed_id") or None,
        is_deduplicated=bool(given.get("enable_digest_deduplication")),
    )


def create_manifest(_source: Any, context: Context, input: dict[str, Any]) -> dict[str, Any]:
    artifact = get_writable(context, input["artifact_id"])
    manifest = drafts.create_manifest(
        context.conn,
        artifact,
        kind=_KINDS[input.get("type") or "FULL"],
        base_id=_base_number(context, artifact, input.get("base_artifact_id")),
        digest=input["digest"],
        now_us=context.now_us,
    )
    return _manifest(artifact, manifest)


def update_manifest(_source: Any, context: Context, input: dict[str, Any]) -> dict[str, Any]:
    number = decode_id("ArtifactManifest", input["artifact_manifest_id"])
    manifest = queries.find_manifest(context.conn, number)
    if manifest is None:
        raise ArtifactNotFound(f"whose manifest has the id {input['artifact_manifest_id']!r}")
    artifact = get_writable_artifact(context.conn, context.caller, manifest.artifact_id)
    if input.get("digest"):
        manifest = drafts.announce_manifest(
            context.conn, manifest.id, digest=input["digest"], now_us=context.now_us
        )
    return _manifest(artifact, manifest)


def _base_number(context: Context, artifact: Artifact, id: str | None) -> int | None:
    """wandb 0.28.2 core saver.go names the artifact itself when it has no other."""
    if not id or number_of(id) == artifact.id:
        return None
    return get_readable_artifact(context.conn, context.caller, number_of(id)).id


def _manifest(artifact: Artifact, manifest: Manifest) -> dict[str, Any]:
    return {
        "artifact_manifest": {
            "id": encode_id("ArtifactManifest", manifest.id),
            "digest": manifest.digest or None,
            "file": ManifestFile(artifact=artifact, manifest_id=manifest.id),
        }
    }


def commit(_source: Any, context: Context, input: dict[str, Any]) -> dict[str, Any]:
    """The manifest may be large, so it is read and sorted outside the transaction."""
    artifact = get_writable(context, input["artifact_id"])

    def work() -> int:
        committed = commit_artifact(
            context.db,
            context.blobs,
            artifact.id,
            actor=actor_of(context, artifact.created_by_run_id),
            now_us=context.now_us,
        )
        return committed.id

    number = context.after(("commit", artifact.id), work)
    return {"artifact": queries.get_artifact(context.conn, number)}


def use(_source: Any, context: Context, input: dict[str, Any]) -> dict[str, Any]:
    artifact = get_readable_artifact(context.conn, context.caller, number_of(input["artifact_id"]))
    run = get_writable_run_named(
        context.conn,
        context.caller,
        input["entity_name"],
        input["project_name"],
        input["run_name"],
    )
    use_artifact(
        context.conn,
        artifact,
        run_id=run.id,
        use_as=input.get("used_as"),
        now_us=context.now_us,
    )
    return {"artifact": artifact}


MUTATION: Fields = {
    "createArtifact": create_artifact,
    "createArtifactManifest": create_manifest,
    "updateArtifactManifest": update_manifest,
    "commitArtifact": commit,
    "useArtifact": use,
}
