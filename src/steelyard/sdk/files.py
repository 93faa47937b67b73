"""Files of a run: `save` puts them beside the journal and asks for their upload, `restore` gets
one back from the server.

Nothing is read or sent here by `save`: a line in `files.jsonl` is the request, and whoever
uploads the folder (the sender, or `steelyard sync`) follows it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, TextIO

from steelyard.errors import (
    FileMissing,
    Invalid,
    NotFound,
    NothingToRestore,
    RunFinished,
    TooLarge,
    Unavailable,
    UsageError,
)
from steelyard.limits import FILE_BYTES_COPIED_MAX, FILE_PATH_BYTES_MAX, FILES_SAVED_AT_ONCE_MAX
from steelyard.sdk.journal.folder import RunFolder, append_to_files_list, make_writer_name
from steelyard.sdk.terminal import termwarn

if TYPE_CHECKING:
    from steelyard.sdk.connection import Connection
    from steelyard.sdk.run import Run
    from steelyard.sdk.settings import ClientSettings

Policy = Literal["live", "now", "end"]
POLICIES: Final = ("live", "now", "end")
CLOUD_SCHEMES: Final = ("gs://", "s3://")

DOWNLOAD_TIMEOUT_S: Final = 60.0


def save(
    run: Run,
    glob_str: str | bytes | os.PathLike[str],
    base_path: str | os.PathLike[str] | None = None,
    policy: str = "live",
    glob: bool = True,
) -> list[str]:
    """`Run.save`: `save_files` for a run; a disabled one keeps nothing.

    Raises RunFinished after the run's end, and what `save_files` raises.
    """
    folder = folder_of(run, "save()")
    if folder is None:
        return []
    return save_files(folder, glob_str, base_path, policy, glob, warn=termwarn)


def folder_of(run: Run, call: str) -> RunFolder | None:
    """Where files of the run go; None when it is disabled. Raises RunFinished after its end."""
    if run._is_finished:
        raise RunFinished(run.id, call)
    return run.folder


def restore(
    run: Run | None,
    name: str,
    run_path: str | None = None,
    replace: bool = False,
    root: str | os.PathLike[str] | None = None,
    *,
    settings: ClientSettings | None = None,
) -> TextIO | None:
    """`Run.restore`, and `steelyard.restore` with the active run or None: see `restore_file`.

    The default of `run_path` is the run itself, of `root` its directory; without a run `run_path`
    is needed, and `root` is the current directory. None from a disabled run that has no such file.
    """
    if run is None and run_path is None:
        raise UsageError(
            "restore() without an active run needs run_path='entity/project/run'; "
            "or call steelyard.init() first"
        )
    if root is None:
        root = Path.cwd() if run is None else run.dir
    if run is not None and run.disabled:
        try:
            return restore_file(name, run_path="", root=root, settings=None, replace=False)
        except NothingToRestore:
            return None
    if settings is None:
        settings = _settings_with_key() if run is None else run.settings
    path = run_path or (run.path if run is not None else "")
    return restore_file(name, run_path=path, root=root, settings=settings, replace=replace)


def save_files(
    folder: RunFolder,
    glob_str: str | bytes | os.PathLike[str],
    base_path: str | os.PathLike[str] | None = None,
    policy: str = "live",
    glob: bool = True,
    *,
    warn: Callable[[str], None] = lambda text: None,
) -> list[str]:
    """Make files part of the run. Returns their paths in the run's directory, in order.

    A name in the run is the path relative to `base_path`, which is the current directory for a
    relative `glob_str`, and the directory above the file's for an absolute one. A directory that
    matches is saved with all that is in it. Files elsewhere are linked, not copied, but for small
    ones with the policy "now", which are kept as they are at this moment.

    Policies: "live" uploads when the file changes, "now" once, "end" when the run has ended.
    Raises Invalid for a path outside of `base_path` and a name no file of a run can have, TooLarge
    for more than 10,000 files, OSError when the disk takes no more.
    Source: wandb 0.31.0 sdk/wandb_run.py Run.save, for names and messages.
    """
    if isinstance(glob_str, bytes):
        glob_str = glob_str.decode()
    pattern = os.fspath(glob_str)
    if pattern.startswith(CLOUD_SCHEMES):
        warn(
            f"{pattern} is in a cloud store, not on this machine: it is not saved. "
            "Note its address in the config instead"
        )
        return []
    if policy not in POLICIES:
        raise Invalid(f"policy is {policy!r}; it is one of {', '.join(POLICIES)}")
    inside = folder.files_dir.absolute()
    full = os.path.abspath(pattern)  # noqa: PTH100 - Path.absolute keeps ".."
    if base_path is not None:
        base = os.path.abspath(base_path)  # noqa: PTH100
    elif not Path(pattern).is_absolute():
        base = os.getcwd()  # noqa: PTH109 - as text, like the others
    elif Path(full).is_relative_to(inside) and full != str(inside):
        base = str(inside)  # it has its name already
    else:
        base = os.path.dirname(os.path.dirname(full))  # noqa: PTH120
    relative = _check_pattern(pattern, full, base)
    sources = _find_files(full, glob, warn)
    targets: list[str] = []
    for source in sources:
        name = Path(source).relative_to(base).as_posix()
        if problem := _why_no_name(name):
            warn(f"{source!r} is not saved: {problem}")
            continue
        targets.append(_place(folder, source, name, policy))
    # What stands in the run's directory already is meant too.
    for found in _find_files(str(inside / relative), glob, lambda text: None):
        if found not in targets:
            append_to_files_list(
                folder, Path(found).relative_to(inside).as_posix(), source=None, policy=policy
            )
            targets.append(found)
    return sorted(targets)


def save_as(folder: RunFolder, source: str, name: str, policy: str = "now") -> str:
    """Make one file part of the run under that name, and return it. Raises as `save_files`."""
    if problem := _why_no_name(name):
        raise Invalid(f"{source!r} cannot be saved: {problem}")
    _place(folder, source, name, policy)
    return name


def _check_pattern(pattern: str, full: str, base: str) -> str:
    """The pattern relative to its base."""
    if full == base:
        raise Invalid(f"save({pattern!r}) names the base directory itself; name files in it")
    if not Path(full).is_relative_to(base):
        raise Invalid(
            f"save({pattern!r}) is outside of its base directory {base}: "
            "pass base_path=, a directory above the files"
        )
    relative = os.path.relpath(full, base)
    if Path(relative).parts[0] == "*":
        raise Invalid(
            f"save({pattern!r}) would take everything in {base}; say more, like '*.pt' or 'out/*'"
        )
    return relative


def _find_files(path: str, is_glob: bool, warn: Callable[[str], None]) -> list[str]:
    """Absolute paths of the files that are meant, those of whole directories included."""
    import glob

    matches = sorted(glob.glob(path)) if is_glob else [path] * os.path.lexists(path)  # noqa: PTH207
    if not matches and is_glob and os.path.lexists(path):
        warn(f"{path!r} is a file, but matches nothing as a pattern; pass glob=False to save it")
    elif not matches and not is_glob and glob.has_magic(path):
        warn(f"there is no file {path!r}; leave glob=False out if it is meant as a pattern")
    found = []
    for match in matches:
        for file in _files_below(match):
            found.append(file)
            if len(found) > FILES_SAVED_AT_ONCE_MAX:
                raise TooLarge(
                    f"the list of files that {path!r} matches",
                    size=len(found),
                    limit=FILES_SAVED_AT_ONCE_MAX,
                    limit_name="FILES_SAVED_AT_ONCE_MAX",
                )
    return found


def _files_below(path: str) -> Iterator[str]:
    if not Path(path).is_dir():
        if Path(path).is_file():  # no socket, no pipe, no link to nowhere
            yield path
        return
    for directory, names, files in os.walk(path):
        names.sort()
        for name in sorted(files):
            file = Path(directory, name)
            if file.is_file():
                yield str(file)


def _why_no_name(name: str) -> str | None:
    """What the server would say against a file of that name; None if nothing."""
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        return "its name is no valid Unicode; rename it"
    if size > FILE_PATH_BYTES_MAX:
        return f"its name is longer than {FILE_PATH_BYTES_MAX} bytes"
    if any(ord(character) < 32 or ord(character) == 127 for character in name):
        return "its name has control characters; rename it"
    if ".." in name.replace("\\", "/").split("/"):
        return "its name has a '..' part; rename it"
    return None


def _place(folder: RunFolder, source: str, name: str, policy: str) -> str:
    """Put the file into the run's directory and ask for its upload."""
    target = folder.files_dir.absolute() / name
    if Path(source) == target:
        append_to_files_list(folder, name, source=None, policy=policy)
        return str(target)
    if target.is_dir():
        raise Invalid(f"{source!r} cannot be saved as {name!r}: the run has a directory there")
    target.parent.mkdir(parents=True, exist_ok=True)
    is_snapshot = policy == "now"
    # A link whose file is gone by the time of the upload is lost, and one that is written again
    # tells of a later time: "now" means as it is now.
    if is_snapshot:
        small = Path(source).stat().st_size <= FILE_BYTES_COPIED_MAX
        ways = [_copy, _hardlink] if small else [_hardlink, _symlink, _copy]
    else:
        ways = [_symlink, _hardlink, _copy]
    _put_in_place(source, target, ways, folder.path / f".saving-{make_writer_name()}")
    append_to_files_list(folder, name, source=None if is_snapshot else source, policy=policy)
    return str(target)


