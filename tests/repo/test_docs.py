"""Documentation that is in step with the code, and whose links lead somewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from steelyard.sdk.settings import explain_client_settings
from steelyard.server.settings import explain_settings
from tests.support.installed_wheel import ROOT

PAGES = sorted([*(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md"), ROOT / "conformance/README.md"])
DECISIONS = sorted((ROOT / "docs/decisions").glob("[0-9]*.md"))
DECISION_PARTS = [
    "Context",
    "Decision",
    "Consequences",
    "Alternatives",
    "What would change our mind",
]


def test_the_reference_is_what_the_code_says() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "docs/generate.py"), "--check"],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_setting_is_documented_in_a_sentence() -> None:
    for setting in explain_settings({}, None, {}):
        assert re.fullmatch(r"[A-Z].{20,}\.", setting.doc, flags=re.S), setting.name


def test_every_setting_of_the_client_is_documented_in_a_sentence() -> None:
    for setting in explain_client_settings({}, [], {}):
        assert re.fullmatch(r"[A-Za-z].{9,}\.", setting.doc, flags=re.S), setting.name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.S)
    for target in re.findall(r"\]\(([^)#\s]+)", text):
        if "://" not in target and not target.startswith("mailto:"):
            assert (page.parent / target).exists(), f"{page.relative_to(ROOT)} links to {target}"


def test_decisions_are_numbered_without_gaps() -> None:
    assert [int(page.name[:4]) for page in DECISIONS] == list(range(1, len(DECISIONS) + 1))
    index = (ROOT / "docs/decisions/README.md").read_text()
    assert [page.name for page in DECISIONS if page.name not in index] == []


@pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.stem)
def test_a_decision_says_why_and_what_would_change_it(page: Path) -> None:
    text = page.read_text()
    assert re.match(rf"# {int(page.name[:4])}\. \S", text)
    assert re.findall(r"^## (.+)$", text, flags=re.M) == DECISION_PARTS


def test_the_changelog_has_a_part_for_what_comes_next() -> None:
    assert "\n## Unreleased\n" in (ROOT / "CHANGELOG.md").read_text()
