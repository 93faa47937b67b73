"""The state of a git work tree, read straight from its files: no git program, about 1 ms.

Layout of `.git`: gitrepository-layout(5); of linked work trees: git-worktree(1); of the config:
git-config(1).
"""

from __future__ import annotations

import dataclasses
import os
import re
from pathlib import Path

from steelyard import limits
from steelyard.sdk.capture.secrets import strip_url_credentials

SYMBOLIC_DEPTH_MAX = 5  # as git itself
COMMIT_ID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_SECTION = re.compile(r'\[\s*([\w.\-]+)\s*(?:"((?:[^"\\]|\\.)*)")?\s*\]')
_ESCAPES = {"n": "\n", "t": "\t", "b": "\b"}


@dataclasses.dataclass(frozen=True)
class WorkTree:
    """A directory under git. In a linked work tree `common_dir` is that of the main one."""

    root: Path
    git_dir: Path
    common_dir: Path


@dataclasses.dataclass(frozen=True)
class Head:
    """What is checked out; a field is None when unknown: no commit yet, no branch (detached)."""

    commit: str | None
    branch: str | None


def find_work_tree(start: str | Path) -> WorkTree | None:
    """The work tree that holds `start`, at or above it."""
    try:
        directory = Path(start).resolve()
    except (OSError, RuntimeError):
        return None
    for candidate in (directory, *directory.parents):
        git_dir = _find_git_dir(candidate)
        if git_dir is not None:
            common = _read(git_dir / "commondir")
            common_dir = git_dir / common.strip() if common else git_dir
            return WorkTree(candidate, git_dir, Path(os.path.normpath(common_dir)))
    return None


def read_head(tree: WorkTree) -> Head:
    """Commit and branch of the work tree."""
    text = (_read(tree.git_dir / "HEAD") or "").strip()
    if not text.startswith("ref:"):
        return Head(text if COMMIT_ID.fullmatch(text) else None, None)
    name = text.removeprefix("ref:").strip()
    if name == "refs/heads/.invalid":  # refs are in a reftable, which only git reads
        return Head(None, None)
    return Head(_resolve(tree, name), name.removeprefix("refs/heads/"))


def read_remote_url(tree: WorkTree, remote: str) -> str | None:
    """URL of the remote of that name, without credentials."""
    url = None
    rewrites: list[tuple[str, str]] = []
    for section, name, key, value in _parse_config(_read(tree.common_dir / "config") or ""):
        if section == "remote" and name == remote and key == "url" and url is None:
            url = value
        elif section == "url" and key == "insteadof" and value:
            rewrites.append((value, name))
    if not url:
        return None
    matching = [pair for pair in rewrites if url.startswith(pair[0])]
    if matching:
        short, long = max(matching, key=lambda pair: len(pair[0]))
        url = long + url[len(short) :]
    return strip_url_credentials(url)


def _find_git_dir(directory: Path) -> Path | None:
    """`.git` is a directory, or in linked work trees and submodules a file that names one."""
    dot_git = directory / ".git"
    try:
        if (dot_git / "HEAD").is_file():
            return dot_git
        if not dot_git.is_file():
            return None
    except OSError:
        return None
    text = _read(dot_git) or ""
    if not text.startswith("gitdir:"):
        return None
    git_dir = directory / text.removeprefix("gitdir:").strip()
    return git_dir if (git_dir / "HEAD").is_file() else None


def _resolve(tree: WorkTree, name: str) -> str | None:
    """Commit that a ref stands for: as a file of its own, else in packed-refs."""
    for _ in range(SYMBOLIC_DEPTH_MAX):
        if ".." in name.split("/"):
            return None
        text = (_read(tree.git_dir / name) or _read(tree.common_dir / name) or "").strip()
        if not text.startswith("ref:"):
            break
        name = text.removeprefix("ref:").strip()
    if COMMIT_ID.fullmatch(text):
        return text
    for line in (_read(tree.common_dir / "packed-refs") or "").splitlines():
        commit, _, packed = line.partition(" ")
        if packed == name and COMMIT_ID.fullmatch(commit):
            return commit
    return None


def _parse_config(text: str) -> list[tuple[str, str, str, str]]:
    """(section, subsection, key, value) of each entry of a git config; damage is skipped."""
    entries: list[tuple[str, str, str, str]] = []
    section = subsection = ""
    for line in re.sub(r"\\\r?\n", "", text).splitlines():
        line = line.strip()
        found = _SECTION.match(line)
        if found:
            section = found[1].lower()
            subsection = re.sub(r"\\(.)", r"\1", found[2] or "")
            line = line[found.end() :].strip()
        if not line or line[0] in "#;":
            continue
        key, _, value = line.partition("=")
        entries.append((section, subsection, key.strip().lower(), _parse_value(value.strip())))
    return entries


def _parse_value(text: str) -> str:
    """Quotes and escapes taken away, comments cut off."""
    out: list[str] = []
    quoted = False
    characters = iter(text)
    for character in characters:
        if character == '"':
            quoted = not quoted
        elif character == "\\":
            escaped = next(characters, "")
            out.append(_ESCAPES.get(escaped, escaped))
        elif character in "#;" and not quoted:
            break
        else:
            out.append(character)
    return "".join(out).strip()


def _read(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return file.read(limits.CAPTURED_FILE_BYTES_MAX).decode("utf-8", "replace")
    except (OSError, ValueError):
        return None
