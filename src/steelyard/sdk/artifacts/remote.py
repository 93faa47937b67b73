"""Artifacts on the server: reads and edits, one function of the REST API each.

Answers are the JSON objects of `wire/artifacts.py` as dicts. Reads are tried again while the
server is busy or away; edits are sent once.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from typing import IO, TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode, urlsplit

from steelyard.errors import (
    ArtifactHasAliases,
    ArtifactMissing,
    Conflict,
    Invalid,
    NotFound,
    Unavailable,
    UsageError,
)
from steelyard.sdk.artifacts.context import current_settings
from steelyard.sdk.artifacts.digest import MANIFEST_MD5
from steelyard.sdk.artifacts.manifest import ArtifactManifest
from steelyard.sdk.artifacts.names import ArtifactPath, parse_path
from steelyard.sdk.artifacts.version_facts import describe_moment

if TYPE_CHECKING:
    from steelyard.sdk.connection import Answer, Connection
    from steelyard.sdk.settings import ClientSettings

READ_TRIES: Final = 4
READ_TIMEOUT_S: Final = 60.0
PAUSE_S: Final = 0.25  # after the first failure; doubled after each
FILES_PAGE: Final = 5000
REDIRECTS_MAX: Final = 5
DEFAULT_PROJECT: Final = "uncategorized"
#: Of the contents and manifests of artifacts, and of files of runs, on our servers.
SIGNED_PREFIXES: Final = (
    "/storage/wandb_artifacts/",
    "/storage/artifact_manifests/",
    "/storage/runs/",
)


class Remote:
    """The artifacts of one server, as one user sees them. Threads may share it."""

    def __init__(self, connection: Connection, settings: ClientSettings) -> None:
        self.connection: Connection = connection
        self.settings: ClientSettings = settings
        self._default_entity: str | None = None
        self._elsewhere: dict[str, Connection] = {}
        self.read_timeout_s: float = settings.x_graphql_timeout_seconds or READ_TIMEOUT_S

    # ---- names

    @property
    def default_entity(self) -> str:
        """From the settings; else what the server says is the caller's own."""
        if self.settings.entity:
            return self.settings.entity
        if self._default_entity is None:
            self._default_entity = str(self.read("/api/v1/me")["default_entity"])
        return self._default_entity

    @property
    def default_project(self) -> str:
        """The project of names that have none."""
        return self.settings.project or DEFAULT_PROJECT

    def complete(self, path: ArtifactPath) -> ArtifactPath:
        """The path with entity and project."""
        return ArtifactPath(
            path.entity or self.default_entity,
            path.project or self.default_project,
            path.name,
            path.ref,
        )

    def page_url(self, *parts: str) -> str:
        """Address of a page of the web UI."""
        base = (self.settings.app_url_override or self.connection.base_url).rstrip("/")
        return "/".join([base, *(quote(part, safe="") for part in parts)])

    # ---- reads

    def find(self, name: str | ArtifactPath, *, type: str | None = None) -> dict[str, Any]:
        """A version by its name. Raises ArtifactMissing; Invalid for one of another type."""
        path = self.complete(parse_path(name) if isinstance(name, str) else name)
        try:
            version = self.read(self._version(path))
        except NotFound as error:
            raise ArtifactMissing(
                f"no artifact {path}, or you may not see it; what there is: "
                f"steelyard artifact ls {path.entity}/{path.project}"
            ) from error
        if type is not None and version["type"] != type:
            raise Invalid(f"the artifact {path} has the type {version['type']!r}, not {type!r}")
        assert isinstance(version, dict)
        return version

    def get(self, artifact_id: str) -> dict[str, Any]:
        """A version by its id. Raises ArtifactMissing."""
        try:
            version = self.read(f"/api/v1/artifacts/{quote(artifact_id, safe='')}")
        except NotFound as error:
            raise ArtifactMissing(f"no artifact with the id {artifact_id}") from error
        assert isinstance(version, dict)
        return version

    def find_client_id(self, client_id: str) -> str | None:
        """The id of what was logged under a client id; None when it was not."""
        found = self.read(f"/api/v1/artifact-clients/{quote(client_id, safe='')}")["id"]
        return str(found) if found is not None else None

    def read_manifest(self, version: Mapping[str, Any]) -> ArtifactManifest:
        """The manifest of a version that was read before."""
        import json

        body = self._fetch_all(str(version["manifest_url"]), f"the manifest of {version['name']}")
        algorithm = str(version.get("digest_algorithm") or MANIFEST_MD5)
        return ArtifactManifest.from_manifest_json(json.loads(body), algorithm)

    def list_files(
        self, path: ArtifactPath, *, prefix: str = "", after: str = "", page: int = FILES_PAGE
    ) -> Iterator[list[dict[str, Any]]]:
        """Pages of files with a signed `url` each, sorted by path."""
        base = f"{self._version(path)}/files"
        cursor: str | None = None
        while True:
            query: dict[str, Any] = {"limit": page}
            query |= {"prefix": prefix} if prefix else {}
            query |= {"cursor": cursor} if cursor else ({"after": after} if after else {})
            answer = self.read(f"{base}?{urlencode(query)}")
            yield answer["items"]
            cursor = answer["next_cursor"]
            if cursor is None:
                return

    def list_pages(self, place: str) -> Iterator[dict[str, Any]]:
        """The items of a list of the REST API, page by page. `place` begins with /api/v1."""
        cursor: str | None = ""
        mark = "&" if "?" in place else "?"
        while cursor is not None:
            more = f"{mark}cursor={quote(cursor, safe='')}" if cursor else ""
            answer = self.read(place + more)
            yield from answer["items"]
            cursor = answer["next_cursor"]

    def list_types(self, entity: str, project: str) -> list[dict[str, Any]]:
        """The types of a project."""
        found = self.read(f"{_project(entity, project)}/artifact-types")["items"]
        assert isinstance(found, list)
        return found

    def list_collections(
        self, entity: str, project: str, *, type: str | None = None
    ) -> Iterator[dict[str, Any]]:
        """The collections of a project."""
        query = f"?{urlencode({'type': type})}" if type else ""
        return self.list_pages(f"{_project(entity, project)}/artifacts{query}")

    def find_collection(self, entity: str, project: str, name: str) -> dict[str, Any]:
        """One collection. Raises ArtifactMissing."""
        try:
            found = self.read(_collection(entity, project, name))
        except NotFound as error:
            raise ArtifactMissing(f"no artifact collection {entity}/{project}/{name}") from error
        assert isinstance(found, dict)
        return found

    def list_versions(self, entity: str, project: str, name: str) -> Iterator[dict[str, Any]]:
        """The versions of a collection, newest first."""
        return self.list_pages(f"{_collection(entity, project, name)}/versions")

    def list_users(self, path: ArtifactPath) -> Iterator[dict[str, Any]]:
        """The runs that used a version."""
        return self.list_pages(f"{self._version(path)}/used-by")

    def diff(self, path: ArtifactPath, to: str) -> dict[str, Any]:
        """What changed from one version to another."""
        found = self.read(f"{self._version(path)}/diff?{urlencode({'to': to})}")
        assert isinstance(found, dict)
        return found

    def bisect(self, path: ArtifactPath, metric: str) -> Iterator[dict[str, Any]]:
        """Versions in a row with a metric and how much changed at each, newest first."""
        return self.list_pages(f"{self._bisection(path)}?{urlencode({'metric': metric})}")

    def list_metrics(self, path: ArtifactPath) -> list[str]:
        """Metrics of the runs behind the newest versions."""
        found = self.read(self._bisection(path))["metrics"]
        assert isinstance(found, list)
        return found

    # ---- edits

    def patch(self, path: ArtifactPath, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Change a version; the version as it is then."""
        found = self.connection.call("PATCH", self._version(path), content=dict(changes))
        assert isinstance(found, dict)
        return found

    def delete(self, path: ArtifactPath, *, delete_aliases: bool) -> dict[str, Any]:
        """Put a version into the trash. Raises ArtifactHasAliases."""
        flag = f"?delete_aliases={'true' if delete_aliases else 'false'}"
        try:
            found = self.connection.call("DELETE", self._version(path) + flag)
        except Conflict as error:
            raise ArtifactHasAliases(str(error)) from error
        return found or {}

    def link(self, source_id: str, target: ArtifactPath, aliases: list[str]) -> dict[str, Any]:
        """Link a version into a collection; the version as that collection has it."""
        assert target.entity is not None
        assert target.project is not None
        place = f"{_collection(target.entity, target.project, target.name)}/links"
        content = {"source": source_id, "aliases": aliases}
        made = self.connection.call("POST", place, content=content)
        return self.find(ArtifactPath(target.entity, target.project, target.name, made["version"]))

    def find_linked_at(self, path: ArtifactPath) -> str | None:
        """When a link was made, in UTC; None where nobody noted it."""
        for event in self.list_pages(f"{self._version(path)}/events"):
            if event["kind"] == "linked" and event["version"] in (None, path.ref):
                return describe_moment(int(event["at_us"]))
        return None

    def patch_collection(
        self, entity: str, project: str, name: str, changes: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Change a collection; the collection as it is then."""
        place = _collection(entity, project, name)
        found = self.connection.call("PATCH", place, content=dict(changes))
        assert isinstance(found, dict)
        return found

    def delete_collection(self, entity: str, project: str, name: str) -> None:
        """Put a collection with all its versions into the trash."""
        self.connection.call("DELETE", _collection(entity, project, name))

    def unlink(self, path: ArtifactPath) -> None:
        """Remove a link from its collection."""
        assert path.entity is not None
        assert path.project is not None
        place = _collection(path.entity, path.project, path.name)
        self.connection.call("DELETE", f"{place}/links/{quote(path.ref or '', safe='')}")

    def use(self, path: ArtifactPath, run: Mapping[str, str], use_as: str | None) -> dict[str, Any]:
        """Note that a run reads a version."""
        content = {"run": dict(run), "use_as": use_as}
        found = self.connection.call("POST", f"{self._version(path)}/uses", content=content)
        assert isinstance(found, dict)
        return found

    # ---- contents

    def open_url(self, url: str, headers: Mapping[str, str]) -> Answer:
        """GET a signed address, streamed, wherever it leads. Raises Unavailable without answer."""
        for _ in range(REDIRECTS_MAX):
            connection, path = self._connection_of(url)
            answer = connection.request(
                "GET", path, headers=headers, timeout_s=READ_TIMEOUT_S, stream=True
            )
            target = answer.headers.get("Location")
            if answer.status not in (301, 302, 303, 307, 308) or not target:
                return answer
            for _ in answer.chunks():  # frees the connection
                pass
            url = target if "://" in target else f"{_origin(url)}{target}"
        raise Unavailable(f"{url} leads from one address to the next; nothing was fetched")

    def send_url(
        self, url: str, body: IO[bytes], *, size_bytes: int, headers: Mapping[str, str]
    ) -> Answer:
        """PUT to a signed address. Raises Unavailable without answer."""
        connection, path = self._connection_of(url)
        sent = {**headers, "Content-Length": str(size_bytes)}
        return connection.request("PUT", path, body=body, headers=sent, timeout_s=READ_TIMEOUT_S)

    def open_pack(self, artifact_id: str, paths: list[str]) -> Iterator[bytes]:
        """Small files of a version in one answer, in pieces: see packs.py.

        Raises Unavailable where it breaks off, and what the server says.
        """
        import json

        answer = self.connection.request(
            "POST",
            f"/api/v1/artifacts/{quote(artifact_id, safe='')}/contents:fetch",
            body=json.dumps({"paths": paths}).encode(),
            headers={"Content-Type": "application/json"},
            timeout_s=self.read_timeout_s,
            stream=True,
        )
        if not answer.is_ok:
            raise answer.error()
        yield from answer.chunks()

    def _connection_of(self, url: str) -> tuple[Connection, str]:
        """Who answers that address, and what to ask there. Only our server gets the key."""
        own = self.connection.base_url
        parts = urlsplit(url)
        query = f"?{parts.query}" if parts.query else ""
        at = max(parts.path.find(prefix) for prefix in SIGNED_PREFIXES)
        if at >= 0:
            # A server behind a tunnel or a proxy may know itself by another address than we do;
            # what it signs is the path.
            return self.connection, parts.path[at:] + query
        if not parts.netloc or _origin(url) == _origin(own):
            return self.connection, parts.path.removeprefix(urlsplit(own).path.rstrip("/")) + query
        path = (parts.path or "/") + query
        origin = _origin(url)
        if origin not in self._elsewhere:
            from steelyard.sdk.connection import connection_facts, open_connection

            facts = connection_facts(self.settings)
            facts |= {"base_url": origin, "api_key": None, "x_extra_http_headers": None}
            self._elsewhere[origin] = open_connection(facts)
        return self._elsewhere[origin], path

    def _fetch_all(self, url: str, what: str) -> bytes:
        for tries in range(READ_TRIES):
            try:
                answer = self.open_url(url, {})
                if answer.is_ok:
                    return b"".join(answer.chunks())
                error = answer.error()
                if not answer.is_temporary:
                    raise error
            except Unavailable as problem:
                error = problem
            if tries < READ_TRIES - 1:
                time.sleep(PAUSE_S * 2**tries)
        raise Unavailable(f"{what} could not be fetched: {error}")

    def read(self, place: str) -> Any:
        """GET a place of the REST API. Raises what the server says."""
        for tries in range(READ_TRIES):
            try:
                return self.connection.call("GET", place, timeout_s=self.read_timeout_s)
            except NotFound:
                raise
            except Unavailable:
                if tries == READ_TRIES - 1:
                    raise
            time.sleep(PAUSE_S * 2**tries)
        raise AssertionError

    def _bisection(self, path: ArtifactPath) -> str:
        full = path if path.entity and path.project else self.complete(path)
        assert full.entity is not None and full.project is not None
        return f"{_collection(full.entity, full.project, full.name)}/bisect"

    def _version(self, path: ArtifactPath) -> str:
        full = path if path.entity and path.project else self.complete(path)
        assert full.entity is not None
        assert full.project is not None
        ref = quote(full.ref or "latest", safe="")
        return f"{_collection(full.entity, full.project, full.name)}/versions/{ref}"


_remotes: dict[tuple[int, str, str], Remote] = {}


def open_remote(settings: ClientSettings | None = None) -> Remote:
    """The server of the active run, or else of the settings, with the key that is known for it.

    Raises UsageError without a server, NoApiKey without a key: both say what to do.
    """
    from msgspec.structs import replace

    from steelyard.sdk import login
    from steelyard.sdk.connection import open_connection
    from steelyard.sdk.session import get_session

    found = settings if settings is not None else current_settings()
    if found.base_url is None:
        raise UsageError(
            "artifacts are read from a server, and none is configured: set WANDB_BASE_URL, or run "
            "`steelyard login --host http://HOST:PORT`"
        )
    if not found.api_key:
        loaded = get_session().load_settings({})
        key = login.find_key(found, loaded.environ, None)
        if key is None:
            raise login.no_key(found.base_url)
        found = replace(found, api_key=key.key)
    # A forked child opens connections of its own.
    place = (os.getpid(), found.base_url or "", found.api_key or "")
    known = _remotes.get(place)
    if known is None or known.settings != found:
        known = _remotes[place] = Remote(open_connection(found), found)
    return known


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _project(entity: str, project: str) -> str:
    return f"/api/v1/{quote(entity, safe='')}/{quote(project, safe='')}"


def _collection(entity: str, project: str, name: str) -> str:
    return f"{_project(entity, project)}/artifacts/{quote(name, safe='')}"
