"""The product as users install it: the wheel in an empty environment, without Node."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "src/steelyard/server/static/index.html"


@dataclass(frozen=True)
class InstalledWheel:
    """`wheel` installed below `venv`."""

    wheel: Path
    venv: Path

    @property
    def python(self) -> str:
        return str(self.venv / "bin/python")

    @property
    def environ(self) -> dict[str, str]:
        """An environment with this installation first, and neither Node nor our checkout."""
        return {
            "PATH": os.pathsep.join([str(self.venv / "bin"), "/usr/bin", "/bin"]),
            "HOME": str(self.venv),
            "LANG": "C.UTF-8",
        }

    def run(self, *command: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self.venv / "bin" / command[0]), *command[1:]],
            cwd=cwd or self.venv,
            env=self.environ,
            capture_output=True,
            text=True,
            check=False,
        )


def build_wheel(into: Path, *, root: Path = ROOT) -> Path:
    """Build the wheel of the tree `root`. Raises CalledProcessError with the output."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(into)],
        cwd=root,
        check=True,
        capture_output=True,
        text=True,
    )
    (wheel,) = into.glob("*.whl")
    return wheel


def install_wheel(wheel: Path, venv: Path, *, extras: Sequence[str] = ()) -> InstalledWheel:
    """A new virtual environment with the wheel, and of its dependencies the locked versions."""
    uv = shutil.which("uv", path=os.pathsep.join([str(ROOT / ".tools/bin"), os.environ["PATH"]]))
    assert uv, "uv is missing: run make setup"
    wanted = f"{wheel}[{','.join(extras)}]" if extras else str(wheel)
    for command in (
        ["venv", "--python", sys.executable, str(venv)],
        [
            *("pip", "install", "--python", str(venv / "bin/python"), wanted),
            *("--constraints", str(ROOT / "requirements.lock")),
        ],
    ):
        subprocess.run([uv, *command], check=True, capture_output=True, text=True, cwd=venv.parent)
    return InstalledWheel(wheel, venv)
