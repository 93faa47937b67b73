"""Names of the protocol become names of ours."""

from __future__ import annotations

import pytest

from steelyard.server.gateway.binding import make_schema, snake_case
from steelyard.server.gateway.resolvers import TYPE_NAMES


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("name", "name"),
        ("entityName", "entity_name"),
        ("runID", "run_id"),
        ("rampIDType", "ramp_id_type"),
        ("useImprovedPagination", "use_improved_pagination"),
    ],
)
def test_names_are_written_our_way(theirs: str, ours: str) -> None:
    assert snake_case(theirs) == ours


def test_a_resolver_of_a_field_that_is_not_in_the_schema_is_a_mistake() -> None:
    with pytest.raises(AssertionError, match="nonsense"):
        make_schema({"Run": {"nonsense": lambda source, context: None}}, TYPE_NAMES)
