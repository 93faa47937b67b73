"""Images, with masks and boxes over them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final
from urllib.parse import urlsplit

from steelyard.errors import Invalid, WrongType
from steelyard.limits import IMAGE_HEADER_BYTES, IMAGES_AT_ONCE_MAX
from steelyard.sdk.media import figures
from steelyard.sdk.media.boxes import BoundingBoxes2D
from steelyard.sdk.media.classes import Classes
from steelyard.sdk.media.mask import ImageMask
from steelyard.sdk.media.media import PATHS, BatchableMedia, Media, full_type_name
from steelyard.sdk.media.pixels import encode_image, encode_pillow, has_pillow, pixels_of
from steelyard.sdk.media.places import is_reference, is_run
from steelyard.sdk.media.png import read_image_size
from steelyard.sdk.terminal import termwarn

if TYPE_CHECKING:
    from steelyard.sdk.run import Run

FILE_TYPES: Final = ("png", "jpg", "jpeg", "bmp")


class Image(BatchableMedia):
    """An image to be logged.

    Args:
        data_or_path: an array (height, width, channels), a tensor of torch (channels, height,
            width), lists of rows, an image of Pillow, a figure of matplotlib, a path, another
            Image, or an address in a cloud store, which an artifact can refer to. Numbers go
            from 0 to 255; they are cut to whole ones, not scaled.
        mode: of Pillow: "L", "RGB", "RGBA" and others. Default: by the number of channels.
        caption: text beside the image.
        grouping: kept as it is given.
        classes: names of the classes in masks and boxes; artifacts need them.
        boxes: groups of boxes by name.
        masks: masks by name.
        file_type: png, jpg, jpeg or bmp, for what is no file already.

    Raises Invalid, WrongType, NoSuchFile or MissingLibrary for what cannot become an image.
    """

    MAX_ITEMS: ClassVar[int | None] = IMAGES_AT_ONCE_MAX
    _log_type = "image-file"
    _media_dir = "media/images"

    def __init__(
        self,
        data_or_path: Any,
        mode: str | None = None,
        caption: str | None = None,
        grouping: int | None = None,
        classes: Classes | Sequence[Mapping[str, Any]] | None = None,
        boxes: Mapping[str, BoundingBoxes2D | Mapping[str, Any]] | None = None,
        masks: Mapping[str, ImageMask | Mapping[str, Any]] | None = None,
        file_type: str | None = None,
    ) -> None:
        super().__init__(caption)
        self.format: str | None = None
        self._grouping: int | None = None
        self._width: int | None = None
        self._height: int | None = None
        self._classes: Classes | None = None
        self._boxes: dict[str, BoundingBoxes2D] | None = None
        self._masks: dict[str, ImageMask] | None = None
        self._file_type: str | None = None
        if isinstance(data_or_path, Image):
            self._take_over(data_or_path)
        elif is_reference(data_or_path):
            self._set_reference(data_or_path)
            self.format = urlsplit(data_or_path).path.rpartition("/")[2].rpartition(".")[2]
        elif isinstance(data_or_path, PATHS):
            self._read_file(os.fspath(data_or_path))
        else:
            self._encode(data_or_path, mode, file_type)
        if grouping is not None:
            self._grouping = grouping
        self._annotate(classes, boxes, masks)

    def _take_over(self, other: Image) -> None:
        """Be the same image: masks and boxes are not taken over, as with the official client."""
        if self._caption is None:
            self._caption = other._caption
        for name in (
            *("_path", "_is_tmp", "_extension", "_sha256", "_size", "_width", "_height", "format"),
            *("_grouping", "_classes", "_artifact_source", "_artifact_target"),
        ):
            setattr(self, name, getattr(other, name))
        if other._is_tmp and other._path is not None:  # each moves its own file into a run
            with open(other._path, "rb") as file:  # noqa: PTH123
                self._set_content(file.read(), os.path.splitext(other._path)[1])  # noqa: PTH122

    def _read_file(self, path: str) -> None:
        self._set_file(path)
        with open(path, "rb") as file:  # noqa: PTH123
            head = file.read(IMAGE_HEADER_BYTES)
        size = read_image_size(head) or _ask_pillow(path)
        if size is None:
            raise Invalid(
                f"{path!r} is no image that is known here (PNG, JPEG, GIF, BMP, WebP, and what "
                "Pillow reads); save it with run.save() if it is something else"
            )
        self._width, self._height = size
        self.format = os.path.splitext(path)[1][1:]  # noqa: PTH122

    def _encode(self, value: Any, mode: str | None, file_type: str | None) -> None:
        self.format = file_type or "png"
        if self.format not in FILE_TYPES:
            raise Invalid(f"file_type is one of {', '.join(FILE_TYPES)}, not {file_type!r}")
        if value is None:
            raise WrongType("Image takes a path, an array, lists of numbers or a figure, not None")
        if figures.is_matplotlib(value):
            content = figures.draw(value, self.format)
            if has_pillow():  # as the official client, which reads what was drawn
                import io

                import PIL.Image

                content = encode_pillow(PIL.Image.open(io.BytesIO(content)), self.format)
            size = read_image_size(content)
        elif full_type_name(value).startswith("PIL.") or _is_pillow(value):
            content, size = encode_pillow(value, self.format), value.size
        else:
            pixels = pixels_of(value, mode, file_type)
            content, size = encode_image(pixels, self.format), (pixels.width, pixels.height)
        if size is not None:
            self._width, self._height = size
        self._set_content(content, f".{self.format}")

    def _annotate(self, classes: Any, boxes: Any, masks: Any) -> None:
        names: dict[Any, str] = {}
        for what, given in (("boxes", boxes), ("masks", masks)):
            if given is not None and not isinstance(given, Mapping):
                raise Invalid(
                    f"{what} of an Image are a dict by name, not a {type(given).__name__}"
                )
        if boxes:
            self._boxes = {
                key: each if isinstance(each, BoundingBoxes2D) else BoundingBoxes2D(each, key)
                for key, each in boxes.items()
            }
            for group in self._boxes.values():
                names |= group._class_labels
        if masks:
            self._masks = {
                key: each if isinstance(each, ImageMask) else ImageMask(each, key)
                for key, each in masks.items()
            }
            for mask in self._masks.values():
                names |= mask.class_labels
        if classes is not None:
            names |= (classes if isinstance(classes, Classes) else Classes(classes)).names()
        if names:
            self._classes = Classes([{"id": key, "name": name} for key, name in names.items()])

    # ---- in runs and artifacts

    def bind_to_run(
        self,
        run: Run,
        key: int | str,
        step: int | str,
        id_: int | str | None = None,
        ignore_copy_err: bool | None = None,
    ) -> None:
        """As Media's, with the masks and boxes. What an artifact has already is not copied."""
        if run.offline or is_reference(self._path) or self._get_artifact_entry_ref_url() is None:
            super().bind_to_run(run, key, step, id_, ignore_copy_err)
        layers: list[Media] = [*(self._boxes or {}).values(), *(self._masks or {}).values()]
        for layer in layers:
            layer.bind_to_run(run, key, step)

    def to_json(self, run_or_artifact: Any) -> dict[str, Any]:
        """Source: wandb 0.31.0 sdk/data_types/image.py Image.to_json."""
        found = super().to_json(run_or_artifact)
        found["format"] = self.format
        if self._width is not None:
            found["width"] = self._width
        if self._height is not None:
            found["height"] = self._height
        if self._grouping:
            found["grouping"] = self._grouping
        if not is_run(run_or_artifact):
            self._add_classes(found, run_or_artifact)
        if self._boxes:
            found["boxes"] = {
                key: each.to_json(run_or_artifact) for key, each in self._boxes.items()
            }
        if self._masks:
            found["masks"] = {
                key: each.to_json(run_or_artifact) for key, each in self._masks.items()
            }
        return found

    def _add_classes(self, found: dict[str, Any], artifact: Any) -> None:
        if self._classes is None:
            if self._masks or self._boxes:
                raise Invalid(
                    "an Image with masks or boxes in an artifact or a table needs names for their "
                    'classes: Image(…, classes=[{"id": 0, "name": "cat"}])'
                )
            return
        # A name made of the content, as the official client's.
        text = str(self._classes._class_set).encode()
        digest = hashlib.md5(text, usedforsecurity=False).hexdigest()
        entry = artifact.add(self._classes, f"media/classes/{digest}_cls")
        found["classes"] = {"type": "classes-file", "path": entry.path, "digest": entry.digest}

    @classmethod
    def from_json(cls, json_obj: dict[str, Any], source_artifact: Any) -> Image:
        """The image that an artifact holds, with its masks and boxes."""
        classes = None
        if json_obj.get("classes") is not None:
            classes = source_artifact.get(json_obj["classes"]["path"])
        masks = {}
        for key, each in (json_obj.get("masks") or {}).items():
            masks[key] = ImageMask.from_json(each, source_artifact)
            masks[key]._set_artifact_source(source_artifact)
            masks[key]._key = key
        boxes = {}
        for key, each in (json_obj.get("boxes") or {}).items():
            boxes[key] = BoundingBoxes2D.from_json(each, source_artifact)
            boxes[key]._key = key
        return cls(
            str(source_artifact.get_entry(json_obj["path"]).download()),
            caption=json_obj.get("caption"),
            grouping=json_obj.get("grouping"),
            classes=classes,
            boxes=boxes or None,
            masks=masks or None,
        )

    @classmethod
    def seq_to_json(cls, seq: Sequence[Any], run: Any, key: str, step: int | str) -> dict[str, Any]:
        """A list of images is one value; its size is that of the first.

        Source: wandb 0.31.0 sdk/data_types/image.py Image.seq_to_json.
        """
        encoded = [image.to_json(run) for image in seq]
        sizes = {(image._width, image._height) for image in seq}
        if len(sizes) > 1:
            termwarn(
                f"the images of {key!r} have different sizes; they are shown at that of the first",
                repeat=False,
            )
        found: dict[str, Any] = {
            "_type": "images/separated",
            "width": seq[0]._width,
            "height": seq[0]._height,
            "format": encoded[0]["format"],
            "count": len(seq),
            "filenames": [each.get("path", each.get("artifact_path")) for each in encoded],
        }
        captions = cls.captions(seq)
        if captions:
            found["captions"] = captions
        for name, part in (("all_masks", "masks"), ("all_boxes", "boxes")):
            layers = [each.get(part) for each in encoded]
            if any(layer is not None for layer in layers):
                found[name] = layers
        return found

    # ---- reading

    @property
    def image(self) -> Any:
        """The image as Pillow has it; None for one that is only referred to."""
        if self._path is None or is_reference(self._path):
            return None
        import PIL.Image

        with PIL.Image.open(self._path) as opened:
            opened.load()
            return opened.copy()

    def to_data_array(self) -> list[Any]:
        """Rows of pixels."""
        image = self.image
        if image is None:
            return []
        pixels = [image.getpixel((x, y)) for y in range(image.height) for x in range(image.width)]
        return [pixels[row * image.width : (row + 1) * image.width] for row in range(image.height)]

    def guess_mode(self, data: Any, file_type: str | None = None) -> str:
        """The mode that an array of this shape gets."""
        from steelyard.sdk.media.pixels import guess_mode, is_tensor

        shape = tuple(data.shape)
        return guess_mode((*shape[1:], shape[0]) if is_tensor(data) else shape, file_type)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Image):
            return False
        return (
            self._sha256 == other._sha256
            and self._grouping == other._grouping
            and self._caption == other._caption
            and self._classes == other._classes
        )

    def __hash__(self) -> int:
        return object.__hash__(self)


def _is_pillow(value: object) -> bool:
    return any(kind.__module__ == "PIL.Image" for kind in type(value).__mro__)


def _ask_pillow(path: str) -> tuple[int, int] | None:
    """The size of an image of a kind that only Pillow knows."""
    if not has_pillow():
        return None
    import PIL.Image

    try:
        with PIL.Image.open(path) as opened:
            size: tuple[int, int] = opened.size
            return size
    except (OSError, SyntaxError, ValueError):
        return None
