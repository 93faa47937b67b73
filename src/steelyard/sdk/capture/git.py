"""The state of a git work tree, read straight from its files: no git program, about 1 ms.

Layout of `.git`: gitrepository-layout(5); of linked work trees: git-worktree(1); of the config:
git-config(1).
"""

from __future__ import annotations

import os
import re

from steelyard import limits
from steelyard.sdk.capture.secrets import strip_url_credentials

SYMBOLIC_DEPTH_MAX = 5  # as git itself
COMMIT_ID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_SECTION = re.compile(r'\[\s*([\w.\-]+)\s*(?:"((?:[^"\\]|\\.)*)")?\s*\]')
_ESCAPES = {"n": "\n", "t": "\t", "b": "\b"}


class WorkTree:
    """A directory under git. In a linked work tree `common_dir` is that of the main one."""

    __slots__ = ("common_dir", "git_dir", "root")

    def __init__(self, root: str, git_dir: str, common_dir: str) -> None:
        self.root, self.git_dir, self.common_dir = root, git_dir, common_dir


class Head:
    """What is checked out; a field is None when unknown: no commit yet, no branch (detached)."""

    __slots__ = ("branch", "commit")

    def __init__(self, commit: str | None, branch: str | None) -> None:
        self.commit, self.branch = commit, branch


def find_work_tree(start: str | os.PathLike[str]) -> WorkTree | None:
    """The work tree that holds `start`, at or above it."""
    try:
        candidate = os.path.realpath(start)
    except (OSError, ValueError):
        return None
    while True:
        git_dir = _find_git_dir(candidate)
        if git_dir is not None:
            common = _read(f"{git_dir}/commondir")
            common_dir = os.path.join(git_dir, common.strip()) if common else git_dir
            return WorkTree(candidate, git_dir, os.path.normpath(common_dir))
        parent = os.path.dirname(candidate)
        if parent == candidate:
            return None
        candidate = parent


def read_head(tree: WorkTree) -> Head:
    """Commit and branch of the work tree."""
    text = (_read(f"{tree.git_dir}/HEAD") or "").strip()
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
    for section, name, key, value in _parse_config(_read(f"{tree.common_dir}/config") or ""):
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


def _find_git_dir(directory: str) -> str | None:
    """`.git` is a directory, or in linked work trees and submodules a file that names one."""
    dot_git = os.path.join(directory, ".git")
    if os.path.isfile(f"{dot_git}/HEAD"):
        return dot_git
    if not os.path.isfile(dot_git):
        return None
    text = _read(dot_git) or ""
    if not text.startswith("gitdir:"):
        return None
    git_dir = os.path.join(directory, text.removeprefix("gitdir:").strip())
    return git_dir if os.path.isfile(f"{git_dir}/HEAD") else None


def _resolve(tree: WorkTree, name: str) -> str | None:
    """Commit that a ref stands for: as a file of its own, else in packed-refs."""
    for _ in range(SYMBOLIC_DEPTH_MAX):
        if ".." in name.split("/"):
            return None
        text = (_read(f"{tree.git_dir}/{name}") or _read(f"{tree.common_dir}/{name}") or "").strip()
        if not text.startswith("ref:"):
            break
        name = text.removeprefix("ref:").strip()
    if COMMIT_ID.fullmatch(text):
        return text
    for line in (_read(f"{tree.common_dir}/packed-refs") or "").splitlines():
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


def _read(path: str) -> str | None:
    try:
        with open(path, "rb") as file:
            return file.read(limits.CAPTURED_FILE_BYTES_MAX).decode("utf-8", "replace")
    except (OSError, ValueError):
        return None
