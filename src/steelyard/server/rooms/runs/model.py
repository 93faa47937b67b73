"""Runs as the rest of the server sees them."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from steelyard.server.rooms.runs.json_text import parse_json_object

RunState = Literal[
    "running",
    "finished",
    "failed",
    "crashed",
    "killed",
    "preempting",
    "preempted",
    "pending",
]
#: States of a run whose process is over, as far as we know.
ENDED_STATES: frozenset[str] = frozenset({"finished", "failed", "crashed", "killed", "preempted"})


class Run(msgspec.Struct, frozen=True):
    """One run. `config` and `summary` are JSON texts (bare NaN allowed), parsed when asked for.

    `name` is the id the client chose, unique in the project; `display_name` is what people see.
    """

    id: int
    project_id: int
    entity_id: int
    entity: str
    project: str
    project_access: str
    name: str
    user_id: int | None
    username: str | None
    user_name: str | None
    display_name: str
    state: RunState
    stop_requested: bool
    exit_code: int | None
    created_at_us: int
    updated_at_us: int
    heartbeat_at_us: int
    finished_at_us: int | None
    change_seq: int
    config: str
    summary: str
    tags: list[str]
    notes: str | None
    description: str | None
    group: str | None
    job_type: str | None
    host: str | None
    program: str | None
    commit: str | None
    repo: str | None
    sweep: str | None
    color: str | None
    forked_from: str | None

    @property
    def path(self) -> str:
        return f"{self.entity}/{self.project}/{self.name}"

    def parse_config(self) -> dict[str, Any]:
        """The config as stored: {key: {"value": …}}, with the client's own `_wandb`."""
        return parse_json_object(self.config, "the config of a run")

    def parse_summary(self) -> dict[str, Any]:
        return parse_json_object(self.summary, "the summary of a run")


class RunChanges(msgspec.Struct, frozen=True, kw_only=True):
    """What a client wants of a run. None leaves a field as it is; an empty list empties it.

    A change that carries `name` comes from a process that writes the run (or creates it); one with
    only `id` comes from somebody who edits it.
    """

    id: int | None = None
    name: str | None = None
    display_name: str | None = None
    description: str | None = None
    notes: str | None = None
    config: str | None = None
    summary: str | None = None
    tags: list[str] | None = None
    group: str | None = None
    job_type: str | None = None
    host: str | None = None
    program: str | None = None
    commit: str | None = None
    repo: str | None = None
    sweep: str | None = None
    state: str | None = None


class Alert(msgspec.Struct, frozen=True):
    """A message that a run raised for people."""

    id: int
    run_id: int
    title: str
    text: str
    severity: str
    created_at_us: int


class RunPage(msgspec.Struct, frozen=True):
    """Some runs in an order, each with its cursor, and whether more follow; `total` counts all."""

    runs: list[Run]
    cursors: list[str]
    has_more: bool
    total: int

    @property
    def next_cursor(self) -> str | None:
        """Where the next page starts; None after the last one."""
        return self.cursors[-1] if self.has_more and self.cursors else None
