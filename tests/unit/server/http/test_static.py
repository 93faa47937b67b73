from __future__ import annotations

from pathlib import Path

from steelyard.server.http.static import page_html


def test_the_page_knows_the_path_that_the_server_is_at(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text('<head><base href="/" /></head>')
    assert '<base href="/lab/" />' in (page_html("/lab", tmp_path) or "")
    assert '<base href="/" />' in (page_html("", tmp_path) or "")


def test_without_a_built_page_there_is_none(tmp_path: Path) -> None:
    assert page_html("", tmp_path) is None
