"""What people write to name a sweep."""

from __future__ import annotations

from typing import Any

import pytest

from steelyard.errors import UsageError
from steelyard.sdk.sweeps.places import SweepPath, parse_sweep_path, remember_sweep


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("abcd1234", (None, None, "abcd1234")),
        ("works/abcd1234", (None, "works", "abcd1234")),
        ("ada/works/abcd1234", ("ada", "works", "abcd1234")),
        ("/ada/works/sweeps/abcd1234", ("ada", "works", "abcd1234")),
        ("http://host:8080/ada/my%20works/sweeps/abcd1234", ("ada", "my works", "abcd1234")),
    ],
)
def test_a_path_names_a_sweep(text: str, expected: tuple[str | None, ...]) -> None:
    found = parse_sweep_path(text)
    assert (found.entity, found.project, found.sweep) == expected


def test_what_the_path_says_wins_over_the_arguments() -> None:
    assert parse_sweep_path("s1", entity="ada", project="p") == SweepPath("ada", "p", "s1")
    assert parse_sweep_path("q/s1", entity="ada", project="p") == SweepPath("ada", "q", "s1")


@pytest.mark.parametrize("text", ["", "a/b/c/d", "a//s", "works/", None, 7, ["s1"]])
def test_what_names_no_sweep_is_refused(text: Any) -> None:
    with pytest.raises(UsageError, match=r"ENTITY/PROJECT/SWEEP"):
        parse_sweep_path(text)


def test_a_sweep_made_here_is_found_by_its_id_alone() -> None:
    remember_sweep(SweepPath("ada", "works", "made1234"))
    assert parse_sweep_path("made1234") == SweepPath("ada", "works", "made1234")
    assert parse_sweep_path("made1234", project="other") == SweepPath(None, "other", "made1234")
    assert parse_sweep_path("other/made1234") == SweepPath(None, "other", "made1234")
