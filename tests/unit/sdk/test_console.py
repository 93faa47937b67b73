"""What a run's journal holds of what its process printed, however the process ends."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from steelyard.sdk.journal import reader
from steelyard.sdk.journal.folder import find_run_folders
from steelyard.wire import journal


def run_training(
    tmp_path: Path, body: str, *, console: str = "auto", returncode: int | None = 0
) -> subprocess.CompletedProcess[bytes]:
    """A script that begins an offline run and then does `body`."""
    script = (
        "import os, signal, sys, time, steelyard\n"
        "run = steelyard.init(project='p', mode='offline')\n" + body
    )
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "WANDB_DIR": str(tmp_path),
        "WANDB_CONSOLE": console,
        "WANDB_SILENT": "true",
        "PYTHONWARNINGS": "ignore",  # of forks in a process with threads
    }
    done = subprocess.run(
        [sys.executable, "-c", script], env=environ, capture_output=True, timeout=120, check=False
    )
    if returncode is not None:
        assert done.returncode == returncode, done.stderr.decode()
    return done


def printed(tmp_path: Path, stream: str = "stdout") -> list[str]:
    """What each writer of each run kept of a stream, sorted."""
    texts = []
    for folder in find_run_folders(tmp_path):
        for writer in reader.list_writers(folder.path):
            records = reader.iter_records(folder.path, writer)
            said = [payload for kind, _, _, payload in records if kind == journal.CONSOLE]
            texts.append("".join(text for name, text in said if name == stream))
    return sorted(text for text in texts if text)


@pytest.mark.parametrize("console", ["auto", "wrap", "wrap_raw", "wrap_emu", "redirect"])
def test_everything_printed_until_the_process_ends_is_kept(tmp_path: Path, console: str) -> None:
    done = run_training(
        tmp_path,
        "print('epoch 1')\nprint('careful', file=sys.stderr)\nprint('half a line', end='')",
        console=console,
    )
    assert printed(tmp_path) == ["epoch 1\nhalf a line"]
    assert printed(tmp_path, "stderr") == ["careful\n"]
    assert (done.stdout, done.stderr) == (b"epoch 1\nhalf a line", b"careful\n")


def test_nothing_is_kept_with_console_off(tmp_path: Path) -> None:
    done = run_training(tmp_path, "print('x')", console="off")
    assert printed(tmp_path) == []
    assert done.stdout == b"x\n"


@pytest.mark.parametrize("console", ["wrap", "redirect"])
def test_the_traceback_of_a_training_that_failed_is_kept(tmp_path: Path, console: str) -> None:
    run_training(tmp_path, "raise RuntimeError('diverged')", console=console, returncode=1)
    (text,) = printed(tmp_path, "stderr")
    assert text.endswith("RuntimeError: diverged\n")


def test_the_traceback_is_kept_once_when_the_run_ends_first(tmp_path: Path) -> None:
    run_training(tmp_path, "with run:\n    raise RuntimeError('diverged')", returncode=1)
    (text,) = printed(tmp_path, "stderr")
    assert text.count("RuntimeError: diverged") == 1


def test_finished_lines_are_kept_when_the_process_is_killed(tmp_path: Path) -> None:
    run_training(
        tmp_path,
        "for i in range(20): print('line', i)\nos.kill(os.getpid(), signal.SIGKILL)",
        returncode=-9,
    )
    assert printed(tmp_path) == ["".join(f"line {i}\n" for i in range(20))]


def test_a_forked_worker_keeps_what_it_prints_in_a_journal_of_its_own(tmp_path: Path) -> None:
    run_training(
        tmp_path,
        "import multiprocessing\n"
        "print('parent')\n"
        "work = multiprocessing.get_context('fork').Process(target=print, args=('worker',))\n"
        "work.start(); work.join()",
    )
    assert printed(tmp_path) == ["parent\n", "worker\n"]


def test_two_runs_in_turn_keep_their_own(tmp_path: Path) -> None:
    run_training(
        tmp_path,
        "print('first'); run.finish()\n"
        "print('between')\n"
        "run = steelyard.init(project='p', mode='offline')\n"
        "print('second')",
    )
    assert printed(tmp_path) == ["first\n", "second\n"]
