"""What can be logged and is more than a number: the base of media, tables and histograms."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, Final

if TYPE_CHECKING:
    from steelyard.sdk.media.places import ArtifactLike

#: `_type` in JSON → the class that reads it back from an artifact.
#: Source: wandb 0.31.0 sdk/data_types/*.py, `_log_type`.
CLASSES: Final[dict[str, tuple[str, str]]] = {
    "audio-file": ("steelyard.sdk.media.audio", "Audio"),
    "bokeh-file": ("steelyard.sdk.media.bokeh", "Bokeh"),
    "bounding-boxes": ("steelyard.sdk.media.boxes", "BoundingBoxes2D"),
    "classes": ("steelyard.sdk.media.classes", "Classes"),
    "html-file": ("steelyard.sdk.media.html", "Html"),
    "image-file": ("steelyard.sdk.media.image", "Image"),
    "joined-table": ("steelyard.sdk.tables.joined", "JoinedTable"),
    "mask": ("steelyard.sdk.media.mask", "ImageMask"),
    "molecule-file": ("steelyard.sdk.media.molecule", "Molecule"),
    "object3D-file": ("steelyard.sdk.media.object3d", "Object3D"),
    "partitioned-table": ("steelyard.sdk.tables.partitioned", "PartitionedTable"),
    "plotly-file": ("steelyard.sdk.media.plotly", "Plotly"),
    "table": ("steelyard.sdk.tables.table", "Table"),
    "video-file": ("steelyard.sdk.media.video", "Video"),
}


class Place:
    """An artifact, and the name of a value in it."""

    __slots__ = ("artifact", "name")

    def __init__(self, artifact: Any, name: str | None) -> None:
        self.artifact: Any = artifact
        self.name: str | None = name


class WBValue:
    """A value that is written as JSON with a `_type`."""

    _log_type: ClassVar[str | None] = None
    _artifact_source: Place | None = None
    _artifact_target: Place | None = None

    def to_json(self, run_or_artifact: Any) -> Any:
        """The JSON of this value in a run or in an artifact, which gets the files it needs."""
        raise NotImplementedError

    @classmethod
    def from_json(cls, json_obj: dict[str, Any], source_artifact: ArtifactLike) -> Any:
        """The value that an artifact holds as this JSON."""
        raise NotImplementedError

    @classmethod
    def with_suffix(cls, name: str, filetype: str = "json") -> str:
        """The name of a value's file in an artifact: `t` is `t.table.json`."""
        suffix = filetype if cls._log_type is None else f"{cls._log_type}.{filetype}"
        return name if name.endswith(suffix) else f"{name}.{suffix}"

    @staticmethod
    def init_from_json(json_obj: dict[str, Any], source_artifact: Any) -> WBValue | None:
        """The value that an artifact holds as this JSON; None for a type nobody knows."""
        found = find_class(json_obj.get("_type"))
        if found is None:
            return None
        value: WBValue = found.from_json(json_obj, source_artifact)
        value._set_artifact_source(source_artifact)
        return value

    def to_data_array(self) -> list[Any]:
        """The data as lists of numbers, where a value has such."""
        raise NotImplementedError

    def _set_artifact_source(self, artifact: Any, name: str | None = None) -> None:
        """Note where the value was read from."""
        self._artifact_source = Place(artifact, name)

    def _set_artifact_target(self, artifact: Any, name: str | None = None) -> None:
        """Note where the value was added to."""
        self._artifact_target = Place(artifact, name)

    def _get_artifact_entry_ref_url(self) -> str | None:
        """The address of this value in the artifact it came from, or that it is logged with."""
        source, target = self._artifact_source, self._artifact_target
        if source is not None and source.name:
            url: str = source.artifact.get_entry(self.with_suffix(source.name)).ref_url()
            return url
        if target is not None and target.name and _is_on_its_way(target.artifact):
            return _client_url(target.artifact._client_id, self.with_suffix(target.name))
        return None

    def _get_artifact_entry_latest_ref_url(self) -> str | None:
        """The same in whatever version is the latest."""
        target = self._artifact_target
        if target is None or not target.name or not _is_on_its_way(target.artifact):
            return None
        sequence = target.artifact._sequence_client_id
        return _client_url(f"{sequence}:latest", self.with_suffix(target.name))


def _is_on_its_way(artifact: Any) -> bool:
    """Whether the artifact will be logged with the contents it has, under a known client id."""
    is_final = getattr(artifact, "_final", False)
    return bool(is_final and getattr(artifact, "_client_id", None))


def _client_url(client_id: str, name: str) -> str:
    # wandb 0.31.0 sdk/data_types/base_types/wb_value.py _get_artifact_entry_ref_url
    return f"wandb-client-artifact://{client_id}/{name}"


def find_class(log_type: object) -> type[WBValue] | None:
    """The class of a `_type`, loaded when it is asked for."""
    place = CLASSES.get(log_type) if isinstance(log_type, str) else None
    if place is None:
        return None
    module, name = place
    found: type[WBValue] = getattr(import_module(module), name)
    return found
