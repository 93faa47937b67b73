"""Files of a run: which are meant, under which names, and how they come back."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

import steelyard
from steelyard.errors import FileMissing, Invalid, NotFound, RunFinished, TooLarge, UsageError
from steelyard.limits import FILE_BYTES_COPIED_MAX
from steelyard.sdk import files
from steelyard.sdk.files import restore, restore_file, save_files, split_run_path
from steelyard.sdk.journal.folder import RunFolder
from steelyard.sdk.settings import ClientSettings
from steelyard.testing.server import ThrowawayServer
from tests.support.file_stream import create_run
from tests.support.journal_runs import make_folder, make_run


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return make_folder(tmp_path / "root")[0]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory, with two/models/{a,b}.pt and notes.txt."""
    place = tmp_path / "work"
    (place / "two" / "models").mkdir(parents=True)
    (place / "two" / "models" / "a.pt").write_text("A")
    (place / "two" / "models" / "b.pt").write_text("B")
    (place / "notes.txt").write_text("N")
    monkeypatch.chdir(place)
    return place


def names(folder: RunFolder, saved: list[str]) -> list[str]:
    return [Path(path).relative_to(folder.files_dir.absolute()).as_posix() for path in saved]


def asked(folder: RunFolder) -> list[dict[str, Any]]:
    """The lines of files.jsonl."""
    text = folder.files_list.read_text() if folder.files_list.exists() else ""
    return [json.loads(line) for line in text.splitlines()]


# The names are those that wandb 0.31.0 gives, seen by calling it with the same arguments.
@pytest.mark.parametrize(
    ("pattern", "base", "expected"),
    [
        ("notes.txt", None, ["notes.txt"]),
        (Path("notes.txt"), None, ["notes.txt"]),
        (b"notes.txt", None, ["notes.txt"]),
        ("two/models/*.pt", None, ["two/models/a.pt", "two/models/b.pt"]),
        ("two/models/*", "two", ["models/a.pt", "models/b.pt"]),
        ("two/models/../models/a.pt", None, ["two/models/a.pt"]),
        ("{here}/two/models/a.pt", None, ["models/a.pt"]),
        ("{here}/two/models/a.pt", "{here}", ["two/models/a.pt"]),
        ("nothing.here", None, []),
    ],
)
def test_names_in_the_run_are_those_of_wandb(
    folder: RunFolder, here: Path, pattern: Any, base: str | None, expected: list[str]
) -> None:
    if isinstance(pattern, str):
        pattern = pattern.format(here=here)
    saved = save_files(folder, pattern, base.format(here=here) if base else None)
    assert names(folder, saved) == expected
    assert [line["path"] for line in asked(folder)] == expected


def test_a_directory_is_saved_with_all_that_is_in_it(folder: RunFolder, here: Path) -> None:
    expected = ["two/models/a.pt", "two/models/b.pt"]
    assert names(folder, save_files(folder, "two")) == expected
    assert names(folder, save_files(folder, "two/*")) == expected


@pytest.mark.parametrize(
    ("pattern", "base"),
    [("../x", None), (".", None), ("", None), ("*", None), ("notes.txt", "two"), ("/", None)],
)
def test_what_is_outside_of_the_base_or_everything_is_refused(
    folder: RunFolder, here: Path, pattern: str, base: str | None
) -> None:
    with pytest.raises(Invalid):
        save_files(folder, pattern, base)
    assert asked(folder) == []


def test_a_policy_that_there_is_not_is_refused(folder: RunFolder, here: Path) -> None:
    with pytest.raises(Invalid, match="live, now, end"):
        save_files(folder, "notes.txt", policy="soon")


@pytest.mark.parametrize("policy", ["live", "end"])
def test_a_file_elsewhere_is_linked_and_followed(
    folder: RunFolder, here: Path, policy: str
) -> None:
    (saved,) = save_files(folder, "notes.txt", policy=policy)
    (here / "notes.txt").write_text("changed")
    assert Path(saved).read_text() == "changed"
    assert asked(folder) == [
        {"path": "notes.txt", "source": str(here / "notes.txt"), "policy": policy}
    ]


