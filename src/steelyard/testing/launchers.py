"""Contract suite of launchers. A launcher's tests subclass it and provide the fixture `launcher`.

class TestMyLauncher(LauncherContract):
    @pytest.fixture
    def launcher(self) -> Launcher: ...

    @pytest.fixture
    def directory(self, tmp_path: Path) -> Path: ...  # if tasks cannot see tmp_path
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from steelyard.errors import Invalid, LaunchFailed, NotFound, TooLarge
from steelyard.launch.interface import AgentJob, Job, JobStatus, Launcher
from steelyard.limits import LAUNCH_TASKS_MAX

PATIENCE_S = 200  # far above what a busy machine takes: what takes longer hangs

TELL = """
import json, os, sys
told = {"arguments": sys.argv[1:], "directory": os.getcwd(), "chosen": os.environ["CHOSEN"]}
with open("told.json", "x", encoding="utf-8") as file:
    json.dump(told, file)
"""
#: Goes on until it is told to end, by the file or by SIGTERM.
STAY = """
trap 'echo told >> log; exit 0' TERM
echo begin >> log
while [ ! -e go ]; do sleep 0.1; done
echo end >> log
"""


def make_job(
    directory: Path, *command: str, tasks: int = 1, parallel: int | None = None
) -> AgentJob:
    """A job of this command in this directory."""
    return AgentJob(
        name="contract", command=command, tasks=tasks, parallel=parallel, directory=str(directory)
    )


def wait_until(
    launcher: Launcher, job: Job, happened: Callable[[JobStatus], bool] = lambda s: s.is_over
) -> JobStatus:
    """The first status of which that is so."""
    deadline = time.monotonic() + PATIENCE_S
    while not happened(status := launcher.poll(job)):
        assert time.monotonic() < deadline, f"still {status}"
        time.sleep(0.1)
    return status


def read_log(directory: Path) -> list[str]:
    path = directory / "log"
    return path.read_text().split() if path.exists() else []


class LauncherContract:
    """What every launcher does."""

    @pytest.fixture
    def directory(self, tmp_path: Path) -> Path:
        """A directory that tasks see as this test does."""
        return tmp_path

    def test_every_task_runs_once(self, launcher: Launcher, directory: Path) -> None:
        job = launcher.submit(make_job(directory, "sh", "-c", "echo x >> log", tasks=3))
        assert (job.launcher, job.tasks) == (launcher.name, 3)
        status = wait_until(launcher, job)
        assert [(task.index, task.state, task.exit_code) for task in status.tasks] == [
            (index, "succeeded", 0) for index in (1, 2, 3)
        ]
        assert all(task.place for task in status.tasks)
        assert not status.has_failed
        assert read_log(directory) == ["x"] * 3

    def test_no_more_tasks_run_at_a_time_than_was_said(
        self, launcher: Launcher, directory: Path
    ) -> None:
        job = launcher.submit(make_job(directory, "sh", "-c", STAY, tasks=4, parallel=2))
        status = wait_until(launcher, job, lambda _: len(read_log(directory)) == 2)
        assert status.count().get("waiting", 0) >= 2
        (directory / "go").touch()
        assert wait_until(launcher, job).count() == {"succeeded": 4}
        at_work = [0]
        for word in read_log(directory):
            at_work.append(at_work[-1] + (1 if word == "begin" else -1))
        assert max(at_work) == 2
        assert len(at_work) == 9

    def test_a_failing_task_fails_with_its_exit_code(
        self, launcher: Launcher, directory: Path
    ) -> None:
        script = "mkdir first 2>/dev/null || exit 0; exit 3"  # one of them is the first
        job = launcher.submit(make_job(directory, "sh", "-c", script, tasks=2))
        status = wait_until(launcher, job)
        assert status.has_failed
        assert Counter((task.state, task.exit_code) for task in status.tasks) == {
            ("failed", 3): 1,
            ("succeeded", 0): 1,
        }

    def test_a_task_that_a_signal_ended_has_failed_without_an_exit_code(
        self, launcher: Launcher, directory: Path
    ) -> None:
        job = launcher.submit(make_job(directory, sys.executable, "-c", "import os; os.abort()"))
        [task] = wait_until(launcher, job).tasks
        # A shell between Slurm and the command says 128 + the signal.
        assert (task.state, task.exit_code) in (("failed", None), ("failed", 134))

    def test_arguments_directory_and_variables_arrive_as_they_are(
        self, launcher: Launcher, directory: Path
    ) -> None:
        own = directory / '-a "b" it\'s $HOME `id` ~ ;#* \u00e9\u201c'
        own.mkdir()
        arguments = (
            *("a b", "it's", 'a"b', "$HOME `id`", "back\\slash", "\u00e9\u201c", "-x", "~", "a;b"),
            *("", "two\nlines", "*", "%j", "--count=1", "#", " "),
        )
        job = AgentJob(
            name=own.name,
            command=(sys.executable, "-c", TELL, *arguments),
            tasks=1,
            directory=str(own),
            environ={"CHOSEN": own.name},
        )
        status = wait_until(launcher, launcher.submit(job))
        assert status.count() == {"succeeded": 1}, status
        told = json.loads((own / "told.json").read_text(encoding="utf-8"))
        assert told == {
            "arguments": list(arguments),
            "directory": str(own),
            "chosen": own.name,
        }

    def test_what_is_cancelled_is_told_to_end_and_what_waits_never_starts(
        self, launcher: Launcher, directory: Path
    ) -> None:
        job = launcher.submit(make_job(directory, "sh", "-c", STAY, tasks=5, parallel=2))
        wait_until(launcher, job, lambda _: len(read_log(directory)) == 2)
        launcher.cancel(job)
        launcher.cancel(job)
        assert wait_until(launcher, job).count() == {"cancelled": 5}
        assert sorted(read_log(directory)) == ["begin", "begin", "told", "told"]

    def test_cancelling_what_is_over_changes_nothing(
        self, launcher: Launcher, directory: Path
    ) -> None:
        job = launcher.submit(make_job(directory, "true"))
        before = wait_until(launcher, job)
        launcher.cancel(job)
        assert launcher.poll(job) == before
        assert before.count() == {"succeeded": 1}

    def test_a_directory_that_is_not_there_starts_nothing(
        self, launcher: Launcher, directory: Path
    ) -> None:
        with pytest.raises(LaunchFailed, match="missing"):
            launcher.submit(make_job(directory / "missing", "true"))

    def test_a_job_of_another_launcher_is_not_known(self, launcher: Launcher) -> None:
        foreign = Job(launcher="another", id="1", tasks=1)
        with pytest.raises(NotFound):
            launcher.poll(foreign)
        with pytest.raises(NotFound):
            launcher.cancel(foreign)

    def test_a_job_that_makes_no_sense_cannot_be_made(self, directory: Path) -> None:
        for tasks, parallel in ((0, None), (-1, None), (1, 0)):
            with pytest.raises(Invalid):
                make_job(directory, "true", tasks=tasks, parallel=parallel)
        with pytest.raises(TooLarge, match="LAUNCH_TASKS_MAX"):
            make_job(directory, "true", tasks=LAUNCH_TASKS_MAX + 1)
        with pytest.raises(Invalid, match="command"):
            make_job(directory)
        with pytest.raises(Invalid, match="NUL"):
            make_job(directory, "a\0b")
        with pytest.raises(Invalid, match="absolute"):
            make_job(Path("here"), "true")
