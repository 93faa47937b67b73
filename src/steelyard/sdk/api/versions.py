"""Versions of artifacts as GraphQL gives them: whole pages, with all that an Artifact knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from steelyard.sdk.api.attributes import parse_object
from steelyard.sdk.api.pages import SizedPages
from steelyard.sdk.artifacts.artifact import Artifact
from steelyard.sdk.artifacts.version_facts import parse_moment

if TYPE_CHECKING:
    from steelyard.sdk.api.server import Server

VERSION_FIELDS: Final = """fragment VersionFields on Artifact {
  id versionIndex description metadata ttlDurationSeconds ttlIsInherited historyStep state
  size digest digestAlgorithm fileCount createdAt updatedAt
  tags { name }
  aliases { alias artifactCollection { name project { name entityName } } }
  artifactType { name }
  artifactSequence { name project { name entityName } }
  currentManifest { file { directUrl } }
  createdBy { __typename ... on Run { name displayName state jobType createdAt
    project { name entityName } } }
}"""
COMMITTED: Final = {"state": "COMMITTED"}


def version_of(
    node: dict[str, Any],
    *,
    entity: str | None = None,
    project: str | None = None,
    collection: str | None = None,
    version: str | None = None,
) -> dict[str, Any]:
    """A `Version` of the REST API; its place is where it was logged, unless another is given."""
    sequence = node["artifactSequence"]
    home = sequence["project"] or {}
    index = node["versionIndex"]
    source = {
        "entity": home.get("entityName"),
        "project": home.get("name"),
        "name": sequence["name"],
        "version": f"v{index}" if index is not None else "draft",
        "id": node["id"],
    }
    place = {
        "entity": entity or source["entity"],
        "project": project or source["project"],
        "name": collection or source["name"],
        "version": version or source["version"],
    }
    manifest = node["currentManifest"]
    ttl_s = int(node["ttlDurationSeconds"])
    return {
        **place,
        "id": node["id"],
        "type": node["artifactType"]["name"],
        "state": node["state"],
        "digest": node["digest"],
        "digest_algorithm": node["digestAlgorithm"],
        "description": node["description"],
        "metadata": parse_object(node["metadata"]),
        "aliases": [each["alias"] for each in node["aliases"] if _is_at(each, place)],
        "tags": [tag["name"] for tag in node["tags"]],
        "ttl_s": ttl_s if ttl_s > 0 else None,
        "ttl_is_inherited": node["ttlIsInherited"],
        "size_bytes": node["size"],
        "file_count": node["fileCount"],
        "history_step": node["historyStep"],
        "created_at_us": parse_moment(node["createdAt"]),
        "updated_at_us": parse_moment(node["updatedAt"] or node["createdAt"]),
        "created_by_run": _run_of(node["createdBy"]),
        "source": source,
        "manifest_url": manifest["file"]["directUrl"] if manifest else None,
    }


def _is_at(alias: dict[str, Any], place: dict[str, Any]) -> bool:
    collection = alias["artifactCollection"] or {}
    home = collection.get("project") or {}
    found = (home.get("entityName"), home.get("name"), collection.get("name"))
    return found == (place["entity"], place["project"], place["name"])


def _run_of(creator: dict[str, Any] | None) -> dict[str, Any] | None:
    if creator is None or creator["__typename"] != "Run":
        return None
    return {
        "entity": creator["project"]["entityName"],
        "project": creator["project"]["name"],
        "name": creator["name"],
        "display_name": creator["displayName"],
        "state": creator["state"],
        "job_type": creator["jobType"],
        "created_at_us": parse_moment(creator["createdAt"]),
    }


VERSIONS: Final = (
    """query SteelyardVersions($entity: String!, $project: String!, $collection: String!,
  $filters: JSONString, $order: String, $after: String, $first: Int) {
  project(name: $project, entityName: $entity) { artifactCollection(name: $collection) {
    defaultArtifactType { name }
    artifacts(filters: $filters, order: $order, after: $after, first: $first) {
      totalCount pageInfo { hasNextPage } edges { cursor version node { ...VersionFields } } }
  } }
}
"""
    + VERSION_FIELDS
)
RUN_VERSIONS: Final = (
    """query SteelyardRunVersions($entity: String!, $project: String!, $run: String!,
  $after: String, $first: Int) {
  project(name: $project, entityName: $entity) { run(name: $run) {
    artifacts: %s(after: $after, first: $first) {
      totalCount pageInfo { hasNextPage } edges { cursor node { ...VersionFields } } }
  } }
}
"""
    + VERSION_FIELDS
)


class VersionPages(SizedPages[Artifact]):
    """Artifacts, page by page."""

    def __init__(self, server: Server, per_page: int, start: str | None) -> None:
        super().__init__(per_page, start)
        self._server = server

    def _artifact(self, version: dict[str, Any]) -> Artifact:
        return Artifact._from_version(version, self._server.remote)
