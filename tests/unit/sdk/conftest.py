"""A server for the tests of the client, people who use it, and runs that end with their test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from steelyard.sdk import exit_hooks, terminal
from steelyard.sdk.session import get_session
from steelyard.testing.server import ThrowawayServer
from tests.support.sdk_user import SdkUser


@pytest.fixture(autouse=True)
def _forget_runs() -> Iterator[None]:
    """Closed without a word: what they would say at exit belongs to no test."""
    yield
    terminal._voice.said.clear()
    for run in exit_hooks.list_runs():
        exit_hooks.forget(run)
        run.abandon()
    get_session().forget_all()


@pytest.fixture(scope="session")
def sdk_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ThrowawayServer]:
    """A server that many tests share: use a project of your own, and leave it running."""
    with ThrowawayServer(tmp_path_factory.mktemp("sdk") / "server") as running:
        yield running


@pytest.fixture
def user(tmp_path: Path) -> SdkUser:
    """Somebody without a server."""
    return SdkUser(tmp_path / "home")


@pytest.fixture
def online_user(tmp_path: Path, sdk_server: ThrowawayServer) -> SdkUser:
    """Somebody with a server and its key in the environment."""
    return SdkUser(
        tmp_path / "home", WANDB_BASE_URL=sdk_server.base_url, WANDB_API_KEY=sdk_server.owner_key
    )
