"""Agents of a sweep as jobs: for launchers, and in scripts that people submit themselves."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import msgspec

from steelyard.errors import Invalid, UsageError
from steelyard.launch.interface import AgentJob
from steelyard.launch.slurm_script import check_options, write_script
from steelyard.limits import LAUNCH_SCRIPT_BYTES_MAX

SCRIPT_NAME: Final = "sweep_submission.slrm"
MARK: Final = "Agents of the sweep "


def find_own_command() -> tuple[str, ...]:
    """`steelyard` by its full path: a job on another machine may have another PATH."""
    script = Path(sys.executable).with_name("steelyard")
    return (str(script),) if script.is_file() else (sys.executable, "-m", "steelyard")


def read_agent_command(text: str) -> tuple[str, ...]:
    """The words of a command that is an agent, as in a shell. Raises Invalid when they are none."""
    try:
        words = tuple(shlex.split(text))
    except ValueError as error:
        raise Invalid(f"{text!r} is no command: {error}") from error
    if not words:
        raise Invalid("the command of the agent is empty; 'wandb agent' is the official client's")
    return words


def make_agent_job(
    path: str,
    *,
    agent: tuple[str, ...],
    tasks: int,
    parallel: int | None,
    count: int | None,
    directory: str,
) -> AgentJob:
    """Agents that each do `count` runs of the sweep at `path`; None: until there are no more."""
    limit = () if count is None else ("--count", str(count))
    return AgentJob(
        name=f"sweep-{path.rstrip('/').rpartition('/')[2]}",
        command=(*agent, *limit, path),
        tasks=tasks,
        parallel=parallel,
        directory=directory,
    )


class SlurmEmission(msgspec.Struct, frozen=True, kw_only=True):
    """A script for `sbatch` that is to be written as soon as there is a sweep. See `check`."""

    tasks: int
    directory: str
    script: str = SCRIPT_NAME
    parallel: int | None = None
    count: int | None = 1
    options: dict[str, str] = {}
    agent: tuple[str, ...] = ()
    """Empty: `steelyard agent`."""

    def check(self) -> None:
        """Everything that can be known before a sweep is made.

        Raises Invalid for what cannot stand in a script, UsageError for a file in its place.
        """
        check_options(self.options)
        self._make_job("sweep")
        place = Path(self.script)
        if not place.absolute().parent.is_dir():
            raise UsageError(f"there is no directory for {self.script}")
        if place.is_dir() or (place.exists() and not _is_ours(place)):
            raise UsageError(
                f"{self.script} is there already, and no script of ours; "
                "move it, or write another file: --script NAME"
            )

    def write(self, path: str, *, base_url: str | None) -> str:
        """Write the script for the sweep at `path`; what to tell the user. Raises as `check`."""
        self.check()
        at_a_time = "" if self.parallel is None else f", {self.parallel} at a time"
        runs = "until there are no more" if self.count is None else f"{self.count} each"
        comments = (
            f"{MARK}{path}: {self.tasks} tasks{at_a_time}; runs: {runs}.",
            f"Submit it with: sbatch {shlex.quote(self.script)}",
            "The API key is not in here: it is in ~/.netrc, or in the environment of sbatch.",
        )
        defaults = {} if base_url is None else {"WANDB_BASE_URL": base_url}
        text = write_script(
            self._make_job(path), self.options, comments=comments, defaults=defaults
        )
        place = Path(self.script)
        place.write_bytes(text.encode(errors="surrogateescape"))
        place.chmod(0o755)
        return (
            f"{self.script}: {self.tasks} tasks{at_a_time}; "
            f"submit it with: sbatch {shlex.quote(self.script)}"
        )

    def _make_job(self, path: str) -> AgentJob:
        return make_agent_job(
            path,
            agent=self.agent or (*find_own_command(), "agent"),
            tasks=self.tasks,
            parallel=self.parallel,
            count=self.count,
            directory=self.directory,
        )


def _is_ours(place: Path) -> bool:
    with place.open("rb") as file:
        return f"\n# {MARK}".encode() in file.read(LAUNCH_SCRIPT_BYTES_MAX)


def is_of_this_machine_only(base_url: str | None) -> bool:
    """A server that the nodes of a cluster cannot reach under this address."""
    host = (urlsplit(base_url or "").hostname or "").lower()
    return host == "localhost" or host.startswith("127.") or host == "::1"
