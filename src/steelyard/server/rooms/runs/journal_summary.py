"""The summary of a run from the rows of its journals: the last value of each key, or what
`define_metric` asked for in its place. Pure.

Source of the rules: wandb v0.31 core/internal/runsummary/metricsummary.go.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from steelyard.server.rooms.runs.journal_metrics import Definition, Metrics, is_nested
from steelyard.server.rooms.runs.json_text import dump_json, parse_json_object

#: Keys of a row that only ever grow in the summary, whatever the order of rows and writers.
GROWING = ("_step", "_runtime", "_timestamp")

_decode = msgspec.json.Decoder(dict[str, Any]).decode


class Summary:
    """The summary while records are applied: parsed when first touched, written back once."""

    def __init__(
        self,
        text: str,
        metrics: Metrics,
        tracks: str,
        read_values: Callable[[str], Iterable[float]],
    ) -> None:
        """`read_values` gives the numbers that the run has of a key, in the order of steps."""
        self._text = text
        self._metrics = metrics
        self._tracks_text = tracks
        self._read_values = read_values
        self._values: dict[str, Any] | None = None
        self._waiting: dict[str, Any] = {}
        self._tracks: dict[str, dict[str, Any]] | None = None

    @property
    def values(self) -> dict[str, Any]:
        if self._values is None:
            self._values = _parse(self._text)
        if self._waiting:
            waiting, self._waiting = self._waiting, {}
            self._take(waiting, is_flat=True)
        return self._values

    def dump(self) -> str | None:
        """The text to store, None when nothing was touched."""
        is_touched = self._values is not None or bool(self._waiting)
        return dump_json(self.values) if is_touched else None

    def dump_tracks(self) -> str | None:
        return None if self._tracks is None else dump_json(self._tracks)

    def log(self, row: Mapping[str, Any], *, is_flat: bool) -> None:
        """Take the values of a row, which has `_step`, `_runtime` and `_timestamp`.

        `is_flat`: no value of it has others inside. Such rows are most rows of most runs, so they
        are only laid over each other until somebody looks.

        None changes nothing: the last value that is one stays.
        """
        if None in row.values():
            row = {key: value for key, value in row.items() if value is not None}
        waiting = self._waiting
        if not is_flat or not self._metrics.is_empty:
            self._take(row, is_flat=False)
        elif not waiting or row["_step"] >= waiting["_step"]:
            times = (waiting.get("_runtime", 0), waiting.get("_timestamp", 0))
            waiting.update(row)
            if times[0] > waiting["_runtime"] or times[1] > waiting["_timestamp"]:
                waiting["_runtime"] = max(times[0], waiting["_runtime"])
                waiting["_timestamp"] = max(times[1], waiting["_timestamp"])
        else:
            self._take(row, is_flat=True)

    def _take(self, row: Mapping[str, Any], *, is_flat: bool) -> None:
        values = self.values
        held = [values.get(key) for key in GROWING]
        if is_flat:
            values.update(row)
        else:
            self._merge(values, row, "")
        for key, before in zip(GROWING, held, strict=True):
            if isinstance(before, int | float) and before > row[key]:
                values[key] = before
        self.note_runtime(values["_runtime"])

    def note_runtime(self, runtime_s: float) -> None:
        """`_wandb.runtime`: whole seconds of work, which only grow."""
        own = self.values.get("_wandb")
        own = own if type(own) is dict else {}
        before = own.get("runtime")
        if not isinstance(before, int | float) or before < runtime_s:
            self.values["_wandb"] = {**own, "runtime": int(runtime_s)}

    def set(self, items: Mapping[str, Any]) -> None:
        """Values that the user sets: they stand until the next row with the key. None is none.

        As with the official client, statistics of that metric are over then.
        """
        for key, value in items.items():
            if value is None:
                self.values.pop(key, None)
            else:
                self.values[key] = value
        if not self._metrics.is_empty:
            for key in items:
                self._of(key)["off"] = True

    def delete(self, keys: Iterable[str]) -> None:
        for key in keys:
            self.values.pop(key, None)

    def define(self, name: str) -> None:
        """A metric was defined (anew): its statistics count again. Globs wait for values."""
        if name.endswith("*"):
            return
        definition = self._metrics.find(name)
        self._of(name).pop("off", None)
        if definition is not None and name in self.values and definition.statistics:
            values = self._track(name, definition)
            self.values[name] = _choose(values, definition)

    # ---- statistics

    def _merge(self, target: dict[str, Any], row: Mapping[str, Any], prefix: str) -> None:
        for key, value in row.items():
            if is_nested(value):
                held = target.get(key)
                inner: dict[str, Any] = held if held is not None and is_nested(held) else {}
                target[key] = inner
                self._merge(inner, value, f"{prefix}{key}.")
                continue
            if value is None:
                continue
            definition = None if self._metrics.is_empty else self._metrics.find(prefix + key)
            if definition is None:
                target[key] = value
            elif "none" not in definition.summary:
                target[key] = self._summarize(prefix + key, value, definition, key in target)

    def _summarize(self, path: str, value: Any, definition: Definition, is_known: bool) -> Any:
        if not definition.statistics or self._of(path).get("off"):
            return value
        track = self._track(path, definition) if is_known else self._of(path)
        _count(track, value, definition)
        return _choose(track, definition)

    def _track(self, path: str, definition: Definition) -> dict[str, Any]:
        """The statistics so far; of a metric defined after its first values, those as well."""
        track = self._of(path)
        if "n" not in track:
            for value in self._read_values(path):
                _count(track, value, definition)
        return track

    def _of(self, path: str) -> dict[str, Any]:
        if self._tracks is None:
            self._tracks = parse_json_object(self._tracks_text, "statistics of a run")
        return self._tracks.setdefault(path, {})


def _count(track: dict[str, Any], value: Any, definition: Definition) -> None:
    track["last"] = value
    track.setdefault("first", value)
    track.setdefault("n", 0)
    if type(value) is not int and type(value) is not float:
        return
    track["n"] += 1
    track["sum"] = track.get("sum", 0.0) + value
    if math.isnan(value):
        return
    track["min"] = min(track.get("min", value), value)
    track["max"] = max(track.get("max", value), value)


def _choose(track: Mapping[str, Any], definition: Definition) -> Any:
    """The summary of a metric: an object of its statistics, its last value when it has none."""
    chosen: dict[str, Any] = {}
    for rule in definition.statistics:
        if rule == "mean":
            if track.get("n"):
                chosen[rule] = track["sum"] / track["n"]
        elif rule == "best":
            side = "max" if definition.goal == "maximize" else "min"
            if side in track:
                chosen[rule] = track[side]
        elif rule in track:
            chosen[rule] = track[rule]
    return chosen or track.get("last")


def _parse(text: str) -> dict[str, Any]:
    try:
        return _decode(text)
    except msgspec.MsgspecError:
        return parse_json_object(text, "the summary of a run")
