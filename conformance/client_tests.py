"""The official client's tests, taken out of a clone of its repository.

They are put into a folder that does not hold the `wandb` package, so that the wheel is tested.
"""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

PARTS = ("tests", "tools", "pyproject.toml")


@dataclass(frozen=True)
class Origin:
    """Where the tests came from; `absent` are files whose content the repository lacks."""

    ref: str
    commit: str
    absent: tuple[str, ...] = ()


class NoSuchRevision(SystemExit):
    pass


def export_tests(repository: Path, ref: str | None, version: str, into: Path) -> Origin:
    """Write the tests below `into`: of `ref`, else of the tag of `version`, else of HEAD.

    `repository` is a checkout, a bare git directory or an exported tree.
    """
    shutil.rmtree(into, ignore_errors=True)
    into.mkdir(parents=True)
    git = _git_command(repository)
    if git is None:
        if ref:
            raise NoSuchRevision(f"--ref: {repository} is not a git repository")
        _copy_tree(repository, into)
        return Origin("(exported tree)", "")
    chosen = ref or (f"refs/tags/v{version}")
    commit = _find_commit(git, chosen)
    if commit is None and not ref:
        chosen, commit = "HEAD", _find_commit(git, "HEAD")
    if commit is None:
        raise NoSuchRevision(f"{repository}: no such revision: {chosen}")
    return Origin(chosen, commit, tuple(_write_tree(git, commit, into)))


def _git_command(repository: Path) -> list[str] | None:
    if (repository / ".git").exists():
        return ["git", "-C", str(repository)]
    if (repository / "HEAD").exists() and (repository / "objects").is_dir():
        return ["git", f"--git-dir={repository}"]
    return None


def _find_commit(git: list[str], name: str) -> str | None:
    command = [*git, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}"]
    return subprocess.run(command, text=True, capture_output=True).stdout.strip() or None


def _copy_tree(tree: Path, into: Path) -> None:
    for part in PARTS:
        if (tree / part).is_dir():
            shutil.copytree(tree / part, into / part)
        else:
            shutil.copy2(tree / part, into / part)


def _write_tree(git: list[str], commit: str, into: Path) -> list[str]:
    """Write the files of a commit, and name those that are absent.

    Not by `git archive`, which fails as a whole on a partial clone.
    """
    listing = subprocess.run(
        [*git, "ls-tree", "-r", "-z", commit, "--", *PARTS], capture_output=True, check=True
    ).stdout.decode()
    absent = []
    with subprocess.Popen(
        [*git, "cat-file", "--batch"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as batch:
        assert batch.stdin and batch.stdout
        for line in filter(None, listing.split("\0")):
            (mode, kind, object_id), path = line.split("\t")[0].split(), line.split("\t", 1)[1]
            if kind != "blob":
                continue
            batch.stdin.write(object_id.encode() + b"\n")
            batch.stdin.flush()
            head = batch.stdout.readline().split()
            if len(head) != 3:
                absent.append(path)
                continue
            content = batch.stdout.read(int(head[2]))
            batch.stdout.read(1)
            _write_file(into / path, mode, content)
        batch.stdin.close()
    return absent


def _write_file(target: Path, mode: str, content: bytes) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if mode == "120000":
        target.symlink_to(content.decode())
        return
    target.write_bytes(content)
    if mode == "100755":
        target.chmod(0o755)
