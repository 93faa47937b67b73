"""Images in memory: what arrays, tensors and lists mean as pixels, and files made of them.

As the official client takes them: values from 0 to 255, cut to whole numbers, never scaled;
arrays as (height, width, channels), tensors of torch as (channels, height, width).
Source: wandb 0.31.0 sdk/data_types/image.py _initialize_from_data, guess_mode.
"""

from __future__ import annotations

import io
from importlib.util import find_spec
from typing import Any, Final

from steelyard.errors import Invalid, MissingLibrary, WrongType
from steelyard.limits import IMAGE_SIDE_MAX
from steelyard.sdk.media.media import full_type_name
from steelyard.sdk.media.png import encode_png
from steelyard.sdk.terminal import termwarn

MODE_OF_CHANNELS: Final = {1: "L", 3: "RGB", 4: "RGBA"}
CHANNELS_OF_MODE: Final = {mode: count for count, mode in MODE_OF_CHANNELS.items()}


class Pixels:
    """8-bit samples row by row, and the mode that the file shall have.

    `array` is a numpy array of them where there is one: whoever has it need not copy.
    """

    __slots__ = ("_data", "array", "channels", "height", "mode", "width")

    def __init__(
        self,
        width: int,
        height: int,
        channels: int,
        mode: str,
        *,
        data: bytes = b"",
        array: Any = None,
    ) -> None:
        self.width, self.height, self.channels, self.mode = width, height, channels, mode
        self._data, self.array = data, array

    def bytes(self) -> bytes:
        return self._data if self.array is None else self.array.tobytes()


def has_pillow() -> bool:
    """Whether Pillow is installed; it is not loaded for that."""
    return find_spec("PIL") is not None


def is_tensor(value: object) -> bool:
    """Whether it is a tensor of torch."""
    name = full_type_name(value)
    return name.startswith("torch.") and (
        "Tensor" in name or "Variable" in name or "Parameter" in name
    )


def pixels_of(value: Any, mode: str | None, file_type: str | None) -> Pixels:
    """The pixels of an array, a tensor or lists of lists. Raises Invalid for what is no image."""
    if is_tensor(value):
        return _pixels_of_tensor(value, mode, file_type)
    if hasattr(value, "numpy") and not hasattr(value, "__array_interface__"):  # TensorFlow
        value = value.numpy()
    if isinstance(value, list | tuple):
        return _pixels_of_lists(value, mode, file_type)
    if not hasattr(value, "ndim") and hasattr(value, "__array__"):  # jax and others
        value = value.__array__()
    if not (hasattr(value, "astype") and hasattr(value, "squeeze")):
        raise WrongType(
            f"Image takes a path, an array, a tensor, lists of numbers, a PIL image or a figure, "
            f"not a {full_type_name(value)}"
        )
    if value.dtype.kind not in "biuf":
        raise Invalid(f"an image is made of numbers, and the array holds {value.dtype}")
    shape = tuple(value.shape)
    if value.ndim > 2:
        value = value.squeeze()  # axes of length one say nothing
    return _pixels_of_array(value, shape, mode or guess_mode(tuple(value.shape), file_type))


def _pixels_of_tensor(value: Any, mode: str | None, file_type: str | None) -> Pixels:
    value = value.detach()
    shape = tuple(value.shape)
    if value.ndim == 2:
        value = value.unsqueeze(0)
    if value.ndim != 3:
        raise _wrong_shape(shape)
    mode = mode or guess_mode((*value.shape[1:], value.shape[0]), file_type)
    if str(value.dtype) == "torch.bfloat16":  # numpy has no such
        value = value.float()
    array = value.permute(1, 2, 0).cpu().numpy()
    if array.ndim > 2:
        array = array.squeeze()
    return _pixels_of_array(array, shape, mode)


def _pixels_of_array(value: Any, shape: tuple[int, ...], mode: str) -> Pixels:
    if 0 in shape:
        raise Invalid(f"an image of shape {list(shape)} has no pixels")
    if value.ndim not in (2, 3):
        raise _wrong_shape(shape)
    height, width = value.shape[:2]
    _check_sides(width, height)
    channels = value.shape[2] if value.ndim == 3 else 1
    array = value.astype("uint8", order="C")
    return Pixels(width, height, channels, mode, array=array)


