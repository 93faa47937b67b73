"""What a run logs, uses and links: `run.log_artifact` and its relatives.

Logging only writes to this machine's disk; the sender takes it from there. What asks the server
says so, waits a bounded time, and raises.
"""

from __future__ import annotations

import errno
import os
import weakref
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from steelyard.errors import Invalid, OfflineRun, SteelyardError, WrongType
from steelyard.sdk.artifacts.names import check_aliases, check_metadata, check_tags, is_version
from steelyard.sdk.artifacts.stage import stage
from steelyard.sdk.files import folder_of

if TYPE_CHECKING:
    from steelyard.sdk.artifacts.artifact import Artifact
    from steelyard.sdk.artifacts.names import StrPath
    from steelyard.sdk.run import Run

LATEST: Final = "latest"
NO_SPACE: Final = (errno.ENOSPC, errno.EDQUOT)

#: By run: the type of each collection that it logged into.
_types: weakref.WeakKeyDictionary[Run, dict[str, str]] = weakref.WeakKeyDictionary()


class DiskFull(SteelyardError, OSError):
    """An artifact that found no space on the disk. Nothing else of the run is lost."""

    code = "disk_full"

    def __init__(self, what: str, error: OSError) -> None:
        place = f" ({error.filename})" if error.filename else ""
        super().__init__(
            f"{what} is not logged: the disk takes no more{place}. Nothing else of the run is "
            "lost; make room, or add files with policy='immutable', and log it again"
        )
        self.errno = error.errno


def log_artifact(
    run: Run,
    artifact_or_path: Artifact | StrPath,
    name: str | None = None,
    type: str | None = None,
    aliases: Iterable[str] | str | None = None,
    tags: Iterable[str] | str | None = None,
    *,
    distributed_id: str | None = None,
    finalize: bool = True,
    use_after_commit: bool = False,
    use_as: str | None = None,
    is_internal: bool = False,
    call: str = "log_artifact()",
) -> Any:
    """Put an artifact, or what a path leads to, among what the run uploads. Returns it.

    Asks the server nothing. A disabled run answers to everything and keeps nothing.

    Args:
        name: of an artifact made of a path; by default the run's id and the name of the file.
        type: of an artifact made of a path; by default "unspecified".
        aliases: besides "latest".
        distributed_id: what the writers of a distributed artifact share.
        finalize: False for one part of a distributed artifact.
        use_after_commit: it is an input of the run, and no output; `use_as` is its name there.
        is_internal: it is the client's own, such as a table of a row.
        call: what the user called, for messages.

    Raises RunFinished; Invalid for names, aliases and types that cannot be; UsageError for an
    artifact that was logged already; DiskFull.
    """
    folder = folder_of(run, call)
    if folder is None:
        return Nothing()
    if not finalize and distributed_id is None:
        raise WrongType("an artifact that is not finished needs a distributed_id")
    found_aliases = _check_aliases(aliases)
    found_tags = check_tags(tags) if tags is not None else []
    artifact = _make_artifact(run, artifact_or_path, name, type)
    artifact.metadata = check_metadata(artifact.metadata)  # a dict in it may have been changed
    _check_place(run, artifact)
    artifact.distributed_id = distributed_id
    try:
        stage(
            artifact,
            folder,
            aliases=found_aliases,
            tags=found_tags,
            history_step=run.step or None,
            finalize=finalize,
            is_of_run=not use_after_commit,
            use_after_commit=use_after_commit,
            use_as=use_as,
            is_internal=is_internal,
        )
    except OSError as error:
        if error.errno in NO_SPACE:
            raise DiskFull(f"artifact {artifact.name}", error) from error
        raise
    _types.setdefault(run, {})[_collection_of(artifact)] = artifact.type
    return artifact


def use_artifact(
    run: Run,
    artifact_or_name: str | Artifact,
    type: str | None = None,
    aliases: Iterable[str] | str | None = None,
    use_as: str | None = None,
) -> Any:
    """Note that the run reads an artifact, and give it. See `Run.use_artifact`."""
    from steelyard.sdk.artifacts.artifact import Artifact
    from steelyard.sdk.artifacts.use import find_version, record_use

    if folder_of(run, "use_artifact()") is None:
        return None
    if run.facts.mode != "online":
        raise OfflineRun("use_artifact()")
    if isinstance(artifact_or_name, str):
        artifact = find_version(run, artifact_or_name, type)
        record_use(run, artifact, use_as)
        return artifact
    if not isinstance(artifact_or_name, Artifact):
        raise Invalid(
            "use_artifact() takes a name like 'dataset:v1', or an artifact, not "
            f"{artifact_or_name!r:.100}"
        )
    artifact = artifact_or_name
    if artifact.is_draft():
        log_artifact(
            run,
            artifact,
            aliases=aliases,
            use_after_commit=True,
            use_as=use_as,
            call="use_artifact()",
        )
        artifact.wait()
    else:
        record_use(run, artifact, use_as)
    return artifact


def upsert_artifact(
    run: Run,
    artifact_or_path: Artifact | StrPath,
    name: str | None = None,
    type: str | None = None,
    aliases: Iterable[str] | str | None = None,
    distributed_id: str | None = None,
    *,
    finalize: bool = False,
) -> Any:
    """One part of an artifact that several processes make; `finalize`: the last one.

    Raises WrongType where neither the run has a group nor `distributed_id` is given.
    """
    call = "finish_artifact()" if finalize else "upsert_artifact()"
    if folder_of(run, call) is None:
        return None
    # wandb 0.31.0 sdk/wandb_run.py upsert_artifact: the group stands for it.
    shared_id = run.group if distributed_id is None else distributed_id
    if distributed_id is None and not run.group:
        raise WrongType(f"{call} needs a distributed_id, or a run in a group: init(group=...)")
    return log_artifact(
        run,
        artifact_or_path,
        name,
        type,
        aliases,
        distributed_id=shared_id,
        finalize=finalize,
        call=call,
    )