def _put_in_place(
    source: str, target: Path, ways: Sequence[Callable[[str, Path], None]], temporary: Path
) -> None:
    """Replace `target` at once, by the first way that works. Raises the last one's OSError.

    `temporary` is beside the run's files, not among them: whoever uploads those may look now.
    """
    try:
        for way in ways:
            try:
                way(source, temporary)
                break
            except OSError:
                temporary.unlink(missing_ok=True)
                if way is ways[-1]:
                    raise
        if target.exists() and not target.is_symlink() and temporary.samefile(target):
            return  # rename() of two names of one file does nothing
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def _symlink(source: str, target: Path) -> None:
    target.symlink_to(source)


def _hardlink(source: str, target: Path) -> None:
    # Of what a link points to: a second name of the link itself would not keep anything.
    target.hardlink_to(os.path.realpath(source))


def _copy(source: str, target: Path) -> None:
    import shutil

    shutil.copyfile(source, target)


def _settings_with_key() -> ClientSettings:
    """The settings of a process without a run, with the key that is known for the server."""
    from msgspec.structs import replace

    from steelyard.sdk.login import find_key
    from steelyard.sdk.session import get_session

    loaded = get_session().load_settings({})
    if loaded.settings.base_url is None:
        return loaded.settings
    found = find_key(loaded.settings, loaded.environ, loaded.sources.get("api_key"))
    return replace(loaded.settings, api_key=found.key) if found else loaded.settings


