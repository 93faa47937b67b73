"""What a launcher is: it starts the same command several times, says how it goes, and ends it.

A job is an array of tasks, numbered from 1. Every task runs the command once, usually an agent of
a sweep with `--count 1`; the tasks do not know of each other.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar, Final, Literal, NoReturn, Protocol

import msgspec

from steelyard.errors import Invalid, TooLarge
from steelyard.limits import LAUNCH_TASKS_MAX

#: `forgotten`: it ended so long ago that nobody remembers how.
TaskState = Literal["waiting", "running", "succeeded", "failed", "cancelled", "forgotten"]
ENDED: Final = frozenset({"succeeded", "failed", "cancelled", "forgotten"})

VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


class AgentJob(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be started. Raises Invalid, TooLarge when nothing can start it."""

    name: str
    """For people; a launcher may shorten it."""
    command: tuple[str, ...]
    """Program and arguments, as they are: no shell reads them."""
    tasks: int
    directory: str
    """Absolute; where the tasks run, and where their output goes unless a launcher is told."""
    parallel: int | None = None
    """How many tasks at a time; None is as many as the launcher finds room for."""
    environ: dict[str, str] = {}
    """Variables beside those of this process. Anybody may read them: nothing secret."""

    def __post_init__(self) -> None:
        if not self.command:
            raise Invalid("a job needs a command")
        if self.tasks < 1:
            raise Invalid(f"a job of {self.tasks} tasks: at least 1")
        if self.tasks > LAUNCH_TASKS_MAX:
            raise TooLarge(
                "a job", size=self.tasks, limit=LAUNCH_TASKS_MAX, limit_name="LAUNCH_TASKS_MAX"
            )
        if self.parallel is not None and self.parallel < 1:
            raise Invalid(f"{self.parallel} tasks at a time: at least 1")
        if not self.directory.startswith("/"):
            raise Invalid(f"the directory of a job is absolute, not {self.directory!r}")
        for text in (self.directory, *self.command, *self.environ.values()):
            if "\0" in text:
                raise Invalid(f"{text!r} has a NUL character, which no program can be given")
        for name in self.environ:
            if not VARIABLE.fullmatch(name):
                raise Invalid(f"{name!r} is no name of an environment variable")


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A job that was submitted, as its launcher knows it again."""

    launcher: str
    id: str
    tasks: int


class TaskStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How a task is, or how it ended."""

    index: int
    state: TaskState
    exit_code: int | None = None
    """0 to 255 of a task whose command ended by itself."""
    reason: str | None = None
    """Why it waits, or failed, in the launcher's words."""
    place: str | None = None
    """The machine it runs on, or ran on."""


class JobStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Every task of a job, by its index."""

    tasks: tuple[TaskStatus, ...]

    @property
    def is_over(self) -> bool:
        return all(task.state in ENDED for task in self.tasks)

    @property
    def has_failed(self) -> bool:
        return any(task.state == "failed" for task in self.tasks)

    def count(self) -> dict[TaskState, int]:
        """Tasks by state, without the states that none is in."""
        found: dict[TaskState, int] = {}
        for task in self.tasks:
            found[task.state] = found.get(task.state, 0) + 1
        return found


class Launcher(Protocol):
    """Made as `Launcher(options)`: see `registry.open_launcher`. One thread at a time uses it."""

    name: ClassVar[str]
    stays: ClassVar[bool]
    """Jobs go on when this process is gone. Those of others are to be waited for."""

    def suggest_tasks(self) -> int | None:
        """How many agents there should be when nobody says; None: somebody has to."""
        ...

    def submit(self, job: AgentJob) -> Job:
        """Start it, or have it started. Raises LaunchFailed, and then nothing was started."""
        ...

    def poll(self, job: Job) -> JobStatus:
        """How it is now. Raises NotFound for a job that is not this launcher's.

        Where jobs do not stay, this is also what starts the next task: ask every second or so.
        """
        ...

    def cancel(self, job: Job) -> None:
        """End it: what waits never starts, what runs gets SIGTERM, and SIGKILL half a minute later.

        Does not wait, may be called again, and leaves a job that is over as it is.
        """
        ...


class LauncherMaker(Protocol):
    """What an entry point names: the class of a launcher, usually."""

    def __call__(self, options: Mapping[str, str], environ: Mapping[str, str]) -> Launcher:
        """Raises Invalid for an option that it does not know, and says which there are."""
        ...


def refuse_option(launcher: str, name: str, known: str) -> NoReturn:
    """Raise what a launcher says of an option that it does not have."""
    raise Invalid(f"the launcher {launcher!r} has no option {name!r}; it has {known}")
