"""Paths: distinct for distinct places, and the same name where users see the same."""

import hypothesis.strategies as st
from hypothesis import given

from steelyard.server.columns.paths import escape_component, name_of, split_path

component = st.text(st.characters(exclude_categories=()) | st.sampled_from(".\\\0u"), max_size=6)


@given(st.lists(component, min_size=1, max_size=4))
def test_a_path_splits_into_what_it_was_made_of(components):
    path = ".".join(map(escape_component, components))
    assert split_path(path) == tuple(components)
    assert name_of(path) == ".".join(components)
    path.encode()
    assert "\0" not in path
