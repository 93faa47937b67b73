"""Images: which arrays, lists and files become one, and what they say of themselves."""

from __future__ import annotations

import io
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.data_types import BoundingBoxes2D, Classes, Image, ImageMask, Video
from steelyard.errors import Invalid, NoSuchFile, WrongType
from steelyard.sdk.media.png import encode_png, read_image_size


def opened(image: Image) -> Any:
    assert image._path is not None
    return np.asarray(PIL.Image.open(image._path))


@given(
    data=st.data(),
    width=st.integers(1, 9),
    height=st.integers(1, 9),
    channels=st.sampled_from([1, 2, 3, 4]),
)
def test_pillow_reads_what_our_own_writer_writes(
    data: st.DataObject, width: int, height: int, channels: int
) -> None:
    count = width * height * channels
    samples = data.draw(st.binary(min_size=count, max_size=count))
    image = PIL.Image.open(io.BytesIO(encode_png(samples, width, height, channels)))
    assert image.size == (width, height)
    assert image.tobytes() == samples


@pytest.mark.parametrize("kind", ["png", "jpeg", "gif", "bmp", "webp", "tiff"])
@settings(max_examples=20)
@given(width=st.integers(1, 300), height=st.integers(1, 300))
def test_the_size_of_a_file_is_read_from_its_head(kind: str, width: int, height: int) -> None:
    buffer = io.BytesIO()
    PIL.Image.new("RGB", (width, height)).save(buffer, format=kind)
    expected = None if kind == "tiff" else (width, height)
    assert read_image_size(buffer.getvalue()) == expected


@given(st.binary(max_size=40))
def test_a_damaged_head_has_no_size_and_raises_nothing(data: bytes) -> None:
    for start in (
        b"",
        b"\x89PNG\r\n\x1a\n0000IHDR",
        b"\xff\xd8\xff",
        b"GIF89a",
        b"BM",
        b"RIFF0000WEBP",
    ):
        found = read_image_size(start + data)
        assert found is None or min(found) > 0


def test_a_file_that_only_pillow_knows_has_a_size(tmp_path: Path) -> None:
    PIL.Image.new("L", (7, 3)).save(tmp_path / "a.tiff")
    image = Image(tmp_path / "a.tiff")
    assert (image._width, image._height, image.format) == (7, 3, "tiff")


def test_lists_are_rows_of_numbers_or_of_pixels() -> None:
    assert opened(Image([[0, 128], [255, 1], [2, 3]])).tolist() == [[0, 128], [255, 1], [2, 3]]
    pixels = [[(255, 0, 0), (0, 255, 0)]]
    assert opened(Image(pixels)).tolist() == [[[255, 0, 0], [0, 255, 0]]]


def test_an_array_in_another_order_in_memory_is_the_same_image() -> None:
    array = np.asfortranarray(np.arange(24, dtype=np.uint8).reshape(4, 2, 3))
    assert opened(Image(array)).tolist() == array.tolist()
    assert opened(Image(array[::-1, ::-1])).tolist() == array[::-1, ::-1].tolist()


class Tensor:
    """What `Image` asks a tensor of torch for; torch itself is 800 MB."""

    __module__ = "torch"

    def __init__(self, array: Any) -> None:
        self.array = array
        self.ndim, self.shape = array.ndim, array.shape
        self.dtype = f"torch.{array.dtype}"

    def detach(self) -> Tensor:
        return self

    def cpu(self) -> Tensor:
        return self

    def float(self) -> Tensor:
        return Tensor(self.array.astype(np.float32))

    def permute(self, *axes: int) -> Tensor:
        return Tensor(self.array.transpose(axes))

    def unsqueeze(self, axis: int) -> Tensor:
        return Tensor(np.expand_dims(self.array, axis))

    def numpy(self) -> Any:
        return self.array


@pytest.mark.parametrize("shape", [(3, 5, 4), (1, 5, 4), (4, 5, 4), (5, 4)])
def test_a_tensor_has_its_channels_first(shape: tuple[int, ...]) -> None:
    array = np.arange(np.prod(shape)).reshape(shape).astype(np.float32)
    image = Image(Tensor(array))
    assert (image._width, image._height) == (4, 5)
    expected = array.transpose(1, 2, 0).squeeze() if len(shape) == 3 else array
    assert opened(image).tolist() == expected.astype(np.uint8).tolist()


@pytest.mark.parametrize(
    ("value", "kind", "says"),
    [
        (np.zeros((0, 4, 3), np.uint8), Invalid, "no pixels"),
        (np.zeros((4, 0), np.uint8), Invalid, "no pixels"),
        (np.zeros(3, np.uint8), Invalid, "no image"),
        (np.zeros((2, 2, 2, 3, 3), np.uint8), Invalid, "no image"),
        (np.zeros((2, 2, 5), np.uint8), Invalid, "1, 3 or 4 channels"),
        (np.array([["a", "b"]]), Invalid, "made of numbers"),
        (np.zeros((1, 70_000), np.uint8), Invalid, "larger than 65500"),
        ([], Invalid, "list of rows"),
        ([[]], Invalid, "list of rows"),
        ([[1, 2], [3]], Invalid, "row 1"),
        ([[1, 300]], Invalid, "row 0"),
        ([[1, -1]], Invalid, "0 to 255"),
        ([[1, None]], Invalid, "row 0"),
        ([[(1, 2, 3), (1, 2)]], Invalid, "not 3 numbers"),
        (7, WrongType, "not a builtins.int"),
        (None, WrongType, "None"),
        ({"a": 1}, WrongType, "dict"),
        ("nowhere.png", NoSuchFile, "nowhere.png"),
        ("/dev/null", Invalid, "device"),
        ("/", Invalid, "directory"),
    ],
)
def test_what_is_no_image_says_why(value: Any, kind: type[Exception], says: str) -> None:
    with pytest.raises(kind, match=says):
        Image(value)