def _pixels_of_lists(
    value: list[Any] | tuple[Any, ...], mode: str | None, file_type: str | None
) -> Pixels:
    """Rows of numbers, or of pixels that are lists of numbers."""
    height = len(value)
    width = len(value[0]) if height and hasattr(value[0], "__len__") else 0
    if not height or not width:
        raise Invalid("an image as lists is a list of rows, each a list of numbers or of pixels")
    first = value[0][0]
    channels = len(first) if hasattr(first, "__len__") else 1
    _check_sides(width, height)
    mode = mode or guess_mode((height, width, channels), file_type)
    data = bytearray()
    for place, row in enumerate(value):
        if not hasattr(row, "__len__") or len(row) != width:
            raise Invalid(f"row {place} of the image is not {width} pixels wide, as row 0 is")
        try:
            if hasattr(first, "__len__"):
                if any(len(pixel) != channels for pixel in row):
                    raise Invalid(f"a pixel of row {place} has not {channels} numbers")
                data += bytes(int(number) for pixel in row for number in pixel)
            else:
                data += bytes(map(int, row))
        except (TypeError, ValueError, OverflowError) as problem:
            if isinstance(problem, Invalid):
                raise
            raise Invalid(
                f"row {place} of the image holds what is no number from 0 to 255 ({problem})"
            ) from None
    return Pixels(width, height, channels, mode, data=bytes(data))


def guess_mode(shape: tuple[int, ...], file_type: str | None) -> str:
    """The mode of Pillow for (height, width) or (height, width, channels)."""
    channels = shape[-1] if shape else 0
    if len(shape) == 2 or channels == 1:
        return "L"
    if channels == 3:
        return "RGB"
    if channels != 4:
        raise _wrong_shape(shape)
    if file_type in ("jpg", "jpeg"):
        termwarn("JPEG has no transparency, so it is left out of the image", repeat=False)
        return "RGB"
    return "RGBA"


def _wrong_shape(shape: tuple[int, ...]) -> Invalid:
    return Invalid(
        f"an array of shape {list(shape)} is no image: it has height and width, and 1, 3 or 4 "
        "channels (last in arrays, first in tensors of torch)"
    )


def _check_sides(width: int, height: int) -> None:
    if max(width, height) > IMAGE_SIDE_MAX:
        raise Invalid(
            f"an image of {width} x {height} pixels is larger than {IMAGE_SIDE_MAX} on a side"
        )


def encode_image(pixels: Pixels, file_type: str) -> bytes:
    """The file of the pixels. Without Pillow: PNG, of modes L, RGB and RGBA."""
    if has_pillow():
        import PIL.Image

        if pixels.array is not None:
            image = PIL.Image.fromarray(pixels.array)
        else:
            own_mode = MODE_OF_CHANNELS[pixels.channels]
            image = PIL.Image.frombytes(own_mode, (pixels.width, pixels.height), pixels.bytes())
        return encode_pillow(image.convert(pixels.mode), file_type)
    if file_type != "png" or CHANNELS_OF_MODE.get(pixels.mode) != pixels.channels:
        raise MissingLibrary(
            f"an image of mode {pixels.mode!r} as {file_type} from {pixels.channels} channels",
            "pillow",
            'file_type="png" and no mode work without',
        )
    return encode_png(pixels.bytes(), pixels.width, pixels.height, pixels.channels)


def encode_pillow(image: Any, file_type: str) -> bytes:
    """The file of an image of Pillow."""
    if 0 in image.size:
        raise Invalid(f"an image of {image.size[0]} x {image.size[1]} pixels has no pixels")
    buffer = io.BytesIO()
    # As by its name: jpg is JPEG. wandb 0.31.0 saves with transparency=None, and so do we.
    kind = "jpeg" if file_type == "jpg" else file_type
    try:
        image.save(buffer, format=kind, transparency=None)
    except (OSError, ValueError, SystemError) as problem:
        raise Invalid(
            f"an image of mode {image.mode!r} cannot be saved as {file_type} ({problem}); "
            'pass mode="RGB", or another file_type'
        ) from problem
    return buffer.getvalue()


def pixels_of_mask(value: Any) -> tuple[Pixels, set[int]]:
    """(grey pixels, the numbers in them) of rows of whole numbers from 0 to 255."""
    if hasattr(value, "detach"):
        value = value.detach().cpu().numpy()
    if isinstance(value, list | tuple):
        if value and any(isinstance(each, list | tuple) for each in value[0]):
            raise Invalid("mask_data is rows of numbers: two dimensions, not three")
        pixels = _pixels_of_lists(value, "L", None)
        return pixels, set(pixels.bytes())
    if getattr(value, "ndim", None) != 2:
        raise Invalid(
            f"mask_data is rows of numbers: two dimensions, not {getattr(value, 'shape', value)!r}"
        )
    if 0 in value.shape:
        raise Invalid(f"mask_data of shape {list(value.shape)} has no pixels")
    if not ((value >= 0).all() and (value <= 255).all()):
        raise Invalid("mask_data holds numbers that are not from 0 to 255")
    array = value.astype("uint8", order="C")
    pixels = Pixels(array.shape[1], array.shape[0], 1, "L", array=array)
    return pixels, set(pixels.bytes())
