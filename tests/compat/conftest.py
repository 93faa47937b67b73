"""Both clients against a live server: each test in a project of its own."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from steelyard.testing.server import ThrowawayServer
from tests.support.official_client import OfficialClient
from tests.support.run_reader import RunReader
from tests.support.sdk_user import SdkUser


@pytest.fixture
def project() -> str:
    return f"compat-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def wandb_env(wandb_env: dict[str, str], project: str) -> dict[str, str]:
    # The client sends what has gathered every 15 s; at once is kinder to the tests.
    return wandb_env | {"WANDB_PROJECT": project, "WANDB__FILE_STREAM_TRANSMIT_INTERVAL": "1"}


@pytest.fixture
def client(tmp_path: Path, wandb_env: dict[str, str]) -> OfficialClient:
    return OfficialClient(tmp_path / "home", wandb_env)


@pytest.fixture
def user(tmp_path: Path, shared_server: ThrowawayServer) -> SdkUser:
    """Somebody with our client, in a home of their own."""
    return SdkUser(
        tmp_path / "ours",
        WANDB_BASE_URL=shared_server.base_url,
        WANDB_API_KEY=shared_server.owner_key,
    )


@pytest.fixture
def runs(shared_server: ThrowawayServer, project: str) -> RunReader:
    return RunReader(shared_server, project)
