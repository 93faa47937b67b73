"""The queue of a sweep that is on a server, over REST."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from steelyard.errors import Unavailable
from steelyard.sdk import terminal
from steelyard.sdk.sweeps.places import (
    SweepPath,
    open_server,
    parse_sweep_path,
    sweep_place,
)
from steelyard.sdk.sweeps.queue import Command, Exit, Resume, Run, RunState, Stop, SweepInfo

if TYPE_CHECKING:
    from steelyard.sdk.artifacts.remote import Remote

EXIT_REASON = "everything that this sweep may try was handed out"
STOP_REASON = "the server says that this run is to stop"


class ServerQueue:
    """A sweep of a server, for its agents."""

    def __init__(self, remote: Remote, path: SweepPath) -> None:
        self._remote = remote
        self._path = path
        self._place = sweep_place(path)
        self._waits: str | None = None

    def describe(self) -> SweepInfo:
        """Raises SweepNotFound, Unavailable, Unauthenticated."""
        found = self.call("GET", self._place)
        return SweepInfo(
            path=f"{found['entity']}/{found['project']}/{found['name']}",
            name=str(found["name"]),
            config=read_yaml_map(str(found["config"])),
            entity=str(found["entity"]),
            project=str(found["project"]),
            url=self._remote.page_url(found["entity"], found["project"], "sweeps", found["name"]),
            state=str(found["state"]),
            environment=self._environment(found),
        )

    def register(self, host: str) -> str:
        """Raises as `describe`, and Forbidden for viewers."""
        return str(self.call("POST", f"{self._place}/agents", {"host": host})["name"])

    def heartbeat(
        self, agent: str, run_states: Mapping[str, RunState], *, wants_work: bool
    ) -> list[Command]:
        """See `Queue`."""
        content = {
            "running": [name for name, state in run_states.items() if state == "running"],
            "ended": {name: state for name, state in run_states.items() if state != "running"},
            "wants_work": wants_work,
        }
        place = f"{self._place}/agents/{quote(agent, safe='')}/next"
        answer = self.call("POST", place, content)
        waits = answer.get("waits")
        if waits and waits != self._waits:
            terminal.say(f"waiting for work: {waits}")
        self._waits = waits
        return [read_command(each) for each in answer["commands"]]

    def call(self, method: str, place: str, content: Any = None) -> Any:
        """The object that the server answers. Raises what the server says, Unavailable."""
        found = self._remote.connection.call(
            method, place, content=content, timeout_s=self._remote.read_timeout_s
        )
        if not isinstance(found, dict):
            raise Unavailable(f"{method} {place} does not answer like a Steelyard server")
        return found

    def _environment(self, found: Mapping[str, Any]) -> dict[str, str]:
        """What a program needs to log to where the sweep is, with either client."""
        settings = self._remote.settings
        values = {
            "WANDB_ENTITY": found["entity"],
            "WANDB_PROJECT": found["project"],
            "WANDB_BASE_URL": settings.base_url,
            "WANDB_API_KEY": settings.api_key,
        }
        return {name: str(value) for name, value in values.items() if value}


def read_command(said: Mapping[str, Any]) -> Command:
    """A command as the server says it."""
    kind, name, reason = said["type"], str(said.get("run_id") or ""), said.get("reason")
    if kind == "exit":
        return Exit(reason=str(reason or EXIT_REASON))
    if kind == "stop":
        is_early = bool(said.get("is_early"))
        return Stop(run_name=name, reason=str(reason or STOP_REASON), is_early=is_early)
    made = Resume if kind == "resume" else Run
    args = said.get("args") or {}
    config = {str(key): entry["value"] for key, entry in args.items()}
    return made(run_name=name, config=config, program=said.get("program"))


def open_server_queue(
    path: str, *, entity: str | None = None, project: str | None = None
) -> ServerQueue:
    """The queue of a sweep by its path; nothing is asked yet. Raises UsageError, NoApiKey."""
    found = parse_sweep_path(path, entity=entity, project=project)
    remote = open_server()
    named = SweepPath(
        found.entity or remote.settings.entity,
        found.project or remote.default_project,
        found.sweep,
    )
    return ServerQueue(remote, named)


def read_yaml_map(text: str) -> dict[str, Any]:
    """A configuration as it was sent, as a mapping; {} for text that is none."""
    from steelyard.search.yaml_source import SourceError, read_yaml

    try:
        value = read_yaml(text).value
    except SourceError:
        return {}
    return dict(value) if isinstance(value, Mapping) else {}
