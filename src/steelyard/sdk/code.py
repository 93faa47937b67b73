"""The code of a run: stored with it as files below `code/`, and logged as an artifact."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from steelyard.errors import Invalid
from steelyard.limits import (
    CODE_BYTES_MAX,
    CODE_DIRECTORIES_MAX,
    CODE_FILE_BYTES_MAX,
    CODE_FILES_MAX,
)
from steelyard.sdk.files import folder_of, save_as
from steelyard.sdk.journal.folder import RunFolder
from steelyard.sdk.terminal import termlog, termwarn

if TYPE_CHECKING:
    from steelyard.sdk.artifacts.artifact import Artifact
    from steelyard.sdk.run import Run

#: Takes a path, or a path and the root that is walked.
PathTest = Callable[[str, str], bool] | Callable[[str], bool]

CODE_FOLDER: Final = "code"
OWN_FOLDERS: Final = ("wandb", ".wandb", "steelyard")
FOREIGN_FOLDERS: Final = ("node_modules", "__pycache__", "site-packages")


def is_code(path: str) -> bool:
    """Python files, requirements.txt and Dockerfiles: what is stored unless told otherwise.

    Source: wandb 0.31.0 util.py `_is_py_requirements_or_dockerfile`.
    """
    name = Path(path).name
    return name.endswith(".py") or name.startswith("Dockerfile") or name == "requirements.txt"


def is_foreign(path: str, root: str) -> bool:
    """Run folders, installed packages and hidden directories: left out unless told otherwise."""
    folders = Path(os.path.relpath(path, root)).parts[:-1]
    return bool(folders) and (
        folders[0] in OWN_FOLDERS
        or any(part.startswith(".") or part in FOREIGN_FOLDERS for part in folders)
    )


def log_code(
    run: Run,
    root: str | os.PathLike[str] | None = ".",
    name: str | None = None,
    include_fn: PathTest | None = None,
    exclude_fn: PathTest | None = None,
) -> Artifact | None:
    """`Run.log_code`: `store_code` for a run, and the artifact `name` of the same files.

    None when there are none. Raises RunFinished after the run's end.
    """
    folder = folder_of(run, "log_code()")
    if folder is None:
        return None
    names = store_code(
        folder,
        root,
        include_fn or is_code,
        exclude_fn or is_foreign,
        say=termlog,
        warn=termwarn,
    )
    if not names:
        return None
    from steelyard.sdk.artifacts.code import log_code_artifact

    paths = {stored: str(folder.files_dir / stored) for stored in names}
    artifact: Artifact = log_code_artifact(run, paths, name)
    return artifact


def store_code(
    folder: RunFolder,
    root: str | os.PathLike[str] | None = ".",
    include_fn: PathTest = is_code,
    exclude_fn: PathTest = is_foreign,
    *,
    say: Callable[[str], None] = lambda text: None,
    warn: Callable[[str], None] = lambda text: None,
) -> list[str]:
    """Store the source files below `root` with the run, as they are now. Returns their names.

    A file is stored when `include_fn` says yes and `exclude_fn` no; both get the file's absolute
    path, and the root where they take two arguments. A virtual environment is never entered.
    At most 5,000 files, 64 MiB together, 4 MiB each: `warn` hears what was left out.
    Raises Invalid when `root` is no directory.
    """
    if root is None:
        return []
    top = os.path.abspath(root)  # noqa: PTH100 - Path.absolute keeps ".."
    if not Path(top).is_dir():
        raise Invalid(f"log_code(root={os.fspath(root)!r}) is no directory")
    found = _walk(top, folder, _with_root(include_fn), _with_root(exclude_fn))
    names = []
    for path in found.paths:
        name = f"{CODE_FOLDER}/{Path(path).relative_to(top).as_posix()}"
        try:
            names.append(save_as(folder, path, name))
        except (Invalid, OSError) as problem:
            found.left_out.append(f"{path} ({problem})")
    if found.left_out:
        warn(f"log_code() left out {'; '.join(found.left_out[:3])}{found.more()}")
    if names:
        size = f"{found.size_bytes / 1024:,.0f} KiB"
        say(f"stored {len(names)} source files ({size}) of {top} with the run, in code/")
    elif not found.left_out:
        warn(f"log_code() found no source files in {top}; pass root= or include_fn=")
    return names


def _walk(
    top: str,
    folder: RunFolder,
    is_wanted: Callable[[str, str], bool],
    is_unwanted: Callable[[str, str], bool],
) -> _Found:
    found = _Found()
    own = os.path.realpath(folder.path.parent)
    for count, (directory, names, files) in enumerate(os.walk(top)):
        if count >= CODE_DIRECTORIES_MAX:
            found.left_out.append(f"all but the first {count:,} directories")
            break
        names[:] = sorted(name for name in names if _may_enter(f"{directory}{os.sep}{name}", own))
        for file in sorted(files):
            path = f"{directory}{os.sep}{file}"
            if is_wanted(path, top) and not is_unwanted(path, top):
                found.consider(path)
    return found


class _Found:
    """Files to store, kept within the limits; what does not fit is named."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.size_bytes = 0
        self.left_out: list[str] = []

    def consider(self, path: str) -> None:
        try:
            if not Path(path).is_file():
                return  # a link to nowhere, a socket
            size = Path(path).stat().st_size
        except OSError as problem:
            self.left_out.append(f"{path} ({problem.strerror})")
            return
        if size > CODE_FILE_BYTES_MAX:
            self.left_out.append(f"{path} ({size:,} bytes; the limit is {CODE_FILE_BYTES_MAX:,})")
        elif len(self.paths) >= CODE_FILES_MAX:
            self.left_out.append(f"{path} (after {CODE_FILES_MAX:,} files)")
        elif self.size_bytes + size > CODE_BYTES_MAX:
            self.left_out.append(f"{path} (after {CODE_BYTES_MAX:,} bytes)")
        else:
            self.paths.append(path)
            self.size_bytes += size

    def more(self) -> str:
        more = len(self.left_out) - 3
        return f"; and {more:,} more" if more > 0 else ""


def _may_enter(directory: str, own: str) -> bool:
    """Neither where run folders are, this one's files included, nor a virtual environment."""
    return os.path.realpath(directory) != own and not Path(directory, "pyvenv.cfg").exists()


def _with_root(test: Any) -> Callable[[str, str], bool]:
    """The test as one of two arguments; older scripts have tests of the path alone."""
    try:
        count = len(inspect.signature(test).parameters)
    except (TypeError, ValueError):  # something built in
        count = 1
    if count == 2:
        return lambda path, root: bool(test(path, root))
    return lambda path, root: bool(test(path))
