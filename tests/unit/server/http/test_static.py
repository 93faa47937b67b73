from __future__ import annotations

import base64
import hashlib
from pathlib import Path

from steelyard.server.http.static import frame_policy, page_html


def test_the_page_knows_the_path_that_the_server_is_at(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text('<head><base href="/" /></head>')
    assert '<base href="/lab/" />' in (page_html("/lab", tmp_path) or "")
    assert '<base href="/" />' in (page_html("", tmp_path) or "")


def test_without_a_built_page_there_is_none(tmp_path: Path) -> None:
    assert page_html("", tmp_path) is None


def test_the_page_of_figures_runs_its_own_script_and_evaluates_nothing(tmp_path: Path) -> None:
    script = "\n  tell('ready');\n"
    (tmp_path / "plotly-frame.html").write_text(f"<p>figure</p><script>{script}</script>")
    policy = frame_policy("plotly-frame.html", tmp_path) or ""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}' blob:;" in policy
    assert policy.startswith("sandbox allow-scripts; default-src 'none';")
    assert "unsafe-eval" not in policy and "connect-src" not in policy
    assert "allow-same-origin" not in policy


def test_other_pages_have_no_policy_of_a_frame(tmp_path: Path) -> None:
    assert frame_policy("index.html", tmp_path) is None
