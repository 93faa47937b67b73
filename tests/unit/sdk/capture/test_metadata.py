from __future__ import annotations

import getpass
import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from steelyard.sdk.capture.facts import gather_process_facts
from steelyard.sdk.capture.metadata import collect_metadata
from tests.support.git_repository import GitRepository


@pytest.fixture
def repository(tmp_path: Path) -> GitRepository:
    repository = GitRepository(tmp_path / "repository")
    repository.commit("src/train.py")
    repository.git("remote", "add", "origin", "https://me:secret@example.org/team/repo.git")
    return repository


def facts_in(directory: Path, **more: Any) -> dict[str, Any]:
    """Facts of this process, as if it had been started there, after their way through the pipe."""
    script = str(directory / "src/train.py")
    changed = {"cwd": str(directory), "main_file": script, "argv": [script, "--lr", "0.1"]}
    facts: dict[str, Any] = json.loads(json.dumps(gather_process_facts({}) | changed | more))
    return facts


def collect(facts: dict[str, Any], **settings: Any) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for part in collect_metadata(facts, settings):
        merged |= json.loads(json.dumps(part))
    return merged


def test_tells_what_the_official_client_tells(repository: GitRepository) -> None:
    told = collect(facts_in(repository.root), x_stats_disk_paths=["/"])
    assert told["os"] == platform.platform(aliased=True)
    assert told["python"] == f"CPython {platform.python_version()}"
    assert told["host"] == platform.node()
    assert told["program"] == str(repository.root / "src/train.py")
    assert told["codePath"] == told["codePathLocal"] == "src/train.py"
    assert told["args"] == ["--lr", "0.1"]
    assert told["executable"] == sys.executable
    assert told["root"] == str(repository.root)
    assert told["username"] == getpass.getuser()
    assert told["startedAt"].endswith("Z")
    assert {"cpu_count", "cpu_count_logical", "memory", "disk"} <= set(told)
    assert told["git"] == {
        "remote": "https://example.org/team/repo.git",
        "commit": repository.git("rev-parse", "HEAD"),
        "branch": "main",
        "dirty": False,
    }


def test_the_first_part_needs_no_subprocess(
    repository: GitRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[str] = []

    def note(event: str, arguments: tuple[Any, ...]) -> None:
        if event in ("subprocess.Popen", "os.posix_spawn", "os.fork", "os.system"):
            started.append(event)

    is_on = [True]  # an audit hook cannot be taken away again
    sys.addaudithook(lambda event, arguments: note(event, arguments) if is_on else None)
    first = next(collect_metadata(facts_in(repository.root), {}))
    is_on.clear()
    assert started == []
    assert first["git"]["commit"] == repository.git("rev-parse", "HEAD")
    assert first["host"] and first["program"]


def test_changes_are_told_and_untracked_code_is_named(repository: GitRepository) -> None:
    repository.write("src/train.py", "print(2)\n")
    repository.write("new.py", "")
    git = collect(facts_in(repository.root))["git"]
    assert git["dirty"] is True
    assert git["untracked"] == ["new.py"]
    assert git["commit"] == repository.git("rev-parse", "HEAD")


def test_the_script_says_the_repository_when_the_directory_does_not(
    repository: GitRepository, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    told = collect(facts_in(repository.root, cwd=str(elsewhere)))
    assert told["git"]["commit"] == repository.git("rev-parse", "HEAD")
    assert told["codePath"] == "src/train.py"
    assert "codePathLocal" not in told


def test_settings_know_better(repository: GitRepository, tmp_path: Path) -> None:
    other = GitRepository(tmp_path / "other")
    other.commit("x.py")
    told = collect(
        facts_in(repository.root),
        git_commit="c0ffee",
        git_remote_url="https://me:secret@example.org/other",
        git_root=str(other.root),
        host="login-node",
        username="service",
        email="me@example.org",
        program="src/other.py",
        x_stats_gpu_type="H200",
        x_stats_gpu_count=8,
    )
    assert told["git"]["commit"] == "c0ffee"
    assert told["git"]["remote"] == "https://example.org/other"
    assert (told["host"], told["username"]) == ("login-node", "service")
    assert (told["email"], told["program"]) == ("me@example.org", "src/other.py")
    assert (told["gpu"], told["gpu_count"]) == ("H200", 8)


def test_outside_of_git_there_is_no_commit(tmp_path: Path) -> None:
    told = collect(facts_in(tmp_path))
    assert "git" not in told
    assert collect(facts_in(tmp_path), git_commit="c0ffee")["git"] == {"commit": "c0ffee"}


def test_modules_and_notebooks_are_named(repository: GitRepository) -> None:
    facts = facts_in(repository.root, main_module="src.train")
    assert collect(facts)["program"] == "-m src.train"
    repository.write("lab.ipynb", "{}")
    notebook = {"frontend": "jupyter", "path": str(repository.root / "lab.ipynb")}
    facts = facts_in(repository.root, is_notebook=True, notebook=notebook)
    told = collect(facts)
    assert (told["notebook"], told["codePath"]) == ("jupyter", "lab.ipynb")
    assert collect(facts, notebook_name="named.ipynb")["program"] == "named.ipynb"


def test_no_credential_gets_through(repository: GitRepository) -> None:
    line = ["python", "train.py", "--api-key", "secret", "--hf-token=secret", "https://a:secret@b/"]
    facts = facts_in(repository.root, argv=line[1:], orig_argv=line)
    told = collect(facts, api_key="secret", x_extra_http_headers={"A": "secret"})
    assert "secret" not in json.dumps(told)
    assert told["args"] == ["--api-key", "***", "--hf-token=***", "https://***@b/"]


def test_everything_can_be_switched_off(repository: GitRepository) -> None:
    facts = facts_in(repository.root)
    assert collect(facts, x_disable_machine_info=True) == {}
    assert collect(facts, x_disable_meta=True, disable_git=True) == {}
    assert set(collect(facts, x_disable_meta=True)) == {"git"}
    told = collect(facts, disable_git=True)
    assert "git" not in told and told["program"]


@pytest.mark.skipif(os.getuid() != 0, reason="only root may take rights away from itself")
def test_directories_that_may_not_be_read_are_no_fault(repository: GitRepository) -> None:
    code = (
        "import os, sys, json; sys.path[:0] = json.loads(sys.argv[2])\n"
        "from steelyard.sdk.capture.metadata import collect_metadata\n"
        "facts = {'cwd': sys.argv[1], 'sys_path': [sys.argv[1]]}\n"
        "list(collect_metadata({}, {}))  # loads what the other user may not read\n"
        "os.setuid(65534)\n"
        "print([sorted(part) for part in collect_metadata(facts, {})])\n"
    )
    repository.root.chmod(0o000)
    command = [sys.executable, "-c", code, str(repository.root), json.dumps(sys.path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    repository.root.chmod(0o755)
    assert "git" not in done.stdout and "'os'" in done.stdout, done.stderr


def test_facts_that_are_missing_are_left_out() -> None:
    told = collect({})
    assert "program" not in told and told["os"]
