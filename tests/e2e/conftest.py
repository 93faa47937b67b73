"""The product as people meet it: the installed wheel, a browser, and the official client."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from steelyard.testing.server import ThrowawayServer
from tests.support.browser import Browser, Visit, open_session
from tests.support.installed_wheel import InstalledWheel
from tests.support.official_client import OfficialClient, clean_environ
from tests.support.run_reader import RunReader


@dataclass(frozen=True)
class Product:
    """A server made from the wheel, with one signed-in session that all visitors share."""

    server: ThrowawayServer
    entity: str
    cookies: dict[str, str]


def start_product(wheel: InstalledWheel, data_dir: Path) -> ThrowawayServer:
    return ThrowawayServer(data_dir, python=wheel.python, environ=wheel.environ)


@pytest.fixture(scope="session")
def product(
    installed_wheel: InstalledWheel, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Product]:
    """A server that tests share: use a project of your own, and leave the session alone."""
    with start_product(installed_wheel, tmp_path_factory.mktemp("e2e") / "server") as server:
        entity = server.call("GET", "/api/v1/me")["default_entity"]
        yield Product(server, entity, open_session(server))


@pytest.fixture
def own_server(installed_wheel: InstalledWheel, tmp_path: Path) -> Iterator[ThrowawayServer]:
    """A server that one test may stop and start, with nobody signed in."""
    with start_product(installed_wheel, tmp_path / "server") as server:
        yield server


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    started = Browser()
    yield started
    started.close()


Visitor = Callable[..., Visit]


@pytest.fixture
def visitor(browser: Browser, product: Product) -> Iterator[Visitor]:
    """Lets somebody in, signed in unless the server is another. What their browser says against
    the page at the end fails the test."""
    visits: list[Visit] = []

    def let_in(server: ThrowawayServer = product.server, **look: Any) -> Visit:
        cookies = product.cookies if server is product.server else {}
        visits.append(browser.visit(server.base_url, cookies=cookies, **look))
        return visits[-1]

    yield let_in
    complaints = [visit.end() for visit in visits]
    assert complaints == [[] for _ in visits]


@pytest.fixture
def project() -> str:
    return f"e2e-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def client(tmp_path: Path, product: Product, project: str) -> OfficialClient:
    return make_client(tmp_path / "home", product.server, project)


def make_client(home: Path, server: ThrowawayServer, project: str) -> OfficialClient:
    environ = clean_environ(
        home, base_url=server.base_url, api_key=server.owner_key, project=project
    )
    # The client sends what has gathered every 15 s; at once is kinder to the tests.
    environ["WANDB__FILE_STREAM_TRANSMIT_INTERVAL"] = "1"
    return OfficialClient(home, environ)


@pytest.fixture
def runs(product: Product, project: str) -> RunReader:
    return RunReader(product.server, project)


# Three runs of three metrics in two sections; every value has few digits, so that what a chart
# shows is what was logged, to the last digit.
CHARTED = """
import wandb
for number in (1, 2, 3):
    with wandb.init(id=f"run-{number}", name=f"brisk-{number}", config={"lr": number / 10}) as run:
        for step in range(20):
            run.log({
                "train/loss": number / 2 ** (step // 2),
                "train/epoch": step // 4,
                "eval/acc": 0.5 + step / 50 + number / 100,
            })
"""


@pytest.fixture(scope="session")
def charted(product: Product, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Address of a project with three finished runs, to be looked at but not changed."""
    project = f"charted-{uuid.uuid4().hex[:8]}"
    home = tmp_path_factory.mktemp("charted")
    make_client(home, product.server, project).run_script(CHARTED)
    return f"/{product.entity}/{project}"