def link_artifact(
    run: Run,
    artifact: Artifact,
    target_path: str,
    aliases: Iterable[str] | str | None = None,
) -> Any:
    """Link an artifact into a collection; log it before that where it is new. Waits for it.

    Returns the artifact as that collection has it. Raises as `Artifact.wait` and `Artifact.link`.
    """
    from steelyard.sdk.artifacts.names import REGISTRY_PREFIX, parse_path

    if folder_of(run, "link_artifact()") is None:
        return None
    if artifact.is_draft() and not artifact._is_staged:
        artifact = log_artifact(run, artifact, call="link_artifact()")
    if run.facts.mode != "online":
        raise OfflineRun("link_artifact()")
    target = parse_path(target_path)
    if not (target.project or "").startswith(REGISTRY_PREFIX):
        target = target.with_defaults(run.entity or None, run.project)
    return artifact.link(str(target), aliases)


def link_model(
    run: Run,
    path: StrPath,
    registered_model_name: str,
    name: str | None = None,
    aliases: Iterable[str] | str | None = None,
) -> Any:
    """Log a model, and link it into the registered model of that name. See `Run.link_model`.

    Raises AssertionError for a registered model with a path, and for an artifact `name` that is
    there and is no model.
    """
    from steelyard.sdk.artifacts.use import find_version

    if folder_of(run, "link_model()") is None:
        return None
    if "/" in registered_model_name:
        raise AssertionError(
            f"{registered_model_name!r}: give the name of the registered model alone, without "
            "entity and project"
        )
    kind = "model"
    if run.facts.mode == "online" and name is not None:
        try:
            kind = find_version(run, f"{name}:latest", None).type
        except (ValueError, SteelyardError):
            kind = "model"
        _check_model(kind)
    # As the official client, a model that was logged before keeps its type.
    artifact = log_artifact(run, path, name, kind, call="link_model()")
    target = f"{run.entity}/model-registry/{registered_model_name}"
    return link_artifact(run, artifact, target, aliases)


def use_model(run: Run, name: str) -> Any:
    """Download a model; the path of its only file, or of the directory. See `Run.use_model`.

    Raises AssertionError for an artifact whose type is no model, OfflineRun, and as `use_artifact`.
    """
    if folder_of(run, "use_model()") is None:
        return None
    if run.facts.mode != "online":
        raise OfflineRun("use_model()")
    artifact = use_artifact(run, name)
    _check_model(artifact.type)
    directory = artifact.download()
    names = os.listdir(directory)  # noqa: PTH208
    return os.path.join(directory, names[0]) if len(names) == 1 else directory  # noqa: PTH118


class Nothing:
    """What a disabled run logs: it answers to every attribute and call with itself.

    wandb 0.31.0 sdk/lib/noop_run.py: `run.log_artifact(...).wait()` works there.
    """

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __call__(self, *args: Any, **options: Any) -> Any:
        return self


def _check_model(kind: str) -> None:
    if "model" not in kind.lower():
        raise AssertionError(f"the artifact is of the type {kind!r}, and no model")


def _check_aliases(aliases: Iterable[str] | str | None) -> list[str]:
    found = check_aliases(aliases) if aliases else []
    for alias in found:
        if is_version(alias):
            raise Invalid(f"the alias {alias!r} looks like a version; choose another word")
    return [*found, *([] if LATEST in found else [LATEST])]


def _make_artifact(
    run: Run, given: Artifact | StrPath, name: str | None, type: str | None
) -> Artifact:
    from steelyard.sdk.artifacts.artifact import Artifact

    if isinstance(given, Artifact):
        return given
    if not isinstance(given, str | os.PathLike):
        raise WrongType(
            f"log_artifact() takes an Artifact or a path, not a {given.__class__.__name__}"
        )
    path = os.fspath(given)
    artifact = Artifact(name or f"run-{run.id}-{os.path.basename(path)}", type or "unspecified")  # noqa: PTH119
    if os.path.isfile(path):  # noqa: PTH113
        artifact.add_file(path)
    elif os.path.isdir(path):  # noqa: PTH112
        artifact.add_dir(path)
    elif "://" in path:
        artifact.add_reference(path)
    else:
        raise Invalid(f"{path!r} is no file, no directory and no address such as s3://bucket/path")
    return artifact


def _check_place(run: Run, artifact: Artifact) -> None:
    """What can be told without the server: the type of a collection this run has logged into, and
    that a version stays in its project. The rest the server says, and `wait` shows it."""
    name = _collection_of(artifact)
    known = _types.get(run, {}).get(name)
    if known is not None and known != artifact.type:
        raise Invalid(
            f"this run has logged {name!r} with the type {known!r}, so it cannot have the type "
            f"{artifact.type!r}; choose another name"
        )
    for what, here, there in (
        ("entity", run.facts.entity, artifact._source_entity),
        ("project", run.project, artifact._source_project),
    ):
        if here and there and here != there:
            raise Invalid(
                f"artifact {name!r} is of the {what} {there!r} and cannot be logged to {here!r}; "
                "make a new Artifact of its files"
            )


def _collection_of(artifact: Artifact) -> str:
    return str(artifact.name).partition(":")[0]