def test_a_file_that_is_no_image_says_what_would_be(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("no image")
    with pytest.raises(Invalid, match=r"no image that is known.*run\.save"):
        Image(tmp_path / "a.png")
    (tmp_path / "empty.png").touch()
    with pytest.raises(Invalid, match="no image"):
        Image(tmp_path / "empty.png")


def test_a_mode_that_a_kind_of_file_has_not_says_so() -> None:
    with pytest.raises(Invalid, match="jpg"):
        Image(np.zeros((2, 2, 3), np.uint8), mode="RGBA", file_type="jpg")


def test_a_caption_is_text() -> None:
    assert Image([[1]], caption="\udc80")._caption == "\\udc80"
    assert Image([[1]], caption=3)._caption == "3"  # type: ignore[arg-type]  # scripts do it
    with pytest.raises(WrongType, match="caption"):
        Image([[1]], caption=["a"])  # type: ignore[arg-type]  # on purpose


def test_an_image_of_an_image_has_a_file_of_its_own() -> None:
    first = Image([[1, 2]], caption="a", grouping=2)
    second = Image(first, caption="b")
    assert first._path != second._path
    assert (second._caption, second._grouping, second._width) == ("b", 2, 2)
    assert first == Image(first)
    assert first != second


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ({}, "mask_data"),
        ({"mask_data": [[1.5]], "class_labels": {"a": "b"}}, "numbers to names"),
        ({"mask_data": [[1]], "class_labels": {1: 2}}, "numbers to names"),
        ({"mask_data": [[300]]}, "0 to 255"),
        ({"mask_data": [[[1]]]}, "two dimensions"),
        ({"mask_data": np.zeros((0, 3))}, "no pixels"),
    ],
)
def test_a_mask_that_is_none_says_why(value: Any, says: str) -> None:
    with pytest.raises(TypeError, match=says):
        ImageMask(value, "m")


def test_a_mask_names_its_classes() -> None:
    mask = ImageMask({"mask_data": [[0, 3], [3, 0]]}, "m")
    assert mask.class_labels == {0: "class_0", 3: "class_3"}
    assert opened(mask).tolist() == [[0, 3], [3, 0]]  # type: ignore[arg-type]  # it has a path


@pytest.mark.parametrize(
    ("box", "says"),
    [
        ({}, "position"),
        ({"position": {"minX": 1}}, "position"),
        ({"position": {"middle": [1], "width": 1, "height": 1}}, "position"),
        ({"position": {"middle": [1, 2], "width": "1", "height": 1}}, "position"),
        ({"class_id": "cat"}, "class_id"),
        ({"scores": [1]}, "scores"),
        ({"scores": {"a": "b"}}, "scores"),
        ({"box_caption": 5}, "box_caption"),
    ],
)
def test_a_box_that_is_none_says_why(box: dict[str, Any], says: str) -> None:
    corners = {"minX": 0, "maxX": 1, "minY": 0, "maxY": 1}
    whole = box if says == "position" else {"position": corners, **box}
    with pytest.raises(TypeError, match=says):
        BoundingBoxes2D({"box_data": [whole]}, "b")


def test_numbers_of_numpy_in_a_box_are_plain_and_the_users_dict_stays_as_it_is() -> None:
    box = {
        "position": {"middle": np.array([1.0, 2.0]), "width": np.float32(3), "height": 4},
        "class_id": np.int64(2),
        "scores": {"acc": np.float64(0.5)},
    }
    made = BoundingBoxes2D({"box_data": [box]}, "b")
    assert made._val[0]["position"] == {"middle": [1.0, 2.0], "width": 3.0, "height": 4}
    assert made._class_labels == {2: "class_2"}
    assert isinstance(box["position"]["middle"], np.ndarray)


def test_classes_need_ids_and_names() -> None:
    with pytest.raises(Invalid, match="class 1"):
        Classes([{"id": 1, "name": "a"}, {"id": 2}])


def test_a_long_file_is_never_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    with path.open("wb") as file:
        file.truncate(300 * 1024 * 1024)
    tracemalloc.start()
    try:
        film = Video(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert film._size == 300 * 1024 * 1024
    assert peak < 4 * 1024 * 1024


def test_images_and_sounds_of_lists_need_no_library(tmp_path: Path) -> None:
    code = """
import sys
for name in ("numpy", "PIL", "pandas", "soundfile"):
    sys.modules[name] = None
import steelyard as wandb
run = wandb.init(mode="offline", project="p")
run.log({
    "image": wandb.Image([[[1, 2, 3], [4, 5, 6]]], masks={"m": {"mask_data": [[1, 0]]}}),
    "list": [wandb.Image([[1]]), wandb.Image([[2]])],
    "sound": wandb.Audio([0.0, 0.5], sample_rate=8000),
    "points": wandb.Object3D([[1, 2, 3]]),
    "table": wandb.Table(columns=["i", "x"], data=[[wandb.Image([[1]], classes=[]), 0.5]]),
    "roc": wandb.plot.roc_curve([0, 1], [[0.9, 0.1], [0.2, 0.8]]),
    "matrix": wandb.plot.confusion_matrix(preds=[0, 1], y_true=[0, 0]),
})
try:
    wandb.Image([[1]], file_type="jpg")
except ImportError as error:
    print(error)
run.finish()
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "pip install pillow" in done.stdout
    (png,) = tmp_path.glob("steelyard/offline-run-*/files/media/images/image_0_*.png")
    assert np.asarray(PIL.Image.open(png)).tolist() == [[[1, 2, 3], [4, 5, 6]]]
