"""Both clients against a live server: each test in a project of its own."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from steelyard.testing.server import ThrowawayServer
from tests.support.official_client import OfficialClient
from tests.support.run_reader import RunReader
from tests.support.sdk_user import SdkUser

#: Modules whose tests run on PostgreSQL, too: a walk through every part. What the server answers on
#: either database is tested over HTTP, in tests/contract.
ON_BOTH = {
    "test_artifacts",
    "test_logged_things",
    "test_query_api",
    "test_resume",
    "test_sweep_directory",
    "test_sweep_folds",
    "test_tables",
    "test_training_scripts",
}


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """The other modules have the default database."""
    assert metafunc.module is not None
    name = metafunc.module.__name__.rpartition(".")[2]
    if "database_kind" not in metafunc.fixturenames or name in ON_BOTH:
        return
    chosen = [mark.args[0] for mark in metafunc.definition.iter_markers("parametrize")]
    if "database_kind" not in chosen:
        only = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
        metafunc.definition.add_marker(only)


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
