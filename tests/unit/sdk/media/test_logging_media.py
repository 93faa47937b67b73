"""run.log and run.summary of media: files of the run, JSON of the row, notes in the config."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
from hypothesis import given
from hypothesis import strategies as st

import steelyard
from steelyard.data_types import Audio, Graph, Histogram, Html, Image, Table
from steelyard.errors import Invalid, RunFinished, UsageError
from steelyard.sdk.media.places import name_in_run
from steelyard.sdk.run import Run
from steelyard.sdk.values import has_media
from steelyard.wire import journal
from tests.support.journal_runs import list_records, list_rows, make_run

PNG = [[1, 2], [3, 4]]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WANDB_CACHE_DIR", "WANDB_DATA_DIR"):
        monkeypatch.setenv(name, str(tmp_path / "cache"))


def uploads(run: Run) -> list[str]:
    """Names of the files whose upload was asked for, in order."""
    assert run.folder is not None
    lines = run.folder.files_list.read_text().splitlines()
    return [json.loads(line)["path"] for line in lines]


def file_of(run: Run, value: dict[str, Any]) -> Path:
    assert run.folder is not None
    return run.folder.files_dir / value["path"]


def artifacts(run: Run) -> list[dict[str, Any]]:
    """What the run has staged, in order."""
    assert run.folder is not None
    lines = (run.folder.path / "artifacts.jsonl").read_text().splitlines()
    ids = [json.loads(line)["client_id"] for line in lines]
    return [
        json.loads((run.folder.path / "artifacts" / each / "draft.json").read_text())
        for each in ids
    ]


def test_an_image_is_a_file_of_the_run_that_is_uploaded_at_once(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    run.log({"loss": 1.0, "eval/image": Image(PNG, caption="c")}, step=7)
    [(_, _, row)] = list_rows(run)
    value = row["eval/image"]
    assert row["loss"] == 1.0
    assert value["_type"] == "image-file" and value["caption"] == "c"
    assert value["path"] == f"media/images/eval/image_7_{value['sha256'][:20]}.png"
    assert file_of(run, value).stat().st_size == value["size"]
    assert uploads(run) == [value["path"]]
    assert run.summary["eval/image"]["sha256"] == value["sha256"]


def test_the_users_file_stays_where_it_is_and_what_is_logged_does_not_change(
    tmp_path: Path,
) -> None:
    run = make_run(tmp_path)
    sound = tmp_path / "a.wav"
    sound.write_bytes(b"first")
    run.log({"s": Audio(sound)})
    sound.write_bytes(b"second")
    [(_, _, row)] = list_rows(run)
    assert file_of(run, row["s"]).read_bytes() == b"first"
    assert sound.read_bytes() == b"second"


def test_the_same_image_may_be_logged_again_and_elsewhere(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    image = Image(PNG)
    run.log({"a": image})
    run.log({"a": image, "b": image})
    run.log({"list": [image, image], "other": [image]})
    run.summary["best"] = image
    for _, _, row in list_rows(run):
        for value in row.values():
            names = value.get("filenames") or [value["path"]]
            assert all((Path(run.dir) / name).is_file() for name in names)


def test_media_of_one_run_are_not_those_of_another(tmp_path: Path) -> None:
    image = Image(PNG)
    make_run(tmp_path / "a").log({"i": image})
    with pytest.raises(Invalid, match="make a new one"):
        make_run(tmp_path / "b").log({"i": image})


def test_media_deep_inside_are_found(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    run.log({"a": {"b": {"c": Image(PNG)}}, "l": [1, Image(PNG)], "h": [Histogram([1])]})
    [(_, _, row)] = list_rows(run)
    assert row["a"]["b"]["c"]["path"].startswith("media/images/c_0_")
    assert row["l"][0] == 1 and row["l"][1]["_type"] == "image-file"
    assert row["h"][0]["_type"] == "histogram"


@pytest.mark.parametrize("size", [1, 108, 120])
def test_a_list_of_images_is_one_value(
    size: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = make_run(tmp_path)
    run.log({"i": [Image([[place]]) for place in range(size)]})
    [(_, _, row)] = list_rows(run)
    kept = min(size, 108)
    assert (row["i"]["_type"], row["i"]["count"]) == ("images/separated", kept)
    assert len(set(row["i"]["filenames"])) == kept
    assert ("the first 108 are logged" in capsys.readouterr().err) == (size > 108)


def test_names_of_classes_are_noted_once(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    for _ in range(3):
        mask = {"mask_data": [[0, 1]], "class_labels": {0: "no", 1: "cat"}}
        run.log({"i": Image([[1, 2]], masks={"m": mask})})
    noted = [record["set"] for record in list_records(run, journal.CONFIG)]
    name = "i_wandb_delimeter_m"
    value = {"type": "mask/class_labels", "key": name, "value": {"0": "no", "1": "cat"}}
    assert noted == [{"_wandb": {"mask/class_labels": {name: value}}}]


def test_a_table_is_an_artifact_too(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    table = Table(columns=["a", "i"], data=[[1, Image(PNG)]])
    run.log({"my table": table})
    run.log({"my table": table})  # as it was
    first, second = (row["my table"] for _, _, row in list_rows(run))
    assert first == second
    [draft] = artifacts(run)
    assert (draft["type"], draft["is_internal"]) == ("run_table", True)
    assert draft["collection"].startswith("run-r1-mytable-")
    address = f"wandb-client-artifact://{draft['client_id']}/my table.table.json"
    assert first["artifact_path"] == address
    assert (first["nrows"], first["ncols"], first["_type"]) == (1, 2, "table-file")


def test_a_mutable_table_is_logged_anew_when_it_changed(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    table = Table(columns=["a"], data=[[1]], log_mode="MUTABLE")
    run.log({"t": table})
    run.log({"t": table})
    table.add_data(2)
    run.log({"t": table})
    rows = [row["t"] for _, _, row in list_rows(run)]
    assert [row["nrows"] for row in rows] == [1, 1, 2]
    assert len(artifacts(run)) == 2


def test_an_immutable_table_that_changes_after_it_was_logged_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = make_run(tmp_path)
    table = Table(columns=["a"], data=[[1]])
    run.log({"t": table})
    table.add_data(2)
    assert "MUTABLE" in capsys.readouterr().err
    run.log({"t": table})
    assert len(artifacts(run)) == 1


def test_a_growing_table_logs_what_is_new(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    table = Table(columns=["a"], log_mode="INCREMENTAL")
    for number in range(3):
        table.add_data(number)
        run.log({"t": table})
    rows = [row["t"] for _, _, row in list_rows(run)]
    assert [row["increment_num"] for row in rows] == [0, 1, 2]
    assert [len(row["previous_increments_paths"]) for row in rows] == [0, 1, 2]
    assert rows[2]["previous_increments_paths"][1] == rows[1]["artifact_path"]
    data = [json.loads(file_of(run, row).read_text())["data"] for row in rows]
    assert data == [[[0]], [[1]], [[2]]]
    drafts = artifacts(run)
    assert {draft["type"] for draft in drafts} == {"wandb-run-incremental-table"}
    assert {draft["kind"] for draft in drafts} == {"incremental"}
    with pytest.raises(UsageError, match="one run only"):
        table.add_data(9)
        make_run(tmp_path / "other").log({"t": table})


def test_a_growing_table_of_a_resumed_run_counts_on(tmp_path: Path) -> None:
    before = {
        "_type": "incremental-table-file",
        "artifact_path": "wandb-client-artifact://x/1-1.t.table.json",
        "increment_num": 1,
        "previous_increments_paths": ["wandb-client-artifact://w/0-1.t.table.json"],
    }
    run = make_run(tmp_path, resumed=True, summary={"t": before})
    run.log({"t": Table(columns=["a"], data=[[1]], log_mode="INCREMENTAL")})
    [(_, _, row)] = list_rows(run)
    assert row["t"]["increment_num"] == 2
    assert len(row["t"]["previous_increments_paths"]) == 2


def test_a_chart_is_a_table_and_a_note_in_the_config(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    for _ in range(2):
        table = Table(columns=["x", "y"], data=[[1, 2]])
        run.log({"deep": {"chart": steelyard.plot.line(table, "x", "y")}, "loss": 1})
    rows = [row for _, _, row in list_rows(run)]
    assert [set(row) for row in rows] == [{"deep", "loss", "deep.chart_table"}] * 2
    [noted] = [record["set"] for record in list_records(run, journal.CONFIG)]
    panel = noted["_wandb"]["visualize"]["deep.chart"]["panel_config"]
    assert panel["panelDefId"] == "wandb/line/v0"
    assert "deep.chart_table" in json.dumps(panel)


def test_figures_and_frames_are_logged_as_they_are(tmp_path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    import plotly.graph_objects

    run = make_run(tmp_path)
    figure, axes = plt.subplots()
    axes.plot([1, 2])
    shown, with_pixels = plt.subplots()
    with_pixels.imshow(np.eye(3))
    run.log(
        {
            "lines": figure,
            "axes": axes,
            "module": plt,
            "pixels": shown,
            "plotly": plotly.graph_objects.Figure(),
            "frame": pandas.DataFrame({"a": [1]}),
        }
    )
    plt.close("all")
    [(_, _, row)] = list_rows(run)
    kinds = {key: value["_type"] for key, value in row.items()}
    assert kinds == {
        "lines": "plotly-file",
        "axes": "plotly-file",
        "module": "image-file",  # its last figure shows pixels
        "pixels": "image-file",
        "plotly": "plotly-file",
        "frame": "table-file",
    }


def test_a_disabled_run_takes_media_and_keeps_nothing(tmp_path: Path) -> None:
    run = make_run(tmp_path, mode="disabled")
    run.log({"i": Image(PNG), "l": [Image(PNG)], "t": Table(columns=["a"], data=[[1]])})
    run.log({"c": steelyard.plot.bar(Table(columns=["l", "v"]), "l", "v"), "g": Graph()})
    run.summary["best"] = Html("x")
    assert not list(tmp_path.rglob("*.png"))


def test_a_run_that_has_ended_takes_no_media(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    run.finish()
    with pytest.raises(RunFinished):
        run.log({"i": Image(PNG)})


def test_what_is_no_value_of_a_row_says_why(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    with pytest.raises(Invalid, match="only referred to"):
        run.log({"i": Image("s3://bucket/a.png")})
    with pytest.raises(Invalid, match="by itself"):
        run.log({"i": {Image(PNG)}})
    run.config["image"] = Image(PNG)
    assert "Image" in run.config["image"]


def test_a_file_that_goes_before_it_is_logged_is_said(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    path = tmp_path / "a.wav"
    path.write_bytes(b"x")
    sound = Audio(path)
    path.unlink()
    with pytest.raises(FileNotFoundError):
        run.log({"s": sound, "loss": 1})


@given(key=st.text(max_size=300), step=st.integers(0, 2**63 - 1))
def test_any_key_is_the_name_of_a_file_below_the_run(key: str, step: int) -> None:
    name = name_in_run(key, step, "0" * 20, ".png")
    assert not name.startswith("/") and ".." not in name.split("/")
    assert os.path.normpath(f"media/{name}").startswith("media/")
    assert max(len(part.encode()) for part in name.split("/")) <= 255
    assert all(ord(char) >= 32 for char in name)


@pytest.mark.parametrize(
    "key", ["a/b", "/abs", "../up", "a//b", "ünï ☃", "x" * 500, "a\nb", "half \udc80", "", "a\0b"]
)
def test_odd_keys_have_files(key: str, tmp_path: Path) -> None:
    run = make_run(tmp_path)
    run.log({key: Image(PNG), "t" + key: Table(columns=["a"], data=[[1]])})
    [(_, _, row)] = list_rows(run)
    values = list(row.values())
    assert file_of(run, values[0]).is_file() and file_of(run, values[1]).is_file()


def test_plain_rows_are_told_from_media_without_loading_any() -> None:
    assert not has_media([1, "a", None, [1, 2], {"a": {"b": [1.5]}}, np.zeros(3), np.float32(1)])
    assert not has_media([Histogram([1]), {1, 2}, b"x", object()])
    assert has_media([{"a": [1, [Image(PNG)]]}])
    assert has_media([pandas.DataFrame()])
    endless: list[Any] = []
    endless.append(endless)
    assert not has_media([endless])
