"""What the page says when something is missing, and how it finds back."""

from __future__ import annotations

from pathlib import Path

from steelyard.testing.server import ThrowawayServer
from tests.e2e.conftest import Product, Visitor, make_client
from tests.support.browser import find_login_link

RUNS = """
import wandb
for name in ("kept", "other"):
    with wandb.init(id=name, name=name) as run: run.log({"loss": 0.25})
"""
# What browsers say on their own of a server that is away.
AWAY = ["ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED", "ERR_EMPTY", "ERR_CONNECTION_RESET"]
MISSING_CHUNK = ["Unable to preload CSS", "dynamically imported module"]


def test_a_page_survives_its_server(
    own_server: ThrowawayServer, visitor: Visitor, tmp_path: Path
) -> None:
    make_client(tmp_path / "home", own_server, "lasting").run_script(RUNS)
    page = visitor(own_server)
    page.allowed += AWAY + MISSING_CHUNK
    page.goto(find_login_link(own_server))
    page.at("link", "lasting").click()
    page.at("figure", "/^loss, 2 runs/").see()
    page.at("status").wait_for_text("live")

    own_server.kill()
    page.at("status").wait_for_text("reconnecting")
    page.at("figure", "/^loss, 2 runs/").see()
    # The code of this page was never loaded, so the browser asks the server for it.
    page.at("link", "kept").click()
    page.at("heading", "The server cannot be reached").see()
    own_server.start()
    page.at("button", "Retry").click()
    page.at("heading", "kept").see()

    # Now the code is there, but not what it shows of another run.
    page.at("link", "lasting").click()
    page.at("figure", "/^loss, 2 runs/").see()
    own_server.kill()
    page.at("link", "other").click()
    page.at("alert").at("heading", "This run could not be read").see()
    own_server.start()
    page.at("alert").at("button", "Retry").click()
    page.at("heading", "other").see()
    page.at("status").wait_for_text("live")


def test_what_is_not_there_is_said_with_a_way_on(
    product: Product, visitor: Visitor, charted: str
) -> None:
    page = visitor()
    page.allowed.append("404 (Not Found)")
    page.goto(f"{charted}/runs/no-such-run/overview")
    page.at("heading", "There is no such run here").see()
    page.at("link", "Go to the project").click()
    page.at("figure", "/^train/loss, 3 runs/").see()
    page.goto("/nobody/nothing")
    page.at("heading", "No project nobody/nothing yet").see()
    page.goto(f"{charted}/runs/run-1/no-such-tab")
    page.wait_for_address("/run-1/overview$")
    page.at("heading", "brisk-1").see()
