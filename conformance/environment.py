"""Where the client's tests run: a virtual environment and environment variables of their own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path


def make_venv(where: Path, base_python: str, requirements: list[str]) -> Path:
    """A virtual environment with these packages, reused while they stay the same. Its Python."""
    python = where / "bin/python"
    stamp = where / ".requirements.json"
    wanted = json.dumps(sorted(requirements))
    if python.exists() and stamp.exists() and stamp.read_text() == wanted:
        return python
    print(f"installing {len(requirements)} requirements into {where} …", flush=True)
    uv = shutil.which("uv") or next((str(p) for p in [Path(".tools/bin/uv")] if p.exists()), None)
    if uv:
        make = [uv, "venv", "--quiet", "--python", base_python, str(where)]
        install = [uv, "pip", "install", "--quiet", "--python", str(python)]
    else:
        make = [base_python, "-m", "venv", str(where)]
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if not python.exists():
        subprocess.run(make, check=True)
    subprocess.run([*install, *requirements], check=True)
    stamp.write_text(wanted)
    return python


def find_client_version(python: Path, environ: dict[str, str]) -> str:
    """Version of `wandb` there, or '' when it does not import."""
    command = [str(python), "-c", "import wandb; print(wandb.__version__)"]
    return subprocess.run(command, env=environ, text=True, capture_output=True).stdout.strip()


def make_environ(venv: Path, home: Path) -> dict[str, str]:
    """The caller's environment without its wandb, pytest, Python and proxy settings."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("WANDB_", "PYTEST_", "PYTHON")) and "proxy" not in name.lower()
    }
    return kept | {
        "PATH": f"{venv / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}",
        "VIRTUAL_ENV": str(venv),
        "HOME": str(home),
        "WANDB_ERROR_REPORTING": "false",
        "NO_PROXY": "localhost,127.0.0.1",
        "MPLBACKEND": "Agg",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
