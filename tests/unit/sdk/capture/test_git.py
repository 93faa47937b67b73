from __future__ import annotations

from pathlib import Path

import pytest

from steelyard.sdk.capture.git import (
    WorkTree,
    find_work_tree,
    read_head,
    read_remote_url,
)
from tests.support.git_repository import GitRepository


@pytest.fixture
def repository(tmp_path: Path) -> GitRepository:
    return GitRepository(tmp_path / "repository")


def tree_of(directory: Path) -> WorkTree:
    tree = find_work_tree(directory)
    assert tree is not None
    return tree


def head_of(tree: WorkTree) -> tuple[str | None, str | None]:
    head = read_head(tree)
    return head.commit, head.branch


def test_finds_the_work_tree_from_below(repository: GitRepository) -> None:
    repository.write("a/b/c.py", "")
    assert tree_of(repository.root / "a" / "b").root == str(repository.root.resolve())


def test_a_directory_without_git_has_no_work_tree(tmp_path: Path) -> None:
    assert find_work_tree(tmp_path) is None
    assert find_work_tree(tmp_path / "gone") is None


def test_reads_commit_and_branch(repository: GitRepository) -> None:
    commit = repository.commit()
    repository.git("switch", "-c", "feature/warm-up")
    assert head_of(tree_of(repository.root)) == (commit, "feature/warm-up")


def test_a_repository_without_commits_has_a_branch_only(repository: GitRepository) -> None:
    assert head_of(tree_of(repository.root)) == (None, "main")


def test_a_detached_head_has_a_commit_only(repository: GitRepository) -> None:
    first = repository.commit()
    repository.commit("other.py")
    repository.git("checkout", first)
    assert head_of(tree_of(repository.root)) == (first, None)


def test_reads_packed_refs(repository: GitRepository) -> None:
    commit = repository.commit()
    repository.git("tag", "-a", "-m", "one", "v1")  # packed with a line for the commit behind it
    repository.git("pack-refs", "--all")
    assert not (repository.root / ".git/refs/heads/main").exists()
    assert head_of(tree_of(repository.root)) == (commit, "main")


def test_a_loose_ref_is_newer_than_a_packed_one(repository: GitRepository) -> None:
    repository.commit()
    repository.git("pack-refs", "--all")
    second = repository.commit("other.py")
    assert read_head(tree_of(repository.root)).commit == second


def test_reads_a_linked_work_tree(repository: GitRepository, tmp_path: Path) -> None:
    repository.commit()
    repository.git("remote", "add", "origin", "https://example.org/team/repo.git")
    repository.git("worktree", "add", "-b", "side", str(tmp_path / "linked"))
    repository.commit("other.py")  # main goes on, the linked tree stays
    tree = tree_of(tmp_path / "linked")
    expected = repository.git("rev-parse", "side")
    assert head_of(tree) == (expected, "side")
    assert read_remote_url(tree, "origin") == "https://example.org/team/repo.git"


def test_reads_a_submodule(repository: GitRepository, tmp_path: Path) -> None:
    inner = GitRepository(tmp_path / "inner")
    inner_commit = inner.commit("inner.py")
    repository.commit()
    repository.git("submodule", "add", str(inner.root), "sub")
    tree = tree_of(repository.root / "sub")
    assert tree.root == str((repository.root / "sub").resolve())
    assert read_head(tree).commit == inner_commit
    assert read_remote_url(tree, "origin") == str(inner.root)


def test_reads_repositories_with_sha256(tmp_path: Path) -> None:
    repository = GitRepository(tmp_path / "plain")
    root = tmp_path / "sha256"
    repository.git("init", "--object-format=sha256", str(root))
    commit = GitRepository(root).commit()
    assert len(commit) == 64
    assert read_head(tree_of(root)).commit == commit


@pytest.mark.parametrize(
    ("url", "captured"),
    [
        ("https://user:secret@example.org/team/repo.git", "https://example.org/team/repo.git"),
        ("https://ghp_token@github.com/team/repo", "https://github.com/team/repo"),
        ("https://example.org:8443/repo", "https://example.org:8443/repo"),
        ("git@github.com:team/repo.git", "git@github.com:team/repo.git"),
        ("ssh://git@example.org:22/repo", "ssh://git@example.org:22/repo"),
        ("ssh://git:secret@example.org/repo", "ssh://example.org/repo"),
        ("/srv/repo with space#1.git", "/srv/repo with space#1.git"),
    ],
)
def test_remote_urls_come_without_credentials(
    repository: GitRepository, url: str, captured: str
) -> None:
    repository.git("remote", "add", "upstream", "https://example.org/upstream")
    repository.git("remote", "add", "origin", url)
    assert read_remote_url(tree_of(repository.root), "origin") == captured


def test_remote_urls_are_rewritten_as_git_does_it(repository: GitRepository) -> None:
    repository.git("remote", "add", "origin", "gh:team/repo")
    repository.git("config", "url.https://github.com/.insteadOf", "gh:")
    url = read_remote_url(tree_of(repository.root), "origin")
    assert url == repository.git("remote", "get-url", "origin") == "https://github.com/team/repo"


def test_a_remote_that_is_not_there_has_no_url(repository: GitRepository) -> None:
    assert read_remote_url(tree_of(repository.root), "origin") is None


def test_damaged_files_are_no_commit(repository: GitRepository) -> None:
    repository.commit()
    tree = tree_of(repository.root)
    (repository.root / ".git/refs/heads/main").write_text("not a commit\n")
    (repository.root / ".git/config").write_bytes(b'[remote "origin"\nurl = x\n\xff\xfe\n[[[')
    assert head_of(tree) == (None, "main")
    assert read_remote_url(tree, "origin") is None
    (repository.root / ".git/HEAD").write_text("ref: ../../../etc/passwd\n")
    assert read_head(tree).commit is None
    (repository.root / ".git/HEAD").write_text("ref: refs/heads/loop\n")
    (repository.root / ".git/refs/heads/loop").write_text("ref: refs/heads/loop\n")
    assert read_head(tree).commit is None
