from __future__ import annotations

import re

from steelyard.server.http.metrics import Metrics

SAMPLE = re.compile(r'[a-z_]+(\{([a-z]+="([^"\\\n]|\\.)*",?)+\})? [0-9.e+-]+|# (HELP|TYPE) .+')


def test_every_line_is_one_that_prometheus_reads() -> None:
    metrics = Metrics()
    metrics.count("steelyard_ingest_rows_total", 3)
    metrics.observe_request("GET", '/a/{b}"\\\n', 200, 0.02)
    metrics.observe_request("GET", "/slow", 500, 99.0)
    text = metrics.render({"some_gauge": ("Something.", 1.5)})
    assert all(SAMPLE.fullmatch(line) for line in text.splitlines())
    assert "steelyard_ingest_rows_total 3\n" in text
    assert "some_gauge 1.5\n" in text


def test_buckets_of_a_histogram_count_up_to_all() -> None:
    metrics = Metrics()
    for seconds in (0.001, 0.02, 0.02, 99.0):
        metrics.observe_request("GET", "/x", 200, seconds)
    text = metrics.render({})
    counts = [int(n) for n in re.findall(r'_bucket\{route="/x",le="[^"]+"\} (\d+)', text)]
    assert counts == sorted(counts)
    assert (counts[0], counts[2], counts[-1]) == (1, 3, 4)
    assert 'seconds_count{route="/x"} 4' in text
