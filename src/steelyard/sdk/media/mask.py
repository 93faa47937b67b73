"""Masks drawn over an image: a class for each pixel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from steelyard.errors import Invalid, WrongType
from steelyard.sdk.media.classes import check_class_labels, default_labels
from steelyard.sdk.media.media import Media
from steelyard.sdk.media.own_config import note_labels
from steelyard.sdk.media.pixels import encode_image, pixels_of_mask
from steelyard.sdk.media.places import is_run

if TYPE_CHECKING:
    from steelyard.sdk.run import Run


class ImageMask(Media):
    """A class number for each pixel of an image.

    Args:
        val: {"mask_data": rows of whole numbers from 0 to 255, "class_labels": {number: name}};
            or {"path": an image file of them}.
        key: the name of the mask, such as "predictions".
    """

    _log_type = "mask"
    _media_dir = "media/images/mask"

    def __init__(self, val: Mapping[str, Any], key: str) -> None:
        super().__init__()
        if not isinstance(val, Mapping) or not ({"path", "mask_data"} & set(val)):
            raise WrongType(
                f'mask {key!r} takes a dict with "mask_data", rows of whole numbers, or "path"'
            )
        self._key = key
        if "path" in val:
            self._val: dict[str, Any] | None = None
            self._set_file(str(val["path"]))
            return
        try:
            pixels, numbers = pixels_of_mask(val["mask_data"])
        except Invalid as problem:
            raise WrongType(f"mask {key!r}: {problem}") from problem
        if "class_labels" in val:
            labels = check_class_labels(val["class_labels"], f"mask {key!r}")
        else:
            labels = default_labels(numbers)
        self._val = {**val, "class_labels": labels}
        self._set_content(encode_image(pixels, "png"), ".mask.png")

    @classmethod
    def type_name(cls) -> str:
        return "mask"

    @property
    def class_labels(self) -> dict[Any, str]:
        """Names by number; empty for a mask made from a file."""
        return self._val["class_labels"] if self._val is not None else {}

    def bind_to_run(
        self,
        run: Run,
        key: int | str,
        step: int | str,
        id_: int | str | None = None,
        ignore_copy_err: bool | None = None,
    ) -> None:
        """As Media's; the names of the classes go into the run's config, once."""
        super().bind_to_run(run, key, step, id_, ignore_copy_err)
        if self._val is not None:
            note_labels(run, "mask/class_labels", key, self._key, self.class_labels)

    def to_json(self, run_or_artifact: Any) -> dict[str, Any]:
        """The file of the mask."""
        found = super().to_json(run_or_artifact)
        return found | {"_type": self.type_name()} if is_run(run_or_artifact) else found

    @classmethod
    def from_json(cls, json_obj: dict[str, Any], source_artifact: Any) -> ImageMask:
        return cls({"path": str(source_artifact.get_entry(json_obj["path"]).download())}, key="")
