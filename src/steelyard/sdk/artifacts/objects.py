"""Tables and media in an artifact: each is a JSON file, named for its type, beside its files.

Source: wandb 0.31.0 sdk/artifacts/artifact.py add, get, _get_obj_entry.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from steelyard.errors import TooLarge, WrongType
from steelyard.limits import ARTIFACT_JSON_BYTES_MAX
from steelyard.sdk.artifacts.adding import add_bytes
from steelyard.sdk.artifacts.entry import ArtifactManifestEntry, split_artifact_url
from steelyard.sdk.artifacts.names import StrPath, check_path

if TYPE_CHECKING:
    from steelyard.sdk.artifacts.artifact import Artifact

#: Names below it are replaced by digests, so that tables of several steps do not collide.
TABLES_FOLDER = "media/tables"


def add_object(
    artifact: Artifact, obj: Any, name: StrPath, *, overwrite: bool
) -> ArtifactManifestEntry:
    """`Artifact.add`."""
    from steelyard.sdk.media.value import find_class

    if find_class(getattr(obj, "_log_type", None)) is None or isinstance(obj, type):
        raise WrongType(
            f"add() takes tables and media such as steelyard.Table and steelyard.Image, not a "
            f"{type(obj).__name__}; files go in with add_file(), text with new_file()"
        )
    path = check_path(name)
    known = artifact._added_objs.get(id(obj))
    if known is not None:
        return known[1]
    address = obj._get_artifact_entry_ref_url()
    if address is not None:  # it is in another artifact already
        return artifact.add_reference(address, obj.with_suffix(path))[0]
    is_tmp = path.startswith(TABLES_FOLDER)
    path = obj.with_suffix(path)
    found = artifact.manifest.get_entry_by_path(path)
    if found is not None and not overwrite:
        return found
    if hasattr(obj, "iter_json"):  # a table: written as it is encoded, however long it is
        pieces = obj.iter_json(artifact)
    else:
        pieces = [_encode(obj.to_json(artifact), path)]
    entry = add_bytes(artifact, pieces, path, is_tmp=is_tmp, overwrite=overwrite)
    artifact._added_objs[id(obj)] = (obj, entry)  # held, so that its id stays its own
    if obj._artifact_target is None:
        obj._set_artifact_target(artifact, entry.path)
    return entry


def _encode(value: Any, path: str) -> bytes:
    data = json.dumps(value, sort_keys=True).encode()
    if len(data) > ARTIFACT_JSON_BYTES_MAX:
        raise TooLarge(
            f"the JSON of {path!r}",
            size=len(data),
            limit=ARTIFACT_JSON_BYTES_MAX,
            limit_name="ARTIFACT_JSON_BYTES_MAX",
        )
    return data


def get_object(artifact: Artifact, name: str) -> Any:
    """`Artifact.get`."""
    entry, log_type = find_object(artifact, name)
    if entry is None or log_type is None:
        return None
    if entry._is_artifact_reference():
        from steelyard.sdk.artifacts.artifact import Artifact

        remote = artifact._remote_for_use()
        artifact_id, path = split_artifact_url(entry.ref)
        return Artifact._from_version(remote.get(artifact_id), remote).get(path)
    from steelyard.sdk.media.value import find_class

    if log_type == "table":
        artifact.download()  # what its cells refer to, all at once
    found = find_class(log_type)
    assert found is not None
    with open(entry.download(), "rb") as file:  # noqa: PTH123
        value = json.load(file)
    result = found.from_json(value, artifact)
    if result._artifact_source is None or result._artifact_source.name is None:
        result._set_artifact_source(artifact, name)
    return result


def find_object(
    artifact: Artifact, name: str
) -> tuple[ArtifactManifestEntry, str] | tuple[None, None]:
    """(entry, type) of the object that was added by that name."""
    from steelyard.sdk.media.value import CLASSES

    for log_type in CLASSES:
        suffix = f"{log_type}.json"
        path = name if name.endswith(suffix) else f"{name}.{suffix}"
        entry = artifact.manifest.get_entry_by_path(path)
        if entry is not None:
            entry._parent_artifact = artifact
            return entry, log_type
    return None, None
