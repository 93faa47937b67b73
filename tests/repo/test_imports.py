"""Who imports whom, and what an import costs. The rules themselves are in .importlinter."""

from __future__ import annotations

import configparser
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.installed_wheel import ROOT

IMPORT_COUNT_MAX = 70
MODULE_COUNT_MAX = 170
SENDER_MODULE_COUNT_MAX = 100
CPU_OF_WANDB_MAX = 1 / 5
#: What a training does not need before its first row is on disk; most cost more than all of ours.
HEAVY = (
    *("steelyard.server", "steelyard.cli", "steelyard.testing", "steelyard.sdk.capture.machine"),
    *("click", "numpy", "psutil", "pynvml", "urllib3"),
    *("asyncio", "concurrent", "email", "http", "logging", "multiprocessing", "random"),
    *("shutil", "ssl", "subprocess", "tempfile", "urllib.request"),
)
#: A whole training without a server. It prints the modules that are there at its end.
OFFLINE = """
import sys, steelyard
run = steelyard.init(project="p", mode="offline", config={"a": 1})
for step in range(10):
    run.log({"loss": 1 / (1 + step)})
run.summary["best"] = 1
run.finish()
"""
#: All that the sender loads for a run that is over within a second, and does for it.
SENDER = """
import sys
sys.path.append({src!r})
facade = type(sys)("steelyard")
facade.__path__ = [{src!r} + "/steelyard"]
sys.modules["steelyard"] = facade
import steelyard.sdk.sender.main, threading
from steelyard.sdk.capture.environment import write_environment_files, write_metadata_file
from steelyard.sdk.capture.metadata import collect_metadata
facts = {{"cwd": {cwd!r}, "argv": ["train.py"], "sys_path": [], "started_at_us": 1}}
for part in collect_metadata(facts, {{}}):
    write_metadata_file(part, {cwd!r})
print(*write_environment_files(facts, {{}}, {cwd!r}))
"""
#: What it does without: each takes 2 to 18 of the 25 ms that it spends on such a run.
HEAVY_FOR_SENDER = (
    *("ctypes", "dataclasses", "datetime", "inspect", "ipaddress", "msgspec", "pathlib"),
    *("platform", "psutil", "shutil", "socket", "subprocess", "typing", "urllib"),
)
REPETITIONS = 5


def read_rules() -> configparser.ConfigParser:
    rules = configparser.ConfigParser(interpolation=None)
    rules.read(ROOT / ".importlinter")
    return rules


def modules_after(statement: str, *flags: str, cwd: Path | None = None) -> list[str]:
    """Names of all modules a fresh interpreter holds after `statement`, sorted."""
    code = f"{statement}\nimport sys\nprint('MODULES', *sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, *flags, "-c", code], capture_output=True, text=True, check=True, cwd=cwd
    )
    return done.stdout.splitlines()[-1].split()[1:]


def list_heavy(modules: list[str]) -> list[str]:
    """Those of the modules that a training should not have loaded."""
    return [m for m in modules if m in HEAVY or m.startswith(tuple(f"{h}." for h in HEAVY))]


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
    assert len(modules) <= IMPORT_COUNT_MAX
    assert list_heavy(modules) == []


def test_a_whole_offline_training_is_light(tmp_path: Path) -> None:
    modules = modules_after(OFFLINE, cwd=tmp_path)
    assert "msgspec" in modules
    assert len(modules) <= MODULE_COUNT_MAX
    assert list_heavy(modules) == []


def test_a_sender_of_a_short_run_is_light(tmp_path: Path) -> None:
    statement = SENDER.format(src=str(ROOT / "src"), cwd=str(tmp_path))
    modules = modules_after(statement, "-I", "-S")
    if "pynvml" in modules:
        pytest.skip("the driver's library is here, and the bindings load half of the library")
    assert len(modules) <= SENDER_MODULE_COUNT_MAX
    assert [m for m in modules if m.partition(".")[0] in HEAVY_FOR_SENDER] == []


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


def test_bare_python_loads_nothing_heavy_by_itself() -> None:
    """Otherwise the tests above would blame us for what the interpreter loads by itself."""
    assert list_heavy(modules_after("pass")) == []


def test_every_room_with_tables_keeps_them_to_itself() -> None:
    rooms = {path.parent.name for path in (ROOT / "src/steelyard/server/rooms").glob("*/tables.py")}
    sections = read_rules().sections()
    guarded = {s.rpartition("tables-of-")[2] for s in sections if "tables-of-" in s}
    assert guarded == rooms


def test_every_folder_of_the_server_is_a_layer() -> None:
    rules = read_rules()["importlinter:contract:server-layers"]
    assert rules["exhaustive"] == "True"


def test_nothing_but_settings_reads_the_environment() -> None:
    """ruff says so (TID251); here: nobody has silenced it elsewhere in the server or the SDK."""
    silenced = [
        str(path.relative_to(ROOT))
        for path in (ROOT / "src").rglob("*.py")
        if "noqa: TID251" in path.read_text() and not _reads_settings(path)
    ]
    assert silenced == []


def _reads_settings(path: Path) -> bool:
    # The server's package sets what numpy reads when it is loaded; it reads nothing itself.
    places = ("src/steelyard/sdk/settings.py", "src/steelyard/server/__init__.py")
    return path.parent.name == "cli" or path in [ROOT / place for place in places]
