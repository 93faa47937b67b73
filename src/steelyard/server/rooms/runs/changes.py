"""From what a client wants to column values: checked, cut to size, None left out."""

from __future__ import annotations

from typing import Any, get_args

from steelyard.errors import Invalid, TooLarge
from steelyard.limits import (
    DISPLAY_NAME_CHARS_MAX,
    NAME_CHARS_MAX,
    NOTES_CHARS_MAX,
    TAG_CHARS_MAX,
    TAGS_PER_RUN_MAX,
)
from steelyard.server.rooms.runs.json_text import dump_json, parse_json_object
from steelyard.server.rooms.runs.model import RunChanges, RunState

STATES: frozenset[str] = frozenset(get_args(RunState))

#: Field of RunChanges -> (column, longest text).
_TEXTS: dict[str, tuple[str, int]] = {
    "display_name": ("display_name", DISPLAY_NAME_CHARS_MAX),
    "description": ("description", NOTES_CHARS_MAX),
    "notes": ("notes", NOTES_CHARS_MAX),
    "group": ("run_group", DISPLAY_NAME_CHARS_MAX),
    "job_type": ("job_type", DISPLAY_NAME_CHARS_MAX),
    "host": ("host", DISPLAY_NAME_CHARS_MAX),
    "program": ("program", DISPLAY_NAME_CHARS_MAX * 8),
    "commit": ("commit", DISPLAY_NAME_CHARS_MAX),
    "repo": ("repo", DISPLAY_NAME_CHARS_MAX * 8),
    "sweep": ("sweep", NAME_CHARS_MAX),
}


def values_of(changes: RunChanges) -> dict[str, Any]:
    """Column values of the fields that are not None. Raises Invalid or TooLarge."""
    values: dict[str, Any] = {}
    for field, (column, longest) in _TEXTS.items():
        text = getattr(changes, field)
        if text is not None:
            values[column] = _checked_text(text, field, longest)
    if not values.get("display_name"):
        values.pop("display_name", None)  # the client sends "" when it has no name to give
    if changes.config is not None:
        values["config"] = _checked_object(changes.config, "the config of a run")
    if changes.summary is not None:
        values["summary"] = _checked_object(changes.summary, "the summary of a run")
    if changes.tags is not None:
        values["tags"] = dump_json(_checked_tags(changes.tags))
    if changes.state is not None:
        values["state"] = _checked_state(changes.state)
    return values


def _checked_text(text: str, field: str, longest: int) -> str:
    if len(text) > longest:
        raise TooLarge(f"{field} of a run", size=len(text), limit=longest, limit_name=field)
    return text.replace("\x00", "")  # PostgreSQL cannot keep it


def _checked_object(text: str, what: str) -> str:
    if not parse_json_object(text, what):
        return "{}"
    return text.replace("\x00", "")


def _checked_tags(tags: list[str]) -> list[str]:
    """Tags in their order, each once."""
    if len(tags) > TAGS_PER_RUN_MAX:
        raise TooLarge(
            "the tags of a run", size=len(tags), limit=TAGS_PER_RUN_MAX, limit_name="tags"
        )
    return list(dict.fromkeys(_checked_text(tag, "tag", TAG_CHARS_MAX) for tag in tags))


def _checked_state(state: str) -> str:
    lowered = state.lower()
    if lowered not in STATES:
        raise Invalid(f"{state!r} is no state of a run; states are {', '.join(sorted(STATES))}")
    return lowered


def fitting_changes(changes: RunChanges) -> tuple[RunChanges, str | None]:
    """The changes that can be made, and why others cannot (the first reason), or None."""
    kept: dict[str, Any] = {}
    reason: str | None = None
    for field in RunChanges.__struct_fields__:
        value = getattr(changes, field)
        if value is None:
            continue
        try:
            values_of(RunChanges(**{field: value}))
        except Invalid as error:
            reason = reason or str(error)
        else:
            kept[field] = value
    return RunChanges(**kept), reason
