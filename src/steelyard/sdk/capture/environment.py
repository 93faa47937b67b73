"""Files that describe what a run ran in: packages, changes since the commit, the script."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from steelyard import limits
from steelyard.sdk.capture import packages, patch, program, switches

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
    facts: Mapping[str, Any], settings: Mapping[str, Any], files_dir: str | Path
) -> Iterator[str]:
    """Write the files that may be captured, and yield each one's path below `files_dir`.

    `facts` is what `gather_process_facts` said in the user's process. One that cannot be written
    is left out; nothing is raised. May take seconds in a large repository: never in the way of
    something else.
    """
    target = Path(files_dir)
    for write in (_write_packages, _write_script, _write_patch):
        try:
            yield from write(facts, settings, target)
        except OSError:  # the disk, or a directory that went away: the run is worth more
            continue


def write_metadata_file(metadata: Mapping[str, Any], files_dir: str | Path) -> str:
    """Write the merged metadata where the official API reads it; its path. Raises OSError."""
    target = Path(files_dir) / METADATA_NAME
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{METADATA_NAME}.part")
    part.write_text(json.dumps(metadata, indent=2) + "\n", "utf-8")
    part.replace(target)
    return METADATA_NAME


def _write_packages(
    facts: Mapping[str, Any], settings: Mapping[str, Any], target: Path
) -> Iterator[str]:
    if not switches.may_save_packages(settings):
        return
    target.mkdir(parents=True, exist_ok=True)
    installed = packages.list_packages(facts.get("sys_path") or (), facts.get("cwd"))
    (target / REQUIREMENTS_NAME).write_text(packages.format_requirements(installed), "utf-8")
    yield REQUIREMENTS_NAME
    # A virtual environment on top of conda's Python is not a conda environment.
    prefix = facts.get("prefix")
    text = packages.format_conda_environment(Path(prefix), installed) if prefix else None
    if text is not None:
        (target / CONDA_NAME).write_text(text, "utf-8")
        yield CONDA_NAME


def _write_patch(
    facts: Mapping[str, Any], settings: Mapping[str, Any], target: Path
) -> Iterator[str]:
    if not switches.may_save_patch(settings):
        return
    tree = program.find_tree(facts, settings)
    if tree is None:
        return
    target.mkdir(parents=True, exist_ok=True)
    if patch.write_patch(tree, target / PATCH_NAME):
        yield PATCH_NAME


def _write_script(
    facts: Mapping[str, Any], settings: Mapping[str, Any], target: Path
) -> Iterator[str]:
    if not switches.may_save_script(settings):
        return
    found = program.find_program(facts, settings, program.find_tree(facts, settings))
    if found.file is None or found.code_path is None:
        return
    if found.file.stat().st_size > limits.CAPTURED_SCRIPT_BYTES_MAX:
        return
    name = f"{CODE_DIR}/{found.code_path}"
    copy = Path(os.path.normpath(target / name))
    if not copy.is_relative_to(target):
        return
    copy.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(found.file, copy)
    yield name
