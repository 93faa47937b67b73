"""Projects of an entity."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from steelyard.errors import NotOnServer
from steelyard.sdk.api.attributes import Attributes, frame_html
from steelyard.sdk.api.pages import Pages
from steelyard.sdk.api.users import User

if TYPE_CHECKING:
    from steelyard.sdk.api.artifact_lists import ArtifactTypes, ProjectArtifactCollections
    from steelyard.sdk.api.server import Server
    from steelyard.sdk.api.sweeps import Sweeps

FIELDS: Final = "id internalId name entityName createdAt isBenchmark description readOnly"
PROJECTS: Final = f"""query SteelyardProjects($entity: String!, $after: String, $first: Int) {{
  projects(entityName: $entity, after: $after, first: $first) {{
    pageInfo {{ hasNextPage }} edges {{ cursor node {{ {FIELDS} }} }} }}
}}"""
PROJECT: Final = f"""query SteelyardProject($entity: String!, $project: String!) {{
  project(name: $project, entityName: $entity) {{ {FIELDS} user {{ id name username }} }}
}}"""
CREATE_PROJECT: Final = """mutation SteelyardCreateProject($input: UpsertModelInput!) {
  upsertModel(input: $input) { project { id } }
}"""


class Projects(Pages["Project"]):
    """The projects of an entity, last active first."""

    def __init__(self, server: Server, entity: str, per_page: int = 50) -> None:
        super().__init__(per_page)
        self._server = server
        self.entity: str = entity

    def __repr__(self) -> str:
        return f"<Projects {self.entity}>"

    @property
    def length(self) -> None:
        """Not known; as in wandb."""
        return

    def _read_page(self, cursor: str | None) -> dict[str, Any]:
        found = self._server.read(PROJECTS, entity=self.entity, after=cursor, first=self.per_page)[
            "projects"
        ]
        if found is None:
            raise NotOnServer(f"no entity {self.entity!r}, or you may not see it")
        page: dict[str, Any] = found
        return page

    def _convert(self, edge: dict[str, Any]) -> Project | None:
        node = edge["node"]
        return Project(self._server, self.entity, node["name"], node)


class Project(Attributes):
    """A project; what is not known of it is read when it is asked for."""

    def __init__(
        self, server: Server, entity: str, project: str, attrs: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(dict(attrs or {}))
        self._server = server
        self.name: str = project
        self.entity: str = entity

    def __repr__(self) -> str:
        return f"<Project {'/'.join(self.path)}>"

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("_") and "user" not in self.__dict__.get("_attrs", {"user": None}):
            self._load()
        return super().__getattr__(name)

    def _load(self) -> dict[str, Any]:
        if "user" not in self._attrs:
            found = self._server.read_project(PROJECT, self.entity, self.name)
            self._attrs = {**self._attrs, **found}
        return self._attrs

    @property
    def id(self) -> str:
        """The server's id. Raises NotOnServer where there is no such project."""
        return str(self._attrs["id"] if "id" in self._attrs else self._load()["id"])

    @property
    def owner(self) -> User:
        """The person whose project it is. Raises NotOnServer for a team's."""
        found = self._load()["user"]
        if not found:
            raise NotOnServer(f"the project {'/'.join(self.path)} belongs to no single person")
        return User(self._server, found)

    @property
    def path(self) -> list[str]:
        """Entity and name."""
        return [self.entity, self.name]

    @property
    def url(self) -> str:
        """Its page in the UI."""
        return self._server.page_url(self.entity, self.name, "workspace")

    def artifacts_types(self, per_page: int = 50) -> ArtifactTypes:
        """The types of its artifacts."""
        from steelyard.sdk.api.artifact_lists import ArtifactTypes

        return ArtifactTypes(self._server, self.entity, self.name, per_page)

    def collections(
        self,
        filters: Mapping[str, Any] | None = None,
        order: str | None = None,
        per_page: int = 50,
    ) -> ProjectArtifactCollections:
        """Its collections of artifacts."""
        from steelyard.sdk.api.artifact_lists import ProjectArtifactCollections

        place = (self._server, self.entity, self.name)
        return ProjectArtifactCollections(*place, filters, order, per_page)

    def sweeps(self, per_page: int = 50, filters: Mapping[str, Any] | None = None) -> Sweeps:
        """Its sweeps, newest first; those that match a filter over name, state, method, …."""
        from steelyard.sdk.api.sweeps import Sweeps

        return Sweeps(self._server, self.entity, self.name, filters, per_page)

    def to_html(self, height: int = 420, hidden: bool = False) -> str:
        """Its page, in a frame of so many pixels."""
        return frame_html(self.url, height=height, hidden=hidden, what="project")

    def _repr_html_(self) -> str:
        return self.to_html()
