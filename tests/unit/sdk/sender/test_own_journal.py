"""The sender's own journal: begun once, gone on with, and held by one."""

from __future__ import annotations

from pathlib import Path

import pytest

from steelyard.sdk.journal.reader import iter_records
from steelyard.sdk.sender.own_journal import OwnJournal, is_held
from steelyard.wire.journal import FINISH, METADATA, START, SYSTEM
from tests.support.journal_runs import make_folder

START_OF_PROCESS = {"run": "r1", "project": "p", "writer": "w", "tags": ["t"], "label": "rank-0"}


def test_it_begins_with_what_the_process_said_of_the_run_and_numbers_its_records(
    tmp_path: Path,
) -> None:
    folder, writer = make_folder(tmp_path)
    own = OwnJournal(str(folder.path), writer, START_OF_PROCESS)
    own.append(SYSTEM, {"system.cpu": 1.5})
    own.close()
    again = OwnJournal(str(folder.path), writer, START_OF_PROCESS)
    again.append(METADATA, {"host": "h"})
    again.close()
    records = list(iter_records(folder.path, f"{writer}-s"))
    assert [(kind, number) for kind, number, _, _ in records] == [
        (START, 0),
        (SYSTEM, 1),
        (METADATA, 2),
    ]
    start = records[0][3]
    assert (start["role"], start["run"], start["label"]) == ("sender", "r1", "rank-0")
    assert "tags" not in start


def test_a_torn_record_of_a_killed_sender_is_cut(tmp_path: Path) -> None:
    folder, writer = make_folder(tmp_path)
    own = OwnJournal(str(folder.path), writer, START_OF_PROCESS)
    own.append(SYSTEM, {"a": 1})
    own.close()
    path = next(folder.journal_dir.glob("*-s.*.journal"))
    path.write_bytes(path.read_bytes()[:-3])
    again = OwnJournal(str(folder.path), writer, START_OF_PROCESS)
    again.append(SYSTEM, {"a": 2})
    again.close()
    records = list(iter_records(folder.path, f"{writer}-s"))
    assert [(number, payload.get("a")) for _, number, _, payload in records] == [(0, None), (1, 2)]


def test_a_crash_is_reported_once(tmp_path: Path) -> None:
    folder, writer = make_folder(tmp_path)
    for _ in range(2):
        own = OwnJournal(str(folder.path), writer, START_OF_PROCESS)
        own.append_crash(writer)
        own.close()
    records = list(iter_records(folder.path, f"{writer}-s"))
    assert [kind for kind, _, _, _ in records] == [START, FINISH]
    assert records[1][3] == {"writer": writer, "exit_code": 255, "is_crash": True}


def test_one_sender_has_it(tmp_path: Path) -> None:
    folder, writer = make_folder(tmp_path)
    assert not is_held(str(folder.path), writer)
    own = OwnJournal(str(folder.path), writer, START_OF_PROCESS)
    assert is_held(str(folder.path), writer)
    with pytest.raises(BlockingIOError):
        OwnJournal(str(folder.path), writer, START_OF_PROCESS)
    own.close()
    assert not is_held(str(folder.path), writer)
