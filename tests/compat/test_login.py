"""`pip install wandb; wandb login`: from nothing to the first run."""

from __future__ import annotations

import stat
import time
from pathlib import Path

import pytest

from steelyard.testing.server import ThrowawayServer
from tests.support.official_client import OfficialClient, clean_environ
from tests.support.run_reader import RunReader

FIRST_RUN = """
import wandb
run = wandb.init()
run.log({"loss": 0.5})
run.finish()
"""


@pytest.fixture
def stranger(tmp_path: Path, project: str) -> OfficialClient:
    """A client that knows neither server nor key."""
    home = tmp_path / "stranger"
    return OfficialClient(home, clean_environ(home, project=project))


def test_after_wandb_login_the_first_script_logs_without_any_setting(
    stranger: OfficialClient, shared_server: ThrowawayServer, runs: RunReader
) -> None:
    stranger.command("login", "--host", shared_server.base_url, shared_server.owner_key)
    netrc = stranger.home / ".netrc"
    assert shared_server.owner_key in netrc.read_text()
    assert stat.S_IMODE(netrc.stat().st_mode) == 0o600
    stranger.run_script(FIRST_RUN)
    assert runs.get_only_run()["summary"]["loss"] == 0.5


def test_login_verifies_the_key_and_names_the_user(
    stranger: OfficialClient, shared_server: ThrowawayServer, runs: RunReader
) -> None:
    done = stranger.command(
        *("login", "--verify", "--host", shared_server.base_url, shared_server.owner_key),
        WANDB_SILENT="false",
    )
    assert runs.entity in done.stdout


def test_a_wrong_key_is_refused_at_login(
    stranger: OfficialClient, shared_server: ThrowawayServer
) -> None:
    started = time.monotonic()
    done = stranger.command(
        *("login", "--verify", "--host", shared_server.base_url, "0" * 40),
        check=False,
        WANDB_SILENT="false",
    )
    assert done.returncode != 0
    assert "does not know the API key ending in '0000'" in done.stdout
    assert time.monotonic() - started < 30


def test_a_script_with_a_wrong_key_ends_with_a_clear_error(
    client: OfficialClient, runs: RunReader
) -> None:
    done = client.run_script(FIRST_RUN, check=False, WANDB_API_KEY="0" * 40)
    assert done.returncode != 0
    assert "does not know the API key ending in '0000'" in done.stdout
    assert runs.list_runs() == []


def test_a_script_without_a_key_and_a_terminal_does_not_wait_for_one(
    stranger: OfficialClient, shared_server: ThrowawayServer
) -> None:
    done = stranger.run_script(
        FIRST_RUN, check=False, timeout_s=60, WANDB_BASE_URL=shared_server.base_url
    )
    assert done.returncode != 0
    assert "api key" in done.stdout.lower()
