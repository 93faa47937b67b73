"""requirements.lock: `write` resolves it from pyproject.toml, `check` says whether it is in step.

The lock carries a hash of what pyproject.toml asks for, so the check needs no network. It names no
package index: it installs from PyPI, from a mirror, and from a folder of wheels alike.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements.lock"
MARK = "# asked for by pyproject.toml: sha256:"


def hash_inputs() -> str:
    """Hash of everything in pyproject.toml that decides what is installed."""
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    project = pyproject["project"]
    inputs = {
        "python": project["requires-python"],
        "dependencies": project["dependencies"],
        "extras": project["optional-dependencies"],
        "groups": pyproject["dependency-groups"],
    }
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()


def is_in_step() -> bool:
    return LOCK.exists() and f"{MARK}{hash_inputs()}\n" in LOCK.read_text()


def write(*upgrade: str) -> None:
    """Resolve. What is locked stays, unless `--upgrade` or `--upgrade-package NAME` is given."""
    subprocess.run(
        [
            *(
                ".tools/bin/uv",
                "pip",
                "compile",
                "pyproject.toml",
                "--all-extras",
                "--group",
                "dev",
            ),
            *("--universal", "--generate-hashes", "--python-version", "3.11", "--quiet"),
            *("--custom-compile-command", "make lock", "--output-file", LOCK.name, *upgrade),
        ],
        cwd=ROOT,
        check=True,
    )
    LOCK.write_text(f"{MARK}{hash_inputs()}\n{LOCK.read_text()}")


def main(arguments: list[str]) -> int:
    if arguments[:1] == ["write"]:
        write(*arguments[1:])
        return 0
    if arguments == ["check"]:
        if is_in_step():
            return 0
        print(
            "requirements.lock is not in step with pyproject.toml: run make lock", file=sys.stderr
        )
        return 1
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
