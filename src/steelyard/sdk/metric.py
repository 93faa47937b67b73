"""`define_metric`: which metric is drawn over which, and what of it stands in the summary."""

from __future__ import annotations

import msgspec

from steelyard.errors import Invalid, TooLarge
from steelyard.limits import METRIC_DEFINITIONS_MAX

#: What may be asked for, by comma. Source: wandb 0.31.0 sdk/wandb_run.py _define_metric; "best",
#: with a goal, is of older clients.
SUMMARY_RULES = ("min", "max", "mean", "first", "last", "best", "copy", "none")


class Metric(msgspec.Struct, frozen=True):
    """What was said about a metric, or about all metrics that begin alike (`name` ends in `*`).

    Attributes:
        step_metric: the metric on the x axis of its charts.
        step_sync: whether a row without `step_metric` gets its last value.
        hidden: no automatic chart.
        summary: rules from SUMMARY_RULES; None is "last", without a name of its own.
        goal: "minimize" or "maximize", for "best".
    """

    name: str
    step_metric: str | None = None
    step_sync: bool | None = None
    hidden: bool | None = None
    summary: tuple[str, ...] | None = None
    goal: str | None = None

    @property
    def is_glob(self) -> bool:
        return self.name.endswith("*")


def parse_metric(
    name: object,
    *,
    step_metric: object = None,
    step_sync: object = None,
    hidden: object = None,
    summary: object = None,
    goal: object = None,
) -> Metric:
    """The definition these arguments mean. Raises Invalid that names the argument."""
    if isinstance(step_metric, Metric):
        step_metric = step_metric.name
    if not isinstance(name, str) or not name:
        raise Invalid(f"define_metric() needs the name of a metric, not {name!r}")
    if "*" in name[:-1]:
        raise Invalid(f"define_metric({name!r}): a * stands at the end of the name only")
    if not (step_metric is None or isinstance(step_metric, str)):
        raise Invalid(f"define_metric({name!r}): step_metric is {step_metric!r}, not a name")
    if not (step_sync is None or isinstance(step_sync, bool)):
        raise Invalid(f"define_metric({name!r}): step_sync is {step_sync!r}, not True or False")
    if not (hidden is None or isinstance(hidden, bool)):
        raise Invalid(f"define_metric({name!r}): hidden is {hidden!r}, not True or False")
    if goal not in (None, "minimize", "maximize"):
        raise Invalid(f"define_metric({name!r}): goal is {goal!r}, not 'minimize' or 'maximize'")
    return Metric(
        name=name,
        step_metric=step_metric or None,
        step_sync=step_metric is not None if step_sync is None else step_sync,
        hidden=hidden,
        summary=_parse_rules(name, summary),
        goal=goal,
    )


def _parse_rules(name: str, summary: object) -> tuple[str, ...] | None:
    if summary is None or summary == "":
        return None
    if not isinstance(summary, str):
        raise Invalid(f"define_metric({name!r}): summary is {summary!r}, not a text like 'min,max'")
    rules = tuple(rule.strip().lower() for rule in summary.split(","))
    unknown = [rule for rule in rules if rule not in SUMMARY_RULES]
    if unknown:
        raise Invalid(
            f"define_metric({name!r}): summary does not know {unknown[0]!r}; "
            f"it knows {', '.join(SUMMARY_RULES)}"
        )
    return rules


class MetricRules:
    """All definitions of a run, and which of them holds for a key.

    The definition of that very name wins over globs, of globs the longest one.
    """

    def __init__(self) -> None:
        self._by_name: dict[str, Metric] = {}
        self._globs: list[Metric] = []
        self._found: dict[str, Metric | None] = {}
        #: Whether any definition has summary rules, or wants the step metric put into rows.
        self.has_summaries = False
        self.has_synced_steps = False

    def add(self, metric: Metric, *, overwrite: bool = False) -> Metric:
        """Take the definition in, merged with an earlier one unless `overwrite`."""
        known = self._by_name.get(metric.name)
        if known is None and len(self._by_name) >= METRIC_DEFINITIONS_MAX:
            raise TooLarge(
                "the list of defined metrics",
                size=METRIC_DEFINITIONS_MAX + 1,
                limit=METRIC_DEFINITIONS_MAX,
                limit_name="METRIC_DEFINITIONS_MAX",
            )
        if known is not None and not overwrite:
            metric = _merge(known, metric)
        self._by_name[metric.name] = metric
        globs = [found for found in self._by_name.values() if found.is_glob]
        self._globs = sorted(globs, key=lambda found: len(found.name), reverse=True)
        self._found = {}
        everything = self._by_name.values()
        self.has_summaries = any(found.summary for found in everything)
        self.has_synced_steps = any(found.step_sync and found.step_metric for found in everything)
        return metric

    def find(self, key: str) -> Metric | None:
        """What was said about that key."""
        try:
            return self._found[key]
        except KeyError:
            metric = self._by_name.get(key) or self._find_glob(key)
            if len(self._found) < METRIC_DEFINITIONS_MAX:
                self._found[key] = metric
            return metric

    def _find_glob(self, key: str) -> Metric | None:
        if key.startswith("_"):  # _step and its like are nobody's metrics
            return None
        for metric in self._globs:
            if key.startswith(metric.name[:-1]) and key != metric.step_metric:
                return metric
        return None

    def list_missing_steps(self, row: dict[str, object]) -> list[str]:
        """Step metrics that the row should have, by the metrics in it, and has not."""
        missing = []
        for key in row:
            metric = self.find(key)
            if metric is None or not metric.step_sync:
                continue
            step = metric.step_metric
            if step is not None and step not in row and step not in missing:
                missing.append(step)
        return missing


def _merge(known: Metric, metric: Metric) -> Metric:
    said = {
        name: value
        for name in metric.__struct_fields__
        if (value := getattr(metric, name)) is not None
    }
    if metric.step_metric is None and known.step_metric is not None:
        said.pop("step_sync", None)  # it was not given: False is what no step metric means
    return msgspec.structs.replace(known, **said)
