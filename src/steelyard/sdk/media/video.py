"""Films."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from typing import Any, ClassVar, Final

from steelyard.errors import Invalid, WrongType
from steelyard.limits import VIDEO_FRAMES_MAX
from steelyard.sdk.media.libraries import load_library
from steelyard.sdk.media.media import PATHS, BatchableMedia
from steelyard.sdk.media.pixels import has_pillow
from steelyard.sdk.media.places import new_scratch_file
from steelyard.sdk.terminal import termwarn

FPS: Final = 4


class Video(BatchableMedia):
    """A film to be logged.

    Args:
        data_or_path: a path; an open binary file or bytes; or an array (time, channels, height,
            width), or several such, which are shown beside each other.
        caption: text beside it.
        fps: frames per second of an array. Default: 4.
        format: gif, mp4, webm or ogg; needed for all but paths.

    An array becomes a gif with Pillow; mp4 and the others need moviepy.
    """

    EXTS: ClassVar[tuple[str, ...]] = ("gif", "mp4", "webm", "ogg")
    _log_type = "video-file"
    _media_dir = "media/videos"

    def __init__(
        self,
        data_or_path: Any,
        caption: str | None = None,
        fps: int | None = None,
        format: str | None = None,
    ) -> None:
        super().__init__(caption)
        self._width: int | None = None
        self._height: int | None = None
        self._channels: int | None = None
        self._format: str = ""
        if fps is not None and (isinstance(fps, bool) or not fps > 0):
            raise Invalid(f"fps is a number above 0, not {fps!r}")
        is_array = hasattr(data_or_path, "shape") or hasattr(data_or_path, "numpy")
        if fps and not is_array:
            termwarn("fps changes nothing about a video that is a file already")
        if isinstance(data_or_path, bytes | bytearray) or hasattr(data_or_path, "read"):
            self._format = self._require_format(format, "bytes")
            content = data_or_path.read() if hasattr(data_or_path, "read") else data_or_path
            if isinstance(content, str):
                raise WrongType("Video takes a file opened for bytes: open(path, 'rb')")
            self._set_content(bytes(content), f".{self._format}")
        elif isinstance(data_or_path, PATHS):
            self._read_file(os.fspath(data_or_path))
        elif is_array:
            self._format = self._require_format(format, "an array")
            self._encode(data_or_path, fps or FPS)
        else:
            raise WrongType(
                f"Video takes a path, bytes or an array, not a {type(data_or_path).__name__}"
            )

    def _read_file(self, path: str) -> None:
        self._format = os.path.splitext(path)[1][1:].lower()  # noqa: PTH122
        if self._format not in self.EXTS:
            raise Invalid(f"Video takes files that end in {', '.join(self.EXTS)}, not {path!r}")
        self._set_file(path)
        if not self._size:
            raise Invalid(f"Video: {path!r} is empty; was it written to its end?")

    @classmethod
    def _require_format(cls, format: str | None, source: str) -> str:
        if format is None:
            raise Invalid(f"Video of {source} needs format=, one of {', '.join(cls.EXTS)}")
        if format not in cls.EXTS:
            raise Invalid(f"format is one of {', '.join(cls.EXTS)}, not {format!r}")
        return format

    def _encode(self, value: Any, fps: float) -> None:
        frames = arrange_frames(value)
        _, self._height, self._width, self._channels = frames.shape
        if self._format == "gif" and has_pillow():
            self._set_content(encode_gif(frames, fps), ".gif")
            return
        path = new_scratch_file(f".{self._format}")
        write_with_moviepy(frames, fps, path, self._format)
        self._set_file(path, is_tmp=True)

    def to_json(self, run_or_artifact: Any) -> dict[str, Any]:
        found = super().to_json(run_or_artifact)
        if self._width is not None:
            found["width"] = self._width
        if self._height is not None:
            found["height"] = self._height
        return found

    @classmethod
    def seq_to_json(cls, seq: Sequence[Any], run: Any, key: str, step: int | str) -> dict[str, Any]:
        """Source: wandb 0.31.0 sdk/data_types/video.py Video.seq_to_json."""
        return {
            "_type": "videos",
            "count": len(seq),
            "videos": [film.to_json(run) for film in seq],
            "captions": cls.captions(seq),
        }


def arrange_frames(value: Any) -> Any:
    """uint8[time, height, width, channels] of (films,) time, channels, height, width.

    Several films stand beside each other on one picture, in rows; where their number is no power
    of two, black ones are added. Source: wandb 0.31.0 sdk/data_types/video.py _prepare_video.
    """
    if hasattr(value, "detach"):
        value = value.detach().cpu()
    array = value.numpy() if hasattr(value, "numpy") else value
    if not hasattr(array, "astype"):
        raise WrongType(f"Video takes an array of numbers, not a {type(value).__name__}")
    if array.ndim not in (4, 5):
        raise Invalid(
            f"an array of shape {list(array.shape)} is no video: it has time, channels, height and "
            "width, and may have several of those"
        )
    if 0 in array.shape:
        raise Invalid(f"a video of shape {list(array.shape)} has no pixels")
    if array.shape[-3] not in (1, 3, 4):
        raise Invalid(
            f"a video of shape {list(array.shape)} has {array.shape[-3]} channels; it can have 1, "
            "3 or 4, and they come before height and width"
        )
    if array.ndim == 4:
        array = array.reshape(1, *array.shape)
    films, times, channels, height, width = array.shape
    if times > VIDEO_FRAMES_MAX:
        raise Invalid(f"a video of {times:,} frames is longer than {VIDEO_FRAMES_MAX:,}")
    array = array.astype("uint8")
    count = 1 << (films - 1).bit_length()
    if count > films:
        padded = array[:1].repeat(count, axis=0)
        padded[:films], padded[films:] = array, 0
        array = padded
    rows = 2 ** ((films.bit_length() - 1) // 2)
    columns = count // rows
    array = array.reshape(rows, columns, times, channels, height, width)
    array = array.transpose(2, 0, 4, 1, 5, 3)
    return array.reshape(times, rows * height, columns * width, channels)


def encode_gif(frames: Any, fps: float) -> bytes:
    """An endless gif."""
    import PIL.Image

    images = []
    for frame in frames:
        image = PIL.Image.fromarray(frame[..., 0] if frame.shape[-1] == 1 else frame)
        images.append(image.convert("RGB") if image.mode == "RGBA" else image)
    buffer = io.BytesIO()
    images[0].save(
        buffer,
        format="gif",
        save_all=True,
        append_images=images[1:],
        duration=round(1000 / fps),
        loop=0,
    )
    return buffer.getvalue()


def write_with_moviepy(frames: Any, fps: float, path: str, format: str) -> None:
    """Write the file. Raises MissingLibrary without moviepy, Invalid for what it cannot encode."""
    library = load_library(
        "moviepy.video.io.ImageSequenceClip",
        f"{format} of an array",
        package="pillow" if format == "gif" else "moviepy",
        otherwise="" if format == "gif" else 'format="gif" needs only pillow',
    )
    if frames.shape[-1] == 1:
        frames = frames.repeat(3, axis=-1)
    clip = library.ImageSequenceClip(list(frames), fps=fps)
    try:
        if format == "gif":
            clip.write_gif(path, fps=fps, logger=None)
        else:
            clip.write_videofile(path, logger=None)
    except Exception as problem:
        raise Invalid(f"moviepy cannot write the video as {format}: {problem}") from problem
