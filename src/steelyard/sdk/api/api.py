"""`steelyard.Api`: what scripts ask a server for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Literal

from steelyard.errors import ArtifactMissing, Invalid, NotFound, NotInThisVersion, UsageError
from steelyard.sdk.api.artifact_collection import ArtifactCollection
from steelyard.sdk.api.artifact_lists import (
    ArtifactCollections,
    Artifacts,
    ArtifactType,
    ArtifactTypes,
)
from steelyard.sdk.api.paths import parse_project_path, parse_run_path
from steelyard.sdk.api.projects import CREATE_PROJECT, Project, Projects
from steelyard.sdk.api.run import Run
from steelyard.sdk.api.run_documents import UPSERT_RUN
from steelyard.sdk.api.runs import Runs
from steelyard.sdk.api.server import Server
from steelyard.sdk.api.users import VIEWER, User
from steelyard.sdk.artifacts.artifact import Artifact
from steelyard.sdk.artifacts.names import ArtifactPath, parse_path
from steelyard.sdk.artifacts.remote import DEFAULT_PROJECT, Remote, open_remote

if TYPE_CHECKING:
    from steelyard.sdk.api.sweeps import Sweep
    from steelyard.sdk.settings import ClientSettings

#: What wandb's Api has besides, by what a script would do with it.
MISSING: Final[Mapping[str, str]] = {
    **dict.fromkeys(("reports",), "reports"),
    **dict.fromkeys(("job", "list_jobs"), "jobs"),
    **dict.fromkeys(
        ("create_run_queue", "queued_run", "run_queue", "upsert_run_queue"), "run queues"
    ),
    **dict.fromkeys(("create_registry", "registries", "registry"), "registries"),
    **dict.fromkeys(
        (
            *("automation", "automations", "create_automation", "delete_automation"),
            *("integrations", "slack_integrations", "update_automation", "webhook_integrations"),
        ),
        "automations",
    ),
    **dict.fromkeys(
        ("create_team", "create_user", "organization", "team", "user", "users"),
        "administration of users and teams in the query API",
    ),
    **dict.fromkeys(("create_custom_chart",), "custom charts"),
    **dict.fromkeys(("sync_tensorboard",), "import of TensorBoard files"),
}


class Api:
    """Runs, files, projects and artifacts of a server.

    Args:
        overrides: `base_url`, `entity`, `project` instead of those of the settings.
        timeout: seconds that a request may take.
        api_key: instead of the one that is known for the server.
    Raises UsageError without a server, NoApiKey without a key, Unauthenticated for a key that the
    server does not know, Unavailable without an answer.
    """

    def __init__(
        self,
        overrides: dict[str, Any] | None = None,
        timeout: int | None = None,
        api_key: str | None = None,
    ) -> None:
        found = _settings_for(overrides or {}, timeout, api_key)
        self._remote: Remote = open_remote(found)
        self._server = Server(self._remote)
        #: What the calls go by: base_url, entity, project, organization.
        self.settings: dict[str, Any] = {
            "entity": found.entity,
            "project": found.project,
            "organization": None,
            **(overrides or {}),
            "base_url": found.base_url,
        }
        self.api_key: str | None = self._remote.settings.api_key
        self._me: dict[str, Any] = self._remote.read("/api/v1/me")
        self._viewer: User | None = None
        self._runs: dict[str, Run] = {}
        self._sweeps: dict[str, Sweep] = {}
        self._run_lists: dict[tuple[Any, ...], Runs] = {}
        self._projects: dict[str, Projects] = {}

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if name in MISSING:
                raise NotInThisVersion(f"Api().{name}", MISSING[name])
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __repr__(self) -> str:
        return f"<Api {self.settings['base_url']}>"

    # ---- who asks

    @property
    def default_entity(self) -> str | None:
        """Where the caller's runs go by default."""
        return str(self._me["default_entity"])

    @property
    def viewer(self) -> User:
        """The caller."""
        if self._viewer is None:
            self._viewer = User(self._server, self._server.read(VIEWER)["viewer"])
        return self._viewer

    @property
    def user_agent(self) -> str:
        """How requests name the client."""
        from steelyard._version import __version__

        return f"steelyard/{__version__}"

    def flush(self) -> None:
        """Forget the runs that were read: the next call reads them anew."""
        self._runs, self._run_lists, self._sweeps = {}, {}, {}

    @property
    def _entity(self) -> str:
        return str(self.settings["entity"] or self._me["default_entity"])

    @property
    def _project(self) -> str:
        return str(self.settings["project"] or DEFAULT_PROJECT)

    # ---- projects and runs

    def projects(self, entity: str | None = None, per_page: int = 200) -> Projects:
        """The projects of an entity, last active first. Default: the caller's."""
        owner = entity or self._entity
        if owner not in self._projects:
            self._projects[owner] = Projects(self._server, owner, per_page)
        return self._projects[owner]

    def project(self, name: str, entity: str | None = None) -> Project:
        """A project, which is read when something of it is asked for."""
        return Project(self._server, entity or self._entity, name)

    def create_project(self, name: str, entity: str) -> None:
        """Make a project, unless it is there."""
        self._server.change(CREATE_PROJECT, input={"name": name, "entityName": entity})

    def run(self, path: str = "") -> Run:
        """A run by `[entity/]project/run`; remembered until `flush`.

        Raises NotOnServer (a ValueError and CommError) where there is none, Invalid for no path.
        """
        if path not in self._runs:
            place = parse_run_path(path, self._entity, self.settings["project"])
            self._runs[path] = Run(self._server, *place, lazy=False)
        return self._runs[path]

    def runs(
        self,
        path: str | None = None,
        filters: dict[str, Any] | None = None,
        order: str = "+created_at",
        per_page: int = 50,
        include_sweeps: bool = False,
        lazy: bool = True,
    ) -> Runs:
        """The runs of a project that match, read page by page; remembered until `flush`.

        Args:
            path: `[entity/]project`.
            filters: of MongoDB's form over state, tags, group, config.KEY, summary_metrics.KEY,
                created_at, …, with $and $or $nor $not $eq $ne $gt $gte $lt $lte $in $nin $exists
                $regex.
            order: `[+-]FIELD` such as "-summary_metrics.acc".
            per_page: runs in a request.
            include_sweeps: accepted; `run.sweep` is read when it is asked for.
            lazy: read config and summary when they are first asked for.
        """
        place = parse_project_path(path, self._entity, self._project)
        key = (*place, repr(filters or {}), order)
        found = self._run_lists.get(key)
        if found is None:
            options: dict[str, Any] = {"per_page": per_page, "include_sweeps": include_sweeps}
            found = Runs(self._server, *place, filters, order, lazy=lazy, **options)
            self._run_lists[key] = found
        elif not lazy and found._lazy:
            found.upgrade_to_full()
        return found

    def create_run(
        self,
        *,
        run_id: str | None = None,
        project: str | None = None,
        entity: str | None = None,
    ) -> Run:
        """A new run without a process; a made-up id, unless one is given."""
        return self._create_run(run_id=run_id, project=project, entity=entity)

    def _create_run(
        self,
        *,
        run_id: str | None = None,
        project: str | None = None,
        entity: str | None = None,
        state: Literal["running", "pending"] = "running",
    ) -> Run:
        from steelyard.sdk.session import new_id

        wanted = {
            "modelName": project or self._project,
            "entityName": entity or self._me["default_entity"],
            "name": run_id or new_id(),
            "state": state,
        }
        made = self._server.change(UPSERT_RUN, input=wanted)["upsertBucket"]["bucket"]
        home = made["project"]
        return Run(self._server, home["entityName"], home["name"], made["name"], lazy=False)

    def sweep(self, path: str = "") -> Sweep:
        """A sweep by `[entity/][project/]sweep`; remembered until `flush`.

        Raises NotOnServer (a ValueError and CommError) where there is none, UsageError for no path.
        """
        from steelyard.sdk.api.sweeps import Sweep
        from steelyard.sdk.sweeps.places import parse_sweep_path

        if path not in self._sweeps:
            found = parse_sweep_path(path)
            place = (found.entity or self._entity, found.project or self._project)
            self._sweeps[path] = Sweep(self._server, *place, found.sweep)
        return self._sweeps[path]

    def from_path(self, path: str) -> Project | Run | Sweep:
        """What a path names: `[entity/]project`, `entity/project[/runs]/run`, or
        `entity/project/sweeps/sweep`.

        Raises NotInThisVersion for reports, Invalid for other paths.
        """
        parts = path.strip("/ ").split("/")
        if len(parts) <= 2:
            return self.project(parts[-1], parts[0] if len(parts) == 2 else None)
        if len(parts) == 3 or (len(parts) == 4 and parts[2].startswith("run")):
            return self.run("/".join([*parts[:2], parts[-1]]))
        if len(parts) == 4 and parts[2].startswith("sweep"):
            return self.sweep("/".join([*parts[:2], parts[-1]]))
        if len(parts) == 4 and parts[2].startswith("report"):
            raise NotInThisVersion("Api().from_path", f"{parts[2]} in the query API")
        raise Invalid(f"{path!r} is no path; write ENTITY/PROJECT or ENTITY/PROJECT/runs/RUN")

    # ---- artifacts

    def artifact(self, name: str, type: str | None = None) -> Artifact:
        """A version by `[entity/][project/]name[:version or alias]`.

        Raises ArtifactMissing (a ValueError and CommError) where there is none, or one of another
        type; Invalid for what is no name.
        """
        path = self._artifact_path(name)
        version = self._remote.find(path)
        if type is not None and version["type"] != type:
            raise ArtifactMissing(
                f"the artifact {path} has the type {version['type']!r}, not {type!r}"
            )
        return Artifact._from_version(version, self._remote)

    def artifact_exists(self, name: str, type: str | None = None) -> bool:
        """Whether there is such a version. Raises Unavailable when nobody answers."""
        try:
            self.artifact(name, type)
        except (NotFound, Invalid):
            return False
        return True

    def artifacts(
        self,
        type_name: str,
        name: str,
        order: str | None = None,
        per_page: int = 50,
        tags: list[str] | None = None,
        start: str | None = None,
    ) -> Artifacts:
        """The versions of a collection, newest first; with `tags`, those that have them all."""
        place = self._artifact_path(name)
        assert place.entity is not None
        assert place.project is not None
        return Artifacts(
            self._server,
            place.entity,
            place.project,
            place.name,
            type_name,
            order=order,
            per_page=per_page,
            tags=tags,
            start=start,
        )

    def artifact_versions(self, type_name: str, name: str, per_page: int = 50) -> Artifacts:
        """Deprecated in wandb for `artifacts`."""
        return self.artifacts(type_name, name, per_page=per_page)

    def artifact_types(self, project: str | None = None, start: str | None = None) -> ArtifactTypes:
        """The types of artifacts in a project."""
        place = parse_project_path(project, self._entity, self._project)
        return ArtifactTypes(self._server, *place, start=start)

    def artifact_type(self, type_name: str, project: str | None = None) -> ArtifactType:
        """One type. Raises NotOnServer where there is none of that name."""
        place = parse_project_path(project, self._entity, self._project)
        return ArtifactType(self._server, *place, type_name)

    def artifact_collections(
        self,
        project_name: str,
        type_name: str,
        order: str | None = None,
        per_page: int = 50,
        start: str | None = None,
    ) -> ArtifactCollections:
        """The collections of one type in a project."""
        place = parse_project_path(project_name, self._entity, self._project)
        options: dict[str, Any] = {"order": order, "per_page": per_page, "start": start}
        return ArtifactCollections(self._server, *place, type_name, **options)

    def artifact_collection(self, type_name: str, name: str) -> ArtifactCollection:
        """One collection. Raises ArtifactMissing where there is none of that name and type."""
        place = self._artifact_path(name)
        assert place.entity is not None
        assert place.project is not None
        found = ArtifactCollection(self._remote, place.entity, place.project, place.name, type_name)
        found.load()
        return found

    def artifact_collection_exists(self, name: str, type: str) -> bool:
        """Whether there is such a collection. Raises Unavailable when nobody answers."""
        try:
            self.artifact_collection(type, name)
        except (NotFound, Invalid):
            return False
        return True

    def _artifact_path(self, name: str) -> ArtifactPath:
        return parse_path(name).with_defaults(self._entity, self._project)