def test_now_keeps_the_file_as_it_is_now(folder: RunFolder, here: Path) -> None:
    (saved,) = save_files(folder, "notes.txt", policy="now")
    (here / "notes.txt").write_text("changed")
    assert Path(saved).read_text() == "N"
    assert asked(folder) == [{"path": "notes.txt", "source": None, "policy": "now"}]
    save_files(folder, "notes.txt", policy="now")
    assert Path(saved).read_text() == "changed"


def test_now_keeps_a_large_file_that_is_replaced_or_deleted(folder: RunFolder, here: Path) -> None:
    large = here / "model.bin"
    with large.open("wb") as file:
        file.write(b"first")
        file.truncate(FILE_BYTES_COPIED_MAX + 1)
    (saved,) = save_files(folder, "model.bin", policy="now")
    save_files(folder, "model.bin", policy="now")
    large.unlink()
    assert Path(saved).read_bytes()[:5] == b"first"
    assert Path(saved).stat().st_blocks * 512 < FILE_BYTES_COPIED_MAX  # not copied


def test_saving_again_with_another_policy_replaces_the_link(folder: RunFolder, here: Path) -> None:
    (saved,) = save_files(folder, "notes.txt")
    assert Path(saved).is_symlink()
    save_files(folder, "notes.txt", policy="now")
    assert not Path(saved).is_symlink()
    save_files(folder, "notes.txt")
    assert Path(saved).is_symlink()
    assert (here / "notes.txt").read_text() == "N"
    assert [line["policy"] for line in asked(folder)] == ["live", "now", "live"]
    assert [file.name for file in folder.files_dir.iterdir()] == ["notes.txt"]


def test_a_file_in_the_run_directory_stays_where_it_is(folder: RunFolder, here: Path) -> None:
    model = folder.files_dir / "sub" / "model.h5"
    model.parent.mkdir()
    model.write_text("M")
    for pattern in ("sub/*.h5", str(model), str(model.parent / "*")):
        assert names(folder, save_files(folder, pattern, policy="end")) == ["sub/model.h5"]
    assert asked(folder) == [{"path": "sub/model.h5", "source": None, "policy": "end"}] * 3
    assert model.read_text() == "M"


def test_a_pattern_can_be_taken_literally(folder: RunFolder, here: Path) -> None:
    (here / "m[1].txt").write_text("1")
    warned: list[str] = []
    assert save_files(folder, "m[1].txt", warn=warned.append) == []
    assert "glob=False" in warned[0]
    assert names(folder, save_files(folder, "m[1].txt", glob=False)) == ["m[1].txt"]
    assert save_files(folder, "no[1].txt", glob=False, warn=warned.append) == []
    assert "pattern" in warned[1]


@pytest.mark.parametrize("address", ["s3://bucket/x", "gs://bucket/x"])
def test_cloud_addresses_are_not_files(folder: RunFolder, address: str) -> None:
    warned: list[str] = []
    assert save_files(folder, address, warn=warned.append) == []
    assert address in warned[0]


def test_names_that_no_file_of_a_run_can_have_are_left_out_and_said(
    folder: RunFolder, here: Path
) -> None:
    (here / "bad\n.txt").write_text("x")
    warned: list[str] = []
    assert names(folder, save_files(folder, "*.txt", warn=warned.append)) == ["notes.txt"]
    assert "control characters" in warned[0]


def test_links_to_nowhere_and_pipes_are_not_saved(folder: RunFolder, here: Path) -> None:
    (here / "gone").symlink_to(here / "nowhere")
    os.mkfifo(here / "pipe")
    assert save_files(folder, "gone") == save_files(folder, "pipe", glob=False) == []


def test_too_many_files_at_once_are_refused(
    folder: RunFolder, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "FILES_SAVED_AT_ONCE_MAX", 20)  # 10,000 would take seconds to make
    many = here / "many"
    many.mkdir()
    for number in range(21):
        (many / str(number)).touch()
    with pytest.raises(TooLarge, match="FILES_SAVED_AT_ONCE_MAX"):
        save_files(folder, "many")
    assert asked(folder) == []


def test_a_directory_of_the_run_is_not_replaced_by_a_file(folder: RunFolder, here: Path) -> None:
    (folder.files_dir / "notes.txt").mkdir()
    with pytest.raises(Invalid, match="directory"):
        save_files(folder, "notes.txt")


