"""Paths of runs and projects."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.errors import Invalid
from steelyard.sdk.api.paths import parse_project_path, parse_run_path

names = st.text("abcXYZ019-_. ü", min_size=1).map(str.strip).filter(lambda text: text)


@given(entity=names, project=names, run=names)
def test_a_whole_path_names_its_parts(entity: str, project: str, run: str) -> None:
    for path in (f"{entity}/{project}/{run}", f"/{entity}/{project}/runs/{run}/"):
        assert parse_run_path(path, "me", None) == (entity, project, run)
    assert parse_project_path(f"{entity}/{project}", "me", "mine") == (entity, project)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("p/r", ("me", "p", "r")),
        ("r", ("me", "mine", "r")),
        ("p:r", ("me", "p", "r")),
        ("e/p:r", ("e", "p", "r")),
        (" e/p/r ", ("e", "p", "r")),
    ],
)
def test_what_a_path_leaves_out_is_the_callers(path: str, expected: tuple[str, ...]) -> None:
    assert parse_run_path(path, "me", "mine") == expected


@pytest.mark.parametrize("path", ["", "/", "a//b", "a/b/c/d", "a/ /c"])
def test_what_is_no_path_of_a_run_is_refused(path: str) -> None:
    with pytest.raises(Invalid, match="no path of a run"):
        parse_run_path(path, "me", "mine")


def test_a_run_without_a_project_says_where_to_name_one() -> None:
    with pytest.raises(Invalid, match="WANDB_PROJECT"):
        parse_run_path("r", "me", None)


@pytest.mark.parametrize("path", ["a/b/c", "/"])
def test_what_is_no_path_of_a_project_is_refused(path: str) -> None:
    with pytest.raises(Invalid, match="no path of a project"):
        parse_project_path(path, "me", "mine")
