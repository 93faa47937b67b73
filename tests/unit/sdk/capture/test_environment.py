from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from steelyard import limits
from steelyard.sdk.capture.environment import write_environment_files, write_metadata_file
from tests.support.git_repository import GitRepository

ALL = {"requirements.txt", "diff.patch", "code/src/train.py"}


@pytest.fixture
def repository(tmp_path: Path) -> GitRepository:
    repository = GitRepository(tmp_path / "repository")
    repository.commit("src/train.py")
    repository.write("src/train.py", "print('changed')\n")
    return repository


@pytest.fixture
def facts(repository: GitRepository) -> dict[str, Any]:
    site = repository.root / "site"
    (site / "torch-2.4.0.dist-info").mkdir(parents=True)
    return {
        "cwd": str(repository.root),
        "main_file": str(repository.root / "src/train.py"),
        "sys_path": [str(site)],
        "prefix": str(repository.root / "venv"),
    }


def write(facts: dict[str, Any], files_dir: Path, **settings: Any) -> set[str]:
    names = list(write_environment_files(facts, settings, files_dir))
    assert len(names) == len(set(names))
    stored = {f.relative_to(files_dir).as_posix() for f in files_dir.rglob("*") if f.is_file()}
    assert stored == set(names)
    return stored


def test_writes_all_that_rebuilds_a_run(facts: dict[str, Any], tmp_path: Path) -> None:
    files = tmp_path / "files"
    assert write(facts, files, save_code=True) == ALL
    assert (files / "requirements.txt").read_text() == "torch==2.4.0\n"
    assert "+print('changed')" in (files / "diff.patch").read_text()
    assert (files / "code/src/train.py").read_text() == "print('changed')\n"


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ({}, {"requirements.txt", "diff.patch"}),
        ({"save_code": None}, {"requirements.txt", "diff.patch"}),
        ({"save_code": False}, {"requirements.txt"}),
        ({"save_code": True, "disable_code": True}, {"requirements.txt"}),
        ({"save_code": True, "disable_git": True}, {"requirements.txt", "code/train.py"}),
        ({"x_save_requirements": False}, {"diff.patch"}),
        ({"x_disable_meta": True}, {"diff.patch"}),
        ({"save_code": True, "x_disable_machine_info": True}, set()),
        ({"save_code": True, "x_primary": False}, set()),
    ],
)
def test_each_file_can_be_switched_off(
    facts: dict[str, Any], tmp_path: Path, settings: dict[str, Any], names: set[str]
) -> None:
    # Without git, the root of the code is the working directory.
    facts["cwd"] = str(Path(facts["cwd"]) / "src") if "disable_git" in settings else facts["cwd"]
    assert write(facts, tmp_path / "files", **settings) == names


def test_conda_environments_are_described(facts: dict[str, Any], tmp_path: Path) -> None:
    meta = Path(facts["prefix"]) / "conda-meta"
    meta.mkdir(parents=True)
    (meta / "python-3.11.5-h955ad1f_0.json").write_text("{}")
    assert "conda-environment.yaml" in write(facts, tmp_path / "files")


def test_a_script_that_is_gone_or_huge_is_left_out(
    facts: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "CAPTURED_SCRIPT_BYTES_MAX", 3)
    assert "code/src/train.py" not in write(facts, tmp_path / "a", save_code=True)
    facts["main_file"] = str(tmp_path / "gone.py")
    assert write(facts, tmp_path / "b", save_code=True) == {"requirements.txt", "diff.patch"}


def test_a_script_outside_of_the_code_keeps_its_name_only(
    facts: dict[str, Any], tmp_path: Path
) -> None:
    script = tmp_path / "elsewhere" / "run.py"
    script.parent.mkdir()
    script.write_text("1")
    facts["main_file"] = str(script)
    assert "code/run.py" in write(facts, tmp_path / "files", save_code=True)


def test_a_file_that_cannot_be_written_does_not_stop_the_others(
    facts: dict[str, Any], tmp_path: Path
) -> None:
    files = tmp_path / "files"
    (files / "requirements.txt").mkdir(parents=True)
    assert set(write_environment_files(facts, {}, files)) == {"diff.patch"}


def test_without_facts_there_is_little_to_write(tmp_path: Path) -> None:
    assert set(write_environment_files({}, {"save_code": True}, tmp_path)) == {"requirements.txt"}


def test_metadata_is_a_file_too(tmp_path: Path) -> None:
    told = {"host": "näme", "git": {"commit": "c0ffee"}}
    assert write_metadata_file(told, tmp_path / "files") == "wandb-metadata.json"
    assert json.loads((tmp_path / "files/wandb-metadata.json").read_text()) == told
    assert [f.name for f in (tmp_path / "files").iterdir()] == ["wandb-metadata.json"]
