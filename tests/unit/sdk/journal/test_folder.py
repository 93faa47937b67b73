"""Run folders: where they are made, what is in them, and what happens where none can be made."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from steelyard.errors import Invalid, NotFound
from steelyard.sdk.journal import folder as folders
from steelyard.sdk.journal.folder import RunFolder, create_run_folder, find_run_folders

STARTED_US = 1_700_000_000_000_000


def create(root: Path, **changes: Any) -> RunFolder:
    facts: dict[str, Any] = {
        "run": "r1",
        "entity": "ada",
        "project": "p",
        "base_url": "http://localhost:8080",
        "mode": "online",
        "writer": "w1",
        "started_at_us": STARTED_US,
        "program": "train.py",
    }
    return create_run_folder(root, **{**facts, **changes})


def test_a_new_folder_says_who_the_run_is_and_is_for_its_owner_only(tmp_path: Path) -> None:
    folder = create(tmp_path)
    facts = folders.read_run_json(folder)
    assert facts.pop("pid_started")
    assert facts == {
        "version": 1,
        "run": "r1",
        "entity": "ada",
        "project": "p",
        "base_url": "http://localhost:8080",
        "mode": "online",
        "writer": "w1",
        "pid": os.getpid(),
        "started_at_us": STARTED_US,
        "program": "train.py",
    }
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
    assert folder.journal_dir.is_dir()
    assert folder.files_dir.is_dir()
    assert folder.path.parent == tmp_path / "steelyard"
    assert (tmp_path / "steelyard" / "latest-run").resolve() == folder.path.resolve()


def test_names_tell_offline_runs_and_never_collide(tmp_path: Path) -> None:
    made = [create(tmp_path, mode="offline") for _ in range(4)]
    names = [folder.path.name for folder in made]
    assert names[0].startswith("offline-run-2023111")
    assert names[0].endswith("-r1")
    assert names[1:] == [f"{names[0]}-{count}" for count in (2, 3, 4)]
    assert create(tmp_path).path.name.startswith("run-2023111")
    assert len(find_run_folders(tmp_path)) == 5


def test_processes_that_start_at_once_get_folders_of_their_own(tmp_path: Path) -> None:
    script = (
        "import sys, pathlib\n"
        "from steelyard.sdk.journal.folder import create_run_folder\n"
        "print(create_run_folder(pathlib.Path(sys.argv[1]), run='r', entity=None, project='p',\n"
        "  base_url=None, mode='online', writer='w', started_at_us=1700000000000000).path)\n"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE)
        for _ in range(6)
    ]
    paths = {process.communicate()[0] for process in running}
    assert len(paths) == 6


@pytest.mark.parametrize("run", ["", ".", "..", "a/b", "a\\b", ".hidden", "a\0b", "50%"])
def test_a_run_id_that_is_no_file_name_is_refused(tmp_path: Path, run: str) -> None:
    with pytest.raises(Invalid, match="run id"):
        create(tmp_path, run=run)
    assert not (tmp_path / "steelyard").exists()


def test_where_nothing_can_be_written_the_run_is_kept_in_the_temporary_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where the directory should be")  # stops root as well
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    warnings: list[str] = []
    folder = create(blocked, warn=warnings.append)
    assert folder.path.parent == tmp_path / "tmp" / f"steelyard-{os.getuid()}"
    assert folders.read_run_json(folder)["run"] == "r1"
    assert len(warnings) == 1
    assert "WANDB_DIR" in warnings[0]
    assert str(folder.path.parent) in warnings[0]


def test_a_fallback_directory_that_others_could_have_prepared_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "theirs"
    elsewhere.mkdir()
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    (temporary / f"steelyard-{os.getuid()}").symlink_to(elsewhere)
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    blocked = tmp_path / "blocked"
    blocked.touch()
    folder = create(blocked)
    assert folder.path.parent.parent == temporary
    assert [*elsewhere.iterdir()] == []


def test_folders_are_found_from_any_level_and_unfinished_ones_are_not(tmp_path: Path) -> None:
    later = create(tmp_path, started_at_us=STARTED_US + 5_000_000)
    first = create(tmp_path, mode="offline")
    (tmp_path / "steelyard" / "run-20200101_000000-half").mkdir()  # died before run.json
    expected = [first, later]
    assert find_run_folders(tmp_path) == expected
    assert find_run_folders(tmp_path / "steelyard") == expected
    assert find_run_folders(first.path) == [first]
    assert find_run_folders(tmp_path / "nothing") == []


def test_a_folder_that_is_none_or_damaged_or_newer_says_so(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no run folder"):
        folders.read_run_json(RunFolder(tmp_path))
    for text in ("", "{", "[]", '{"version": 1}', '{"run": 5, "version": 1}'):
        (tmp_path / "run.json").write_text(text)
        with pytest.raises(Invalid, match="damaged"):
            folders.read_run_json(RunFolder(tmp_path))
    (tmp_path / "run.json").write_text('{"version": 2, "run": "r"}')
    with pytest.raises(Invalid, match="upgrade"):
        folders.read_run_json(RunFolder(tmp_path))


def test_what_was_acknowledged_is_remembered_per_server(tmp_path: Path) -> None:
    folder = create(tmp_path)
    assert folders.read_ack(folder, "w1", "http://a") == 0
    folders.write_ack(folder, "w1", "http://a", 77)
    assert folders.read_ack(folder, "w1", "http://a") == 77
    assert folders.read_ack(folder, "w1", "http://b") == 0
    folder.ack_path("w1").write_text("{broken")
    assert folders.read_ack(folder, "w1", "http://a") == 0


def test_the_list_of_files_has_one_line_per_file(tmp_path: Path) -> None:
    folder = create(tmp_path)
    folders.append_to_files_list(folder, "a\nb.txt", source=None, policy="end")
    folders.append_to_files_list(folder, "c.txt", source="/data/c.txt", policy="live")
    lines = [json.loads(line) for line in folder.files_list.read_text().splitlines()]
    assert lines == [
        {"path": "a\nb.txt", "source": None, "policy": "end"},
        {"path": "c.txt", "source": "/data/c.txt", "policy": "live"},
    ]


def test_a_file_that_is_replaced_leaves_nothing_else_behind(tmp_path: Path) -> None:
    folders.write_json(tmp_path / "x.json", {"a": 1})
    folders.write_json(tmp_path / "x.json", {"a": 2})
    assert json.loads((tmp_path / "x.json").read_text()) == {"a": 2}
    assert [path.name for path in tmp_path.iterdir()] == ["x.json"]


def test_writer_names_are_short_and_differ() -> None:
    names = {folders.make_writer_name() for _ in range(1000)}
    assert len(names) == 1000
    assert all(len(name) == 12 and name.isalnum() and name == name.lower() for name in names)
