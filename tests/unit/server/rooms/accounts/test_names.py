from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.errors import Invalid
from steelyard.server.rooms.accounts.names import RESERVED_NAMES, check_entity_name, name_like
from steelyard.server.rooms.projects.commands import check_project_name


@pytest.mark.parametrize("name", ["ann", "user_gw0-" + "0" * 40, "a.b", "_x", "x_", "A1"])
def test_ordinary_names_are_permitted(name: str) -> None:
    assert check_entity_name(name) == name


@given(st.sampled_from(sorted(RESERVED_NAMES)), st.booleans())
def test_names_of_our_own_paths_are_refused_in_any_case(name: str, is_upper: bool) -> None:
    with pytest.raises(Invalid):
        check_entity_name(name.upper() if is_upper else name)


@given(st.text())
def test_any_name_of_a_system_user_becomes_a_permitted_one(text: str) -> None:
    check_entity_name(name_like(text, otherwise="owner"))


@pytest.mark.parametrize("name", ["my project", "größe", "a.b", "v1.0-rc", "x" * 128])
def test_ordinary_projects_are_permitted(name: str) -> None:
    assert check_project_name(name) == name


@pytest.mark.parametrize(
    "name", ["", " ", "a/b", "..", ".", "a\nb", "a?b", "a#b", "50%", "a:b", " a", "x" * 129, "\0"]
)
def test_projects_that_would_break_a_path_are_refused(name: str) -> None:
    with pytest.raises(Invalid):
        check_project_name(name)
