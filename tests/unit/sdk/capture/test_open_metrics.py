from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from steelyard import limits
from steelyard.sdk.capture.open_metrics import OpenMetrics, parse_exposition

TEXT = """\
# HELP DCGM_FI_DEV_GPU_TEMP GPU temperature (in C).
# TYPE DCGM_FI_DEV_GPU_TEMP gauge
DCGM_FI_DEV_GPU_TEMP{gpu="0",Hostname="a, \\"b\\" }"} 33
DCGM_FI_DEV_GPU_TEMP{gpu="1",Hostname="a"} 41 1395066363000
# TYPE requests_total counter
requests_total 1.027e+03
# TYPE latency histogram
latency_bucket{le="0.5"} 7
latency_sum 3.5
untyped_thing 4
# TYPE empty gauge
empty NaN
not a line at all {
"""


class Endpoint(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        is_right = self.path == "/metrics?x=1" and self.headers["X-Scope"] == "me"
        self.send_response(200 if is_right else 404)
        self.end_headers()
        self.wfile.write(TEXT.encode() if is_right else b"# TYPE a gauge\na 1\n")

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Endpoint) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/metrics?x=1"
        server.shutdown()
        thread.join()


def sampler(url: str, filters: object = None, **more: str) -> OpenMetrics:
    return OpenMetrics.from_settings(
        {
            "x_stats_open_metrics_endpoints": {"dcgm": url, **more},
            "x_stats_open_metrics_filters": filters,
            "x_stats_open_metrics_http_headers": {"X-Scope": "me"},
        }
    )


def test_gauges_and_counters_are_read() -> None:
    assert list(parse_exposition(TEXT))[:3] == [
        ("DCGM_FI_DEV_GPU_TEMP", {"gpu": "0", "Hostname": 'a, "b" }'}, 33.0),
        ("DCGM_FI_DEV_GPU_TEMP", {"gpu": "1", "Hostname": "a"}, 41.0),
        ("requests_total", {}, 1027.0),
    ]


def test_values_are_named_as_wandb_names_them(url: str) -> None:
    endpoint = sampler(url)
    expected = {
        "openmetrics.dcgm.DCGM_FI_DEV_GPU_TEMP.0": 33.0,
        "openmetrics.dcgm.DCGM_FI_DEV_GPU_TEMP.1": 41.0,
        "openmetrics.dcgm.requests_total.0": 1027.0,
    }
    assert endpoint.sample() == expected
    assert endpoint.sample() == expected


@pytest.mark.parametrize(
    ("filters", "values"),
    [
        (["dcgm\\.DCGM.*"], {33.0, 41.0}),
        ({".*TEMP": {"gpu": "[1]"}}, {41.0}),
        ({".*TEMP": {"rack": "x"}, "requests": {}}, {1027.0}),
        (["other\\."], set()),
        (["(", "requests"], {1027.0}),
    ],
)
def test_filters_choose(url: str, filters: object, values: set[float]) -> None:
    assert set(sampler(url, filters).sample().values()) == values


def test_endpoints_that_fail_do_not_stop_the_others(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "OPEN_METRICS_ANSWER_S", 0.5)
    wrong = {"gone": "http://127.0.0.1:1/", "odd": "http://[/", "port": "http://a:b/", "file": "x"}
    endpoint = OpenMetrics({**wrong, "missing": url + "2", "dcgm": url}, [], {"X-Scope": "me"})
    assert len(endpoint.sample()) == 3


def test_a_sample_is_bounded(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "OPEN_METRICS_SERIES_MAX", 2)
    assert len(sampler(url).sample()) == 2
