from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from steelyard import limits
from steelyard.sdk.capture.facts import gather_process_facts, select_environment

TELL = (
    "import json, os, sys\n"
    "from steelyard.sdk.capture.facts import gather_process_facts\n"
    "print(json.dumps(gather_process_facts(os.environ)))\n"
)


def facts_of(*command: str, cwd: Path, code: int = 0) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, *command], cwd=cwd, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == code, done.stderr
    facts: dict[str, Any] = json.loads(done.stdout)
    return facts


def test_facts_of_a_script(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(TELL)
    facts = facts_of("train.py", "--lr", "0.1", cwd=tmp_path)
    assert facts["argv"] == ["train.py", "--lr", "0.1"]
    assert facts["main_file"] == str(tmp_path / "train.py")
    assert facts["main_module"] is None
    assert facts["cwd"] == str(tmp_path)
    assert facts["executable"] == sys.executable
    version = ".".join(map(str, sys.version_info[:3]))
    assert facts["python"] == f"CPython {version}"
    assert not facts["is_notebook"]


def test_facts_of_a_module(tmp_path: Path) -> None:
    package = tmp_path / "pkg"
    package.mkdir()
    (package / "__main__.py").write_text(TELL)
    (package / "train.py").write_text(TELL)
    (package / "__init__.py").touch()
    assert facts_of("-m", "pkg", cwd=tmp_path)["main_module"] == "pkg"
    facts = facts_of("-m", "pkg.train", "x", cwd=tmp_path)
    assert facts["main_module"] == "pkg.train"
    assert facts["orig_argv"][1:] == ["-m", "pkg.train", "x"]


def test_facts_of_code_on_the_command_line(tmp_path: Path) -> None:
    facts = facts_of("-c", TELL, cwd=tmp_path)
    assert facts["main_file"] is None


def test_a_directory_that_is_gone_is_no_fault(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    facts = facts_of("-c", f"import os; os.rmdir({str(gone)!r})\n{TELL}", cwd=gone)
    assert facts["cwd"] is None


def test_only_listed_variables_are_taken_and_no_credentials() -> None:
    environ = {
        "SLURM_JOB_ID": "17",
        "SLURM_JWT": "secret",
        "RANK": "3",
        "CUDA_VISIBLE_DEVICES": "0,1",
        "POD_NAME": "trainer-0",
        "WANDB_API_KEY": "secret",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "HOME": "/home/me",
        "CI": "true",
    }
    selected = select_environment(environ)
    assert set(selected) == {"SLURM_JOB_ID", "RANK", "CUDA_VISIBLE_DEVICES", "POD_NAME", "CI"}
    assert "secret" not in json.dumps(gather_process_facts(environ))


def test_long_things_are_cut() -> None:
    environ = {"SLURM_JOB_NODELIST": "n" * 100_000}
    assert len(select_environment(environ)["SLURM_JOB_NODELIST"]) < 5000
    code = f"import sys\nsys.argv = ['x' * 9999] * {limits.CAPTURED_ARGUMENTS_MAX + 7}\n{TELL}"
    facts = facts_of("-c", code, cwd=Path.cwd())
    assert len(facts["argv"]) == limits.CAPTURED_ARGUMENTS_MAX + 1
    assert facts["argv"][-1] == "… 7 more"
    assert len(facts["argv"][0]) < 5000


def test_the_process_loads_nothing_for_it(tmp_path: Path) -> None:
    code = (
        "import sys, steelyard.limits, re\nbefore = set(sys.modules)\n"
        "import steelyard.sdk.capture.facts as f\nf.gather_process_facts({})\n"
        "import json; print(json.dumps({'new': sorted(set(sys.modules) - before)}))"
    )
    new = [name for name in facts_of("-c", code, cwd=tmp_path)["new"] if "steelyard" not in name]
    assert [name for name in new if not name.startswith("json") and name != "_json"] == []
