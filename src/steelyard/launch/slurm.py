"""Agents as an array of jobs in Slurm, through its own commands.

Slurm keeps a job that has ended for MinJobAge (five minutes, usually); `sacct` knows more where the
cluster has accounting. What neither knows any more is `forgotten`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from typing import ClassVar, Final

from steelyard.errors import Invalid, LaunchFailed, NotFound
from steelyard.launch.interface import AgentJob, Job, JobStatus, TaskState, TaskStatus
from steelyard.launch.slurm_script import check_options, write_script
from steelyard.limits import LAUNCH_ANSWER_S, LAUNCH_MESSAGE_CHARS_MAX

# slurm.schedmd.com/squeue.html, "JOB STATE CODES"
STATES: Final[dict[str, TaskState]] = {
    "PENDING": "waiting",
    "CONFIGURING": "waiting",
    "REQUEUED": "waiting",
    "REQUEUE_FED": "waiting",
    "REQUEUE_HOLD": "waiting",
    "RESV_DEL_HOLD": "waiting",
    "SPECIAL_EXIT": "waiting",
    "RUNNING": "running",
    "COMPLETING": "running",
    "RESIZING": "running",
    "SIGNALING": "running",
    "STAGE_OUT": "running",
    "STOPPED": "running",
    "SUSPENDED": "running",
    "COMPLETED": "succeeded",
    "CANCELLED": "cancelled",
    "REVOKED": "cancelled",
    "BOOT_FAIL": "failed",
    "DEADLINE": "failed",
    "FAILED": "failed",
    "NODE_FAIL": "failed",
    "OUT_OF_MEMORY": "failed",
    "PREEMPTED": "failed",
    "TIMEOUT": "failed",
}
FIELDS: Final = "ArrayTaskID:|,State:|,exit_code:|,NodeList:|,Reason:|"


class SlurmLauncher:
    """`options` are long options of sbatch: {"partition": "gpu", "gres": "gpu:1"}."""

    name: ClassVar[str] = "slurm"
    stays: ClassVar[bool] = True

    def __init__(self, options: Mapping[str, str], environ: Mapping[str, str]) -> None:
        check_options(options)
        self._options = dict(options)
        self._environ = dict(environ)

    def suggest_tasks(self) -> None:
        """The cluster is larger than a sweep: somebody has to say."""
        return None

    def submit(self, job: AgentJob) -> Job:
        """See `Launcher.submit`. Output goes to slurm-JOB_TASK.out in the directory."""
        if not self._options.get("output", "").startswith("/") and set(job.directory) & set("%\\"):
            raise Invalid(
                f"Slurm reads % and \\ in {job.directory!r} as a pattern of its own; submit from "
                "another directory, or say where output goes: -o output=/DIRECTORY/%A_%a.out"
            )
        script = write_script(job, self._options)
        # "JOB" or "JOB;CLUSTER"
        said = self._run("sbatch", "--parsable", script=script, directory=job.directory)
        return Job(launcher=self.name, id=said.strip(), tasks=job.tasks)

    def poll(self, job: Job) -> JobStatus:
        """See `Launcher.poll`."""
        number, cluster = self._parse(job)
        found = {}
        try:
            told = self._run(
                "squeue", *cluster, *("-h", "-r", "-t", "all", "-j", number, "-O", FIELDS)
            )
            found = dict(parse_squeue(told))
        except LaunchFailed as error:
            if "Invalid job id" not in str(error):
                raise
        missing = job.tasks - len(found)
        if missing and (older := self._ask_accounting(number, cluster)):
            found = older | found
        return JobStatus(
            tasks=tuple(
                found.get(index, TaskStatus(index=index, state="forgotten"))
                for index in range(1, job.tasks + 1)
            )
        )

    def cancel(self, job: Job) -> None:
        """See `Launcher.cancel`."""
        number, cluster = self._parse(job)
        try:
            self._run("scancel", *cluster, number)
        except LaunchFailed as error:
            if "Invalid job id" not in str(error):
                raise

    def _ask_accounting(self, number: str, cluster: tuple[str, ...]) -> dict[int, TaskStatus]:
        if shutil.which("sacct", path=self._environ.get("PATH")) is None:
            return {}
        try:
            fields = "JobID,State,ExitCode,NodeList"
            told = self._run("sacct", *cluster, *("-n", "-P", "-X", "-j", number, "-o", fields))
        except LaunchFailed:  # most often: accounting is switched off
            return {}
        return dict(parse_sacct(told))

    def _parse(self, job: Job) -> tuple[str, tuple[str, ...]]:
        number, _, cluster = job.id.partition(";")
        if job.launcher != self.name or not number.isdigit():
            raise NotFound(f"{job.id!r} is no job of Slurm")
        return number, (f"--clusters={cluster}",) if cluster else ()

    def _run(
        self, program: str, *arguments: str, script: str | None = None, directory: str = "/"
    ) -> str:
        path = shutil.which(program, path=self._environ.get("PATH"))
        if path is None:
            raise LaunchFailed(
                f"there is no {program} on PATH; start this where Slurm's commands are, or write a "
                "script for it: steelyard sweep --emit slurm"
            )
        try:
            done = subprocess.run(  # noqa: S603  # Slurm's own program
                [path, *arguments],
                input=None if script is None else os.fsencode(script),
                stdin=subprocess.DEVNULL if script is None else None,
                capture_output=True,
                cwd=directory,
                env=self._environ,
                timeout=LAUNCH_ANSWER_S,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise LaunchFailed(
                f"{program} has not answered for {LAUNCH_ANSWER_S} s; is the controller up? "
                "`scontrol ping` says"
            ) from error
        except OSError as error:
            raise LaunchFailed(f"{program} cannot be started in {directory!r}: {error}") from error
        if done.returncode:
            said = (done.stderr or done.stdout).decode(errors="replace").strip()
            raise LaunchFailed(f"{program} refuses: {said[:LAUNCH_MESSAGE_CHARS_MAX]}")
        return done.stdout.decode(errors="replace")


def parse_squeue(told: str) -> Iterator[tuple[int, TaskStatus]]:
    """Tasks of `squeue -r -O FIELDS`, by index."""
    for fields in _split(told, 5):
        index, state, code, place, reason = fields
        if index.isdigit():
            # The exit code is that of wait(2): the status in the upper byte, the signal below.
            number = int(code) if code.isdigit() else 0
            status = _make(index, state, number >> 8, number & 0x7F, place)
            why = None if reason in ("", "None", "NonZeroExitCode") else reason
            yield status.index, replace_reason(status, why)


def parse_sacct(told: str) -> Iterator[tuple[int, TaskStatus]]:
    """Tasks of `sacct -X -P -o JobID,State,ExitCode,NodeList`, by index."""
    for fields in _split(told, 4):
        job_id, state, code, place = fields
        index = job_id.partition("_")[2]
        status, _, signal = code.partition(":")
        if index.isdigit() and status.isdigit() and signal.isdigit():
            # "CANCELLED by 1000"
            found = _make(index, state.split(" ")[0], int(status), int(signal), place)
            yield found.index, found


def replace_reason(status: TaskStatus, reason: str | None) -> TaskStatus:
    """The same with Slurm's reason: why it waits, or failed."""
    if status.state not in ("waiting", "failed") or reason is None:
        return status
    return TaskStatus(
        index=status.index,
        state=status.state,
        exit_code=status.exit_code,
        place=status.place,
        reason=reason if status.reason is None else f"{status.reason}, {reason}",
    )


def _make(index: str, state: str, code: int, signal: int, place: str) -> TaskStatus:
    known = STATES.get(state, "running")
    is_own_end = known in ("succeeded", "failed") and not signal
    reason = None if state == "FAILED" or known != "failed" else state.lower().replace("_", " ")
    if known == "failed" and signal:
        reason = f"ended by signal {signal}"
    return TaskStatus(
        index=int(index),
        state=known,
        exit_code=code if is_own_end else None,
        reason=reason,
        place=None if place in ("", "None assigned") else place,
    )


def _split(told: str, fields: int) -> Iterable[list[str]]:
    for line in told.splitlines():
        parts = [part.strip() for part in line.rstrip("|").split("|")]
        parts += [""] * (fields - len(parts))
        yield parts[:fields]
