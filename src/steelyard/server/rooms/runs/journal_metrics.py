"""What `define_metric` said of the metrics of a run: rules for its summary, and its x axis. Pure.

The rules are those of the official client, which applies them itself:
wandb v0.31 core/internal/runmetric/{runmetric,definedmetric,runconfigmetrics}.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from steelyard import limits
from steelyard.server.rooms.runs.journal_records import SkippedRecord

#: Rule -> its number in the `m` of a config.
SUMMARY_FIELDS: Final = {
    "min": 1,
    "max": 2,
    "mean": 3,
    "best": 4,
    "last": 5,
    "none": 6,
    "copy": 7,
    "first": 8,
}
#: Rules that make the summary of a metric an object, {"max": …}.
STATISTICS: Final = frozenset({"min", "max", "mean", "best", "last", "first"})
_GOALS: Final = {"minimize": 1, "maximize": 2}


class Definition(msgspec.Struct, frozen=True, omit_defaults=True):
    """One metric, or all whose names begin with the part of the glob before its *."""

    step_metric: str | None = None
    step_sync: bool = False
    hidden: bool = False
    is_explicit: bool = False
    summary: tuple[str, ...] = ()
    goal: str | None = None

    @property
    def statistics(self) -> tuple[str, ...]:
        if "none" in self.summary:
            return ()
        return tuple(rule for rule in self.summary if rule in STATISTICS)


class _Said(msgspec.Struct, frozen=True):
    """A METRIC record."""

    name: str
    step_metric: str | None = None
    step_sync: bool | None = None
    hidden: bool | None = None
    summary: list[str] | None = None
    goal: str | None = None
    overwrite: bool | None = None


class _Kept(msgspec.Struct):
    defined: dict[str, Definition] = {}
    globs: dict[str, Definition] = {}


_decode = msgspec.json.Decoder(_Kept).decode


class Metrics:
    """The definitions of a run while records are applied."""

    def __init__(self, text: str) -> None:
        self._kept = _decode(text)
        self.has_changed = False
        self.step_metrics = self._list_step_metrics()

    @property
    def is_empty(self) -> bool:
        return not self._kept.defined and not self._kept.globs

    def dump(self) -> str:
        """The JSON text that the constructor reads."""
        return msgspec.json.encode(self._kept).decode()

    def define(self, payload: Any) -> str:
        """Apply a METRIC record; its name. Raises SkippedRecord."""
        try:
            said = msgspec.convert(payload, _Said)
        except msgspec.ValidationError as error:
            raise SkippedRecord(f"its definition of a metric makes no sense: {error}") from error
        is_glob = said.name.endswith("*")
        among = self._kept.globs if is_glob else self._kept.defined
        if len(among) >= limits.METRIC_DEFINITIONS_MAX and said.name not in among:
            raise SkippedRecord(f"METRIC_DEFINITIONS_MAX is {limits.METRIC_DEFINITIONS_MAX:,}")
        before = None if said.overwrite else among.get(said.name)
        among[said.name] = _extend(before or Definition(), said, is_explicit=not is_glob)
        self.has_changed = True
        self.step_metrics = self._list_step_metrics()
        return said.name

    def find(self, path: str) -> Definition | None:
        """The definition of a metric by its dotted path. Of globs the longest one counts.

        The first value that a glob matches makes it a metric of its own.
        """
        found = self._kept.defined.get(path)
        if found is not None or path.startswith("_"):
            return found
        globs = self._kept.globs
        matching = [
            glob
            for glob, definition in globs.items()
            if path.startswith(glob[:-1]) and path != definition.step_metric
        ]
        if not matching:
            return None
        definition = globs[max(matching, key=len)]
        if len(self._kept.defined) < limits.METRIC_DEFINITIONS_MAX:
            self._kept.defined[path] = definition
            self.has_changed = True
        return definition

    def encode_for_config(self) -> list[dict[str, Any]]:
        """The definitions as `_wandb.value.m` holds them: fields by their numbers.

        Source: wandb v0.31 wandb/proto/wandb_internal.proto, MetricRecord; runconfigmetrics.go.
        """
        places: dict[str, int] = {}
        entries: list[dict[str, Any]] = []
        for name, definition in self._kept.defined.items():
            self._encode(name, definition, places, entries, field="1")
        for name, definition in self._kept.globs.items():
            self._encode(name, definition, places, entries, field="2")
        return entries

    def _encode(
        self,
        name: str,
        definition: Definition,
        places: dict[str, int],
        entries: list[dict[str, Any]],
        *,
        field: str,
    ) -> None:
        if name in places:
            return
        places[name] = len(entries)
        entry: dict[str, Any] = {field: name}
        entries.append(entry)
        step = definition.step_metric
        if step is not None:
            of_step = self._kept.defined.get(step, Definition())
            self._encode(step, of_step, places, entries, field="1")
            entry["5"] = places[step] + 1
        options = (definition.step_sync, definition.hidden, definition.is_explicit)
        entry["6"] = [number for number, is_set in enumerate(options, 1) if is_set]
        entry["7"] = sorted(SUMMARY_FIELDS[rule] for rule in definition.summary)
        if definition.goal in _GOALS:
            entry["8"] = _GOALS[definition.goal]

    def _list_step_metrics(self) -> frozenset[str]:
        everything = (*self._kept.defined.values(), *self._kept.globs.values())
        return frozenset(one.step_metric for one in everything if one.step_metric)


def _extend(before: Definition, said: _Said, *, is_explicit: bool) -> Definition:
    rules = before.summary
    if said.summary is not None:
        added = [rule for rule in said.summary if rule in SUMMARY_FIELDS]
        rules = tuple(dict.fromkeys([*(rule for rule in rules if rule != "none"), *added]))
    return Definition(
        step_metric=said.step_metric or before.step_metric,
        step_sync=bool(said.step_sync) or before.step_sync,
        hidden=bool(said.hidden) or before.hidden,
        is_explicit=is_explicit,
        summary=rules,
        goal=said.goal if said.goal in _GOALS else before.goal,
    )


def insert_step_metrics(
    row: dict[str, Any], metrics: Metrics, latest: dict[str, float | int]
) -> dict[str, Any]:
    """The row with the last value of the x axis of each of its metrics that goes without it.

    `latest` holds those values by name, 0 before the first, and is brought up to date.
    """
    for name in metrics.step_metrics:
        value = value_at(row, name)
        if isinstance(value, int | float):
            latest[name] = value
    missing: dict[str, Any] = {}
    for path, _ in leaves(row):
        definition = metrics.find(path)
        if definition is None or not definition.step_sync or definition.step_metric is None:
            continue
        if value_at(row, definition.step_metric) is None:
            missing[definition.step_metric] = latest.get(definition.step_metric, 0)
    return {**row, **missing} if missing else row


def leaves(row: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """(dotted path, value) of everything in a row that is a value of its own."""
    found: list[tuple[str, Any]] = []
    for key, value in row.items():
        if is_nested(value):
            found += leaves(value, f"{prefix}{key}.")
        else:
            found.append((prefix + key, value))
    return found


def is_nested(value: Any) -> bool:
    """An object whose members are values of their own; media objects, with a `_type`, are not."""
    return type(value) is dict and bool(value) and "_type" not in value


def value_at(row: Mapping[str, Any], path: str) -> Any:
    """The value at a dotted path, None when there is none. A key with dots in it comes first."""
    if path in row:
        return row[path]
    head, dot, rest = path.partition(".")
    inner = row.get(head)
    return value_at(inner, rest) if dot and type(inner) is dict else None