def test_a_run_saves_and_a_finished_or_disabled_one_does_not(tmp_path: Path, here: Path) -> None:
    run = make_run(tmp_path)
    (saved,) = run.save("notes.txt")  # type: ignore[misc]  # a list, as long as it is a run
    assert saved == str(Path(run.dir, "notes.txt"))
    run.finish()
    with pytest.raises(RunFinished, match="save"):
        run.save("notes.txt")
    assert make_run(tmp_path, mode="disabled").save("notes.txt") == []


def test_restore_opens_what_is_there_without_asking_anybody(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("here")
    found = restore_file("a.txt", run_path="e/p/r", root=tmp_path, settings=None)
    with found:
        assert found.read() == "here"


@pytest.mark.parametrize("name", ["", "/etc/passwd", "../x", "a/../../x", "a\nb"])
def test_restore_refuses_names_that_lead_elsewhere(tmp_path: Path, name: str) -> None:
    with pytest.raises(Invalid, match="no file of a run"):
        restore_file(name, run_path="e/p/r", root=tmp_path, settings=None, replace=True)


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("e/p/r", ("e", "p", "r")),
        ("/e/p/runs/r", ("e", "p", "r")),
        ("p/r", ("-", "p", "r")),
    ],
)
def test_paths_of_runs(path: str, parts: tuple[str, str, str]) -> None:
    assert split_run_path(path) == parts


@pytest.mark.parametrize("path", ["", "r", "a/b/c/d"])
def test_what_is_no_path_of_a_run_is_refused(path: str) -> None:
    with pytest.raises(UsageError, match="entity/project/run"):
        split_run_path(path)


def test_restore_without_a_run_needs_a_path(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="run_path"):
        restore(None, "a.txt")


def test_restore_of_a_disabled_run_finds_local_files_only(tmp_path: Path) -> None:
    run = make_run(tmp_path, mode="disabled")
    assert run.restore("model.pt") is None
    Path(run.dir, "model.pt").write_text("M")
    with run.restore("model.pt") as file:
        assert file.read() == "M"


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_script_without_a_run_restores_with_the_key_of_its_environment(
    shared_server: ThrowawayServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_run(shared_server, "r2", project="restored")
    shared_server.request("PUT", "/api/v1/runs/-/restored/r2/files/a.txt", body=b"A")
    monkeypatch.setenv("WANDB_BASE_URL", shared_server.base_url)
    monkeypatch.setenv("WANDB_API_KEY", shared_server.owner_key)
    monkeypatch.chdir(tmp_path)
    with steelyard.restore("a.txt", run_path="restored/r2") as file:
        assert file.read() == "A"
    assert (tmp_path / "a.txt").read_text() == "A"


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_restore_downloads_from_the_server(shared_server: ThrowawayServer, tmp_path: Path) -> None:
    server = shared_server
    create_run(server, "r1", project="restored")
    settings = ClientSettings(base_url=server.base_url, api_key=server.owner_key)
    body = os.urandom(300_000)
    answer = server.request(
        "PUT", "/api/v1/runs/-/restored/r1/files/sub%20dir/%C3%A9%23.bin", body=body
    )
    assert answer.status == 200, answer.data

    def get(name: str, **more: Any) -> Any:
        return restore_file(name, run_path="restored/r1", root=tmp_path, settings=settings, **more)

    with get("sub dir/é#.bin") as file:
        assert Path(file.name) == tmp_path / "sub dir" / "é#.bin"
    assert (tmp_path / "sub dir" / "é#.bin").read_bytes() == body
    (tmp_path / "sub dir" / "é#.bin").write_text("mine")
    with get("sub dir/é#.bin") as file:
        assert file.read() == "mine"
    get("sub dir/é#.bin", replace=True).close()
    assert (tmp_path / "sub dir" / "é#.bin").read_bytes() == body
    for error in (FileMissing, ValueError):
        with pytest.raises(error, match=r"missing\.txt"):
            get("missing.txt")
    with pytest.raises(NotFound):
        restore_file("a.txt", run_path="restored/other", root=tmp_path, settings=settings)
    assert [file.name for file in tmp_path.iterdir()] == ["sub dir"]
