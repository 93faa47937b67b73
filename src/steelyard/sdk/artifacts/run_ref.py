"""A run that made or used an artifact, as far as the artifact knows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from steelyard.sdk.artifacts.version_facts import describe_moment

if TYPE_CHECKING:
    from steelyard.sdk.artifacts.remote import Remote


class ArtifactRun:
    """A run on the server; what the artifact does not know is read when it is asked for."""

    def __init__(self, remote: Remote, run: dict[str, Any]) -> None:
        self._remote = remote
        self._run = run
        self._detail: dict[str, Any] | None = None

    def __repr__(self) -> str:
        return f"<Run {'/'.join(self.path)} ({self.state})>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ArtifactRun) and other.path == self.path

    def __hash__(self) -> int:
        return hash(tuple(self.path))

    @property
    def id(self) -> str:
        """The run's id."""
        return str(self._run["name"])

    @property
    def name(self) -> str:
        """The name that people see."""
        return str(self._run["display_name"])

    @property
    def display_name(self) -> str:
        """The same as `name`."""
        return self.name

    @property
    def entity(self) -> str:
        """Owner of its project."""
        return str(self._run["entity"])

    @property
    def project(self) -> str:
        """Its project."""
        return str(self._run["project"])

    @property
    def path(self) -> list[str]:
        """Entity, project and id."""
        return [self.entity, self.project, self.id]

    @property
    def state(self) -> str:
        """running, finished, failed, crashed, …"""
        return str(self._run["state"])

    @property
    def job_type(self) -> str | None:
        """What it did, such as train or eval."""
        found: str | None = self._run["job_type"]
        return found

    @property
    def created_at(self) -> str:
        """When it began, in UTC."""
        return describe_moment(int(self._run["created_at_us"]))

    @property
    def url(self) -> str:
        """Its page in the UI."""
        return self._remote.page_url(self.entity, self.project, "runs", self.id)

    @property
    def config(self) -> dict[str, Any]:
        """Its config, read from the server."""
        return dict(self._read()["config"])

    @property
    def summary(self) -> dict[str, Any]:
        """Its summary, read from the server."""
        return dict(self._read()["summary"])

    @property
    def tags(self) -> list[str]:
        """Its tags, read from the server."""
        return list(self._read()["tags"])

    def _read(self) -> dict[str, Any]:
        if self._detail is None:
            entity, project, name = (quote(part, safe="") for part in self.path)
            self._detail = self._remote.read(f"/api/v1/{entity}/{project}/runs/{name}")
        assert self._detail is not None
        return self._detail
