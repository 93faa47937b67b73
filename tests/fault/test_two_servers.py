"""One data directory belongs to one server."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from steelyard.testing.server import ThrowawayServer


def test_a_second_server_on_a_data_directory_is_refused_with_the_reason(tmp_path: Path) -> None:
    with ThrowawayServer(tmp_path / "data") as first:
        command = [sys.executable, "-m", "steelyard", "up", "--port", "0", "--no-browser"]
        second = subprocess.run(
            [*command, "--data-dir", str(first.data_dir)],
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert second.returncode != 0
        assert str(first.data_dir) in second.stderr
        assert "Traceback" not in second.stderr
        assert first.is_ready()


def test_the_directory_is_free_again_after_kill_9(tmp_path: Path) -> None:
    with ThrowawayServer(tmp_path / "data") as server:
        server.kill()
        server.start()
        assert server.is_ready()
