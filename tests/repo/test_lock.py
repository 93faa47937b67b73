"""requirements.lock: in step, complete, and free of hosts."""

from __future__ import annotations

import re
import subprocess
import sys

from tests.support.installed_wheel import ROOT

LOCK = (ROOT / "requirements.lock").read_text()


def test_the_lock_is_in_step_with_pyproject() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / ".ci/lock.py"), "check"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_the_lock_names_no_package_index() -> None:
    """So that it installs from PyPI, from a mirror and from a folder of wheels alike."""
    assert not re.search(r"https?://|--(extra-)?index-url|--find-links|file:", LOCK)


def test_every_locked_package_has_a_hash() -> None:
    blocks = re.split(r"\n(?=[a-z0-9])", LOCK)
    packages = [block for block in blocks if re.match(r"[a-z0-9._-]+==", block)]
    assert len(packages) > 50
    assert [p.split()[0] for p in packages if "--hash=sha256:" not in p] == []


def test_every_package_of_the_web_page_is_locked_without_a_host() -> None:
    assert '"resolved": "http' not in (ROOT / "web/package-lock.json").read_text()