def restore_file(
    name: str,
    *,
    run_path: str,
    root: str | os.PathLike[str],
    settings: ClientSettings | None,
    replace: bool = False,
) -> TextIO:
    """Open a file of a run for reading, downloaded into `root` unless it is there already.

    `run_path` is "entity/project/run"; "project/run" takes your own entity. `settings` may be
    None where nothing may be asked of a server: then only a local file is found.
    Raises Invalid for a name or path that is none, NothingToRestore (a FileMissing, and a
    ValueError as in wandb) when the run has no such file, and the errors of the connection.
    """
    if (problem := _why_no_name(name)) or not name or name.startswith("/"):
        raise Invalid(f"{name!r} is no file of a run: {problem or 'give a path like media/a.png'}")
    target = Path(root).absolute() / name
    if target.is_file() and not replace:
        return target.open(encoding="utf-8", errors="surrogateescape")
    if settings is None:
        raise NothingToRestore(name)
    from steelyard.sdk.connection import open_connection

    connection = open_connection(settings)
    try:
        _download(connection, run_path, name, target)
    finally:
        connection.close()
    return target.open(encoding="utf-8", errors="surrogateescape")


def split_run_path(run_path: str) -> tuple[str, str, str]:
    """(entity, project, run) of a run's path or URL; the entity is "-" for the caller's own."""
    parts = [part for part in run_path.strip("/").split("/") if part != "runs"]
    if len(parts) == 2:
        return "-", parts[0], parts[1]
    if len(parts) != 3 or not all(parts):
        raise UsageError(f"the run path {run_path!r} is not like entity/project/run")
    return parts[0], parts[1], parts[2]


def _download(connection: Connection, run_path: str, name: str, target: Path) -> None:
    """Get the file beside its place, then put it there: no reader sees a part of it."""
    from urllib.parse import quote

    entity, project, run = (quote(part, safe="") for part in split_run_path(run_path))
    path = f"/api/v1/runs/{entity}/{project}/{run}/files/{quote(name)}"
    answer = connection.request("GET", path, timeout_s=DOWNLOAD_TIMEOUT_S, stream=True)
    if not answer.is_ok:
        error = answer.error()
        if isinstance(error, NotFound) and error.code == FileMissing.code:
            raise NothingToRestore(name) from None
        raise error
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".steelyard-{make_writer_name()}")
    try:
        size = 0
        with temporary.open("wb") as file:
            for chunk in answer.chunks():
                file.write(chunk)
                size += len(chunk)
        announced = answer.headers.get("Content-Length", "")
        is_plain = announced.isdigit() and "Content-Encoding" not in answer.headers
        if is_plain and size != int(announced):
            raise Unavailable(f"{answer.place} broke off after {size:,} of {announced} bytes")
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
