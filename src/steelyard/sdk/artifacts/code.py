"""The code of a run as an artifact, as the official client makes it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from steelyard.limits import NAME_CHARS_MAX

if TYPE_CHECKING:
    from steelyard.sdk.run import Run

TYPE: Final = "code"
PREFIX: Final = "source-"
CODE_FOLDER: Final = "code/"
_UNSAFE: Final = re.compile(r"[^a-zA-Z0-9_\-.]")
_KEPT_CHARS: Final = NAME_CHARS_MAX // 2 - 1


def log_code_artifact(run: Run, paths: dict[str, str], name: str | None) -> Any:
    """Log source files, by their names in the run, as an artifact; its name is in the config.

    `name` by default is that of the project and the program: see `default_name`.
    """
    from steelyard.sdk.artifacts.artifact import InternalArtifact
    from steelyard.sdk.artifacts.log import log_artifact

    artifact = InternalArtifact(default_name(run) if name is None else name, TYPE)
    for stored, path in paths.items():
        artifact.add_file(path, name=stored.removeprefix(CODE_FOLDER))
    logged = log_artifact(run, artifact, is_internal=True, call="log_code()")
    # wandb 0.31.0 sdk/wandb_run.py log_code
    run.append_config({"_wandb": {"code_path": artifact.name}})
    return logged


def default_name(run: Run) -> str:
    """`source-PROJECT-PROGRAM`, in the characters that names of artifacts have."""
    return shorten(f"{PREFIX}{run.project}-{_find_program(run)}")


def shorten(name: str) -> str:
    """A name that an artifact may have. wandb 0.31.0 util.py make_artifact_name_safe."""
    clean = _UNSAFE.sub("_", name)
    if len(clean) <= NAME_CHARS_MAX:
        return clean
    return f"{clean[:_KEPT_CHARS]}..{clean[-_KEPT_CHARS:]}"


def _find_program(run: Run) -> str | None:
    """Path of the script below the root of its code; None where there is no script."""
    from steelyard.sdk.capture.facts import gather_process_facts
    from steelyard.sdk.capture.program import find_program, find_tree
    from steelyard.sdk.settings import read_environ

    facts = gather_process_facts(read_environ())
    settings = {name: getattr(run.settings, name) for name in run.settings.__struct_fields__}
    return find_program(facts, settings, find_tree(facts, settings)).code_path
