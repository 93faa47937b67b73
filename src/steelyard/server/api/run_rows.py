"""Runs as our API shows them: a row of a list, and one run in full."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from steelyard.server.rooms.runs.fields import MISSING, Field, find_in_config, find_nested
from steelyard.server.rooms.runs.json_text import without_nonfinite
from steelyard.server.rooms.runs.model import Run, RunState

#: What the client keeps in a config for itself.
CLIENT_KEYS = ("_wandb", "wandb_version")
PRIVATE_METADATA = frozenset({"email"})


class RunRow(msgspec.Struct, frozen=True, kw_only=True):
    """One run in a list. Times are microseconds UTC; `name` is its id in the project."""

    name: str
    display_name: str
    state: RunState
    created_at_us: int
    updated_at_us: int
    heartbeat_at_us: int
    finished_at_us: int | None
    duration_s: float
    """From its creation to its end, or to its last sign of life."""
    username: str | None
    group: str | None
    job_type: str | None
    tags: list[str]
    notes: str | None
    sweep: str | None
    color: str | None
    entity: str
    project: str
    columns: dict[str, Any]
    """Values of the columns asked for that the run has; NaN and infinities as strings."""


class RunDetail(RunRow, frozen=True, kw_only=True):
    """One run in full. NaN and infinities are the strings "NaN", "Infinity", "-Infinity"."""

    config: dict[str, Any]
    summary: dict[str, Any]
    metadata: dict[str, Any]
    """Where and how it ran, as its client told: host, os, python, program, args, git, gpu, …"""
    exit_code: int | None
    stop_requested: bool
    history_row_count: int
    system_row_count: int
    log_line_count: int
    overwritten_value_count: int
    forked_from: str | None


class RunCounts(msgspec.Struct, frozen=True):
    """What the stores hold of a run."""

    history_row_count: int
    system_row_count: int
    log_line_count: int
    overwritten_value_count: int


def row_of_run(run: Run, columns: Sequence[Field] = ()) -> RunRow:
    """The row, with the values of some fields of its config and summary."""
    return RunRow(**_row_fields(run), columns=_read_columns(run, columns))


def detail_of_run(run: Run, counts: RunCounts) -> RunDetail:
    """The run in full; the parts of config and summary that only clients read are left out."""
    config, summary = run.parse_config(), run.parse_summary()
    return RunDetail(
        **_row_fields(run),
        columns={},
        config=without_nonfinite(plain_config(config)),
        summary=without_nonfinite({k: v for k, v in summary.items() if k not in CLIENT_KEYS}),
        metadata=without_nonfinite(metadata_of(run, config)),
        exit_code=run.exit_code,
        stop_requested=run.stop_requested,
        forked_from=run.forked_from,
        **msgspec.structs.asdict(counts),
    )


def plain_config(config: dict[str, Any]) -> dict[str, Any]:
    """{key: value} of a stored config {key: {"value": …}}, without the client's own keys."""
    return {
        key: entry["value"] if isinstance(entry, dict) and "value" in entry else entry
        for key, entry in config.items()
        if key not in CLIENT_KEYS
    }


def metadata_of(run: Run, config: dict[str, Any]) -> dict[str, Any]:
    """Where and how the run ran.

    wandb 0.31.0 keeps it in the config under `_wandb.value.e`, one entry per writer; what is
    missing there comes from the fields of the run.
    """
    environments = find_nested(config, ("_wandb", "value", "e"))
    first: Any = next(iter(environments.values()), {}) if isinstance(environments, dict) else {}
    told = {
        _snake_case(key): value
        for key, value in (first.items() if isinstance(first, dict) else ())
        if key not in PRIVATE_METADATA
    }
    told_git = told.get("git")
    git: dict[str, Any] = told_git if isinstance(told_git, dict) else {}
    known: dict[str, Any] = {
        "host": run.host,
        "program": run.program,
        "git": {"commit": run.commit, "remote": run.repo} | git,
    }
    client = find_nested(config, ("_wandb", "value"))
    if isinstance(client, dict):
        known["python"] = client.get("python_version")
        known["client_version"] = client.get("cli_version")
    return {**known, **{key: value for key, value in told.items() if key != "git"}}


def _snake_case(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", lambda m: f"_{m.group().lower()}", name)


def _row_fields(run: Run) -> dict[str, Any]:
    return {
        "name": run.name,
        "display_name": run.display_name,
        "state": run.state,
        "created_at_us": run.created_at_us,
        "updated_at_us": run.updated_at_us,
        "heartbeat_at_us": run.heartbeat_at_us,
        "finished_at_us": run.finished_at_us,
        "duration_s": ((run.finished_at_us or run.heartbeat_at_us) - run.created_at_us) / 1e6,
        "username": run.username,
        "group": run.group,
        "job_type": run.job_type,
        "tags": run.tags,
        "notes": run.notes,
        "sweep": run.sweep,
        "color": run.color,
        "entity": run.entity,
        "project": run.project,
    }


def _read_columns(run: Run, columns: Sequence[Field]) -> dict[str, Any]:
    if not columns:
        return {}
    documents = {"config": run.parse_config(), "summary": run.parse_summary()}
    values = {
        field.name: find_in_config(documents["config"], field.keys)
        if field.source == "config"
        else find_nested(documents["summary"], field.keys)
        for field in columns
    }
    return {
        name: without_nonfinite(value) for name, value in values.items() if value is not MISSING
    }
