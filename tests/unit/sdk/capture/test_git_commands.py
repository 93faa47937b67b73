from __future__ import annotations

import time
from pathlib import Path

import pytest

from steelyard import limits
from steelyard.sdk.capture import git_commands
from steelyard.sdk.capture.git import WorkTree, find_work_tree
from tests.support.git_repository import GitRepository


@pytest.fixture
def repository(tmp_path: Path) -> GitRepository:
    repository = GitRepository(tmp_path / "repository")
    repository.commit()
    return repository


def tree_of(repository: GitRepository) -> WorkTree:
    tree = find_work_tree(repository.root)
    assert tree is not None
    return tree


def test_tells_clean_from_dirty(repository: GitRepository) -> None:
    tree = tree_of(repository)
    assert git_commands.is_dirty(tree) is False
    repository.write("untracked.bin", "x")
    assert git_commands.is_dirty(tree) is False
    repository.write("train.py", "print(2)\n")
    assert git_commands.is_dirty(tree) is True


def test_reads_the_commit(repository: GitRepository) -> None:
    assert git_commands.read_commit(tree_of(repository)) == repository.git("rev-parse", "HEAD")


def test_names_untracked_code_only(repository: GitRepository) -> None:
    repository.write(".gitignore", "ignored.py\n")
    repository.write("ignored.py", "")
    repository.write("data.npy", "")
    repository.write("näme with space.py", "")
    repository.write("conf/a.yaml", "")
    found = git_commands.list_untracked_code(tree_of(repository))
    assert found == ["conf/a.yaml", "näme with space.py"]


def test_where_git_is_missing_nothing_is_known(
    repository: GitRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(repository.root))
    tree = tree_of(repository)
    assert git_commands.is_dirty(tree) is None
    assert git_commands.list_untracked_code(tree) == []
    assert git_commands.read_commit(tree) is None


def test_variables_of_hooks_do_not_mislead(
    repository: GitRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = GitRepository(tmp_path / "other")
    monkeypatch.setenv("GIT_DIR", str(other.root / ".git"))
    expected = (repository.root / ".git/refs/heads/main").read_text().strip()
    assert git_commands.read_commit(tree_of(repository)) == expected


def test_a_git_that_hangs_is_killed_with_its_children(
    repository: GitRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = tmp_path / "bin" / "git"
    fake.parent.mkdir()
    fake.write_text("#!/bin/sh\nsleep 600 &\nwait\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake.parent}:/usr/bin:/bin")
    monkeypatch.setattr(limits, "GIT_COMMAND_S", 0.2)
    began = time.monotonic()
    assert git_commands.is_dirty(tree_of(repository)) is None
    assert time.monotonic() - began < 60  # not the 600 s of its child, which holds the pipe


def test_repositories_cannot_start_programs(repository: GitRepository, tmp_path: Path) -> None:
    trace = tmp_path / "started"
    program = repository.write("evil.sh", f"#!/bin/sh\ntouch {trace}\n")
    program.chmod(0o755)
    repository.git("config", "core.fsmonitor", str(program))
    repository.git("config", "diff.external", str(program))
    repository.git("config", "core.pager", str(program))
    repository.write("train.py", "print(2)\n")
    tree = tree_of(repository)
    assert git_commands.is_dirty(tree) is True
    with git_commands.start_diff(tree) as output:
        assert b"+print(2)" in output.read()
    assert not trace.exists()
