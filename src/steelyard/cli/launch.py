"""Agents elsewhere: `steelyard agent --launcher …` and `steelyard sweep --emit slurm`.

The two commands are in `agent.py` and `sweep.py`; here are their options and what they do.
"""

from __future__ import annotations

import functools
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click

from steelyard.errors import UsageError

if TYPE_CHECKING:
    from steelyard.launch.agents import SlurmEmission
    from steelyard.launch.interface import Job, JobStatus, Launcher

F = TypeVar("F", bound=Callable[..., Any])
POLL_S = 1.0

ARRAY = click.option(
    "--array", "tasks", type=click.IntRange(min=1), help="How many agents: tasks of the job."
)
PARALLEL = click.option(
    "--parallel", type=click.IntRange(min=1), help="How many of them at a time."
)
OPTION = click.option(
    "-o",
    "--option",
    "launch_options",
    multiple=True,
    metavar="KEY=VALUE",
    help="Option of the launcher: one of sbatch's (partition=gpu, time=2:00:00, gres=gpu:1), or "
    "gpus=0,1 for local. May be repeated.",
)


def with_launch_options(command: F) -> F:
    """`steelyard agent`: where its agents run."""
    for option in (
        click.option(
            "--wait/--no-wait",
            default=None,
            help="Stay until they have ended; a launcher whose jobs go on by themselves does not.",
        ),
        *(OPTION, PARALLEL, ARRAY),
        click.option(
            "--launcher",
            metavar="NAME",
            help="Start agents with local (this machine, one for each GPU), slurm, or another one "
            "that is installed, instead of being one.",
        ),
    ):
        command = option(command)
    return command


class EmitOptions(NamedTuple):
    """What was typed of `--emit` and its options."""

    emit: str | None
    tasks: int | None
    parallel: int | None
    launch_options: tuple[str, ...]
    script: str | None
    agent_command: str | None


def with_emit_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """`steelyard sweep`: write a script that starts the agents. Its argument is `emission`."""

    @functools.wraps(command)
    def gather(**arguments: Any) -> Any:
        options = EmitOptions(*(arguments.pop(name) for name in EmitOptions._fields))
        return command(emission=options, **arguments)

    for option in (
        click.option(
            "--agent",
            "agent_command",
            metavar="COMMAND",
            help="The agent in the script, say 'wandb agent --forward-signals' (steelyard agent).",
        ),
        click.option(
            "--script", metavar="FILE", help="Name of the script (sweep_submission.slrm)."
        ),
        *(OPTION, PARALLEL, ARRAY),
        click.option(
            "--emit",
            type=click.Choice(["slurm"]),
            help="Write a script for sbatch that starts --array agents, each for one run.",
        ),
    ):
        gather = option(gather)
    return gather


def plan_emission(options: EmitOptions) -> SlurmEmission | None:
    """What `--emit` is to write once there is a sweep; None without it.

    Call it before the sweep is made: what is wrong with the options is said here. Raises
    UsageError, Invalid.
    """
    from steelyard.launch.agents import SCRIPT_NAME, SlurmEmission, read_agent_command
    from steelyard.launch.registry import parse_options

    if options.emit is None:
        named = {
            "--array": options.tasks,
            "--parallel": options.parallel,
            "--option": options.launch_options or None,
            "--script": options.script,
            "--agent": options.agent_command,
        }
        if alone := [name for name, value in named.items() if value is not None]:
            raise UsageError(f"{alone[0]} belongs to a script: steelyard sweep --emit slurm …")
        return None
    if options.tasks is None:
        raise UsageError("how many runs? say --array N; tasks that find no work end at once")
    agent = options.agent_command
    planned = SlurmEmission(
        tasks=options.tasks,
        parallel=options.parallel,
        script=options.script or SCRIPT_NAME,
        directory=str(Path.cwd()),
        options=parse_options(options.launch_options),
        agent=read_agent_command(agent) if agent is not None else (),
    )
    planned.check()
    return planned


def write_emission(planned: SlurmEmission | None, path: str, *, is_on_server: bool) -> None:
    """Write what was planned for the sweep at `path`, and say what to do with it."""
    from steelyard.launch.agents import is_of_this_machine_only
    from steelyard.sdk.session import get_session

    if planned is None:
        return
    base_url = get_session().load_settings({}).settings.base_url if is_on_server else None
    click.echo(f"steelyard: {planned.write(path, base_url=base_url)}", err=True)
    if is_of_this_machine_only(base_url):
        click.echo(
            f"steelyard: {base_url} is this machine only; where the tasks run elsewhere, set "
            "WANDB_BASE_URL to an address that they can reach",
            err=True,
        )


