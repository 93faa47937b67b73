"""When a run folder counts as ended."""

from __future__ import annotations

from pathlib import Path

from steelyard.sdk.journal.folder import read_run_json
from steelyard.sdk.journal.reader import iter_records, list_writers
from steelyard.sdk.journal.writer import JournalWriter
from steelyard.sdk.sender.care import RunCare
from steelyard.wire.journal import CONSOLE, FINISH
from tests.support.journal_runs import make_folder, make_start


def begin(root: Path) -> tuple[RunCare, JournalWriter]:
    folder, name = make_folder(root, run="r1")
    writer = JournalWriter.create(folder.path, writer=name, start=make_start(name))
    care = RunCare(str(folder.path), read_run_json(folder))
    care.look(list_too=True)
    care.open_own_journal()
    return care, writer


def finishes_of(care: RunCare) -> list[dict[str, object]]:
    """Payloads of all FINISH records of the folder."""
    folder = Path(care.run_dir)
    records = [r for writer in list_writers(folder) for r in iter_records(folder, writer)]
    return [payload for kind, _, _, payload in records if kind == FINISH]


def test_a_process_that_says_its_end_at_the_last_moment_has_not_crashed(tmp_path: Path) -> None:
    """Its last words come after our last look, and before it is found dead."""
    care, writer = begin(tmp_path)
    assert not care.is_finished
    writer.append(FINISH, {"exit_code": 0})
    writer.close()
    care.end_by_crash()
    care.close()
    assert finishes_of(care) == [{"exit_code": 0}]


def test_what_a_thread_prints_after_the_end_does_not_undo_it(tmp_path: Path) -> None:
    care, writer = begin(tmp_path)
    writer.append(FINISH, {"exit_code": 0})
    writer.append(CONSOLE, ["stdout", "bye\n"])
    care.look(list_too=False)
    assert care.is_finished
    writer.append(CONSOLE, ["stdout", "bye bye\n"])
    care.look(list_too=False)
    assert care.is_finished
    writer.close()
    care.end_by_crash()
    care.close()
    assert finishes_of(care) == [{"exit_code": 0}]


def test_a_crash_is_said_once_whatever_follows_it(tmp_path: Path) -> None:
    care, writer = begin(tmp_path)
    writer.close()
    care.end_by_crash()
    care.append(CONSOLE, ["stdout", "a sample, say"])
    care.close()
    again = RunCare(care.run_dir, care.facts)
    again.look(list_too=True)
    assert again.own_says_finish()
    again.open_own_journal()
    again.end_by_crash()
    again.close()
    assert [finish["is_crash"] for finish in finishes_of(care)] == [True]
