"""Lists of artifacts: types of a project, collections, versions, inputs and outputs of a run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Literal

from steelyard.errors import ArtifactMissing, Invalid, NotOnServer
from steelyard.sdk.api.artifact_collection import COLLECTION_FIELDS, ArtifactCollection
from steelyard.sdk.api.pages import Pages, SizedPages
from steelyard.sdk.api.versions import (
    COMMITTED,
    RUN_VERSIONS,
    VERSIONS,
    VersionPages,
    version_of,
)

if TYPE_CHECKING:
    from steelyard.sdk.api.run import Run
    from steelyard.sdk.api.server import Server
    from steelyard.sdk.artifacts.artifact import Artifact

TYPES: Final = """query SteelyardTypes($entity: String!, $project: String!, $after: String,
  $first: Int) {
  project(name: $project, entityName: $entity) { artifactTypes(after: $after, first: $first) {
    pageInfo { hasNextPage } edges { cursor node { id name description createdAt } } } }
}"""
TYPE: Final = """query SteelyardType($entity: String!, $project: String!, $type: String!) {
  project(name: $project, entityName: $entity) { artifactType(name: $type) {
    id name description createdAt } }
}"""
TYPE_COLLECTIONS: Final = (
    """query SteelyardTypeCollections($entity: String!, $project: String!, $type: String!,
  $filters: JSONString, $order: String, $after: String, $first: Int) {
  project(name: $project, entityName: $entity) { artifactType(name: $type) {
    artifactCollections(filters: $filters, order: $order, after: $after, first: $first) {
      totalCount pageInfo { hasNextPage } edges { cursor node { ...CollectionFields } } }
  } }
}
"""
    + COLLECTION_FIELDS
)
COLLECTIONS: Final = (
    """query SteelyardCollections($entity: String!, $project: String!, $filters: JSONString,
  $order: String, $after: String, $first: Int) {
  project(name: $project, entityName: $entity) {
    artifactCollections(filters: $filters, order: $order, after: $after, first: $first) {
      totalCount pageInfo { hasNextPage } edges { cursor node { ...CollectionFields } } }
  }
}
"""
    + COLLECTION_FIELDS
)


class Artifacts(VersionPages):
    """Committed versions of a collection, newest first unless `order` says otherwise."""

    def __init__(
        self,
        server: Server,
        entity: str,
        project: str,
        collection_name: str,
        type: str,
        filters: Mapping[str, Any] | None = None,
        order: str | None = None,
        per_page: int = 50,
        tags: str | list[str] | None = None,
        start: str | None = None,
    ) -> None:
        super().__init__(server, per_page, start)
        self.entity: str = entity
        self.project: str = project
        self.collection_name: str = collection_name
        self.type: str = type
        self.filters: dict[str, Any] = dict(COMMITTED if filters is None else filters)
        self.order: str | None = order
        self.tags: list[str] = [tags] if isinstance(tags, str) else list(tags or [])

    def __repr__(self) -> str:
        return f"<Artifacts {self.entity}/{self.project}/{self.collection_name}>"

    def _read_page(self, cursor: str | None) -> dict[str, Any]:
        project = self._server.read_project(
            VERSIONS,
            self.entity,
            self.project,
            collection=self.collection_name,
            filters=json.dumps(self.filters),
            order=self.order,
            after=cursor,
            first=self.per_page,
        )
        collection = project["artifactCollection"]
        if collection is None or collection["defaultArtifactType"]["name"] != self.type:
            raise ArtifactMissing(
                f"no collection {self.entity}/{self.project}/{self.collection_name} "
                f"of type {self.type!r}"
            )
        page: dict[str, Any] = collection["artifacts"]
        return page

    def _convert(self, edge: dict[str, Any]) -> Artifact | None:
        version = version_of(
            edge["node"],
            entity=self.entity,
            project=self.project,
            collection=self.collection_name,
            version=edge["version"],
        )
        return self._artifact(version) if set(self.tags) <= set(version["tags"]) else None


class RunArtifacts(VersionPages):
    """Versions that a run logged, or used."""

    def __init__(
        self,
        server: Server,
        run: Run,
        mode: Literal["logged", "used"] = "logged",
        per_page: int = 50,
        start: str | None = None,
    ) -> None:
        super().__init__(server, per_page, start)
        fields = {"logged": "outputArtifacts", "used": "inputArtifacts"}
        if mode not in fields:
            raise Invalid(f"mode must be logged or used, not {mode!r}")
        self.run: Run = run
        self._document = RUN_VERSIONS.replace("%s", fields[mode])

    def _read_page(self, cursor: str | None) -> dict[str, Any]:
        page: dict[str, Any] = self.run._read(self._document, after=cursor, first=self.per_page)[
            "artifacts"
        ]
        return page

    def _convert(self, edge: dict[str, Any]) -> Artifact | None:
        return self._artifact(version_of(edge["node"]))


class _Collections(SizedPages[ArtifactCollection]):
    def __init__(
        self,
        server: Server,
        entity: str,
        project: str,
        filters: Mapping[str, Any] | None,
        order: str | None,
        per_page: int,
        start: str | None,
    ) -> None:
        super().__init__(per_page, start)
        self._server = server
        self.entity: str = entity
        self.project: str = project
        self.filters: Mapping[str, Any] | None = filters
        self.order: str | None = order

    def _read_project(self, document: str, cursor: str | None, **more: Any) -> dict[str, Any]:
        return self._server.read_project(
            document,
            self.entity,
            self.project,
            filters=None if self.filters is None else json.dumps(dict(self.filters)),
            order=self.order,
            after=cursor,
            first=self.per_page,
            **more,
        )

    def _convert(self, edge: dict[str, Any]) -> ArtifactCollection | None:
        node = edge["node"]
        home = node["project"]
        if home is None:
            return None
        return ArtifactCollection(
            self._server.remote,
            home["entityName"],
            home["name"],
            node["name"],
            node["defaultArtifactType"]["name"],
            attrs=node,
        )


class ArtifactCollections(_Collections):
    """Collections of one type in a project, newest first unless `order` says otherwise."""

    def __init__(
        self,
        server: Server,
        entity: str,
        project: str,
        type_name: str,
        filters: Mapping[str, Any] | None = None,
        order: str | None = None,
        per_page: int = 50,
        start: str | None = None,
    ) -> None:
        super().__init__(server, entity, project, filters, order, per_page, start)
        self.type_name: str = type_name

    def __repr__(self) -> str:
        return f"<ArtifactCollections {self.entity}/{self.project} ({self.type_name})>"

    def _read_page(self, cursor: str | None) -> dict[str, Any]:
        found = self._read_project(TYPE_COLLECTIONS, cursor, type=self.type_name)["artifactType"]
        if found is None:
            raise _no_type(self.entity, self.project, self.type_name)
        page: dict[str, Any] = found["artifactCollections"]
        return page


class ProjectArtifactCollections(_Collections):
    """Collections of a project, newest first unless `order` says otherwise."""

    def __init__(
        self,
        server: Server,
        entity: str,
        project: str,
        filters: Mapping[str, Any] | None = None,
        order: str | None = None,
        per_page: int = 50,
        start: str | None = None,
    ) -> None:
        super().__init__(server, entity, project, filters, order, per_page, start)

    def __repr__(self) -> str:
        return f"<ProjectArtifactCollections {self.entity}/{self.project}>"

    def _read_page(self, cursor: str | None) -> dict[str, Any]:
        page: dict[str, Any] = self._read_project(COLLECTIONS, cursor)["artifactCollections"]
        return page


class ArtifactType:
    """A type of artifacts in a project. Raises NotOnServer where there is none of that name."""

    def __init__(
        self,
        server: Server,
        entity: str,
        project: str,
        type_name: str,
        attrs: dict[str, Any] | None = None,
    ) -> None:
        self._server = server
        self.entity: str = entity
        self.project: str = project
        self.type: str = type_name
        self._attrs: dict[str, Any] = attrs or self.load()

    def __repr__(self) -> str:
        return f"<ArtifactType {self.type}>"

    def load(self) -> dict[str, Any]:
        """Read it from the server."""
        project = self._server.read_project(TYPE, self.entity, self.project, type=self.type)
        found: dict[str, Any] | None = project["artifactType"]
        if found is None:
            raise _no_type(self.entity, self.project, self.type)
        self._attrs = found
        return found

    @property
    def id(self) -> str:
        """The server's id."""
        return str(self._attrs["id"])

    @property
    def name(self) -> str:
        """Its name."""
        return str(self._attrs["name"])

    def collections(
        self,
        filters: Mapping[str, Any] | None = None,
        order: str | None = None,
        per_page: int = 50,
        start: str | None = None,
    ) -> ArtifactCollections:
        """Its collections."""
        place = (self._server, self.entity, self.project, self.type)
        return ArtifactCollections(*place, filters, order, per_page, start)

    def collection(self, name: str) -> ArtifactCollection:
        """One of its collections. Raises ArtifactMissing."""
        found = ArtifactCollection(self._server.remote, self.entity, self.project, name, self.type)
        found.load()
        return found


class ArtifactTypes(Pages[ArtifactType]):
    """The types of a project, by name."""

    def __init__(
        self,
        server: Server,
        entity: str,
        project: str,
        per_page: int = 50,
        start: str | None = None,
    ) -> None:
        super().__init__(per_page, start)
        self._server = server
        self.entity: str = entity
        self.project: str = project

    def __repr__(self) -> str:
        return f"<ArtifactTypes {self.entity}/{self.project}>"

    def _read_page(self, cursor: str | None) -> dict[str, Any]:
        page: dict[str, Any] = self._server.read_project(
            TYPES, self.entity, self.project, after=cursor, first=self.per_page
        )["artifactTypes"]
        return page

    def _convert(self, edge: dict[str, Any]) -> ArtifactType | None:
        node = edge["node"]
        return ArtifactType(self._server, self.entity, self.project, node["name"], node)


def _no_type(entity: str, project: str, name: str) -> NotOnServer:
    return NotOnServer(f"no artifacts of type {name!r} in {entity}/{project}")
