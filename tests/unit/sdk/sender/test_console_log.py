"""output.log, from the journal."""

from __future__ import annotations

from pathlib import Path

from steelyard.sdk.journal.writer import JournalWriter
from steelyard.sdk.sender.console_log import write_output_log
from steelyard.wire.journal import CONSOLE
from tests.support.journal_runs import make_folder, make_start


def log_of(tmp_path: Path, *texts: str) -> str | None:
    folder, name = make_folder(tmp_path)
    writer = JournalWriter.create(folder.path, writer=name, start=make_start(name))
    writer.append_history(0, True, {"a": 1})
    for number, text in enumerate(texts):
        writer.append(CONSOLE, ["stderr" if number % 2 else "stdout", text])
    writer.close()
    has_text = write_output_log(str(folder.path))
    path = folder.files_dir / "output.log"
    assert has_text == path.exists()
    assert len(list(folder.files_dir.iterdir())) == int(has_text)
    return path.read_text() if has_text else None


def test_both_streams_in_the_order_they_were_written(tmp_path: Path) -> None:
    assert log_of(tmp_path, "epoch 1\nepo", "ch 2\n", "grüße") == "epoch 1\nepoch 2\ngrüße\n"


def test_a_progress_bar_is_one_line_as_it_was_last(tmp_path: Path) -> None:
    text = log_of(tmp_path, "10%\r20%\r", "30%\r", "100%\ndone\r\nend\n")
    assert text == "100%\ndone\nend\n"


def test_a_process_that_printed_nothing_has_no_file(tmp_path: Path) -> None:
    assert log_of(tmp_path) is None
