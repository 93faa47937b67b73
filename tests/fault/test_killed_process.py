"""A training process that dies, in every way there is: what `log` returned from is in the journal.

Offline, without a sender: these are about the process itself.
"""

from __future__ import annotations

import os
import random
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from steelyard.sdk.journal import reader
from steelyard.sdk.journal.folder import RunFolder, find_run_folders
from steelyard.wire import journal
from tests.support.journal_runs import list_records, list_rows, make_run

KILLS = 120
ACKNOWLEDGED = struct.Struct("<II")  # (thread, how many rows of it log() returned from)


def fork_trainer(root: Path, train: Callable[[int], None]) -> tuple[int, int]:
    """(pid, pipe to read from) of a forked process that trains until it is killed."""
    read_fd, write_fd = os.pipe()
    pid = os.fork()
    if pid:
        os.close(write_fd)
        return pid, read_fd
    try:
        os.close(read_fd)
        train(write_fd)
    finally:
        os._exit(70)


def log_and_acknowledge(run: Any, thread: int, pipe: int) -> None:
    count = 0
    while True:
        run.log({"thread": thread, "count": count, "loss": count / 3, "text": "x" * (count % 50)})
        count += 1
        os.write(pipe, ACKNOWLEDGED.pack(thread, count))


@pytest.mark.timeout(240)
def test_kill_9_at_any_moment_loses_no_row_that_log_returned_from(tmp_path: Path) -> None:
    chance = random.Random(2024)
    lost, rows_seen = 0, 0
    for attempt in range(KILLS):
        root = tmp_path / str(attempt)
        thread_count = attempt % 3 + 1

        def train(pipe: int, root: Path = root, thread_count: int = thread_count) -> None:
            run = make_run(root)
            threads = [
                threading.Thread(target=log_and_acknowledge, args=(run, name, pipe), daemon=True)
                for name in range(thread_count)
            ]
            for thread in threads:
                thread.start()
            threads[0].join()

        pid, pipe = fork_trainer(root, train)
        first = os.read(pipe, ACKNOWLEDGED.size)  # now it may die at any time
        wait_until = time.perf_counter() + chance.random() * 0.02
        while time.perf_counter() < wait_until:
            pass
        os.kill(pid, signal.SIGKILL)
        assert os.WIFSIGNALED(os.waitpid(pid, 0)[1])

        with os.fdopen(pipe, "rb") as rest:
            content = first + rest.read()
        whole = len(content) // ACKNOWLEDGED.size * ACKNOWLEDGED.size
        acknowledged: dict[int, int] = {}
        for thread, count in ACKNOWLEDGED.iter_unpack(content[:whole]):
            acknowledged[thread] = max(count, acknowledged.get(thread, 0))

        [folder] = find_run_folders(root)
        [writer] = reader.list_writers(folder.path)
        reader.cut_torn_tail(folder.path, writer)
        kept = list_rows(folder)
        rows_seen += len(kept)
        assert [step for step, _, _ in kept] == [*range(len(kept))]
        for thread in range(thread_count):
            counts = [data["count"] for _, _, data in kept if data["thread"] == thread]
            assert counts == [*range(len(counts))]
            lost += max(acknowledged.get(thread, 0) - len(counts), 0)
    assert lost == 0
    assert rows_seen > KILLS * 5


SCRIPT = """
import os, sys, threading, multiprocessing
from pathlib import Path
sys.path.insert(0, {source!r})
from tests.support.journal_runs import make_run
run = make_run(Path({root!r}))
run.log({{"loss": 1.0}})
{ending}
"""


def run_script(root: Path, ending: str, **options: Any) -> tuple[int, RunFolder, str]:
    """(exit code, run folder, standard error) of a script that logs a row and ends so."""
    source = str(Path(__file__).parents[2])
    script = root / "train.py"
    script.write_text(SCRIPT.format(root=str(root), source=source, ending=ending))
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, timeout=60, **options
    )
    [folder] = find_run_folders(root)
    return done.returncode, folder, done.stderr


@pytest.mark.parametrize(
    ("ending", "exit_code", "said"),
    [
        ("", 0, 0),
        ("sys.exit()", 0, 0),
        ("sys.exit(0)", 0, 0),
        ("sys.exit(3)", 3, 3),
        ("sys.exit('no data')", 1, 1),
        ("exit(3)", 3, 3),
        ("sys.exit(-1)", 255, 255),
        ("raise ValueError('boom')", 1, 1),
        ("raise KeyboardInterrupt", -2, 255),
        ("import signal; os.kill(os.getpid(), signal.SIGINT); import time; time.sleep(9)", -2, 255),
        ("run.finish(5); sys.exit(7)", 7, 5),
        ("with run: sys.exit(4)", 4, 4),
        ("import argparse; argparse.ArgumentParser().parse_args(['--no'])", 2, 2),
        ("threading.Thread(target=sys.exit, args=(9,)).start()", 0, 0),
        ("threading.Thread(target=lambda: 1 / 0).start()", 0, 0),
    ],
)
def test_a_script_that_ends_by_itself_says_how(
    ending: str, exit_code: int, said: int, tmp_path: Path
) -> None:
    code, folder, stderr = run_script(tmp_path, ending)
    assert code == exit_code, stderr
    assert list_records(folder, journal.FINISH) == [{"exit_code": said}]
    assert len(list_rows(folder)) == 1


