"""Things in space: clouds of points with boxes, and 3D files."""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from steelyard.errors import Invalid, WrongType
from steelyard.sdk.media.media import PATHS, BatchableMedia, encode_json
from steelyard.sdk.media.places import is_run

_LIDAR = "lidar/beta"
_SHAPES = "rows of [x, y, z], [x, y, z, category] (1 to 14) or [x, y, z, red, green, blue]"


class Object3D(BatchableMedia):
    """Something in space.

    Args:
        data_or_path: points, as an array or lists: rows of [x, y, z], of [x, y, z, category]
            with categories from 1 to 14, or of [x, y, z, red, green, blue]; a dict
            {"type": "lidar/beta", "points", "boxes", "vectors"}; the path of an obj, gltf, glb,
            babylon, stl or pts.json file, or an open one.
        caption: text beside it.
        file_type: one of those, for an open file without a name.
    """

    SUPPORTED_TYPES: ClassVar[frozenset[str]] = frozenset(
        {"obj", "gltf", "glb", "babylon", "stl", "pts.json"}
    )
    SUPPORTED_POINT_CLOUD_TYPES: ClassVar[frozenset[str]] = frozenset({_LIDAR})
    _log_type = "object3D-file"
    _media_dir = "media/object3D"

    def __init__(self, data_or_path: Any, caption: str | None = None, **kwargs: str | None) -> None:
        super().__init__(caption)
        if not isinstance(data_or_path, PATHS) and isinstance(
            getattr(data_or_path, "name", None), str
        ):
            data_or_path = data_or_path.name
        if isinstance(data_or_path, PATHS):
            self._read_file(os.fspath(data_or_path))
        elif hasattr(data_or_path, "read"):
            self._read_stream(data_or_path, kwargs.get("file_type"))
        elif isinstance(data_or_path, Mapping):
            self._set_content(encode_json(_plain_scene(data_or_path)), ".pts.json")
        else:
            self._set_content(encode_json(_plain_points(data_or_path)), ".pts.json")

    def _read_file(self, path: str) -> None:
        kinds = [kind for kind in self.SUPPORTED_TYPES if path.endswith(kind)]
        if not kinds:
            raise Invalid(
                f"Object3D takes files that end in {', '.join(sorted(self.SUPPORTED_TYPES))}, "
                f"not {path!r}"
            )
        self._set_file(path, extension=f".{kinds[0]}" if path.endswith(f".{kinds[0]}") else None)

    def _read_stream(self, stream: Any, file_type: str | None) -> None:
        if file_type not in self.SUPPORTED_TYPES:
            raise Invalid(
                "Object3D of an open file without a name needs file_type=, one of "
                f"{', '.join(sorted(self.SUPPORTED_TYPES))}, not {file_type!r}"
            )
        if hasattr(stream, "seek"):
            stream.seek(0)
        content = stream.read()
        data = content.encode() if isinstance(content, str) else content
        self._set_content(data, f".{file_type}")

    @classmethod
    def from_file(cls, data_or_path: Any, file_type: str | None = None) -> Object3D:
        """A 3D file; `file_type` is for an open one without a name."""
        return cls(data_or_path, file_type=file_type)

    @classmethod
    def from_numpy(cls, data: Any) -> Object3D:
        """Points in an array."""
        if not hasattr(data, "tolist"):
            raise WrongType(f"from_numpy() takes an array, not a {type(data).__name__}")
        return cls(data)

    @classmethod
    def from_point_cloud(
        cls,
        points: Sequence[Any],
        boxes: Sequence[Any],
        vectors: Sequence[Any] | None = None,
        point_cloud_type: str = _LIDAR,
    ) -> Object3D:
        """Points with boxes around some (see `box3d`), and vectors {"start", "end"}."""
        return cls(
            {
                "type": point_cloud_type,
                "points": _like_array(points),
                "boxes": boxes,
                "vectors": [] if vectors is None else vectors,
            }
        )

    def to_json(self, run_or_artifact: Any) -> dict[str, Any]:
        if not is_run(run_or_artifact) and not str(self._path).endswith(".pts.json"):
            raise Invalid(
                "an artifact or a table takes an Object3D of points; add other 3D files with "
                "artifact.add_file()"
            )
        return super().to_json(run_or_artifact)

    @classmethod
    def seq_to_json(cls, seq: Sequence[Any], run: Any, key: str, step: int | str) -> dict[str, Any]:
        """Source: wandb 0.31.0 sdk/data_types/object_3d.py Object3D.seq_to_json."""
        encoded = [each.to_json(run) for each in seq]
        return {
            "_type": "object3D",
            "filenames": [
                os.path.relpath(each["path"], cls._media_dir) for each in encoded if "path" in each
            ],
            "count": len(encoded),
            "objects": encoded,
        }


