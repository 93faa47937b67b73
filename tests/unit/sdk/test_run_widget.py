"""A run as HTML: complete in itself, bounded, and with nothing of the user's taken for HTML."""

from __future__ import annotations

import math
from html.parser import HTMLParser
from pathlib import Path

from steelyard.limits import WIDGET_CURVES_MAX, WIDGET_POINTS_MAX
from steelyard.sdk.run_widget import encode_widget, read_curves
from tests.support.journal_runs import make_run


class Tags(HTMLParser):
    """Checks that tags are closed in order, and keeps them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.seen: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)


def test_curves_are_the_finite_numbers_in_order(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    for value in (3.0, math.nan, 1, True, "text", 2.5):
        run.log({"loss": value})
    assert run.folder is not None
    assert read_curves(run.folder) == {"loss": [3.0, 1, 2.5]}


def test_a_run_shows_its_curves_and_last_values_without_a_server(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    for step in range(5):
        run.log({"loss": 1 / (step + 1), "note": "fine"})
    text = encode_widget(run)
    tags = Tags(text).seen
    assert tags.count("polyline") == 1
    assert "iframe" not in tags
    assert "0.2" in text
    assert "fine" in text
    assert encode_widget(run, hidden=True).startswith("<details")
    assert run._repr_mimebundle_()["text/html"].startswith("<details")


def test_names_of_the_user_are_text(tmp_path: Path) -> None:
    run = make_run(tmp_path, display_name='<img src="x">')
    run.log({"<script>alert(1)</script>": 1.0, "k": '"><b>'})
    tags = Tags(encode_widget(run)).seen
    assert "img" not in tags
    assert "script" not in tags


def test_a_long_run_with_many_metrics_stays_small(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    for step in range(1000):
        run.log({"wave": math.sin(step), "spike": 1000.0 if step == 777 else 0.0})
    run.log({f"m{number}": 1.0 for number in range(100)})
    text = encode_widget(run)
    Tags(text)
    assert len(text) < 60_000
    assert text.count("<svg") == WIDGET_CURVES_MAX
    assert f"and {102 - WIDGET_CURVES_MAX} more" in text
    points = text.split('points="')[2].split('"')[0].split()
    assert len(points) == WIDGET_POINTS_MAX
    assert any(point.endswith(",0.0") for point in points)  # the spike is at the top


def test_extreme_numbers_are_drawn(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    run.log({"x": 1e308})
    run.log({"x": -1e308})
    run.log({"y": 5})
    text = encode_widget(run)
    Tags(text)
    assert "nan" not in text
    assert "inf" not in text


def test_a_run_without_rows_and_a_disabled_one(tmp_path: Path) -> None:
    assert "running" in encode_widget(make_run(tmp_path))
    Tags(encode_widget(make_run(tmp_path, mode="disabled")))