def test_the_traceback_is_printed_once_and_hooks_of_others_still_run(tmp_path: Path) -> None:
    ending = (
        "before = sys.excepthook\n"
        "sys.excepthook = lambda *a: (print('mine', file=sys.stderr), before(*a))\n"
        "raise ValueError('boom')"
    )
    code, folder, stderr = run_script(tmp_path, ending)
    assert code == 1
    assert stderr.count("ValueError: boom") == 1
    assert stderr.count("mine") == 1
    assert list_records(folder, journal.FINISH) == [{"exit_code": 1}]


@pytest.mark.parametrize(
    "ending",
    [
        "os._exit(3)",
        "os.abort()",
        "import signal; os.kill(os.getpid(), signal.SIGTERM)",
        "import ctypes; ctypes.string_at(0)",
        "os.execv(sys.executable, [sys.executable, '-c', ''])",
    ],
)
def test_a_sudden_death_leaves_every_row_and_no_word(ending: str, tmp_path: Path) -> None:
    more = "for n in range(100): run.log({'n': n})\n"
    _, folder, _ = run_script(tmp_path, more + ending)
    assert [step for step, _, _ in list_rows(folder)] == [*range(101)]
    assert list_records(folder, journal.FINISH) == []


WORKERS = """
def work(number):
    for count in range(50):
        run.log({"worker": number, "count": count}, step=count)

if __name__ == "__main__":
    context = multiprocessing.get_context("fork")
    with context.Pool(3) as pool:
        pool.map(work, range(6))
"""


def test_workers_of_a_forked_pool_lose_nothing_though_they_are_terminated(tmp_path: Path) -> None:
    ending = WORKERS
    code, folder, stderr = run_script(tmp_path, ending)
    assert code == 0, stderr
    found = sorted(
        (data["worker"], data["count"]) for _, _, data in list_rows(folder) if "worker" in data
    )
    assert found == [(worker, count) for worker in range(6) for count in range(50)]
    assert list_records(folder, journal.FINISH) == [{"exit_code": 0}]


def test_a_forked_child_that_dies_takes_nothing_of_the_parent_with_it(tmp_path: Path) -> None:
    ending = (
        "pid = os.fork()\n"
        "if pid == 0:\n"
        "    run.log({'who': 'child'})\n"
        "    os.kill(os.getpid(), 9)\n"
        "os.waitpid(pid, 0)\n"
        "run.log({'who': 'parent'})\n"
    )
    code, folder, _ = run_script(tmp_path, ending)
    assert code == 0
    assert sorted(data.get("who", "") for _, _, data in list_rows(folder)) == [
        "",
        "child",
        "parent",
    ]


def test_a_forked_child_that_ends_normally_does_not_end_the_run(tmp_path: Path) -> None:
    ending = (
        "pid = os.fork()\n"
        "if pid == 0:\n"
        "    run.log({'who': 'child'})\n"
        "    sys.exit(5)\n"
        "os.waitpid(pid, 0)\n"
        "run.log({'who': 'parent'})\n"
    )
    code, folder, stderr = run_script(tmp_path, ending)
    assert code == 0
    [first] = [writer for writer in reader.list_writers(folder.path) if is_first(folder, writer)]
    ends = [
        payload
        for kind, _, _, payload in reader.iter_records(folder.path, first)
        if kind == journal.FINISH
    ]
    assert ends == [{"exit_code": 0}], "what the child says of its end is in its own journal"
    assert stderr.count("is kept in") == 1, "the child has no last words"


def is_first(folder: RunFolder, writer: str) -> bool:
    """It is the journal of the process that began the run."""
    _, _, _, start = next(reader.iter_records(folder.path, writer))
    return bool(start["role"] == "process")


def test_a_process_that_is_killed_while_it_ends_keeps_its_rows(tmp_path: Path) -> None:
    ending = (
        "import signal\n"
        "run.add_end_hook(lambda code: os.kill(os.getpid(), signal.SIGKILL))\n"
        "for n in range(10): run.log({'n': n})\n"
    )
    code, folder, _ = run_script(tmp_path, ending)
    assert code == -signal.SIGKILL
    assert len(list_rows(folder)) == 11
