"""Boxes drawn over an image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from steelyard.errors import WrongType
from steelyard.sdk.media.classes import check_class_labels, default_labels
from steelyard.sdk.media.media import Media, encode_json
from steelyard.sdk.media.own_config import note_labels
from steelyard.sdk.media.places import is_run

if TYPE_CHECKING:
    from steelyard.sdk.run import Run

_POSITION = (
    'each box has a "position": {"minX", "maxX", "minY", "maxY"}, '
    'or {"middle": [x, y], "width", "height"}, all numbers'
)


class BoundingBoxes2D(Media):
    """A group of boxes over an image, such as the predicted ones.

    Args:
        val: {"box_data": [box], "class_labels": {number: name}}. A box has a `position`, as
            corners or as middle and size, and may have `domain` ("pixel"; fractions of the
            image otherwise), `class_id`, `box_caption` and `scores` ({name: number}).
        key: the name of the group.
    """

    _log_type = "bounding-boxes"
    _media_dir = "media/metadata/boxes2D"

    def __init__(self, val: Mapping[str, Any], key: str) -> None:
        super().__init__()
        if not isinstance(val, Mapping) or not isinstance(val.get("box_data"), list | tuple):
            raise WrongType(
                f'boxes {key!r} take a dict like {{"box_data": [box, …]}}, with a list of boxes'
            )
        boxes = [_plain_box(box) for box in val["box_data"]]
        given: dict[str, Any] = {**val, "box_data": boxes}
        if "class_labels" in val:
            labels = check_class_labels(val["class_labels"], f"boxes {key!r}")
            given["class_labels"] = labels
        else:
            labels = default_labels({box["class_id"] for box in boxes if "class_id" in box})
        self._val: list[dict[str, Any]] = boxes
        self._key = key
        self._class_labels: dict[Any, str] = labels
        self._set_content(encode_json(given), ".boxes2D.json")

    @classmethod
    def type_name(cls) -> str:
        return "boxes2D"

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
        note_labels(run, "bounding_box/class_labels", key, self._key, self._class_labels)

    def to_json(self, run_or_artifact: Any) -> Any:
        """In a run the file with the boxes; in an artifact the boxes."""
        if not is_run(run_or_artifact):
            return self._val
        return super().to_json(run_or_artifact) | {"_type": self.type_name()}

    @classmethod
    def from_json(cls, json_obj: Any, source_artifact: Any) -> BoundingBoxes2D:
        return cls({"box_data": json_obj}, "")


def _plain_box(box: Any) -> dict[str, Any]:
    """The box with plain numbers. Raises WrongType, as the official client does."""
    if not isinstance(box, Mapping) or not isinstance(box.get("position"), Mapping):
        raise WrongType(f"{_POSITION}; found {box!r:.200}")
    plain = dict(box)
    position = {name: _plain_number(value) for name, value in box["position"].items()}
    middle = position.get("middle")
    if hasattr(middle, "tolist"):
        middle = position["middle"] = middle.tolist()  # type: ignore[union-attr]  # asked above
    has_corners = all(_is_number(position.get(name)) for name in ("minX", "maxX", "minY", "maxY"))
    has_middle = (
        isinstance(middle, list | tuple)
        and len(middle) == 2
        and _is_number(position.get("width"))
        and _is_number(position.get("height"))
    )
    if not has_corners and not has_middle:
        raise WrongType(f"{_POSITION}; found {dict(box['position'])!r:.200}")
    plain["position"] = position
    if "scores" in plain:
        if not isinstance(plain["scores"], Mapping):
            raise WrongType(f"scores of a box is a dict of numbers, not {plain['scores']!r:.100}")
        plain["scores"] = {name: _plain_number(each) for name, each in plain["scores"].items()}
        for name, each in plain["scores"].items():
            if not isinstance(name, str) or not _is_number(each):
                raise WrongType(f"scores of a box are numbers by name, not {name!r}: {each!r}")
    if "class_id" in plain:
        plain["class_id"] = _plain_number(plain["class_id"])
        if not isinstance(plain["class_id"], int):
            raise WrongType(f"class_id of a box is a whole number, not {plain['class_id']!r}")
    if "box_caption" in plain and not isinstance(plain["box_caption"], str):
        raise WrongType(f"box_caption is text, not {plain['box_caption']!r}")
    return plain


def _plain_number(value: Any) -> Any:
    return value.item() if hasattr(value, "item") and getattr(value, "shape", None) == () else value


def _is_number(value: object) -> bool:
    return isinstance(value, int | float)
