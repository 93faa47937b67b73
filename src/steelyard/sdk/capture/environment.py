"""Files that describe what a run ran in: packages, changes since the commit, the script."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping

from steelyard import limits
from steelyard.sdk.capture import packages, program, switches

TYPE_CHECKING = False  # as in `typing`, which costs milliseconds to load
if TYPE_CHECKING:
    from typing import Any

# Names as wandb 0.31.0 gives them in wandb/sdk/lib/filenames.py: its API looks for them.
METADATA_NAME = "wandb-metadata.json"
REQUIREMENTS_NAME = "requirements.txt"
CONDA_NAME = "conda-environment.yaml"
PATCH_NAME = "diff.patch"
CODE_DIR = "code"


def write_environment_files(
    facts: Mapping[str, Any], settings: Mapping[str, Any], files_dir: str | os.PathLike[str]
) -> Iterator[str]:
    """Write the files that may be captured, and yield each one's path below `files_dir`.

    `facts` is what `gather_process_facts` said in the user's process. One that cannot be written
    is left out; nothing is raised. May take seconds in a large repository: never in the way of
    something else.
    """
    target = os.path.normpath(files_dir)
    for write in (_write_packages, _write_script, _write_patch):
        try:
            yield from write(facts, settings, target)
        except OSError:  # the disk, or a directory that went away: the run is worth more
            continue


def write_metadata_file(metadata: Mapping[str, Any], files_dir: str | os.PathLike[str]) -> str:
    """Write the merged metadata where the official API reads it; its path. Raises OSError."""
    os.makedirs(files_dir, exist_ok=True)
    target = os.path.join(files_dir, METADATA_NAME)
    _write_text(f"{target}.part", json.dumps(metadata, indent=2) + "\n")
    os.replace(f"{target}.part", target)
    return METADATA_NAME


def _write_text(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def _write_packages(
    facts: Mapping[str, Any], settings: Mapping[str, Any], target: str
) -> Iterator[str]:
    if not switches.may_save_packages(settings):
        return
    os.makedirs(target, exist_ok=True)
    installed = packages.list_packages(facts.get("sys_path") or (), facts.get("cwd"))
    _write_text(os.path.join(target, REQUIREMENTS_NAME), packages.format_requirements(installed))
    yield REQUIREMENTS_NAME
    # A virtual environment on top of conda's Python is not a conda environment.
    prefix = facts.get("prefix")
    text = packages.format_conda_environment(prefix, installed) if prefix else None
    if text is not None:
        _write_text(os.path.join(target, CONDA_NAME), text)
        yield CONDA_NAME


def _write_patch(
    facts: Mapping[str, Any], settings: Mapping[str, Any], target: str
) -> Iterator[str]:
    if not switches.may_save_patch(settings):
        return
    tree = program.find_tree(facts, settings)
    if tree is None:
        return
    os.makedirs(target, exist_ok=True)
    from steelyard.sdk.capture import patch  # what starts processes is slow to load

    if patch.write_patch(tree, os.path.join(target, PATCH_NAME)):
        yield PATCH_NAME


def _write_script(
    facts: Mapping[str, Any], settings: Mapping[str, Any], target: str
) -> Iterator[str]:
    if not switches.may_save_script(settings):
        return
    found = program.find_program(facts, settings, program.find_tree(facts, settings))
    if found.file is None or found.code_path is None:
        return
    if os.stat(found.file).st_size > limits.CAPTURED_SCRIPT_BYTES_MAX:
        return
    name = f"{CODE_DIR}/{found.code_path}"
    copy = os.path.normpath(os.path.join(target, name))
    if not copy.startswith(os.path.join(target, "")):
        return
    os.makedirs(os.path.dirname(copy), exist_ok=True)
    import shutil  # 4 ms to load, and few runs store their script

    shutil.copyfile(found.file, copy)
    yield name
