"""The summary as the training process knows it: last values, and what `define_metric` asks for.

The server works it out again from the journal, so nothing here is sent but what the user sets.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

from steelyard.errors import Invalid
from steelyard.limits import SUMMARY_KEYS_MAX
from steelyard.sdk.metric import Metric, MetricRules
from steelyard.sdk.values import has_media, plain


class MetricStats:
    """Running aggregates of one metric. NaN counts for the mean only, and only numbers count."""

    __slots__ = ("count", "first", "last", "max", "min", "total")

    def __init__(self) -> None:
        self.count = 0
        self.total = 0.0
        self.first: float | None = None
        self.last: float | None = None
        self.min: float | None = None
        self.max: float | None = None

    def add(self, value: float) -> None:
        self.count += 1
        self.total += value
        self.last = value
        if self.first is None:
            self.first = value
        # A NaN compares false with everything, so it is never the least and never the greatest.
        if self.min is None or value < self.min or math.isnan(self.min):
            self.min = value
        if self.max is None or value > self.max or math.isnan(self.max):
            self.max = value

    def answer(self, metric: Metric) -> dict[str, float | None]:
        """The values that the rules of `metric` ask for."""
        is_higher_better = metric.goal == "maximize"
        known = {
            "min": self.min,
            "max": self.max,
            "mean": self.total / self.count,
            "first": self.first,
            "last": self.last,
            "best": self.max if is_higher_better else self.min,
        }
        return {rule: known[rule] for rule in metric.summary or () if rule in known}


class SummaryTracker:
    """What the rows logged so far come to.

    Attributes:
        values: the summary, nested as the rows are. At most SUMMARY_KEYS_MAX keys: later ones
            are in the journal, only not known to this process.
    """

    __slots__ = ("_set_by_hand", "_stats", "is_cut", "rules", "values")

    def __init__(self, rules: MetricRules) -> None:
        self.rules = rules
        self.values: dict[str, Any] = {}
        self.is_cut = False
        self._stats: dict[str, MetricStats] = {}
        self._set_by_hand: set[str] = set()

    def set(self, changed: Mapping[str, Any], removed: Sequence[str]) -> None:
        """What the user says of keys of the top level.

        Their rules hold no longer: seen with wandb 0.31.0, and so the server does it.
        """
        self.values.update(changed)
        for key in removed:
            self.values.pop(key, None)
        if self.rules.has_summaries:
            self._set_by_hand.update(changed)

    def define(self, name: str) -> None:
        """The metric was defined, perhaps anew: its rules hold."""
        self._set_by_hand.discard(name)

    def follow(self, row: Mapping[str, Any]) -> None:
        """Take in a row of plain values.

        Rows of scalars, when no rules are defined, need no more than `values.update(row)`.
        """
        self._follow(self.values, row, "")
        if len(self.values) > SUMMARY_KEYS_MAX:
            self.cut()

    def cut(self) -> None:
        """Forget the newest keys beyond the limit."""
        self.is_cut = True
        while len(self.values) > SUMMARY_KEYS_MAX:
            self.values.popitem()

    def _follow(self, target: dict[str, Any], row: Mapping[str, Any], prefix: str) -> None:
        for key, value in row.items():
            name = prefix + key
            if type(value) is dict and "_type" not in value:
                inner = target.get(key)
                if type(inner) is not dict or "_type" in inner:
                    inner = target[key] = {}
                self._follow(inner, value, f"{name}.")
                continue
            metric = self.rules.find(name) if self.rules.has_summaries else None
            if metric is None or not metric.summary:
                target[key] = value
            elif "none" in metric.summary:
                continue
            elif type(value) not in (float, int) or name in self._set_by_hand:
                target[key] = value
            else:
                self._aggregate(target, key, name, metric, value)

    def _aggregate(
        self, target: dict[str, Any], key: str, name: str, metric: Metric, value: float
    ) -> None:
        stats = self._stats.get(name)
        if stats is None:
            if len(self._stats) >= SUMMARY_KEYS_MAX:
                self.is_cut = True
                return
            stats = self._stats[name] = MetricStats()
        stats.add(value)
        if "copy" in (metric.summary or ()):
            target[key] = value
        elif answer := stats.answer(metric):
            target[key] = answer


class SummaryDict:
    """A mapping whose items are attributes as well; what is set in it goes to the server."""

    __slots__ = ()

    def _as_dict(self) -> dict[str, Any]:
        raise NotImplementedError

    def _change(self, changed: dict[str, Any], removed: list[str]) -> None:
        raise NotImplementedError

    def keys(self) -> list[str]:
        return [key for key in self._as_dict() if key != "_wandb"]

    def values(self) -> list[Any]:
        return [self[key] for key in self.keys()]

    def items(self) -> list[tuple[str, Any]]:
        return [(key, self[key]) for key in self.keys()]

    def get(self, key: str, default: Any = None) -> Any:
        return self[key] if key in self._as_dict() else default

    def update(self, values: Mapping[str, Any] | None = None, **more: Any) -> None:
        """Set several keys. Raises Invalid for what is no mapping with keys of text."""
        if values is not None and not isinstance(values, Mapping):
            raise Invalid(f"summary.update() takes a dict, not a {type(values).__name__}")
        self._change({**(values or {}), **more}, [])

    def __getitem__(self, key: str) -> Any:
        value = self._as_dict()[key]
        return SummarySubDict(self, key) if type(value) is dict else value

    def __setitem__(self, key: str, value: Any) -> None:
        self._change({key: value}, [])

    def __delitem__(self, key: str) -> None:
        if key not in self._as_dict():
            raise KeyError(key)
        self._change({}, [key])

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"the summary has no {name!r}; it has {self.keys()}") from None

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __delattr__(self, name: str) -> None:
        try:
            del self[name]
        except KeyError:
            raise AttributeError(f"the summary has no {name!r}") from None

    def __contains__(self, key: object) -> bool:
        return key in self._as_dict()

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __len__(self) -> int:
        return len(self.keys())

    def __eq__(self, other: object) -> bool:
        if isinstance(other, SummaryDict):
            other = other._as_dict()
        return self._as_dict() == other

    __hash__: ClassVar[None]  # type: ignore[assignment]  # like a dict

    def __repr__(self) -> str:
        return repr(self._as_dict())


class Summary(SummaryDict):
    """`run.summary`: one value per metric, the last logged unless `define_metric` says otherwise.

    `run.summary["best"] = 0.9` sets a value by hand; the next `log` of that key replaces it.
    """

    __slots__ = ("_get_values", "_store_media", "_write")

    def __init__(
        self,
        get_values: Callable[[], dict[str, Any]],
        write: Callable[[dict[str, Any], list[str]], None],
        store_media: Callable[[dict[str, Any]], dict[str, Any]] = dict,
    ) -> None:
        """`write` gets plain values by key, and the keys to remove; all of the top level.

        `store_media` gets values with media among them, and gives them as JSON.
        """
        object.__setattr__(self, "_get_values", get_values)
        object.__setattr__(self, "_write", write)
        object.__setattr__(self, "_store_media", store_media)

    def _as_dict(self) -> dict[str, Any]:
        found: dict[str, Any] = self._get_values()
        return found

    def _change(self, changed: dict[str, Any], removed: list[str]) -> None:
        _check_keys(changed)
        if has_media(changed.values()):
            changed = self._store_media(changed)
        values = {key: plain(value, key=key, use="summary") for key, value in changed.items()}
        self._write(values, removed)


class SummarySubDict(SummaryDict):
    """A nested part of the summary. Setting in it sets the whole key of the top level."""

    __slots__ = ("_key", "_parent")

    def __init__(self, parent: SummaryDict, key: str) -> None:
        object.__setattr__(self, "_parent", parent)
        object.__setattr__(self, "_key", key)

    def _as_dict(self) -> dict[str, Any]:
        # Looked up each time: another row, or somebody else's change, may have replaced it.
        found = self._parent._as_dict().get(self._key)
        return found if type(found) is dict else {}

    def _change(self, changed: dict[str, Any], removed: list[str]) -> None:
        _check_keys(changed)
        kept = {key: value for key, value in self._as_dict().items() if key not in removed}
        self._parent._change({self._key: {**kept, **changed}}, [])


def _check_keys(changed: Mapping[str, Any]) -> None:
    for key in changed:
        if not isinstance(key, str):
            raise Invalid(f"keys of the summary are text, not {key!r}; use {str(key)!r}")
