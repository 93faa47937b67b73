"""Sounds, films, pages, molecules and things in space."""

from __future__ import annotations

import io
import json
import wave
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
from hypothesis import given
from hypothesis import strategies as st

import steelyard
from steelyard.data_types import (
    Audio,
    Bokeh,
    Graph,
    Html,
    Molecule,
    Node,
    Object3D,
    Plotly,
    Video,
    box3d,
)
from steelyard.errors import Invalid, MissingLibrary, NoSuchFile, WrongType
from steelyard.sdk.media.audio import encode_wav
from steelyard.sdk.media.video import arrange_frames


def samples_of(data: bytes) -> Any:
    with wave.open(io.BytesIO(data)) as file:
        found = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        return found.reshape(-1, file.getnchannels())


@given(st.lists(st.floats(-2, 2, width=32), max_size=50))
def test_a_sound_of_floats_is_the_same_from_a_list_and_from_an_array(samples: list[float]) -> None:
    """Within one step of the 65,536: in double precision the factor is 2**31 - 1."""
    listed, count = encode_wav(samples, 8000)
    single, _ = encode_wav(np.array(samples, np.float32), 8000)
    double, _ = encode_wav(np.array(samples, np.float64), 8000)
    assert count == len(samples)
    assert listed == double
    loud = [max(-(2**31), min(2**31 - 1, round(each * 2**31))) for each in samples]
    expected = [each >> 16 for each in loud]
    assert samples_of(single)[:, 0].tolist() == expected
    assert np.abs(samples_of(double)[:, 0].astype(int) - expected).max(initial=0) <= 1


@given(st.lists(st.integers(-(2**15), 2**15 - 1), min_size=1, max_size=50))
def test_whole_numbers_are_samples_as_they_are(samples: list[int]) -> None:
    assert samples_of(encode_wav(samples, 8000)[0])[:, 0].tolist() == samples
    for kind in (np.int16, np.int64):
        assert samples_of(encode_wav(np.array(samples, kind), 8000)[0])[:, 0].tolist() == samples
    loud = np.array(samples, np.int32) << 16
    assert samples_of(encode_wav(loud, 8000)[0])[:, 0].tolist() == samples


def test_a_sound_has_channels() -> None:
    stereo = [[1, 2], [3, 4], [5, 6]]
    assert samples_of(encode_wav(stereo, 8000)[0]).tolist() == stereo
    assert samples_of(encode_wav(np.array(stereo, np.int16), 8000)[0]).tolist() == stereo
    assert Audio(stereo, sample_rate=2)._duration == 1.5


@pytest.mark.parametrize(
    ("samples", "rate", "says"),
    [
        ([0.5], None, "sample_rate"),
        ([0.5], 0, "above 0"),
        ([0.5], "8000", "whole number"),
        (["a"], 8000, "finite numbers"),
        ([float("nan")], 8000, "finite numbers"),
        ([[1, 2], [3]], 8000, "each moment"),
        (5, 8000, "not a int"),
        (np.zeros((2, 2, 2)), 8000, "no sound"),
        (np.array(["a"]), 8000, "floats or whole numbers"),
        ("nowhere.wav", None, "nowhere.wav"),
    ],
)
def test_what_is_no_sound_says_why(samples: Any, rate: Any, says: str) -> None:
    with pytest.raises(Invalid, match=says):
        Audio(samples, sample_rate=rate)


def test_an_empty_sound_is_a_file_without_samples() -> None:
    assert samples_of(encode_wav([], 8000)[0]).size == 0
    assert encode_wav(np.array([float("nan"), 0.5]), 8000)[1] == 2  # NaN is silence


def test_films_stand_beside_each_other() -> None:
    films = np.arange(3 * 2 * 3 * 4 * 5, dtype=np.uint8).reshape(3, 2, 3, 4, 5)
    found = arrange_frames(films)
    assert found.shape == (2, 4, 20, 3)  # one row of four, the last black
    for place in range(3):
        part = found[:, :, place * 5 : (place + 1) * 5]
        assert (part == films[place].transpose(0, 2, 3, 1)).all()
    assert not found[:, :, 15:].any()


def test_an_array_becomes_a_gif_that_goes_round() -> None:
    frames = np.zeros((4, 3, 6, 8), np.uint8)
    for place in range(4):
        frames[place, 0] = place * 60
    film = Video(frames, fps=10, format="gif")
    assert film._path is not None
    with PIL.Image.open(film._path) as image:
        assert (image.size, image.n_frames) == ((8, 6), 4)  # type: ignore[attr-defined]  # a gif has
        assert (image.info["duration"], image.info["loop"]) == (100, 0)
        image.seek(2)
        assert abs(image.convert("RGB").getpixel((0, 0))[0] - 120) < 8  # type: ignore[index]  # RGB


def test_another_kind_of_film_says_what_to_install() -> None:
    with pytest.raises(MissingLibrary, match=r"pip install moviepy.*gif"):
        Video(np.zeros((2, 3, 4, 4), np.uint8), format="mp4")


