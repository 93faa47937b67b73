"""An artifact on its way: all that an upload needs, in the folder of its run.

    RUN/artifacts.jsonl              a line {"client_id": …} for each artifact, in order
    RUN/artifacts/<client_id>/
      draft.json       what `POST R/artifacts` takes, and for whom it is:
                       type, collection, digest, digest_algorithm, client_id, sequence_client_id,
                       description, metadata, aliases, tags, ttl_s, history_step, base, kind,
                       distributed_id, finalize; besides entity and project (null: the run's),
                       run (false: no run made it), use_after_commit, use_as, is_internal,
                       file_count, size_bytes, staging_dir (where the copies are, which go once
                       they are sent), version (of this form)
      manifest.json    the manifest; files to upload have `local_path`, absolute, with it
                       `local_offset` where they are a part of that file, and, when true,
                       `skip_cache`
      files/           copies of the files that may change, read-only, named by numbers, the small
                       ones one behind the other in `small-<pid>`; elsewhere where that is another
                       file system

The directory is complete before the line in `artifacts.jsonl` is written, so that whoever follows
that list finds everything, also when this process is killed.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from steelyard.errors import UsageError
from steelyard.sdk.artifacts.entry import ArtifactManifestEntry, entry_to_json
from steelyard.sdk.artifacts.staging import LOGGED_MARK

if TYPE_CHECKING:
    from steelyard.sdk.artifacts.artifact import Artifact
    from steelyard.sdk.journal.folder import RunFolder

VERSION: Final = 1
WRITTEN_CHARS: Final = 256 * 1024
TTL_INHERIT: Final = -1
TTL_NEVER: Final = -2


def stage(
    artifact: Artifact,
    run_folder: RunFolder | Path | str,
    *,
    aliases: Iterable[str] = (),
    tags: Iterable[str] = (),
    entity: str | None = None,
    project: str | None = None,
    history_step: int | None = None,
    finalize: bool = True,
    is_of_run: bool | None = None,
    use_after_commit: bool = False,
    use_as: str | None = None,
    is_internal: bool = False,
) -> str:
    """Finish the artifact and put it among what the run uploads. Returns its client id.

    `aliases` are as they are to be, `latest` included where that is wanted. `finalize=False`: one
    part of a distributed artifact. `is_of_run`: whether the run made it; by default, unless it is
    only used.
    Raises OSError when the disk takes no more; the artifact is then as it was. Raises UsageError
    for one that was logged already.
    """
    if not artifact.is_draft() or artifact._is_staged:
        raise UsageError(
            f"the artifact {artifact.name!r} was logged already; "
            "make the next version from it: artifact.new_draft()"
        )
    root = Path(run_folder) if isinstance(run_folder, str | Path) else run_folder.path
    directory = root / "artifacts" / artifact._client_id
    draft = describe_draft(
        artifact, aliases=aliases, tags=tags, history_step=history_step, finalize=finalize
    )
    draft |= {
        "version": VERSION,
        "entity": entity,
        "project": project,
        "use_after_commit": use_after_commit,
        "use_as": use_as,
        "is_internal": is_internal,
    }
    if is_of_run is not None:
        draft["run"] = is_of_run
    directory.mkdir(parents=True, exist_ok=True)
    staged = artifact._staging.directory if artifact._staging is not None else None
    files = directory.absolute() / "files"
    is_moved = staged is not None and _move(staged, files)
    draft["staging_dir"] = str(files) if is_moved else staged
    try:
        places = (staged, str(files)) if is_moved and staged is not None else None
        _write(directory / "manifest.json", encode_manifest(artifact, places))
        _write(directory / "draft.json", [json.dumps(draft)])
        _append_line(root / "artifacts.jsonl", {"client_id": artifact._client_id})
    except OSError:
        if is_moved and staged is not None:
            os.rename(files, staged)  # noqa: PTH104
        shutil.rmtree(directory, ignore_errors=True)
        raise
    _hand_over(artifact, staged, str(files) if is_moved else None, root)
    return artifact._client_id


def describe_draft(
    artifact: Artifact,
    *,
    aliases: Iterable[str] = (),
    tags: Iterable[str] = (),
    history_step: int | None = None,
    finalize: bool = True,
) -> dict[str, Any]:
    """What the server has to be told of a new version."""
    manifest = artifact.manifest
    kind = "incremental" if artifact.incremental else "full"
    if artifact.distributed_id is not None:
        kind = "patch"
    return {
        "type": artifact.type,
        "collection": artifact.name.partition(":")[0],
        "digest": manifest.digest(),
        "digest_algorithm": artifact.digest_algorithm,
        "client_id": artifact._client_id,
        "sequence_client_id": artifact._sequence_client_id,
        "description": artifact.description,
        "metadata": artifact.metadata,
        "aliases": list(dict.fromkeys(aliases)),
        "tags": list(dict.fromkeys(tags)),
        "ttl_s": ttl_for_server(artifact),
        "history_step": history_step,
        "base": artifact._base_id or ("latest" if artifact.incremental else None),
        "kind": kind,
        "distributed_id": artifact.distributed_id,
        "finalize": finalize,
        "file_count": len(manifest.entries),
        "size_bytes": manifest.size(),
    }


def ttl_for_server(artifact: Artifact) -> int | None:
    """Seconds to live, -1 for what the collection says, -2 for ever; None for no change."""
    # wandb 0.31.0 sdk/artifacts/artifact.py _ttl_duration_seconds_to_gql
    if not artifact._ttl_changed:
        return None
    if artifact._ttl_is_inherited:
        return TTL_INHERIT
    return artifact._ttl_duration_seconds or TTL_NEVER


def encode_manifest(artifact: Artifact, moved: tuple[str, str] | None = None) -> Iterator[str]:
    """The manifest with what is of this machine, in pieces.

    `moved`: paths that begin with the first begin with the second now.
    """
    head = json.dumps(artifact.manifest.head_json())
    pieces = [f'{head[:-1]}, "contents": {{']
    size, mark = 0, ""
    for path, entry in artifact.manifest.entries.items():
        text = f"{mark}{json.dumps(path)}:{json.dumps(_local_json(entry, moved))}"
        mark = ",\n"
        pieces.append(text)
        size += len(text)
        if size > WRITTEN_CHARS:
            yield "".join(pieces)
            pieces, size = [], 0
    pieces.append("}}")
    yield "".join(pieces)


def _local_json(entry: ArtifactManifestEntry, moved: tuple[str, str] | None) -> dict[str, Any]:
    value = entry_to_json(entry)
    packed = entry._packed
    path = entry._local_path if packed is None else packed.path
    if path is not None and entry.ref is None:
        if moved is not None and path.startswith(f"{moved[0]}/"):
            path = moved[1] + path[len(moved[0]) :]
        value["local_path"] = path
        if packed is not None:
            value["local_offset"] = packed.offset
    if entry.skip_cache:
        value["skip_cache"] = True
    return value


def _move(staged: str, files: Path) -> bool:
    """Into the run's folder at once; False where that is on another file system."""
    try:
        os.rename(staged, files)  # noqa: PTH104
    except OSError:
        return False
    return True


def _hand_over(artifact: Artifact, staged: str | None, files: str | None, root: Path) -> None:
    """The files are the run's from now on."""
    from steelyard.sdk.artifacts.context import current_settings

    artifact._is_staged = True
    artifact._run_folder = root
    if artifact._settings is None:
        artifact._settings = current_settings()
    artifact.finalize()
    if artifact._staging is None:
        return
    artifact._staging.hand_over()
    if staged is None:
        return
    if files is None:
        _write(Path(staged) / LOGGED_MARK, [str(root)])
        return
    artifact._staging.directory = files
    for entry in artifact.manifest.entries.values():
        if entry._local_path is not None and entry._local_path.startswith(f"{staged}/"):
            entry._local_path = files + entry._local_path[len(staged) :]


def _write(path: Path, pieces: Iterable[str]) -> None:
    """The whole file or none of it."""
    temporary = path.with_name(f".{path.name}-{os.urandom(4).hex()}")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            for piece in pieces:
                file.write(piece)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _append_line(path: Path, value: dict[str, Any]) -> None:
    """One line in one write: processes may append to the same list."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)
    file = os.open(path, flags, 0o600)
    try:
        os.write(file, (json.dumps(value) + "\n").encode())
    finally:
        os.close(file)
