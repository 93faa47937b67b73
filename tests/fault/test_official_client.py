"""The official client logs while the server is restarted under it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from steelyard.testing.server import ThrowawayServer
from tests.support import stored
from tests.support.databases import Kind

SCRIPT = """
import time, wandb
run = wandb.init(project="restarts", id="survivor",
                 settings=wandb.Settings(x_file_stream_transmit_interval=0.2,
                                         x_file_stream_retry_wait_min_seconds=0.2,
                                         x_file_stream_retry_wait_max_seconds=0.5))
for step in range(300):
    run.log({"loss": 1 / (step + 1), "step_copy": step})
    print("step", step)
    time.sleep(0.02)
run.finish()
"""


@pytest.mark.timeout(240)
@pytest.mark.parametrize("way", [pytest.param("stop", marks=pytest.mark.slow), "kill"])
def test_a_script_finishes_and_loses_no_row_when_the_server_is_restarted_under_it(
    server: ThrowawayServer,
    database_kind: Kind,
    empty_database_url: str,
    tmp_path: Path,
    way: str,
) -> None:
    script = tmp_path / "train.py"
    script.write_text(SCRIPT)
    environ = {name: value for name, value in os.environ.items() if not name.startswith("WANDB")}
    environ |= {
        "WANDB_BASE_URL": server.base_url,
        "WANDB_API_KEY": server.owner_key,
        "WANDB_DIR": str(tmp_path),
        "HOME": str(tmp_path),
    }
    with (tmp_path / "train.log").open("wb") as log:
        training = subprocess.Popen(
            [sys.executable, str(script)], cwd=tmp_path, env=environ, stdout=log, stderr=log
        )
        wait_for_rows(server, database_kind, empty_database_url)
        for _ in range(2):
            getattr(server, way)()
            time.sleep(0.3)
            server.start()
            time.sleep(1)
        status = training.wait(180)
    assert status == 0, (tmp_path / "train.log").read_text()
    server.stop()
    url = empty_database_url if database_kind == "postgresql" else None
    with stored.opened(server, url) as db:
        rows = stored.history_rows(db, "survivor")
        assert [row["step_copy"] for row in rows] == [*range(300)]
        assert stored.value_count(db, "survivor", "loss") == 300
        assert stored.state(db, "survivor") == "finished"
        said = stored.console_texts(db, "survivor")
        assert [line for line in said if line.startswith("step")] == [
            f"step {step}" for step in range(300)
        ]


def wait_for_rows(server: ThrowawayServer, kind: Kind, url: str) -> None:
    """Until the first rows have been acknowledged."""
    deadline = time.monotonic() + 60
    with stored.opened(server, url if kind == "postgresql" else None) as db:
        while time.monotonic() < deadline:
            if "survivor" in db.read_now(stored.run_ids) and stored.history_rows(db, "survivor"):
                return
            time.sleep(0.1)
    raise AssertionError(f"the script logged nothing\n{server.log[-3000:]}")
