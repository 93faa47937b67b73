"""Who imports whom, and what an import costs. The rules themselves are in .importlinter."""

from __future__ import annotations

import configparser
import json
import os
import subprocess
import sys
from pathlib import Path

from tests.support.installed_wheel import ROOT

MODULE_COUNT_MAX = 250
CPU_OF_WANDB_MAX = 1 / 5
REPETITIONS = 5


def read_rules() -> configparser.ConfigParser:
    rules = configparser.ConfigParser(interpolation=None)
    rules.read(ROOT / ".importlinter")
    return rules


def modules_after(statement: str) -> list[str]:
    """Names of all modules a fresh interpreter holds after `statement`."""
    code = f"{statement}\nimport json, sys\nprint(json.dumps(list(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules: list[str] = json.loads(done.stdout)
    return modules


def cpu_seconds_of(statement: str) -> float:
    """CPU of a fresh interpreter that runs `statement`, children included: the least of several."""
    return min(_cpu_seconds_once(statement) for _ in range(REPETITIONS))


def _cpu_seconds_once(statement: str) -> float:
    process = subprocess.Popen([sys.executable, "-c", statement])
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return usage.ru_utime + usage.ru_stime


def test_importing_steelyard_is_light() -> None:
    modules = modules_after("import steelyard")
    assert len(modules) <= MODULE_COUNT_MAX
    assert not [m for m in modules if m.startswith(("steelyard.server", "steelyard.cli"))]


def test_importing_steelyard_costs_a_fifth_of_importing_wandb() -> None:
    floor = cpu_seconds_of("pass")
    ours = cpu_seconds_of("import steelyard") - floor
    theirs = cpu_seconds_of("import wandb") - floor
    assert ours <= CPU_OF_WANDB_MAX * theirs, f"{ours:.3f} s against {theirs:.3f} s"


def test_the_command_line_shows_its_help_without_loading_the_server() -> None:
    """Commands import the server inside their bodies: help and completion stay fast."""
    modules = modules_after("import steelyard.cli.main")
    heavy = ("steelyard.server", "litestar", "sqlalchemy", "numpy", "alembic", "uvicorn")
    assert [m for m in modules if m.startswith(heavy)] == []


def test_every_room_with_tables_keeps_them_to_itself() -> None:
    rooms = {path.parent.name for path in (ROOT / "src/steelyard/server/rooms").glob("*/tables.py")}
    sections = read_rules().sections()
    guarded = {s.rpartition("tables-of-")[2] for s in sections if "tables-of-" in s}
    assert guarded == rooms


def test_every_folder_of_the_server_is_a_layer() -> None:
    rules = read_rules()["importlinter:contract:server-layers"]
    assert rules["exhaustive"] == "True"


def test_nothing_but_settings_reads_the_environment() -> None:
    """ruff says so (TID251); here: nobody has silenced it in the server or the SDK."""
    silenced = [
        str(path.relative_to(ROOT))
        for path in (ROOT / "src").rglob("*.py")
        if "noqa: TID251" in path.read_text() and not _reads_settings(path)
    ]
    assert silenced == []


def _reads_settings(path: Path) -> bool:
    return path.parent.name == "cli"
