"""Every limit has one name, and every name limits something."""

from __future__ import annotations

import ast
from pathlib import Path

from steelyard import limits
from tests.support.installed_wheel import ROOT

SOURCES = [path for path in (ROOT / "src").rglob("*.py") if path.name != "limits.py"]


def names_used(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return names | {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}


def test_every_limit_is_used() -> None:
    used = set().union(*map(names_used, SOURCES))
    inside = names_used(ROOT / "src/steelyard/limits.py")
    named = {name for name in vars(limits) if name.isupper()}
    # A name used only to compute another limit is a unit, such as MIB.
    assert sorted(named - used - {"MIB"}) == []
    assert "MIB" in inside


def test_no_limit_is_given_twice() -> None:
    """The second one would hold for the first one's users, too."""
    tree = ast.parse((ROOT / "src/steelyard/limits.py").read_text())
    targets = [
        target for node in tree.body if isinstance(node, ast.Assign) for target in node.targets
    ]
    names = [target.id for target in targets if isinstance(target, ast.Name)]
    assert sorted(name for name in set(names) if names.count(name) > 1) == []


def test_limits_are_numbers_above_zero() -> None:
    for name, value in vars(limits).items():
        if name.isupper():
            assert isinstance(value, int | float), name
            assert value > 0, name
