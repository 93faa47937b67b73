"""A collection of versions: a sequence that is logged to, or a portfolio of links."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from steelyard.sdk.artifacts.names import ArtifactPath, check_name
from steelyard.sdk.artifacts.version_facts import describe_moment

if TYPE_CHECKING:
    from steelyard.sdk.artifacts.artifact import Artifact
    from steelyard.sdk.artifacts.remote import Remote


class ArtifactCollection:
    """What is set is sent by `save`. Facts are read from the server when first asked for."""

    def __init__(self, remote: Remote, entity: str, project: str, name: str, type: str) -> None:
        self._remote = remote
        self._entity, self._project, self._saved_name = entity, project, name
        self._name, self._type = name, type
        self._facts: dict[str, Any] | None = None
        self._changes: dict[str, Any] = {}

    def __repr__(self) -> str:
        return f"<ArtifactCollection {self._saved_name} ({self._type})>"

    @property
    def entity(self) -> str:
        """Owner of its project."""
        return self._entity

    @property
    def project(self) -> str:
        """Its project."""
        return self._project

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

    @property
    def id(self) -> str:
        """What names it: entity/project/name."""
        return f"{self._entity}/{self._project}/{self._saved_name}"

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
        """Its tags."""
        return list(self._changes.get("tags", self._read()["tags"]))

    @tags.setter
    def tags(self, tags: list[str]) -> None:
        self._changes["tags"] = list(dict.fromkeys(tags))

    @property
    def created_at(self) -> str:
        """When it was made, in UTC."""
        return describe_moment(int(self._read()["created_at_us"]))

    @property
    def aliases(self) -> list[str]:
        """The aliases of all its versions."""
        versions = self._remote.list_versions(self._entity, self._project, self._saved_name)
        return [alias for version in versions for alias in version["aliases"]]

    def is_sequence(self) -> bool:
        """Whether versions are logged to it, and not linked."""
        return str(self._read()["kind"]) == "sequence"

    def artifacts(self, per_page: int = 50) -> Iterator[Artifact]:
        """Its versions, newest first."""
        from steelyard.sdk.artifacts.artifact import Artifact

        place = (self._entity, self._project, self._saved_name)
        for head in self._remote.list_versions(*place):
            path = ArtifactPath(*place, head["version"])
            yield Artifact._from_version(self._remote.find(path), self._remote)

    def versions(self, per_page: int = 50) -> Iterator[Artifact]:
        """The same as `artifacts`."""
        return self.artifacts(per_page)

    def change_type(self, new_type: str) -> None:
        """Give another type to it and all its versions."""
        self._changes["type"] = self._type = new_type

    def save(self) -> None:
        """Send what was changed."""
        if self._changes:
            place = (self._entity, self._project, self._saved_name)
            self._facts = self._remote.patch_collection(*place, self._changes)
            self._changes, self._saved_name = {}, self._name

    def delete(self) -> None:
        """Delete it with all its versions; they stay in the trash for a month."""
        self._remote.delete_collection(self._entity, self._project, self._saved_name)

    def _read(self) -> dict[str, Any]:
        if self._facts is None:
            place = (self._entity, self._project, self._saved_name)
            self._facts = self._remote.find_collection(*place)
        return self._facts
