"""Media, tables and charts: both clients write the same files and the same JSON."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.installed_wheel import ROOT
from tests.support.official_client import clean_environ

PROGRAM = ROOT / "tests/support/media_cases.py"

#: What ours do otherwise, and why.
DIFFERENT = {
    "object": "a value without JSON is an error there; its text is kept here",
}
#: Cases whose value an artifact of the official client does not take.
ONLY_OURS_IN_ARTIFACTS = {"plotly object"}


def list_cases() -> list[str]:
    """Names of the cases, without running the program."""
    for node in ast.parse(PROGRAM.read_text()).body:
        if isinstance(node, ast.AnnAssign) and getattr(node.target, "id", "") == "CASES":
            assert isinstance(node.value, ast.Dict)
            return [ast.literal_eval(key) for key in node.value.keys if key is not None]
    raise AssertionError("the program has no CASES")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What each client writes, by client and case."""
    found = {}
    for client in ("wandb", "steelyard"):
        home = tmp_path_factory.mktemp(client)
        out = home / "out.json"
        done = subprocess.run(
            [sys.executable, "-W", "ignore", str(PROGRAM), client, str(out)],
            cwd=home,
            env=clean_environ(home) | {"MPLCONFIGDIR": os.fspath(home)},
            capture_output=True,
            text=True,
            timeout=280,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        found[client] = json.loads(out.read_text())
    return found


def comparable(found: Any) -> Any:
    """The JSON without what is random, and without digests of files with other white space."""
    text = json.dumps(found, sort_keys=True)
    text = re.sub(r"wandb-client-artifact://[^/:]+(:latest)?/", r"ARTIFACT\1/", text)
    text = re.sub(r"/(None|\d+)-\d{13}\.", "/N-TIME.", text)  # None: their first increment
    text = re.sub(r"_[a-z0-9]{8,12}\.npz", "_RANDOM.npz", text)
    # Sets have no order.
    text = re.sub(
        r'"val": \[([^\]]*)\]',
        lambda match: f'"val": [{", ".join(sorted(match[1].split(", ")))}]',
        text,
    )
    is_json_file = r"_[0-9a-f]{20}(\.table\.json|\.pts\.json|\.boxes2D\.json|\.plotly\.json)"
    text = re.sub(is_json_file, r"_HASH\1", text)
    return json.loads(text, object_hook=_without_digests)


def _without_digests(value: dict[str, Any]) -> dict[str, Any]:
    if "HASH" in str(value.get("path", "")):
        value.pop("sha256", None), value.pop("size", None)
    return value


@pytest.mark.parametrize("case", list_cases())
def test_both_clients_write_the_same(case: str, written: dict[str, dict[str, Any]]) -> None:
    if case in DIFFERENT:
        pytest.skip(DIFFERENT[case])
    ours, theirs = written["steelyard"][case], written["wandb"][case]
    if "error" in theirs:
        # Whoever catches theirs catches ours, assertions and errors of Pillow apart.
        assert "error" in ours
        kind = theirs["error"][0]
        if kind not in ("AssertionError", "UnidentifiedImageError"):
            assert kind in ours["error"], ours["text"]
        return
    assert "error" not in ours, ours["text"]
    for part in ("row", "chart", "files"):
        assert comparable(ours.get(part)) == comparable(theirs.get(part)), part
    in_ours, in_theirs = ours.get("artifact"), theirs.get("artifact")
    if case in ONLY_OURS_IN_ARTIFACTS:
        assert "error" not in in_ours
    elif in_theirs is not None and "error" in in_theirs:
        assert in_theirs["error"][0] in in_ours["error"]
    else:
        assert comparable(in_ours) == comparable(in_theirs), "artifact"
    assert sorted(Path(name).suffix for name in ours.get("files", ())) == sorted(
        Path(name).suffix for name in theirs.get("files", ())
    )