def list_arguments(**options: str | int | None) -> tuple[str, ...]:
    """Options of `steelyard agent` as they are typed, for the agents that are started."""
    given = {name: value for name, value in options.items() if value is not None}
    return tuple(f"--{name.replace('_', '-')}={value}" for name, value in given.items())


def refuse_launch_options(
    tasks: int | None, parallel: int | None, launch_options: Sequence[str], wait: bool | None
) -> None:
    """Raises UsageError for options that only a launcher has."""
    named = {"--array": tasks, "--parallel": parallel, "--wait": wait}
    named["--option"] = None if not launch_options else True
    if alone := [name for name, value in named.items() if value is not None]:
        raise UsageError(f"{alone[0]} goes with a launcher: --launcher local, or slurm")


def launch_agents(
    path: str,
    *,
    arguments: tuple[str, ...] = (),
    launcher: str,
    count: int | None,
    tasks: int | None,
    parallel: int | None,
    launch_options: Sequence[str],
    wait: bool | None,
) -> int:
    """Start agents of the sweep at `path` with a launcher; the exit status of the command.

    Raises UsageError, Invalid, LaunchFailed.
    """
    from steelyard.launch.agents import find_own_command, make_agent_job
    from steelyard.launch.registry import open_launcher, parse_options
    from steelyard.sdk.settings import read_environ

    opened = open_launcher(launcher, parse_options(launch_options), environ=read_environ())
    if wait is False and not opened.stays:
        raise UsageError(f"agents of {launcher} end with this command: leave --no-wait out")
    if tasks is None:
        suggested = opened.suggest_tasks()
        if suggested is None:
            raise UsageError(
                f"how many agents? say --array N for {launcher}; each does one run, or --count of "
                "them, and those that find no work end at once"
            )
        tasks = parallel or suggested
    job = opened.submit(
        make_agent_job(
            path,
            agent=(*find_own_command(), "agent", *arguments),
            tasks=tasks,
            parallel=parallel,
            # A task that waited for its turn is for one run; agents that are here stay.
            count=1 if count is None and opened.stays else count,
            directory=str(Path.cwd()),
        )
    )
    _say(f"{launcher} job {job.id}: {tasks} {'agent' if tasks == 1 else 'agents'} of {path}")
    if wait or not opened.stays:
        return _watch(opened, job)
    return 0


def _watch(launcher: Launcher, job: Job) -> int:
    """Say how a job goes until it is over; a signal cancels it. 1 when a task failed."""
    said = ""
    with _noting_signals() as signals:
        try:
            while not (status := launcher.poll(job)).is_over:
                counts = ", ".join(f"{number} {state}" for state, number in status.count().items())
                if counts != said:
                    _say(f"{launcher.name} job {job.id}: {counts}")
                    said = counts
                if signals:
                    launcher.cancel(job)
                time.sleep(POLL_S)
        except BaseException:
            if not launcher.stays:
                launcher.cancel(job)
            raise
    counts = ", ".join(f"{number} {state}" for state, number in status.count().items())
    _say(f"{launcher.name} job {job.id} is over: {counts}")
    for line in _describe_failures(status):
        _say(line)
    return 1 if status.has_failed or signals else 0


def _describe_failures(status: JobStatus) -> Iterator[str]:
    for task in status.tasks:
        if task.state == "failed":
            how = [] if task.exit_code is None else [f"exit status {task.exit_code}"]
            how += [] if task.reason is None else [task.reason]
            where = f" on {task.place}" if task.place else ""
            yield f"task {task.index} failed{where}: {', '.join(how) or 'nobody knows why'}"


@contextmanager
def _noting_signals() -> Iterator[list[int]]:
    """The SIGINTs and SIGTERMs that arrive: the loop acts on them, between two of its steps."""
    seen: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        if not seen:
            _say(f"{signal.Signals(number).name}: the agents are told to go")
        seen.append(number)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield seen
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _say(text: str) -> None:
    click.echo(f"steelyard: {text}", err=True)
