"""Every page can be used by everybody: axe finds nothing, and keys are enough."""

from __future__ import annotations

import pytest

from tests.e2e.conftest import Product, Visitor

ROUTES = {
    "/login": ("heading", "Sign in to Steelyard"),
    "/authorize": ("button", "Create a key"),
    "/": ("heading", "Recent projects"),
    "/settings/keys": ("heading", "API keys"),
    "/ENTITY": ("heading", "ENTITY"),
    "CHARTED": ("figure", "/^train/loss, 3 runs/"),
    "CHARTED?runs=nothing": ("button", "Clear search"),
    "CHARTED?smooth=9": ("text", "1 part of this link ignored: smooth=9"),
    "CHARTED/runs/run-1/overview": ("table", "Config"),
    "CHARTED/runs/run-1/charts": ("figure", "/^train/loss, 1 run/"),
    "CHARTED/runs/run-1/system": ("navigation", "Views of the run"),
    "CHARTED/runs/run-1/logs": ("navigation", "Views of the run"),
    "CHARTED/runs/run-1/files": ("list", "Files"),
    "CHARTED/runs/run-1/artifacts": ("heading", "No artifacts"),
    "CHARTED/artifacts": ("heading", "No artifacts yet"),
    "CHARTED/artifact-trash": ("heading", "The trash is empty"),
    "CHARTED/artifacts/model/missing/v0/overview": ("heading", "There is no such version here"),
    "CHARTED/runs/missing/overview": ("heading", "There is no such run here"),
    "/ENTITY/not-there-yet": ("text", "Waiting for the first point"),
    "/a/b/c/d/e/f": ("main", None),
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_any_page(
    product: Product, visitor: Visitor, charted: str, scheme: str
) -> None:
    page = visitor(scheme=scheme)
    page.allowed.append("404 (Not Found)")
    problems: list[str] = []
    for route, (role, name) in ROUTES.items():
        path = route.replace("CHARTED", charted).replace("ENTITY", product.entity)
        page.goto(path)
        page.at(role, name and name.replace("ENTITY", product.entity)).see()
        problems += [f"{route} {problem}" for problem in page.find_accessibility_problems()]
    assert not problems, "\n".join(problems)


def test_menus_and_dialogs_are_fine_with_axe_too(visitor: Visitor, charted: str) -> None:
    page = visitor()
    page.goto(f"{charted}/runs/run-1/overview")
    page.at("button", "More actions").click()
    page.at("menuitem", "Delete run").see()
    assert "\n".join(page.find_accessibility_problems()) == ""
    page.at("menuitem", "Delete run").click()
    page.at("dialog", "Delete this run?").see()
    assert "\n".join(page.find_accessibility_problems()) == ""
    page.at("button", "Cancel").click()
    page.goto(charted)
    page.at("figure", "/^train/loss/").at("button", "View as table").click()
    page.at("region", "train/loss, table").see()
    page.at("button", "Enlarge eval/acc").click()
    page.at("dialog", "eval/acc").see()
    assert "\n".join(page.find_accessibility_problems()) == ""


def test_a_run_is_found_and_opened_by_keys_alone(visitor: Visitor, charted: str) -> None:
    page = visitor()
    page.goto(charted)
    page.at("figure", "/^train/loss, 3 runs/").see()
    page.press("/")
    page.at("searchbox", "Search runs").fill("brisk-2")
    page.at("figure", "/^train/loss, 1 run, /").see()
    page.at("searchbox", "Search runs").press("Escape")
    page.at("link", "brisk-2").focus()
    page.press("Enter")
    page.at("heading", "brisk-2").see()


def test_a_narrow_window_needs_no_sideways_scrolling(
    product: Product, visitor: Visitor, charted: str
) -> None:
    page = visitor(size=[390, 780])
    for path in ("/", charted, f"{charted}/runs/run-1/overview", f"{charted}/runs/run-1/charts"):
        page.goto(path)
        page.at("main").see()
        page.at("link", "Steelyard home").see()
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= 390, path
