"""What the run folders on this machine hold, and making room."""

from __future__ import annotations

from pathlib import Path

from steelyard.sdk.journal.folder import RunFolder, write_json
from steelyard.sdk.journal.writer import JournalWriter
from steelyard.sdk.run_folders import describe_folder, free_journals, remove_folder
from steelyard.sdk.sender.folder import FolderLock
from steelyard.sdk.sender.tail import RunTail
from steelyard.wire.journal import FINISH
from tests.support.journal_runs import make_folder, make_start


def make_run(root: Path, run: str, *, is_sent: bool, rows: int = 100) -> RunFolder:
    folder, name = make_folder(root, run=run)
    writer = JournalWriter.create(folder.path, writer=name, start=make_start(name))
    for step in range(rows):
        writer.append_history(step, True, {"a": step})
    writer.append(FINISH, {"exit_code": 0})
    writer.close()
    if is_sent:
        tail = RunTail(str(folder.path))
        tail.refresh()
        journal = tail.journals[name]
        journal.acknowledged = journal.size
        tail.write_acknowledged(journal, "http://server", "http://server/run")
        write_json(folder.status_path, {"state": "done", "files_left": 0})
    return folder


def count_journals(folder: RunFolder) -> int:
    return len(list(folder.journal_dir.glob("*.journal")))


def test_a_folder_says_what_is_sent_and_what_is_left(tmp_path: Path) -> None:
    sent = describe_folder(make_run(tmp_path, "a", is_sent=True))
    assert (sent.is_sent, sent.process, sent.left_bytes) == (True, "ended", 0)
    unsent = describe_folder(make_run(tmp_path, "b", is_sent=False))
    assert (unsent.is_sent, unsent.sent_bytes) == (False, 0)
    assert unsent.left_bytes > 0
    assert unsent.disk_bytes > 0


def test_a_folder_without_a_readable_run_json_is_damaged_and_never_sent(tmp_path: Path) -> None:
    folder = make_run(tmp_path, "a", is_sent=True)
    folder.run_json.write_text("{")
    found = describe_folder(folder)
    assert (found.process, found.is_sent) == ("damaged", False)


def test_making_room_takes_the_oldest_journals_and_never_unsent_ones(tmp_path: Path) -> None:
    unsent = make_run(tmp_path, "a-unsent", is_sent=False)
    oldest = make_run(tmp_path, "b", is_sent=True)
    newest = make_run(tmp_path, "c", is_sent=True)
    base = str(oldest.path.parent)
    size = sum(path.stat().st_size for path in newest.journal_dir.glob("*.journal"))
    assert free_journals(base, 10**9) == 0
    assert free_journals(base, int(size * 2.5)) > 0
    assert [count_journals(folder) for folder in (unsent, oldest, newest)] == [1, 0, 1]
    free_journals(base, 1)
    assert [count_journals(folder) for folder in (unsent, oldest, newest)] == [1, 0, 0]


def test_a_folder_that_is_being_sent_is_not_removed(tmp_path: Path) -> None:
    folder = make_run(tmp_path, "a", is_sent=True)
    lock = FolderLock(str(folder.path))
    assert lock.acquire()
    assert not remove_folder(folder)
    lock.release()
    assert remove_folder(folder)
    assert not folder.path.exists()
