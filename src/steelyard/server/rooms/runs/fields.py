"""What filters, orders and table columns can name: `state`, `config.lr`, `summary_metrics.acc`, …

Both edges and both spellings: `displayName` and `display_name`, `summary_metrics` and `summary`,
`config.KEY` and `config.KEY.value`.
"""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec

from steelyard.errors import Invalid

Source = Literal["column", "config", "summary", "key", "metadata"]


class Missing:
    """The value of a field that a run does not have. Not None, which is a value."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = Missing()


class Field(msgspec.Struct, frozen=True):
    """A place in a run: a column of the table, or a path into one of its documents.

    `keys` are the parts between the dots; a key may itself contain dots, so reading tries the
    longest key first.
    """

    source: Source
    keys: tuple[str, ...]

    @property
    def is_time(self) -> bool:
        return self.source == "column" and self.keys[0] in TIME_COLUMNS

    @property
    def name(self) -> str:
        prefix = {"column": "", "key": "keys_info.keys."}.get(self.source, f"{self.source}.")
        return prefix + ".".join(self.keys)


TIME_COLUMNS = frozenset({"created_at", "updated_at", "heartbeat_at", "finished_at"})

#: Every accepted spelling of a column, without the camel case that is accepted as well.
COLUMNS = {
    **{name: name for name in TIME_COLUMNS},
    "name": "name",
    "display_name": "display_name",
    "state": "state",
    "group": "group",
    "job_type": "job_type",
    "tags": "tags",
    "sweep": "sweep",
    "sweep_name": "sweep",
    "username": "username",
    "user": "username",
    "host": "host",
    "program": "program",
    "duration": "duration",
    "duration_s": "duration",
    "commit": "commit",
    "repo": "repo",
    "notes": "notes",
    "description": "description",
}
_CAMEL = {
    "".join([name.split("_")[0], *(part.title() for part in name.split("_")[1:])]): name
    for name in COLUMNS
}
_DOCUMENTS: dict[str, Source] = {
    "config": "config",
    "summary": "summary",
    "summary_metrics": "summary",
    "summaryMetrics": "summary",
}
_KEYS_PREFIXES = ("keys_info.keys.", "keysInfo.keys.")


def parse_field(path: str) -> Field:
    """The field a path names. Raises Invalid, listing what there is."""
    column = COLUMNS.get(_CAMEL.get(path, path))
    if column is not None:
        return Field("column", (column,))
    for prefix in _KEYS_PREFIXES:
        if path.startswith(prefix) and len(path) > len(prefix):
            return Field("key", tuple(path[len(prefix) :].split(".")))
    head, _, rest = path.partition(".")
    if head in _DOCUMENTS and rest:
        return Field(_DOCUMENTS[head], tuple(rest.split(".")))
    raise Invalid(
        f"runs have no field {path!r}; use config.KEY, summary_metrics.KEY, keys_info.keys.KEY, "
        f"or one of: {', '.join(sorted(set(COLUMNS.values())))}"
    )


def find_in_config(config: dict[str, Any], keys: tuple[str, ...]) -> Any:
    """The value at `KEY[.value][.nested]` of a stored config {KEY: {"value": …}}, or MISSING."""
    for size in range(len(keys), 0, -1):
        entry = config.get(".".join(keys[:size]), MISSING)
        if entry is MISSING:
            continue
        value = entry["value"] if isinstance(entry, dict) and "value" in entry else entry
        rest = keys[size:]
        for path in [rest[1:], rest] if rest[:1] == ("value",) else [rest]:
            found = find_nested(value, path)
            if found is not MISSING:
                return found
    return MISSING


def find_nested(value: Any, keys: tuple[str, ...]) -> Any:
    """The value at a path of nested objects, or MISSING. The longest key that exists wins."""
    if not keys:
        return value
    if not isinstance(value, dict):
        return MISSING
    for size in range(len(keys), 0, -1):
        inner = value.get(".".join(keys[:size]), MISSING)
        if inner is not MISSING:
            found = find_nested(inner, keys[size:])
            if found is not MISSING:
                return found
    return MISSING


def top_keys(keys: tuple[str, ...]) -> list[str]:
    """The keys of a document under which a path can start."""
    return [".".join(keys[:size]) for size in range(1, len(keys) + 1)]
