"""The Makefile lists itself, and each target is one line."""

from __future__ import annotations

import os
import re
import subprocess

from tests.support.installed_wheel import ROOT

MAKEFILE = (ROOT / "Makefile").read_text()
RECIPES = dict(re.findall(r"^([a-z0-9-]+):.*?\n((?:\t.*\n?)*)", MAKEFILE, flags=re.M))
PROMISED = "setup up demo test check web e2e bench conformance wheel docs lock"


def test_make_alone_lists_every_target() -> None:
    done = subprocess.run(["make", "-C", str(ROOT)], capture_output=True, text=True, check=True)
    listed = set(re.findall(r"^  make ([a-z0-9-]+)  +\S", done.stdout, flags=re.M))
    assert listed == set(RECIPES)
    assert listed >= set(PROMISED.split())


def test_every_target_is_one_line() -> None:
    assert [name for name, recipe in RECIPES.items() if recipe.count("\n") != 1] == []


def test_ci_can_be_run_by_hand() -> None:
    script = ROOT / ".ci/run"
    assert os.access(script, os.X_OK)
    subprocess.run(["bash", "-n", str(script)], check=True)
    refused = subprocess.run([str(script), "nonsense"], capture_output=True, text=True)
    assert refused.returncode == 2
    assert ".ci/run [test | check" in refused.stderr
