"""A collection of versions: a sequence that is logged to, or a portfolio of links."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any, Final

from steelyard.errors import ArtifactMissing, Invalid
from steelyard.sdk import terminal
from steelyard.sdk.api.server import Server
from steelyard.sdk.artifacts.names import check_name, check_tags, check_type

if TYPE_CHECKING:
    from steelyard.sdk.api.artifact_lists import Artifacts
    from steelyard.sdk.artifacts.remote import Remote

COLLECTION_FIELDS: Final = """fragment CollectionFields on ArtifactCollection {
  __typename id name description createdAt updatedAt
  project { id internalId name entityName }
  defaultArtifactType { name }
  tags { edges { node { name } } }
}"""
COLLECTION: Final = (
    """query SteelyardCollection($entity: String!, $project: String!, $name: String!) {
  project(name: $project, entityName: $entity) {
    artifactCollection(name: $name) { ...CollectionFields } }
}
"""
    + COLLECTION_FIELDS
)
ALIASES: Final = """query SteelyardAliases($id: ID!, $after: String) {
  artifactCollection(id: $id) { aliases(after: $after, first: 1000) {
    pageInfo { hasNextPage } edges { cursor node { alias } } } }
}"""


class ArtifactCollection:
    """What is set is sent by `save`. Facts are read from the server when first asked for."""

    def __init__(
        self,
        remote: Remote,
        entity: str,
        project: str,
        name: str,
        type: str,
        organization: str | None = None,
        attrs: dict[str, Any] | None = None,
    ) -> None:
        self._remote = remote
        self._entity, self._project, self._saved_name = entity, project, name
        self._name, self._type, self._saved_type = name, type, type
        self._attrs: dict[str, Any] | None = attrs
        self._changes: dict[str, Any] = {}
        self._aliases: list[str] | None = None
        self.organization: str | None = organization

    def __repr__(self) -> str:
        return f"<ArtifactCollection {self._name} ({self._type})>"

    def load(self) -> dict[str, Any]:
        """Read it from the server. Raises ArtifactMissing, also for one of another type."""
        place = f"{self._entity}/{self._project}/{self._saved_name}"
        found: dict[str, Any] | None = Server(self._remote).read_project(
            COLLECTION, self._entity, self._project, name=self._saved_name
        )["artifactCollection"]
        if found is None:
            raise ArtifactMissing(f"no artifact collection {place}, or you may not see it")
        kind = found["defaultArtifactType"]["name"]
        if kind != self._saved_type:
            raise ArtifactMissing(
                f"the collection {place} has the type {kind!r}, not {self._saved_type!r}"
            )
        self._attrs = found
        return found

    @property
    def id(self) -> str:
        """The server's id."""
        return str(self._read()["id"])

    @property
    def entity(self) -> str:
        """Owner of its project."""
        return self._entity

    @property
    def project(self) -> str:
        """Its project."""
        return self._project

    @property
    def project_id(self) -> str:
        """The server's id of the project."""
        return str(self._read()["project"]["id"])

    @property
    def project_internal_id(self) -> str | None:
        """The project, as links from other projects name it."""
        found: str | None = self._read()["project"]["internalId"]
        return found

    @property
    def name(self) -> str:
        """Its name."""
        return self._name

    @name.setter
    def name(self, name: str) -> None:
        self._name = self._changes["name"] = check_name(name)

    @property
    def type(self) -> str:
        """The type of its versions."""
        return self._type

    @type.setter
    def type(self, type: str) -> None:
        if not self.is_sequence():
            raise Invalid(f"{self._name} has links only; its type cannot be changed")
        self._type = self._changes["type"] = check_type(type, self._name)

    @property
    def description(self) -> str | None:
        """Text about it."""
        found: str | None = self._changes.get("description", self._read()["description"])
        return found

    @description.setter
    def description(self, description: str | None) -> None:
        self._changes["description"] = description or ""

    @property
    def tags(self) -> list[str]:
        """Its tags. A list that is changed in place is sent by `save` too."""
        if "tags" not in self._changes:
            edges = self._read()["tags"]["edges"]
            self._changes["tags"] = [edge["node"]["name"] for edge in edges]
        found: list[str] = self._changes["tags"]
        return found

    @tags.setter
    def tags(self, tags: Collection[str]) -> None:
        self._changes["tags"] = check_tags(tags)

    @property
    def created_at(self) -> str:
        """When it was made, in UTC."""
        return str(self._read()["createdAt"])

    @property
    def updated_at(self) -> str | None:
        """When it was changed last, in UTC."""
        found: str | None = self._read()["updatedAt"]
        return found

    @property
    def aliases(self) -> list[str]:
        """The aliases of all its versions."""
        if self._aliases is None:
            self._aliases = self._list_aliases()
        return list(self._aliases)

    def is_sequence(self) -> bool:
        """Whether versions are logged to it, and not linked."""
        return str(self._read()["__typename"]) == "ArtifactSequence"

    def artifacts(self, per_page: int = 50, start: str | None = None) -> Artifacts:
        """Its versions, newest first."""
        from steelyard.sdk.api.artifact_lists import Artifacts

        place = (self._entity, self._project, self._saved_name, self._saved_type)
        return Artifacts(Server(self._remote), *place, per_page=per_page, start=start)

    def versions(self, per_page: int = 50) -> Artifacts:
        """The same as `artifacts`."""
        return self.artifacts(per_page)

    def change_type(self, new_type: str) -> None:
        """Give another type to it and all its versions, at once. In wandb deprecated for `save`."""
        terminal.termlog(f"{self._name}: type {self._saved_type!r} becomes {new_type!r}")
        self.type = new_type
        self._send({"type": self._changes.pop("type")})

    def save(self) -> None:
        """Send what was changed."""
        if self._changes:
            changes, self._changes = self._changes, {}
            if "tags" in changes:
                changes["tags"] = check_tags(changes["tags"])
            self._send(changes)

    def delete(self) -> None:
        """Delete it with all its versions; they stay in the trash for a month."""
        self._remote.delete_collection(self._entity, self._project, self._saved_name)

    def _send(self, changes: dict[str, Any]) -> None:
        place = (self._entity, self._project, self._saved_name)
        found = self._remote.patch_collection(*place, changes)
        self._saved_name, self._saved_type = found["name"], found["type"]
        self._attrs = None  # what was changed is read anew

    def _read(self) -> dict[str, Any]:
        return self._attrs if self._attrs is not None else self.load()

    def _list_aliases(self) -> list[str]:
        found: list[str] = []
        after: str | None = None
        while True:
            page = Server(self._remote).read(ALIASES, id=self.id, after=after)
            edges = page["artifactCollection"]["aliases"]["edges"]
            found += [edge["node"]["alias"] for edge in edges]
            if not page["artifactCollection"]["aliases"]["pageInfo"]["hasNextPage"]:
                return found
            after = edges[-1]["cursor"]