@pytest.mark.parametrize(
    ("value", "options", "says"),
    [
        (np.zeros((2, 3, 4), np.uint8), {"format": "gif"}, "no video"),
        (np.zeros((0, 3, 4, 4), np.uint8), {"format": "gif"}, "no pixels"),
        (np.zeros((2, 5, 4, 4), np.uint8), {"format": "gif"}, "channels"),
        (np.zeros((2, 3, 4, 4), np.uint8), {}, "needs format"),
        (b"x", {}, "needs format"),
        (b"x", {"format": "avi"}, "format is one of"),
        (5, {}, "not a int"),
        ("film.avi", {}, "end in gif"),
        ("nowhere.mp4", {}, "nowhere.mp4"),
        (np.zeros((2, 3, 4, 4)), {"format": "gif", "fps": 0}, "above 0"),
    ],
)
def test_what_is_no_film_says_why(value: Any, options: dict[str, Any], says: str) -> None:
    with pytest.raises(Invalid, match=says):
        Video(value, **options)


def test_a_film_that_is_empty_or_a_directory_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").touch()
    with pytest.raises(Invalid, match="empty"):
        Video(tmp_path / "a.mp4")
    (tmp_path / "d.mp4").mkdir()
    with pytest.raises(Invalid, match="directory"):
        Video(tmp_path / "d.mp4")
    with pytest.raises(WrongType, match="opened for bytes"):
        Video(io.StringIO("x"), format="mp4")


def test_a_page_opens_its_links_elsewhere_and_asks_nobody(tmp_path: Path) -> None:
    base = '<base target="_blank">'
    assert Html("<p>x").html == f"{base}<p>x"
    assert Html("<html><body>").html == f"<html><head>{base}</head><body>"
    assert Html("<html><head><title>").html == f"<html><head>{base}<title>"
    assert Html("<p>x", inject=False).html == "<p>x"
    assert "http" not in Html("<p>x").html
    (tmp_path / "a.html").write_text("<p>file")
    assert Html(str(tmp_path / "a.html"), inject=False).html == "<p>file"
    assert Html(str(tmp_path / "a.html"), data_is_not_path=True).html.endswith("a.html")
    assert Html("x" * 100_000 + ".html", inject=False).html.startswith("xxx")
    with pytest.raises(WrongType):
        Html(5)


@given(
    center=st.tuples(*[st.floats(-9, 9)] * 3),
    size=st.tuples(*[st.floats(0, 9)] * 3),
    turn=st.tuples(*[st.floats(-1, 1)] * 4).filter(lambda each: max(map(abs, each)) > 0.01),
)
def test_a_box_keeps_its_middle_and_its_edges(center: Any, size: Any, turn: Any) -> None:
    corners = np.array(
        box3d(center=center, size=size, orientation=turn, color=(1, 0, 0))["corners"]
    )
    assert np.allclose(corners.mean(axis=0), center, atol=1e-9)
    edges = [np.linalg.norm(corners[0] - corners[place]) for place in (4, 2, 1)]
    assert np.allclose(edges, size, atol=1e-9)


@pytest.mark.parametrize("points", [[[1, 2]], [[1, 2, 3], [1, 2, 3, 4]], [], [1, 2, 3], "cloud"])
def test_points_that_are_none_say_which_are(points: Any) -> None:
    with pytest.raises(Invalid, match=r"rows of|end in"):
        Object3D(points)


def test_a_box_or_a_scene_that_is_none_says_why() -> None:
    with pytest.raises(Invalid, match="not zero"):
        box3d(center=(0, 0, 0), size=(1, 1, 1), orientation=(0, 0, 0, 0), color=(1, 1, 1))
    with pytest.raises(Invalid, match="3 numbers"):
        box3d(center=(0, 0), size=(1, 1, 1), orientation=(1, 0, 0, 0), color=(1, 1, 1))
    with pytest.raises(Invalid, match="lidar"):
        Object3D({"type": "mesh"})
    with pytest.raises(Invalid, match="file_type"):
        Object3D(io.StringIO("v"))


def test_molecules_and_charts_of_others_say_what_they_need() -> None:
    with pytest.raises(MissingLibrary, match="rdkit"):
        Molecule.from_smiles("O")
    with pytest.raises(NoSuchFile):
        Molecule("nowhere.pdb")
    with pytest.raises(WrongType):
        Plotly(5)
    with pytest.raises(WrongType):
        Bokeh(5)


def test_a_graph_is_written_as_nodes_and_edges(tmp_path: Path) -> None:
    graph = Graph()
    first = graph.add_node(id="a", name="layer", size=[1, 2])
    second = graph.add_node(Node(id="b", node=first))
    graph.add_edge(first, second)
    assert (graph["b"].name, graph["b"].size, graph["b"].class_name) == ("layer", (1, 2), None)
    with steelyard.init(mode="disabled") as run:
        graph.bind_to_run(run, "g", 0)
    assert graph._path is not None
    written = json.loads(Path(graph._path).read_text())
    assert written["edges"] == [["a", "b"]]
    assert [node["id"] for node in written["nodes"]] == ["a", "b"]
