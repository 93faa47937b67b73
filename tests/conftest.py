"""What tests may ask for: real databases, a real server, the official client in a clean home."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from steelyard.server.db.interface import Database
from steelyard.server.db.open import open_database
from steelyard.testing.server import ThrowawayServer
from tests.support.databases import DatabaseMaker, Kind
from tests.support.installed_wheel import PAGE, InstalledWheel, build_wheel, install_wheel
from tests.support.official_client import OfficialClient, clean_environ
from tests.support.postgres import PostgresCluster
from tests.support.s3 import S3Server
from tests.support.slurm import SlurmCluster

KINDS: tuple[Kind, ...] = ("sqlite", "postgresql")

# A busy machine is no failure: nothing here asserts times.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


@pytest.fixture(scope="session")
def database_maker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DatabaseMaker]:
    maker = DatabaseMaker(tmp_path_factory.mktemp("databases"))
    yield maker
    maker.close()


@pytest.fixture(params=KINDS)
def database_kind(request: pytest.FixtureRequest) -> Kind:
    """Doubles a test: once on SQLite, once on PostgreSQL."""
    kind: Kind = request.param
    return kind


@pytest.fixture
def empty_database_url(database_maker: DatabaseMaker, database_kind: Kind) -> Iterator[str]:
    """A database without tables, of either kind."""
    url, remove = database_maker.make_empty(database_kind)
    yield url
    remove()


@pytest.fixture
def database_url(database_maker: DatabaseMaker, database_kind: Kind) -> Iterator[str]:
    """A database with our schema and no rows, of either kind."""
    url, remove = database_maker.make_with_schema(database_kind)
    yield url
    remove()


@pytest.fixture
def db(database_url: str) -> Iterator[Database]:
    """The same, opened as the server opens it."""
    database = open_database(database_url)
    yield database
    database.close()


@pytest.fixture
def own_postgres() -> Iterator[PostgresCluster]:
    """A PostgreSQL that one test may stop and start as it likes."""
    cluster = PostgresCluster()
    cluster.start()
    yield cluster
    cluster.remove()


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """An S3 server that many tests share, each with a bucket of its own."""
    s3 = S3Server(tmp_path_factory.mktemp("s3"))
    s3.start()
    yield s3
    s3.kill()


@pytest.fixture
def own_s3(tmp_path: Path) -> Iterator[S3Server]:
    """An S3 server that one test may stop and start as it likes."""
    s3 = S3Server(tmp_path)
    s3.start()
    yield s3
    s3.kill()


@pytest.fixture(scope="session")
def slurm() -> Iterator[SlurmCluster]:
    """A Slurm that many tests share: it has room for 64 tasks, and two GPUs in name."""
    cluster = SlurmCluster()
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.remove()


@pytest.fixture
def server(
    tmp_path: Path, database_kind: Kind, empty_database_url: str
) -> Iterator[ThrowawayServer]:
    """A server of the test's own, on either database, that it may kill and restart."""
    # SQLite is the default the server chooses by itself, so nothing is said about it.
    url = empty_database_url if database_kind == "postgresql" else None
    with ThrowawayServer(tmp_path / "server", database_url=url) as running:
        yield running


@pytest.fixture(scope="session")
def _servers_by_kind(
    tmp_path_factory: pytest.TempPathFactory, database_maker: DatabaseMaker
) -> Iterator[dict[Kind, ThrowawayServer]]:
    """Both shared servers, each started when first asked for (see `shared_server`)."""
    with ExitStack() as running:
        yield _LazyServers(tmp_path_factory.mktemp("shared"), database_maker, running)


@pytest.fixture
def shared_server(
    _servers_by_kind: dict[Kind, ThrowawayServer], database_kind: Kind
) -> ThrowawayServer:
    """A server that many tests share: use a project of your own, and leave it running."""
    return _servers_by_kind[database_kind]


class _LazyServers(dict[Kind, ThrowawayServer]):
    def __init__(self, directory: Path, maker: DatabaseMaker, running: ExitStack) -> None:
        super().__init__()
        self._directory, self._maker, self._running = directory, maker, running

    def __missing__(self, kind: Kind) -> ThrowawayServer:
        url = self._maker.make_empty(kind)[0] if kind == "postgresql" else None
        server = ThrowawayServer(
            self._directory / kind, database_url=url, arguments=["--allow-chosen-api-keys"]
        )
        self[kind] = self._running.enter_context(server)
        return server


@pytest.fixture
def wandb_env(tmp_path: Path, shared_server: ThrowawayServer) -> dict[str, str]:
    """Environment in which the official client finds the shared server, and nothing else."""
    return clean_environ(
        tmp_path / "home", base_url=shared_server.base_url, api_key=shared_server.owner_key
    )


@pytest.fixture
def client(tmp_path: Path, wandb_env: dict[str, str]) -> OfficialClient:
    """The official client, signed in to the shared server as its owner."""
    return OfficialClient(tmp_path / "home", wandb_env)


@pytest.fixture(scope="session")
def built_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this tree; the web UI must have been built."""
    assert PAGE.exists(), "the web UI is not built: run make web"
    return build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def installed_wheel(built_wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> InstalledWheel:
    """The wheel with its server, installed in an empty environment."""
    venv = tmp_path_factory.mktemp("installed") / "venv"
    return install_wheel(built_wheel, venv, extras=["server"])
