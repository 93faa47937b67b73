from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

from steelyard import limits
from steelyard.sdk.capture.git import WorkTree, find_work_tree
from steelyard.sdk.capture.patch import write_patch
from tests.support.git_repository import GitRepository


@pytest.fixture
def repository(tmp_path: Path) -> GitRepository:
    repository = GitRepository(tmp_path / "repository")
    repository.commit("train.py", "".join(f"line {n}\n" for n in range(50)))
    return repository


def tree_of(repository: GitRepository) -> WorkTree:
    tree = find_work_tree(repository.root)
    assert tree is not None
    return tree


def rebuild(repository: GitRepository, patch: Path, directory: Path) -> Path:
    """A clean copy of the commit with the patch applied, as someone else would rebuild it."""
    repository.git("clone", "--recurse-submodules", str(repository.root), str(directory))
    shutil.copy(patch, directory / "diff.patch")
    copy = GitRepository(directory)
    copy.git("apply", "diff.patch")
    return directory


def test_no_changes_make_no_file(repository: GitRepository, tmp_path: Path) -> None:
    repository.write("untracked.py", "")
    assert not write_patch(tree_of(repository), tmp_path / "diff.patch")
    assert list(tmp_path.glob("diff.patch*")) == []


def test_the_patch_rebuilds_the_tree(repository: GitRepository, tmp_path: Path) -> None:
    repository.commit("sub/gone.py", "x\n")
    repository.commit("moved.py", "".join(f"{n}\n" for n in range(99)))
    repository.write("train.py", "line 0\nchanged\nno newline at end")
    repository.write("ünïcode name.py", "new\n")
    (repository.root / "sub/gone.py").unlink()
    (repository.root / "moved.py").rename(repository.root / "moved there.py")
    repository.git("add", "--all")
    repository.write("train.py", "line 0\nchanged again\nno newline at end")
    assert write_patch(tree_of(repository), tmp_path / "diff.patch")
    rebuilt = rebuild(repository, tmp_path / "diff.patch", tmp_path / "rebuilt")
    assert not (rebuilt / "sub/gone.py").exists()
    assert not (rebuilt / "moved.py").exists()
    for name in ("train.py", "ünïcode name.py", "moved there.py"):
        assert (rebuilt / name).read_bytes() == (repository.root / name).read_bytes()


def test_changes_inside_submodules_are_in_the_patch(
    repository: GitRepository, tmp_path: Path
) -> None:
    inner = GitRepository(tmp_path / "inner")
    inner.commit("inner.py", "a\n")
    repository.git("submodule", "add", str(inner.root), "sub")
    repository.git("commit", "-m", "add the submodule")
    repository.write("sub/inner.py", "b\n")
    repository.write("train.py", "changed\n")
    assert write_patch(tree_of(repository), tmp_path / "diff.patch")
    rebuilt = rebuild(repository, tmp_path / "diff.patch", tmp_path / "rebuilt")
    assert (rebuilt / "sub/inner.py").read_text() == "b\n"
    assert (rebuilt / "train.py").read_text() == "changed\n"


def test_what_is_too_large_is_named_and_the_rest_applies(
    repository: GitRepository, tmp_path: Path
) -> None:
    repository.commit("big.txt", "x\n")
    repository.commit("image.png", b"\x89PNG\0\1\2")
    repository.write("big.txt", "y" * (limits.DIFF_FILE_BYTES_MAX + 1) + "\ndiff --git a/x b/x\n")
    repository.write("image.png", b"\x89PNG\0\3\4")
    repository.write("train.py", "changed\n")
    assert write_patch(tree_of(repository), tmp_path / "diff.patch")
    text = (tmp_path / "diff.patch").read_text()
    assert text.startswith("# Not in this patch:\n")
    assert "#   big.txt (its changes are too large)\n" in text
    assert "#   image.png (binary)\n" in text
    assert len(text) < 5000
    rebuilt = rebuild(repository, tmp_path / "diff.patch", tmp_path / "rebuilt")
    assert (rebuilt / "train.py").read_text() == "changed\n"


def test_the_whole_patch_is_bounded(
    repository: GitRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"file{n:03}.txt" for n in range(40)]
    for name in names:
        repository.write(name, "a\n")
    repository.commit()
    noise = random.Random(1)
    for name in names:
        repository.write(name, f"{noise.random()}\n" * 500)
    monkeypatch.setattr(limits, "DIFF_BYTES_MAX", 100_000)
    assert write_patch(tree_of(repository), tmp_path / "diff.patch")
    text = (tmp_path / "diff.patch").read_text()
    assert len(text) < 110_000
    left_out = [name for name in names if f"#   {name} (the patch would be too large)" in text]
    assert 0 < len(left_out) < len(names)
    rebuilt = rebuild(repository, tmp_path / "diff.patch", tmp_path / "rebuilt")
    for name in names:
        expected = b"a\n" if name in left_out else (repository.root / name).read_bytes()
        assert (rebuilt / name).read_bytes() == expected


def test_a_git_that_is_cut_off_leaves_whole_changes(
    repository: GitRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = tmp_path / "bin" / "git"
    fake.parent.mkdir()
    fake.write_text(
        "#!/bin/sh\n"
        "printf 'diff --git a/train.py b/train.py\\n--- a/train.py\\n+++ b/train.py\\n'\n"
        "printf '@@ -1 +1 @@\\n-a\\n+b\\ndiff --git a/x.py b/x.py\\n--- a/x'\n"
        "sleep 600\n"
    )
    fake.chmod(0o755)
    monkeypatch.setattr(limits, "GIT_COMMAND_S", 0.5)
    tree = tree_of(repository)
    monkeypatch.setenv("PATH", f"{fake.parent}:/usr/bin:/bin")
    assert write_patch(tree, tmp_path / "diff.patch")
    text = (tmp_path / "diff.patch").read_text()
    assert "#   more files (git took too long, or was stopped)\n" in text
    assert text.endswith("+b\n")
