"""A type checker knows everything that `import steelyard` offers, without guessing.

`pyright --verifytypes` looks at the package as a user's checker does. What is an annotation short
is counted against it, also where it could be inferred, because checkers infer differently.
"""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import steelyard
from tests.support.installed_wheel import ROOT

PYRIGHT = ROOT / "web/node_modules/.bin/pyright"
#: Modules that users import by name.
MODULES = ("steelyard.env", "steelyard.errors", "steelyard.util")


@pytest.fixture(scope="module")
def symbols() -> list[dict[str, Any]]:
    assert PYRIGHT.exists(), "pyright is not installed: run make setup"
    done = subprocess.run(
        [str(PYRIGHT), "--verifytypes", "steelyard", "--ignoreexternal", "--outputjson"],
        capture_output=True,
        text=True,
        # It asks the first python of the PATH where packages are.
        env={
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": os.environ.get("HOME", "/"),
            "PYTHONPATH": str(ROOT / "src"),
        },
    )
    report = json.loads(done.stdout)
    assert "typeCompleteness" in report, done.stdout + done.stderr
    found: list[dict[str, Any]] = report["typeCompleteness"]["symbols"]
    return found


def facade_prefixes() -> list[str]:
    """Where the names of `steelyard.__all__` and the members of its classes are defined."""
    prefixes = [f"{module}." for module in MODULES]
    for name in steelyard.__all__:
        part = getattr(steelyard, name)
        if inspect.isclass(part):
            prefixes.append(f"{part.__module__}.{part.__qualname__}.")
    return prefixes


def test_the_facade_is_typed_completely(symbols: list[dict[str, Any]]) -> None:
    names = {f"steelyard.{name}" for name in steelyard.__all__}
    prefixes = tuple(facade_prefixes())
    facade = [s for s in symbols if s["name"] in names or s["name"].startswith(prefixes)]
    seen = {symbol["name"] for symbol in facade}
    assert {"steelyard.init", "steelyard.sdk.run.Run.log"} <= seen
    missing = [s for s in facade if not s["isTypeKnown"] or s["isTypeAmbiguous"]]
    assert not missing, "\n".join(
        f"{s['name']}: {' '.join(d['message'] for d in s['diagnostics'])}" for s in missing
    )