def _settings_for(
    overrides: Mapping[str, Any], timeout: float | None, api_key: str | None
) -> ClientSettings:
    """The settings of the process; without a server there, that of the active run."""
    from msgspec.structs import replace

    from steelyard.sdk.login import check_key, find_key, no_key
    from steelyard.sdk.session import get_session

    session = get_session()
    loaded = session.load_settings({})
    found, source = loaded.settings, loaded.sources.get("api_key")
    run = session.current
    if found.base_url is None and run is not None:
        found = replace(found, base_url=run.settings.base_url, api_key=run.settings.api_key)
    known = {
        name: str(overrides[name])
        for name in ("base_url", "entity", "project")
        if overrides.get(name) is not None
    }
    if "base_url" in known:
        known["base_url"] = known["base_url"].rstrip("/")
    limit = {"x_graphql_timeout_seconds": float(timeout)} if timeout is not None else {}
    found = replace(found, **known, **limit)
    if found.base_url is None:
        raise UsageError(
            "Api() asks a server, and none is configured: set WANDB_BASE_URL, or run "
            "`steelyard login --host http://HOST:PORT`, or give overrides={'base_url': …}"
        )
    key = (
        check_key(api_key, "Api(api_key=)") if api_key else find_key(found, loaded.environ, source)
    )
    if key is None:
        raise no_key(found.base_url)
    return replace(found, api_key=key.key)
