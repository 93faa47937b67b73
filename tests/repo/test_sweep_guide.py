"""The configurations in the guide can be read, and mean what it says."""

from __future__ import annotations

import re

import pytest

from steelyard.search import read_config
from tests.support.installed_wheel import ROOT

GUIDES = ("sweep-configuration", "sweep-phases")
BLOCKS = [
    block
    for name in GUIDES
    for block in re.findall(
        r"^```yaml\n(.*?)^```", (ROOT / f"docs/guides/{name}.md").read_text(), flags=re.M | re.S
    )
]


@pytest.mark.parametrize("block", BLOCKS)
def test_a_configuration_of_the_guide_is_read_without_warnings(block: str) -> None:
    problem, found = read_config(block)
    assert problem is not None, found
    assert [str(each) for each in found if each.severity != "hint"] == []


def test_the_constraints_of_the_guide_are_known_when_it_says() -> None:
    (problem,) = (read_config(block)[0] for block in BLOCKS if "constraints" in block)
    assert problem is not None
    assert len(problem.space.input_constraints) == 2
    assert [each.text for each in problem.space.outcome_constraints] == ["gpu_hours <= 2"]
