"""How one gets in, and back in."""

from __future__ import annotations

import subprocess

from steelyard.testing.server import ThrowawayServer
from tests.e2e.conftest import Product, Visitor
from tests.support.browser import find_login_link
from tests.support.installed_wheel import InstalledWheel


def test_the_printed_link_signs_in_once(own_server: ThrowawayServer, visitor: Visitor) -> None:
    link = find_login_link(own_server)
    owner = visitor(own_server)
    owner.goto(link)
    owner.at("heading", "Log your first run").see()
    owner.at("button", "/Account of /").see()
    assert owner.address == f"{own_server.base_url}/"

    late = visitor(own_server)
    late.goto(link)
    late.at("heading", "Sign in to Steelyard").see()
    late.at("alert").wait_for_text("used before or is too old")
    late.goto("/")
    late.allowed.append("401 (Unauthorized)")
    late.at("heading", "Sign in to Steelyard").see()


def test_home_lists_the_projects(product: Product, visitor: Visitor, charted: str) -> None:
    project = charted.rsplit("/", 1)[1]
    page = visitor()
    page.goto("/")
    page.at("link", project).see()
    row = next(row for row in page.at("table").rows if row[0] == project)
    assert row[:3] == [project, product.entity, "3"]
    page.at("link", project).click()
    page.at("figure", "/^train/loss, 3 runs/").see()


def test_an_ended_session_leads_to_the_login_and_back_to_where_one_was(
    own_server: ThrowawayServer, installed_wheel: InstalledWheel, visitor: Visitor
) -> None:
    page = visitor(own_server)
    page.goto(find_login_link(own_server))
    page.at("heading", "Log your first run").see()
    me = own_server.call("GET", "/api/v1/me")["username"]
    set_password(installed_wheel, own_server, me, "correct horse battery")

    # A new password ends all sessions: the next page that asks the server for something finds out.
    page.allowed += ["401 (Unauthorized)", "404 (Not Found)"]
    target = f"/{me}/some-project?smooth=0.5&y=log"
    page.goto(target)
    page.at("heading", "Sign in to Steelyard").see()
    page.at("label", "User name or email").fill(me)
    page.at("label", "Password").fill("wrong horse battery")
    page.at("button", "Sign in").click()
    page.at("alert").wait_for_text("wrong user name or password")
    page.at("label", "Password").fill("correct horse battery")
    page.at("button", "Sign in").click()
    page.at("heading", f"No project {me}/some-project yet").see()
    assert page.address == own_server.base_url + target


def test_signing_out_ends_the_session(own_server: ThrowawayServer, visitor: Visitor) -> None:
    page = visitor(own_server)
    page.goto(find_login_link(own_server))
    page.at("button", "/Account of ./").click()
    page.at("menuitem", "Sign out").click()
    page.at("heading", "Sign in to Steelyard").see()
    page.allowed.append("401 (Unauthorized)")
    page.goto("/settings/keys")
    page.at("heading", "Sign in to Steelyard").see()


def set_password(
    wheel: InstalledWheel, server: ThrowawayServer, username: str, password: str
) -> None:
    subprocess.run(
        [
            str(wheel.venv / "bin/steelyard"),
            *("user", "password", username, "--data-dir", str(server.data_dir)),
        ],
        env=wheel.environ,
        input=password + "\n",
        text=True,
        check=True,
        capture_output=True,
    )
