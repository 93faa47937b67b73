"""A server that may be killed, and a script that trains against it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from steelyard.testing.server import ThrowawayServer
from tests.support.training import Trainee


@pytest.fixture
def server(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[ThrowawayServer]:
    """On SQLite, unless the test asks for both databases."""
    url = None
    asks = "database_kind" in request.fixturenames
    if asks and request.getfixturevalue("database_kind") == "postgresql":
        url = request.getfixturevalue("empty_database_url")
    with ThrowawayServer(tmp_path / "server", database_url=url) as running:
        yield running


@pytest.fixture
def trainee(tmp_path: Path, server: ThrowawayServer) -> Iterator[Trainee]:
    with_server = Trainee(tmp_path / "home", base_url=server.base_url, api_key=server.owner_key)
    yield with_server
    with_server.close()
