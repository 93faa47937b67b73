"""Writing journals: what is written, by whom, and what happens when it cannot be written."""

from __future__ import annotations

import math
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard import limits
from steelyard.errors import Invalid, UsageError
from steelyard.sdk.journal import reader
from steelyard.sdk.journal import writer as writer_module
from steelyard.sdk.journal.writer import JournalWriter
from steelyard.wire import journal
from tests.support.journal_runs import make_start, make_writer


def read_all(writer: JournalWriter, name: str | None = None) -> list[tuple[int, int, int, Any]]:
    return [*reader.iter_records(writer.folder, name or writer.writer)]


KEYS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=8,
)


@given(
    rows=st.lists(
        st.tuples(st.integers(0, 2**63 - 1), st.booleans(), st.dictionaries(KEYS, VALUES))
    )
)
def test_what_is_written_is_read_back_whole_and_in_order(
    rows: list[tuple[int, bool, dict[str, Any]]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    writer = make_writer(tmp_path_factory.mktemp("run"))
    for step, is_automatic, data in rows:
        writer.append_history(step, is_automatic, data)
    writer.append(journal.FINISH, {"exit_code": 0})
    assert writer.close() == 0
    records = read_all(writer)
    assert [record[1] for record in records] == [*range(len(rows) + 2)]
    assert records[0][0] == journal.START
    assert records[0][3] == make_start(writer.writer)
    assert [tuple(record[3]) for record in records[1:-1]] == rows
    assert writer.size_bytes == reader.journal_size(writer.folder, writer.writer)


def test_a_record_is_in_the_file_when_append_returns(tmp_path: Path) -> None:
    writer = make_writer(tmp_path)
    before = time.time_ns() // 1000
    writer.append_history(0, True, {"loss": math.nan})
    _, number, time_us, payload = read_all(writer)[-1]
    assert number == 1
    assert before <= time_us <= time.time_ns() // 1000
    assert math.isnan(payload[2]["loss"])
    writer.close()


def test_a_journal_goes_on_in_a_new_file_at_a_record_boundary(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_module, "JOURNAL_SEGMENT_BYTES", 500)
    writer = make_writer(tmp_path)
    for step in range(200):
        writer.append_history(step, True, {"loss": step / 7})
    segments = reader.list_segments(writer.folder, writer.writer)
    assert len(segments) > 10
    ends = [start + path.stat().st_size for _, start, path in segments]
    assert [start for _, start, _ in segments[1:]] == ends[:-1]
    assert all(path.stat().st_size >= 500 for _, _, path in segments[:-1])
    assert [record[3][0] for record in read_all(writer)[1:]] == [*range(200)]
    assert writer.size_bytes == ends[-1]
    writer.close()


def test_threads_write_every_record_once_and_each_in_its_order(tmp_path: Path) -> None:
    writer = make_writer(tmp_path)
    start = threading.Barrier(8)

    def work(thread: int) -> None:
        start.wait()
        for count in range(500):
            writer.append_history(count, False, {"thread": thread})

    threads = [threading.Thread(target=work, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    writer.close()
    records = read_all(writer)
    assert [record[1] for record in records] == [*range(4001)]
    for thread_name in range(8):
        mine = [row[0] for _, _, _, row in records[1:] if row[2] == {"thread": thread_name}]
        assert mine == [*range(500)]


def test_a_forked_child_writes_a_journal_of_its_own(tmp_path: Path) -> None:
    writer = make_writer(tmp_path)
    writer.append_history(0, True, {"who": "parent"})
    pid = os.fork()
    if pid == 0:
        try:
            writer.append_history(1, True, {"who": "child"})
            grandchild = os.fork()
            if grandchild == 0:
                writer.append_history(2, True, {"who": "grandchild"})
                os._exit(0)
            os.waitpid(grandchild, 0)
            writer.append_history(3, True, {"who": "child"})
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    writer.append_history(4, True, {"who": "parent"})
    writer.close()

    by_role = {}
    for name in reader.list_writers(writer.folder):
        start, *rows = read_all(writer, name)
        role = "parent" if name == writer.writer else rows[0][3][2]["who"]
        by_role[role] = (start, [row[3] for row in rows])
        assert start[2] == read_all(writer)[0][2], "run times count from the parent's start"
    assert by_role["parent"][1] == [[0, True, {"who": "parent"}], [4, True, {"who": "parent"}]]
    assert by_role["child"][1] == [[1, True, {"who": "child"}], [3, True, {"who": "child"}]]
    assert by_role["grandchild"][1] == [[2, True, {"who": "grandchild"}]]
    child = by_role["child"][0][3]
    assert (child["role"], child["run"], child["project"]) == ("fork", "r1", "p")
    assert child["updates_finish_state"] is False
    assert child["pid"] != os.getpid()


def test_a_child_forked_while_a_thread_writes_never_hangs(tmp_path: Path) -> None:
    writer = make_writer(tmp_path)
    is_over = threading.Event()

    def work() -> None:
        while not is_over.is_set():
            writer.append_history(0, True, {"loss": 1.0})

    thread = threading.Thread(target=work)
    thread.start()
    try:
        for _ in range(20):
            pid = os.fork()
            if pid == 0:
                writer.append_history(7, True, {"child": 1})
                os._exit(0)
            deadline = time.monotonic() + 20
            while os.waitpid(pid, os.WNOHANG) == (0, 0):
                assert time.monotonic() < deadline, "the child hangs"
                time.sleep(0.001)
    finally:
        is_over.set()
        thread.join()
    writer.close()
    rows = [
        payload
        for name in reader.list_writers(writer.folder)
        if name != writer.writer
        for kind, _, _, payload in read_all(writer, name)
        if kind == journal.HISTORY
    ]
    assert rows == [[7, True, {"child": 1}]] * 20


def test_a_start_for_the_run_only_is_not_repeated_by_a_child(tmp_path: Path) -> None:
    writer = make_writer(tmp_path)
    told = {"resume": "must", "tags": ["a"], "display_name": "x", "step_base": 5}
    parent = JournalWriter.create(writer.folder, writer="w2", start=make_start("w2", **told))
    fork = parent.describe_fork()
    assert fork["step_base"] == 5
    assert fork["forked_from"] == "w2"
    assert not {"resume", "tags", "display_name"} & fork.keys()
    parent.close()
    writer.close()


def test_a_record_over_the_limit_is_refused_by_name_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_module, "JOURNAL_RECORD_BYTES_MAX", 2000)
    writer = make_writer(tmp_path)
    size = writer.size_bytes
    with pytest.raises(Invalid, match=r"'text' alone takes 3,003") as caught:
        writer.append_history(0, True, {"loss": 1.0, "text": "x" * 3000})
    assert "2,000" in str(caught.value)
    assert writer.size_bytes == size
    writer.append_history(0, True, {"loss": 1.0})
    assert [record[1] for record in read_all(writer)] == [0, 1]
    writer.close()


def test_what_msgpack_does_not_hold_is_kept_in_the_nearest_form(tmp_path: Path) -> None:
    writer = make_writer(tmp_path)
    writer.append_history(0, True, {"big": 2**70, "text": "\ud800", "\udcff": 1})
    writer.append(journal.ALERT, {"title": "\ud800", "count": 2**70})
    rows = read_all(writer)
    assert rows[1][3][2] == {"big": float(2**70), "text": "\\ud800", "\\udcff": 1}
    assert rows[2][3] == {"title": "\\ud800", "count": str(2**70)}
    writer.close()


def test_a_journal_that_is_closed_says_so(tmp_path: Path) -> None:
    writer = make_writer(tmp_path)
    assert writer.close() == 0
    assert writer.close() == 0
    with pytest.raises(UsageError, match="closed"):
        writer.append_history(0, True, {})


def test_a_program_that_closes_all_its_files_goes_on(tmp_path: Path) -> None:
    """As daemons do; the journal is opened again."""
    pid = os.fork()
    if pid == 0:
        writer = make_writer(tmp_path)
        writer.append_history(0, True, {"a": 1})
        os.closerange(3, 1000)
        others = [os.open(tmp_path / "theirs", os.O_WRONLY | os.O_CREAT) for _ in range(30)]
        writer.append_history(1, True, {"a": 2})
        os._exit(writer.waiting_count + ((tmp_path / "theirs").stat().st_size or len(others) - 30))
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    run_dir = next((tmp_path / "steelyard").glob("offline-run-*"))
    [name] = reader.list_writers(run_dir)
    assert [record[1] for record in reader.iter_records(run_dir, name)] == [0, 1, 2]


def test_records_wait_in_memory_while_there_is_no_folder_and_are_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_module, "JOURNAL_WAITING_BYTES_MAX", 10_000)
    warnings: list[str] = []
    run_dir = tmp_path / "run"
    writer = JournalWriter.create(run_dir, writer="w", start=make_start("w"), warn=warnings.append)
    for step in range(50):
        writer.append_history(step, True, {"loss": step / 3})
    assert writer.waiting_count == 51
    assert len(warnings) == 1
    (run_dir / "journal").mkdir(parents=True)
    writer.append_history(50, True, {})
    assert writer.waiting_count == 0
    assert [record[1] for record in read_all(writer)] == [*range(52)]
    writer.close()


def test_what_finds_no_place_at_all_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_module, "JOURNAL_WAITING_BYTES_MAX", 1000)
    writer = JournalWriter.create(tmp_path / "none", writer="w", start=make_start("w"))
    for step in range(100):
        writer.append_history(step, True, {"loss": step / 3})
    assert writer.refused_count > 50
    assert writer.refused_count + writer.waiting_count == 101
    assert writer.close() == 101


def test_the_limit_of_what_waits_is_no_smaller_than_one_record() -> None:
    assert limits.JOURNAL_WAITING_BYTES_MAX >= limits.JOURNAL_RECORD_BYTES_MAX


def test_logging_from_within_logging_keeps_both(tmp_path: Path) -> None:
    """As a signal handler or a finaliser may, at any moment."""
    run_dir = tmp_path / "run"
    (run_dir / "journal").mkdir(parents=True)
    writer = JournalWriter.create(run_dir, writer="w", start=make_start("w"))
    writer.warn = lambda text: writer.append(journal.CONSOLE, ("stderr", text))
    in_handler: list[int] = []

    def log_as_well(signum: int, frame: object) -> None:
        writer.append_history(signum, False, {"handler": 1})
        in_handler.append(signum)

    before = signal.signal(signal.SIGALRM, log_as_well)
    signal.setitimer(signal.ITIMER_REAL, 0.0002, 0.0002)
    try:
        count = 0
        while len(in_handler) < 50:
            writer.append_history(count, True, {"loss": 1.0})
            count += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    writer.close()
    rows = [record[3] for record in read_all(writer)[1:]]
    assert [row[0] for row in rows if row[1]] == [*range(count)]
    assert len([row for row in rows if not row[1]]) == len(in_handler)


def test_a_console_that_captures_our_own_warning_is_no_endless_circle(tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    (run_dir / "journal").mkdir(parents=True)
    writer = JournalWriter.create(run_dir, writer="w", start=make_start("w"))
    writer.warn = lambda text: writer.append(journal.CONSOLE, ("stderr", text))
    os.close(writer._fd)
    (run_dir / "journal").rename(run_dir / "moved")
    writer.append_history(0, True, {})
    assert writer.waiting_count == 2
    (run_dir / "moved").rename(run_dir / "journal")
    writer.append_history(1, True, {})
    writer.close()
    kinds = [record[0] for record in read_all(writer)]
    assert kinds == [journal.START, journal.HISTORY, journal.CONSOLE, journal.HISTORY]
    assert [record[1] for record in read_all(writer)] == [0, 1, 2, 3]
