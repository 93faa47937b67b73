"""The parent's side of the sender, with a real sender that sends nowhere."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from steelyard.sdk.journal.reader import iter_records
from steelyard.sdk.journal.writer import JournalWriter
from steelyard.sdk.sender.launch import SenderHandle, get_sender, measure_folder, shut_down
from steelyard.sdk.settings import load_client_settings
from steelyard.wire.journal import FINISH, START
from tests.support.journal_runs import make_folder, make_start
from tests.support.training import Trainee, is_sender, kill, wait_until


@pytest.fixture
def sender() -> Iterator[SenderHandle]:
    settings = load_client_settings({}, [], {"mode": "offline", "x_disable_meta": True})
    yield get_sender(settings)
    shut_down(5)  # it stays with a run whose process, this one, is alive


def status_pid(folder: Path) -> int:
    def read() -> int:
        try:
            text = (folder / "status.json").read_text()
        except FileNotFoundError:
            return 0
        import json

        return int(json.loads(text)["pid"])

    return int(wait_until(read))


def test_it_looks_after_a_folder_and_flush_does_not_wait_offline(
    tmp_path: Path, sender: SenderHandle
) -> None:
    folder, name = make_folder(tmp_path)
    writer = JournalWriter.create(folder.path, writer=name, start=make_start(name))
    sender.watch(folder.path)
    pid = status_pid(folder.path)
    assert is_sender(pid)
    assert os.getsid(pid) != os.getsid(0), "Ctrl-C in a terminal does not reach it"
    found = sender.flush(folder.path, timeout_s=30, on_progress=lambda _: None)
    assert (found.state, found.is_final) == ("kept", True)
    assert found.total >= writer.size_bytes
    writer.append(FINISH, {"exit_code": 0})
    writer.close()
    own = f"{name}-s"
    wait_until(lambda: [r for r in iter_records(folder.path, own) if r[0] == START])


def test_it_has_no_file_of_the_user_open(tmp_path: Path, sender: SenderHandle) -> None:
    folder, name = make_folder(tmp_path)
    JournalWriter.create(folder.path, writer=name, start=make_start(name)).close()
    sender.watch(folder.path)
    pid = status_pid(folder.path)
    opened = {str(fd.readlink()) for fd in Path(f"/proc/{pid}/fd").iterdir()}
    opened -= {path for path in opened if path.endswith((".py", ".pyc", ".so"))}  # it still loads
    files = {path for path in opened if path.startswith("/") and path != os.devnull}
    assert all(path.startswith(str(tmp_path)) for path in files), files


def test_one_sender_serves_all_runs_of_the_same_settings(sender: SenderHandle) -> None:
    settings = load_client_settings({}, [], {"mode": "offline", "x_disable_meta": True})
    assert get_sender(settings) is sender


def test_a_killed_sender_is_replaced_and_gets_its_folders_back(
    tmp_path: Path, sender: SenderHandle
) -> None:
    folder, name = make_folder(tmp_path)
    JournalWriter.create(folder.path, writer=name, start=make_start(name)).close()
    sender.watch(folder.path)
    first = status_pid(folder.path)
    kill(first)
    wait_until(lambda: status_pid(folder.path) != first)
    assert is_sender(status_pid(folder.path))


def test_what_is_left_can_be_measured_without_a_sender(tmp_path: Path) -> None:
    folder, name = make_folder(tmp_path)
    writer = JournalWriter.create(folder.path, writer=name, start=make_start(name))
    found = measure_folder(str(folder.path), "gone", "killed")
    assert (found.acknowledged, found.total) == (0, writer.size_bytes)
    assert found.is_final
    writer.close()


def test_a_script_with_closed_standard_streams_still_has_its_sender(tmp_path: Path) -> None:
    trainee = Trainee(tmp_path / "home")
    script = (
        "import os, steelyard\n"
        "for fd in (0, 1, 2): os.close(fd)\n"
        "run = steelyard.init(mode='offline', id='r', settings=steelyard.Settings(console='off'))\n"
        "run.log({'i': 1}); run.finish()\n"
    )
    started = trainee.start(0, script=script)
    assert started.wait(60) == 0
    folder = trainee.folders()[0]
    wait_until(lambda: trainee.status(folder).get("state") == "kept")
    trainee.close()


def test_a_process_that_waits_for_any_child_does_not_wait_for_the_sender(tmp_path: Path) -> None:
    script = """
import os, time, steelyard
run = steelyard.init(mode="offline", id="r")
time.sleep(0.5)
while True:
    try:
        os.wait()
    except ChildProcessError:
        break
run.finish()
"""
    trainee = Trainee(tmp_path / "home")
    subprocess.run(
        [sys.executable, "-c", script],
        cwd=trainee.home,
        env=trainee.environ,
        timeout=60,
        check=True,
        capture_output=True,
    )
    trainee.close()
