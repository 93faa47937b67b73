"""What runs: the script, module or notebook of a process, and where its code lies."""

from __future__ import annotations

import os
from collections.abc import Mapping

from steelyard.sdk.capture import git, jupyter, switches
from steelyard.sdk.capture.git import WorkTree

TYPE_CHECKING = False  # as in `typing`, which costs milliseconds to load
if TYPE_CHECKING:
    from typing import Any


class Program:
    """`name` as one would start it; `file` is its source, which lies at `code_path` below the root
    of the code and at `local_path` below the working directory. None where that is not known."""

    __slots__ = ("code_path", "file", "local_path", "name")

    def __init__(
        self, name: str | None, file: str | None, code_path: str | None, local_path: str | None
    ) -> None:
        self.name, self.file = name, file
        self.code_path, self.local_path = code_path, local_path


def find_tree(facts: Mapping[str, Any], settings: Mapping[str, Any]) -> WorkTree | None:
    """The git work tree of the working directory, else that of the script; None if git is off."""
    if not switches.may_capture_git(settings):
        return None
    if settings.get("git_root"):
        return git.find_work_tree(settings["git_root"])
    main_file = facts.get("main_file")
    script_dir = os.path.dirname(main_file) if main_file and os.path.isabs(main_file) else None
    for start in (facts.get("cwd"), script_dir):
        tree = git.find_work_tree(start) if start else None
        if tree is not None:
            return tree
    return None


def find_program(
    facts: Mapping[str, Any], settings: Mapping[str, Any], tree: WorkTree | None
) -> Program:
    """The program of the process, as wandb 0.31.0 names it in wandb/sdk/wandb_settings.py."""
    cwd = facts.get("cwd") or "/"
    name, source = _name_program(facts, settings)
    file = os.path.normpath(os.path.join(cwd, source)) if source else None
    if file is None or not os.path.isfile(file):
        return Program(name, None, None, None)
    code_root = tree.root if tree is not None else settings.get("root_dir") or cwd
    code_path = _relative(file, code_root) or os.path.basename(file)
    return Program(name, file, code_path, _relative(file, cwd))


def _name_program(
    facts: Mapping[str, Any], settings: Mapping[str, Any]
) -> tuple[str | None, str | None]:
    """(name, path of the source)"""
    if facts.get("is_notebook"):
        path = settings.get("notebook_name") or jupyter.find_notebook(facts)
        return path, path
    if settings.get("program"):
        return settings["program"], settings["program"]
    main_file = facts.get("main_file")
    if facts.get("main_module"):
        return f"-m {facts['main_module']}", main_file
    return (main_file, main_file) if main_file and main_file[0] != "<" else (None, None)


def _relative(file: str, root: str) -> str | None:
    """Path below the root; None when it is not below it. Links are followed when names differ."""
    for path, base in ((file, root), (os.path.realpath(file), os.path.realpath(root))):
        folder = os.path.join(base, "")
        if path.startswith(folder):
            return path[len(folder) :].replace(os.sep, "/")
    return None
