"""Values of OpenMetrics (Prometheus) endpoints, sampled with the machine.

Text format: https://prometheus.io/docs/instrumenting/exposition_formats/. Names of the values and
the meaning of filters as in wandb 0.31.0 (core/internal/monitor/openmetrics.go): gauges and
counters become `openmetrics.<endpoint>.<metric>.<n>`, with n counting the sets of labels of a
metric in the order they were first seen.
"""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Iterator, Mapping

from steelyard import limits

TYPE_CHECKING = False  # as in `typing`, which costs milliseconds to load
if TYPE_CHECKING:
    from typing import Any

_LINE = re.compile(
    r"(?P<name>[A-Za-z_:][\w:]*)\s*(?P<labels>\{(?:[^\"}]|\"(?:[^\"\\]|\\.)*\")*\})?\s+(?P<value>\S+)"
)
_LABEL = re.compile(r'([A-Za-z_]\w*)\s*=\s*"((?:[^"\\]|\\.)*)"')
_ESCAPE = re.compile(r"\\(.)")
KINDS = ("gauge", "counter")

#: A pattern for "endpoint.metric", and patterns for its labels, which must all match.
Filter = tuple[re.Pattern[str], dict[str, re.Pattern[str]]]


class OpenMetrics:
    """Endpoints by name. Each is asked in turn, and given up for this sample when it is slow."""

    def __init__(
        self, endpoints: Mapping[str, str], filters: list[Filter], headers: Mapping[str, str]
    ) -> None:
        self._endpoints = dict(endpoints)
        self._filters = filters
        self._headers = dict(headers)
        self._numbers: dict[tuple[str, str], dict[frozenset[tuple[str, str]], int]] = {}

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> OpenMetrics:
        """Settings x_stats_open_metrics_endpoints, …_filters and …_http_headers."""
        return cls(
            settings.get("x_stats_open_metrics_endpoints") or {},
            compile_filters(settings.get("x_stats_open_metrics_filters")),
            settings.get("x_stats_open_metrics_http_headers") or {},
        )

    def sample(self) -> dict[str, float]:
        """Values of now, at most OPEN_METRICS_SERIES_MAX; nothing of endpoints that fail."""
        found: dict[str, float] = {}
        for endpoint, url in self._endpoints.items():
            for metric, labels, value in parse_exposition(self._fetch(url)):
                if len(found) >= limits.OPEN_METRICS_SERIES_MAX:
                    return found
                if not math.isfinite(value) or not self._is_wanted(f"{endpoint}.{metric}", labels):
                    continue
                numbers = self._numbers.setdefault((endpoint, metric), {})
                number = numbers.setdefault(frozenset(labels.items()), len(numbers))
                found[f"openmetrics.{endpoint}.{metric}.{number}"] = value
        return found

    def _is_wanted(self, name: str, labels: Mapping[str, str]) -> bool:
        return not self._filters or any(
            pattern.search(name)
            and all(key in labels and p.search(labels[key]) for key, p in by_label.items())
            for pattern, by_label in self._filters
        )

    def _fetch(self, url: str) -> str:
        import http.client
        import urllib.parse

        secure, plain = http.client.HTTPSConnection, http.client.HTTPConnection
        timeout_s = limits.OPEN_METRICS_ANSWER_S
        try:
            parts = urllib.parse.urlsplit(url)
            connect = secure if parts.scheme == "https" else plain
            with contextlib.closing(connect(parts.netloc, timeout=timeout_s)) as connection:
                path = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
                connection.request("GET", path, headers=self._headers)
                answer = connection.getresponse()
                text = answer.read(limits.OPEN_METRICS_BYTES_MAX) if answer.status == 200 else b""
                return text.decode("utf-8", "replace")
        except (OSError, http.client.HTTPException, ValueError):
            return ""


def compile_filters(given: Any) -> list[Filter]:
    """From a list of patterns, or a map of pattern to {label: pattern}. Wrong ones are left out."""
    pairs = given.items() if isinstance(given, Mapping) else [(name, {}) for name in given or ()]
    filters: list[Filter] = []
    for name, by_label in pairs:
        try:
            labels = {key: re.compile(text) for key, text in (by_label or {}).items()}
            filters.append((re.compile(name), labels))
        except (re.error, TypeError, AttributeError):
            continue
    return filters


def parse_exposition(text: str) -> Iterator[tuple[str, dict[str, str], float]]:
    """(metric, labels, value) of each gauge and counter; lines that make no sense are skipped."""
    kinds: dict[str, str] = {}
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            fields = line.split()
            if len(fields) == 4:
                kinds[fields[2]] = fields[3]
            continue
        found = None if line.startswith("#") else _LINE.match(line)
        if found is None:
            continue
        name = found["name"]
        # In OpenMetrics the counter `x` has the sample `x_total`.
        if (kinds.get(name) or kinds.get(name.removesuffix("_total"))) not in KINDS:
            continue
        try:
            value = float(found["value"])
        except ValueError:
            continue
        yield name, {k: _unescape(v) for k, v in _LABEL.findall(found["labels"] or "")}, value


def _unescape(text: str) -> str:
    return _ESCAPE.sub(lambda m: "\n" if m[1] == "n" else m[1], text)
