from __future__ import annotations

import pytest

from steelyard.cli.server_link import parse_project_path, parse_run_path
from steelyard.errors import UsageError


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("r", (None, None, "r")),
        ("p/r", (None, "p", "r")),
        ("e/p/r", ("e", "p", "r")),
        ("/e/p/r", ("e", "p", "r")),
        ("e/p/runs/r", ("e", "p", "r")),
        ("p/runs/r", (None, "p", "r")),
        ("http://host:8080/e/my%20p/runs/r", ("e", "my p", "r")),
        ("http://host/e/p/runs/r?tab=logs#x", ("e", "p", "r")),
    ],
)
def test_paths_of_runs(text: str, parsed: tuple[str | None, str | None, str]) -> None:
    assert parse_run_path(text) == parsed


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("p", (None, "p")),
        ("e/p", ("e", "p")),
        ("e/", ("e", None)),
        ("https://host/e/p", ("e", "p")),
    ],
)
def test_paths_of_projects(text: str, parsed: tuple[str | None, str | None]) -> None:
    assert parse_project_path(text) == parsed


@pytest.mark.parametrize("text", ["a/b/c/d", "a//b", ""])
def test_what_is_no_run_is_refused_with_the_forms(text: str) -> None:
    with pytest.raises(UsageError, match="ENTITY/PROJECT/RUN"):
        parse_run_path(text)


def test_what_is_no_project_is_refused_with_the_forms() -> None:
    with pytest.raises(UsageError, match="ENTITY/PROJECT"):
        parse_project_path("a/b/c")
