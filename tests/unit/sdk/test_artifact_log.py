"""What logging an artifact leaves on the disk, and what it refuses. No server is asked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import steelyard
from steelyard.errors import (
    ArtifactNotLoggedError,
    Invalid,
    OfflineRun,
    RunFinished,
    UsageError,
    WaitTimeoutError,
    WrongType,
)
from steelyard.sdk.artifacts.wait import wait_for
from steelyard.sdk.run import Run
from tests.support.journal_runs import make_run


@pytest.fixture(autouse=True)
def _keep_artifacts_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WANDB_DATA_DIR", "WANDB_CACHE_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    file = tmp_path / "train.csv"
    file.write_text("a,b\n1,2\n")
    return file


def make_artifact(data: Path, name: str = "data", type: str = "dataset") -> steelyard.Artifact:
    artifact = steelyard.Artifact(name, type, metadata={"rows": 1})
    artifact.add_file(str(data))
    return artifact


def list_staged(run: Run) -> list[dict[str, Any]]:
    """The drafts in the order in which they are listed."""
    assert run.folder is not None
    lines = (run.folder.path / "artifacts.jsonl").read_text().splitlines()
    folders = [run.folder.path / "artifacts" / json.loads(line)["client_id"] for line in lines]
    return [json.loads((folder / "draft.json").read_text()) for folder in folders]


def test_logged_artifacts_are_staged_in_their_order(tmp_path: Path, data: Path) -> None:
    run = make_run(tmp_path)
    first = run.log_artifact(make_artifact(data), aliases=["best"], tags=["t", "t"])
    data.write_text("changed")
    run.log({"loss": 1})
    second = run.log_artifact(str(data), type="dataset")
    one, two = list_staged(run)
    assert first.manifest.entries["train.csv"].size == 8
    assert {key: one[key] for key in ("collection", "type", "aliases", "tags", "kind")} == {
        "collection": "data",
        "type": "dataset",
        "aliases": ["best", "latest"],
        "tags": ["t"],
        "kind": "full",
    }
    assert (one["metadata"], one["history_step"], one["finalize"]) == ({"rows": 1}, None, True)
    assert (two["collection"], two["history_step"]) == ("run-r1-train.csv", 1)
    assert (first.is_draft(), second.is_draft()) == (True, True)


def test_directories_and_addresses_are_logged_by_their_path(tmp_path: Path, data: Path) -> None:
    run = make_run(tmp_path)
    directory = tmp_path / "model"
    (directory / "sub").mkdir(parents=True)
    (directory / "sub" / "w.bin").write_bytes(b"w")
    assert list(run.log_artifact(directory).manifest.entries) == ["sub/w.bin"]
    reference = run.log_artifact(f"file://{data}", name="ref", type="dataset")
    [entry] = reference.manifest.entries.values()
    assert entry.ref == f"file://{data}"
    run.log_model(str(data), name="model")
    assert [each["type"] for each in list_staged(run)] == ["unspecified", "dataset", "model"]


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"aliases": ["a/b"]}, Invalid),
        ({"aliases": ["v3"]}, Invalid),
        ({"tags": ["no:colons"]}, Invalid),
    ],
)
def test_names_that_cannot_be_are_refused_at_once(
    tmp_path: Path, data: Path, options: dict[str, Any], error: type[Exception]
) -> None:
    run = make_run(tmp_path)
    with pytest.raises(error):
        run.log_artifact(make_artifact(data), **options)
    assert run.folder is not None
    assert not (run.folder.path / "artifacts.jsonl").exists()


def test_what_is_no_artifact_is_refused(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    with pytest.raises(ValueError, match="no file, no directory"):
        run.log_artifact(str(tmp_path / "missing"))
    with pytest.raises(TypeError, match="takes an Artifact or a path"):
        run.log_artifact(3)  # type: ignore[arg-type]


def test_a_collection_keeps_its_type(tmp_path: Path, data: Path) -> None:
    run = make_run(tmp_path)
    run.log_artifact(make_artifact(data))
    with pytest.raises(ValueError, match="'dataset', so it cannot have the type 'model'"):
        run.log_artifact(make_artifact(data, type="model"))


def test_an_artifact_is_logged_once(tmp_path: Path, data: Path) -> None:
    run = make_run(tmp_path)
    artifact = run.log_artifact(make_artifact(data))
    with pytest.raises(UsageError, match="new_draft"):
        run.log_artifact(artifact)


def test_parts_of_a_distributed_artifact_share_an_id(tmp_path: Path, data: Path) -> None:
    run = make_run(tmp_path)
    with pytest.raises(TypeError, match="distributed_id"):
        run.upsert_artifact(make_artifact(data))
    run.upsert_artifact(make_artifact(data), distributed_id="d")
    run.finish_artifact(make_artifact(data), distributed_id="d")
    grouped = make_run(tmp_path / "grouped", group="g")
    grouped.upsert_artifact(make_artifact(data))
    found = [*list_staged(run), *list_staged(grouped)]
    assert [(each["distributed_id"], each["finalize"], each["kind"]) for each in found] == [
        ("d", False, "patch"),
        ("d", True, "patch"),
        ("g", False, "patch"),
    ]


def test_an_offline_run_logs_and_says_what_it_cannot(tmp_path: Path, data: Path) -> None:
    run = make_run(tmp_path)
    artifact = run.log_artifact(make_artifact(data))
    with pytest.raises(TypeError):
        run.use_artifact("data:latest")
    with pytest.raises(RuntimeError):
        run.use_model("m")
    with pytest.raises(NotImplementedError):
        run.link_artifact(artifact, "portfolio")
    with pytest.raises(OfflineRun):
        run.use_artifact(make_artifact(data))
    with pytest.raises(ArtifactNotLoggedError):
        artifact.wait(1)


def test_a_registered_model_has_no_path_in_its_name(tmp_path: Path, data: Path) -> None:
    with pytest.raises(AssertionError, match="without entity and project"):
        make_run(tmp_path).link_model(str(data), "a/b")


def test_a_disabled_run_does_nothing(tmp_path: Path, data: Path) -> None:
    run = make_run(tmp_path, mode="disabled")
    assert run.log_artifact(make_artifact(data)).wait().name is not None
    for call in (run.use_artifact, run.use_model, run.log_model, run.upsert_artifact):
        assert call("x") is None  # type: ignore[operator]  # each takes a name or a path
    assert run.link_artifact(make_artifact(data), "x") is None
    assert run.link_model("x", "y") is None


def test_a_run_that_has_ended_logs_nothing_more(tmp_path: Path, data: Path) -> None:
    run = make_run(tmp_path)
    run.finish()
    for call in (run.log_artifact, run.use_artifact, run.use_model, run.upsert_artifact):
        with pytest.raises(RunFinished):
            call("x")  # type: ignore[operator]  # as above


def test_waiting_ends_with_what_the_sender_wrote(tmp_path: Path) -> None:
    run = make_run(tmp_path, mode="online")
    assert run.folder is not None
    results = run.folder.path / "artifacts.ack.jsonl"
    place = {"entity": "e", "project": "p", "name": "data", "version": "v0", "id": "QQ=="}
    lines = [
        {"client_id": "one", "state": "COMMITTED", **place},
        {"client_id": "two", "state": "FAILED", "name": "data", "error": "it was changed"},
    ]
    results.write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"client_id": "thr')
    assert wait_for(run.folder, "one").version == "v0"
    with pytest.raises(ValueError, match="data is not on the server: it was changed"):
        wait_for(run.folder.path, "two")
    (run.folder.run_json).write_text(
        run.folder.run_json.read_text().replace('"offline"', '"online"')
    )
    with pytest.raises(WaitTimeoutError, match="not uploaded after 0 s"):
        wait_for(run.folder, "three", 0)
    with pytest.raises(TimeoutError):
        wait_for(run.folder, "three", 0.05)


def test_what_needs_a_distributed_id_says_so_with_a_type_error(tmp_path: Path, data: Path) -> None:
    with pytest.raises(WrongType):
        make_run(tmp_path).finish_artifact(make_artifact(data))