def _plain_points(value: Any) -> list[Any]:
    shape = getattr(value, "shape", None)
    points = value.tolist() if hasattr(value, "tolist") else value
    if isinstance(points, str | bytes) or not isinstance(points, list | tuple):
        raise WrongType(
            f"Object3D takes points, a dict, a path or an open file, not a {type(value).__name__}"
        )
    widths = {len(row) if isinstance(row, list | tuple) else 0 for row in points}
    if (shape is not None and len(shape) != 2) or len(widths) != 1 or not widths <= {3, 4, 6}:
        found = f"shape {list(shape)}" if shape is not None else f"rows of {sorted(widths)}"
        raise Invalid(f"points are {_SHAPES}, not {found}")
    return [_plain(row) for row in points]


def _plain_scene(value: Mapping[str, Any]) -> dict[str, Any]:
    if value.get("type") != _LIDAR:
        raise Invalid(f'the "type" of a scene is {_LIDAR!r}, not {value.get("type")!r}')
    return {
        "type": _LIDAR,
        "vectors": _plain(value.get("vectors", [])),
        "points": _plain(value.get("points", [])),
        "boxes": _plain(value.get("boxes", [])),
    }


def _like_array(points: Any) -> Any:
    """The points with all numbers as floats if one is, as in an array."""
    rows = _plain(points)
    if any(isinstance(number, float) for row in rows for number in row):
        return [[float(number) for number in row] for row in rows]
    return rows


def _plain(value: Any) -> Any:
    """Lists, dicts and numbers of what is made of arrays."""
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def box3d(
    *,
    center: Any,
    size: Any,
    orientation: Any,
    color: Any,
    label: str | None = None,
    score: float | None = None,
) -> dict[str, Any]:
    """A box in space, for `Object3D.from_point_cloud`.

    Args:
        center, size: three numbers each.
        orientation: a quaternion r, x, y, z that is not zero: how the box is turned.
        color: red, green and blue.
        label: text at the box.
        score: how sure a model is of it.

    Source: wandb 0.31.0 sdk/data_types/object_3d.py box3d. It drops the signs of the quaternion
    (_normalize_vec); so is it done here, for the same box is to look the same.
    """
    middle, sides = _numbers(center, 3, "center"), _numbers(size, 3, "size")
    rotation = _rotation(_numbers(orientation, 4, "orientation"))
    corners = []
    for signs in itertools.product((-1, 1), repeat=3):
        local = [0.5 * side * sign for side, sign in zip(sides, signs, strict=True)]
        corners.append(
            tuple(
                middle[axis] + sum(local[row] * rotation[row][axis] for row in range(3))
                for axis in range(3)
            )
        )
    return {"corners": tuple(corners), "color": color, "label": label, "score": score}


def _numbers(value: Any, count: int, name: str) -> list[float]:
    found = value.tolist() if hasattr(value, "tolist") else value
    try:
        numbers = [float(each) for each in found]
    except (TypeError, ValueError):
        numbers = []
    if len(numbers) != count or not all(map(math.isfinite, numbers)):
        raise Invalid(f"{name} of a box is {count} numbers, not {value!r}")
    return numbers


def _rotation(quaternion: list[float]) -> list[list[float]]:
    """The matrix R of points @ R. Source: Shoemake (1985), transposed."""
    largest = max(map(abs, quaternion))
    if largest == 0:
        raise Invalid("orientation of a box is a quaternion that is not zero")
    scaled = [abs(each) / largest for each in quaternion]
    length = math.sqrt(math.fsum(each * each for each in scaled))
    r, i, j, k = (each / length for each in scaled)
    return [
        [1 - 2 * (j * j + k * k), 2 * (i * j + k * r), 2 * (i * k - j * r)],
        [2 * (i * j - k * r), 1 - 2 * (i * i + k * k), 2 * (j * k + i * r)],
        [2 * (i * k + j * r), 2 * (j * k - i * r), 1 - 2 * (i * i + j * j)],
    ]
