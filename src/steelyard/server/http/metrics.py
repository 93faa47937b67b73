"""Counters of this process in Prometheus' text format 0.0.4.

Our own few lines, because the official client library would be a dependency of every server for
three kinds of numbers. Source of the format: prometheus.io/docs/instrumenting/exposition_formats.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Literal

LATENCY_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

#: Counters that edges raise with `Metrics.count`.
COUNTERS = {
    "steelyard_ingest_requests_total": "File-stream requests that were acknowledged.",
    "steelyard_ingest_rows_total": "Rows of history and system metrics that were acknowledged.",
    "steelyard_ingest_bytes_total": "Bytes of file-stream bodies that were acknowledged.",
    "steelyard_ingest_refused_total": "File-stream and journal requests told to slow down (429).",
    "steelyard_journal_requests_total": "Journal requests that were acknowledged.",
    "steelyard_journal_records_total": "Records of journals that were acknowledged.",
    "steelyard_journal_bytes_total": "Bytes of journal bodies that were acknowledged.",
    "steelyard_journal_skipped_total": "Records of journals that could not be applied.",
}
Labels = tuple[tuple[str, str], ...]


class Metrics:
    """What this process has done since it started. Used on the event loop only."""

    def __init__(self) -> None:
        self._requests: dict[tuple[str, str, int], int] = defaultdict(int)
        self._latencies: dict[str, list[int]] = {}
        self._latency_sums: dict[str, float] = defaultdict(float)
        self._counts: dict[str, float] = dict.fromkeys(COUNTERS, 0)

    def count(self, name: str, amount: float = 1) -> None:
        """Raise one of COUNTERS."""
        assert name in self._counts, name
        self._counts[name] += amount

    def observe_request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Note an answered request: `route` is the pattern, never the path."""
        self._requests[method, route, status] += 1
        buckets = self._latencies.get(route)
        if buckets is None:
            buckets = self._latencies[route] = [0] * (len(LATENCY_BUCKETS_S) + 1)
        place = next(
            (i for i, limit in enumerate(LATENCY_BUCKETS_S) if seconds <= limit),
            len(LATENCY_BUCKETS_S),
        )
        buckets[place] += 1
        self._latency_sums[route] += seconds

    def render(self, gauges: Mapping[str, tuple[str, float]]) -> str:
        """Everything as text; `gauges` are name → (meaning, value now)."""
        lines: list[str] = []
        for name, meaning in COUNTERS.items():
            lines += _family(name, "counter", meaning, [("", (), self._counts[name])])
        lines += _family(
            "steelyard_http_requests_total",
            "counter",
            "Requests answered.",
            [
                ("", (("method", method), ("route", route), ("status", str(status))), value)
                for (method, route, status), value in sorted(self._requests.items())
            ],
        )
        lines += _family(
            "steelyard_http_request_seconds",
            "histogram",
            "Time until the answer began.",
            self._latency_samples(),
        )
        for name, (meaning, value) in gauges.items():
            lines += _family(name, "gauge", meaning, [("", (), value)])
        return "\n".join(lines) + "\n"

    def _latency_samples(self) -> Iterable[tuple[str, Labels, float]]:
        for route, buckets in sorted(self._latencies.items()):
            total = 0
            for limit, count in zip((*LATENCY_BUCKETS_S, float("inf")), buckets, strict=True):
                total += count
                le = "+Inf" if limit == float("inf") else f"{limit:g}"
                yield "_bucket", (("route", route), ("le", le)), total
            yield "_sum", (("route", route),), self._latency_sums[route]
            yield "_count", (("route", route),), total


def _family(
    name: str,
    kind: Literal["counter", "gauge", "histogram"],
    meaning: str,
    samples: Iterable[tuple[str, Labels, float]],
) -> list[str]:
    lines = [f"# HELP {name} {meaning}", f"# TYPE {name} {kind}"]
    for suffix, labels, value in samples:
        inside = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels)
        lines.append(f"{name}{suffix}{{{inside}}} {value!r}" if inside else f"{name} {value!r}")
    return lines


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
