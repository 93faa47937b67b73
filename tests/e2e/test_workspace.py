"""Looking at the runs of a project: everything one chooses is in the address."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.e2e.conftest import Visitor
from tests.support.browser import Visit


def test_what_one_chose_is_the_same_behind_the_link(visitor: Visitor, charted: str) -> None:
    page = visitor()
    page.goto(charted)
    page.at("figure", "/^train/loss, 3 runs, up to step 19, /").see()
    page.at("button", "Show brisk-2").click()
    page.at("figure", "/^train/loss, 2 runs, /").see()
    page.at("button", "x: Step").click()
    page.at("menuitemradio", "Relative time").click()
    page.at("slider", "Smooth").fill("0.6")
    page.at("button", "Log y").click()
    page.at("searchbox", "Search panels").fill("/^train/l/")
    page.at("figure", "/^eval/acc/").vanish()
    page.at("searchbox", "Search runs").fill("/brisk-[12]$/")
    page.at("figure", "/^train/loss, 1 run, .* brisk-1$/").see()
    address = urlsplit(page.wait_for_address("runs="))
    assert parse_qs(address.query) == {
        "hide": ["run-2"],
        "x": ["relative"],
        "smooth": ["0.6"],
        "y": ["log"],
        "panels": ["/^train/l/"],
        "runs": ["/brisk-[12]$/"],
    }

    other = visitor()
    other.goto(f"{address.path}?{address.query}")
    other.at("figure", "/^train/loss, 1 run, .* brisk-1$/").see()
    assert describe_workspace(other) == describe_workspace(page)
    assert describe_workspace(other) == {
        "runs": {"brisk-1": "true", "brisk-2": "false"},
        "panels": 1,
        "x": 1,
        "smoothing": "0.6",
        "log": "true",
    }


def test_one_run_can_be_looked_at_alone(visitor: Visitor, charted: str) -> None:
    page = visitor()
    page.goto(charted)
    page.at("figure", "/^eval/acc, 3 runs/").see()
    page.at("link", "brisk-3").focus()
    page.press("o")
    page.at("figure", "/^eval/acc, 1 run, .* brisk-3$/").see()
    page.wait_for_address(r"\?solo=run-3$")
    page.at("button", "Reset").click()
    page.at("figure", "/^eval/acc, 3 runs/").see()


def test_a_chart_is_zoomed_and_read_by_keys_alone(visitor: Visitor, charted: str) -> None:
    page = visitor()
    page.goto(charted)
    page.at("figure", "/^eval/acc, 3 runs/").at("slider", "Read values of eval/acc").press("+")
    page.wait_for_address(r"zoom=4\.75%2C14\.25")
    page.at("slider", "Read values of eval/acc").press("0")
    page.wait_for_address(r"charted-\w+$")


def test_a_search_without_hits_offers_the_way_back(visitor: Visitor, charted: str) -> None:
    page = visitor()
    page.allowed.append("400 (Bad Request)")
    page.goto(f"{charted}?runs=nothing-like-this")
    page.at("button", "Clear search").click()
    page.at("figure", "/^eval/acc, 3 runs/").see()
    page.at("searchbox", "Search panels").fill("/(/")
    assert page.at("searchbox", "Search panels").attribute("aria-invalid") == "true"


def describe_workspace(page: Visit) -> dict[str, Any]:
    names = page.at("list", "Runs").at("link").texts
    return {
        "runs": {
            name: page.at("button", f"Show {name}").attribute("aria-pressed") for name in names
        },
        "panels": page.at("figure").count,
        "x": page.at("button", "x: Relative time").count,
        "smoothing": page.at("slider", "Smooth").value,
        "log": page.at("button", "Log y").attribute("aria-pressed"),
    }
