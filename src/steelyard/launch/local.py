"""Agents on this machine: processes of this one, each with a GPU of its own where there are any."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

from steelyard.errors import LaunchFailed, NotFound
from steelyard.launch.gpus import choose_gpus
from steelyard.launch.interface import (
    AgentJob,
    Job,
    JobStatus,
    TaskStatus,
    refuse_option,
)
from steelyard.limits import LAUNCH_LOCAL_PARALLEL_MAX, LAUNCH_TERM_S


class LocalLauncher:
    """`options`: `gpus` is "0,1,3", "all" (unless said otherwise), or "none".

    A task has one GPU, named by CUDA_VISIBLE_DEVICES; where there are more tasks at a time than
    GPUs, they share them in turn. What tasks print goes to agent-JOB_TASK.out in the directory.
    """

    name: ClassVar[str] = "local"
    stays: ClassVar[bool] = False

    def __init__(
        self,
        options: Mapping[str, str],
        environ: Mapping[str, str],
        *,
        term_s: float = LAUNCH_TERM_S,
    ) -> None:
        for option in options:
            if option != "gpus":
                refuse_option(self.name, option, "gpus: gpus=0,1,3, gpus=all or gpus=none")
        self._environ = dict(environ)
        self._term_s = term_s
        self.gpus = choose_gpus(options.get("gpus", "all"), environ)
        self._jobs: dict[str, _LocalJob] = {}

    def suggest_tasks(self) -> int:
        """One for each GPU, or one."""
        return max(len(self.gpus), 1)

    def submit(self, job: AgentJob) -> Job:
        """See `Launcher.submit`. Without `parallel`, one task for each GPU, or one."""
        made = Job(launcher=self.name, id=secrets.token_hex(3), tasks=job.tasks)
        parallel = job.parallel or self.suggest_tasks()
        if parallel > LAUNCH_LOCAL_PARALLEL_MAX:
            raise LaunchFailed(
                f"{parallel:,} agents at a time on one machine: at most "
                f"{LAUNCH_LOCAL_PARALLEL_MAX} (LAUNCH_LOCAL_PARALLEL_MAX)"
            )
        local = _LocalJob(
            *(job, made.id, self._environ, self.gpus),
            parallel=min(parallel, job.tasks),
            term_s=self._term_s,
        )
        local.start_first()
        self._jobs[made.id] = local
        return made

    def poll(self, job: Job) -> JobStatus:
        """See `Launcher.poll`."""
        return self._get(job).step()

    def cancel(self, job: Job) -> None:
        """See `Launcher.cancel`."""
        self._get(job).cancel()

    def _get(self, job: Job) -> _LocalJob:
        found = self._jobs.get(job.id)
        if job.launcher != self.name or found is None:
            raise NotFound(f"{job.id!r} is no job that this process has started")
        return found


class _LocalJob:
    """The tasks of one job. `_free` are places for a task; each belongs to one GPU."""

    def __init__(
        self,
        job: AgentJob,
        job_id: str,
        environ: Mapping[str, str],
        gpus: tuple[str, ...],
        *,
        parallel: int,
        term_s: float,
    ) -> None:
        self._job, self._id, self._gpus = job, job_id, gpus
        self._environ = {**environ, **job.environ}
        self._term_s = term_s
        self._free = list(range(parallel))
        self._next = 1
        self._running: dict[int, tuple[int, subprocess.Popen[bytes]]] = {}
        self._ended: dict[int, TaskStatus] = {}
        self._cancelled_at: float | None = None

    def start_first(self) -> None:
        try:
            while self._can_start():
                self._start()
        except OSError as error:
            self.cancel()
            raise LaunchFailed(
                f"{self._job.command[0]!r} cannot be started in {self._job.directory!r}: {error}"
            ) from error

    def step(self) -> JobStatus:
        """Note who has ended, and start who comes next."""
        self._reap()
        if self._cancelled_at is not None:
            if time.monotonic() > self._cancelled_at + self._term_s:
                self._signal(signal.SIGKILL)
        else:
            while self._can_start():
                try:
                    self._start()
                except OSError as error:  # processes, memory or file numbers have run out
                    ended = TaskStatus(index=self._next, state="failed", reason=str(error))
                    self._ended[self._next] = ended
                    self._next += 1
        return JobStatus(tasks=tuple(map(self._status_of, range(1, self._job.tasks + 1))))

    def cancel(self) -> None:
        if self._cancelled_at is not None:
            return
        self._reap()
        self._cancelled_at = time.monotonic()
        self._signal(signal.SIGTERM)
        for index in range(self._next, self._job.tasks + 1):
            self._ended[index] = TaskStatus(index=index, state="cancelled")
        self._next = self._job.tasks + 1

    def _reap(self) -> None:
        for index, (place, process) in list(self._running.items()):
            if (code := process.poll()) is not None:
                del self._running[index]
                self._free.append(place)
                self._ended[index] = self._describe_end(index, code)

    def _can_start(self) -> bool:
        return bool(self._free) and self._next <= self._job.tasks

    def _start(self) -> None:
        """Start the next task. Raises OSError, and then it is still the next one."""
        place = min(self._free)
        environ = dict(self._environ)
        if self._gpus:
            environ["CUDA_VISIBLE_DEVICES"] = self._gpus[place % len(self._gpus)]
        output = Path(self._job.directory, f"agent-{self._id}_{self._next}.out")
        with output.open("ab") as file:
            # A session of its own: Ctrl-C at the terminal is for us to pass on, once.
            process = subprocess.Popen(  # noqa: S603  # the command that was asked for
                self._job.command,
                cwd=self._job.directory,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._free.remove(place)
        self._running[self._next] = (place, process)
        self._next += 1

    def _signal(self, number: signal.Signals) -> None:
        for _, process in self._running.values():
            with suppress(ProcessLookupError):
                if number == signal.SIGKILL:
                    os.killpg(process.pid, number)
                else:
                    process.send_signal(number)

    def _status_of(self, index: int) -> TaskStatus:
        if index in self._ended:
            return self._ended[index]
        if index in self._running:
            return TaskStatus(index=index, state="running", place=os.uname().nodename)
        return TaskStatus(index=index, state="waiting")

    def _describe_end(self, index: int, code: int) -> TaskStatus:
        place = os.uname().nodename
        if self._cancelled_at is not None:
            return TaskStatus(index=index, state="cancelled", place=place)
        if code < 0:
            return TaskStatus(
                index=index, state="failed", reason=f"ended by signal {-code}", place=place
            )
        return TaskStatus(
            index=index, state="failed" if code else "succeeded", exit_code=code, place=place
        )
