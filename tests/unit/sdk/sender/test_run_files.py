"""Which files of a run are to be sent, and when."""

from __future__ import annotations

import os
import time
from pathlib import Path

from steelyard.sdk.journal.folder import RunFolder, append_to_files_list
from steelyard.sdk.sender.run_files import LIVE_EVERY_S, RunFile, RunFiles
from tests.support.journal_runs import make_folder

PLACE = "http://server/run"


def write(folder: RunFolder, name: str, text: str = "x", *, age_s: float = 5.0) -> Path:
    path = folder.files_dir / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    at = time.time() - age_s
    os.utime(path, (at, at))
    return path


def due(files: RunFiles, *, is_ending: bool = False, at: float | None = None) -> list[str]:
    files.refresh(is_ending=is_ending)
    now = time.monotonic() if at is None else at
    return [file.name for file in files.list_due(now, is_ending=is_ending)]


def mark_sent(files: RunFiles, name: str) -> RunFile:
    file = next(f for f in files.list_due(time.monotonic(), is_ending=True) if f.name == name)
    found = Path(file.source).stat()
    file.sent, file.sent_at = (found.st_size, found.st_mtime_ns), time.monotonic()
    return file


def test_now_goes_now_live_when_it_rests_and_end_at_the_end(tmp_path: Path) -> None:
    folder, _ = make_folder(tmp_path)
    write(folder, "a")
    write(folder, "young", age_s=0.0)
    write(folder, "last")
    for name, policy in (("a", "now"), ("young", "live"), ("last", "end"), ("none", "live")):
        append_to_files_list(folder, name, source=None, policy=policy)
    files = RunFiles(str(folder.path))
    assert due(files) == ["a"]
    write(folder, "young")
    assert due(files) == ["a", "young"]
    assert sorted(due(files, is_ending=True)) == ["a", "last", "none", "young"]


def test_a_live_file_goes_again_when_it_changed_but_not_at_once(tmp_path: Path) -> None:
    folder, _ = make_folder(tmp_path)
    write(folder, "a", "one")
    append_to_files_list(folder, "a", source=None, policy="live")
    files = RunFiles(str(folder.path))
    assert due(files) == ["a"]
    file = mark_sent(files, "a")
    assert due(files) == []
    write(folder, "a", "three")
    assert due(files) == []
    assert due(files, at=file.sent_at + LIVE_EVERY_S + 0.1) == ["a"]
    assert due(files, is_ending=True) == ["a"]


def test_what_lies_in_the_folder_goes_at_the_end_too(tmp_path: Path) -> None:
    folder, _ = make_folder(tmp_path)
    write(folder, "deep/down/plot.png")
    outside = tmp_path / "model.bin"
    outside.write_text("w")
    append_to_files_list(folder, "model.bin", source=str(outside), policy="end")
    files = RunFiles(str(folder.path))
    assert due(files) == []
    assert files.count_left(is_ending=False) == 0
    assert sorted(due(files, is_ending=True)) == ["deep/down/plot.png", "model.bin"]
    assert files.count_left(is_ending=True) == 2


def test_ignored_files_stay(tmp_path: Path) -> None:
    folder, _ = make_folder(tmp_path)
    write(folder, "big.ckpt")
    write(folder, "note.txt")
    files = RunFiles(str(folder.path))
    files.ignore(("*.ckpt",))
    assert due(files, is_ending=True) == ["note.txt"]


def test_what_was_sent_before_is_known_for_that_place(tmp_path: Path) -> None:
    folder, _ = make_folder(tmp_path)
    path = write(folder, "a")
    look = path.stat()
    (folder.path / "files.ack.jsonl").write_text(
        f'{{"path": "a", "size": {look.st_size}, "mtime_ns": {look.st_mtime_ns}, '
        f'"place": "{PLACE}"}}\nhalf a li'
    )
    for place, expected in ((PLACE, []), ("http://other/run", ["a"])):
        files = RunFiles(str(folder.path))
        files.read_acknowledged(place)
        assert due(files, is_ending=True) == expected
    path.write_text("changed")
    files = RunFiles(str(folder.path))
    files.read_acknowledged(PLACE)
    assert due(files, is_ending=True) == ["a"]
