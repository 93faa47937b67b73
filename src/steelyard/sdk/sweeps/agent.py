"""`steelyard.agent()`, and the agent behind the command `steelyard agent`."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, Final

from steelyard.errors import UsageError, WrongType
from steelyard.sdk import terminal
from steelyard.sdk.session import get_session
from steelyard.sdk.settings import read_environ
from steelyard.sdk.sweeps.functions import Functions
from steelyard.sdk.sweeps.loop import (
    Agent,
    Heart,
    Leaving,
    Outcome,
    Patience,
    Perform,
    Work,
    describe_sweep,
)
from steelyard.sdk.sweeps.open_queue import open_queue
from steelyard.sdk.sweeps.programs import Programs, check_program
from steelyard.sdk.sweeps.queue import Queue, RunState, SweepInfo
from steelyard.sdk.sweeps.several import SeveralQueues

if TYPE_CHECKING:
    from steelyard.sdk.settings import ClientSettings

#: Exit codes of `steelyard agent`.
WELL: Final = 0
FAILED: Final = 1
TERMINATED: Final = 128 + signal.SIGTERM
INTERRUPTED: Final = 128 + signal.SIGINT


def agent(
    sweep_id: str,
    function: Callable[[], Any] | None = None,
    entity: str | None = None,
    project: str | None = None,
    count: int | None = None,
    forward_signals: bool = False,
    term_timeout: int | None = None,
    max_consecutive_failed_runs: int | None = None,
) -> None:
    """Work for a sweep in this process until it has nothing left to try.

    Args:
        sweep_id: SWEEP, PROJECT/SWEEP or ENTITY/PROJECT/SWEEP, or a directory with a sweep.
        function: called without arguments for every configuration; `init()` in it begins the run,
            whose config has the values. What it raises ends its run as failed, and the next
            configuration is tried. Without it the program of the sweep's configuration is run.
        entity, project: of a sweep that is named by its id alone.
        count: how many runs; the sweep stays open. Default: until the sweep has an end.
        forward_signals: accepted; programs get SIGTERM when the agent does.
        term_timeout: seconds that a program has to end after SIGTERM. Default: 30.
        max_consecutive_failed_runs: end when so many runs in a row have failed.

    Ends with a message, not an exception, when too many runs fail. Raises UsageError for arguments
    that cannot be, NotFound for a sweep that is not there, NoApiKey, Forbidden for viewers.
    """
    if function is not None and not callable(function):
        raise WrongType(f"agent(function=) is called for every run, which {function!r:.80} cannot")
    work_for_sweep(
        open_queue(sweep_id, entity=entity, project=project),
        function=function,
        count=count,
        failures_in_a_row_max=max_consecutive_failed_runs,
        kill_delay_s=None if term_timeout is None else float(term_timeout),
    )


def work_for_sweep(
    queue: Queue,
    *,
    function: Callable[[], Any] | None = None,
    count: int | None = None,
    failures_in_a_row_max: int | None = None,
    kill_delay_s: float | None = None,
) -> int:
    """Work for the sweep of a queue; the exit code of a process that does nothing else.

    0: nothing is left to try, or `count` runs are done and none failed. 1: one of `count` runs
    failed, so many failed that the agent gave up, or the sweep is gone. 143: SIGTERM; what was at
    work was given back. 130: Ctrl-C.
    """
    _check_number("count", count)
    _check_number("max_consecutive_failed_runs", failures_in_a_row_max)
    settings = get_session().settings
    info = describe_sweep(queue)
    if info.url is not None and settings.mode in ("offline", "disabled"):
        raise UsageError(
            f"the sweep {info.path} learns from what its runs log to its server, and with mode "
            f"{settings.mode} they log nothing there: unset WANDB_MODE; without a server: "
            "steelyard sweep --directory DIR CONFIG.yaml"
        )
    leaving = Leaving()
    patience = _patience_of(settings, failures_in_a_row_max, kill_delay_s)
    runs_dir = Path(settings.runs_dir)

    def performer(info: SweepInfo) -> Perform:
        if function is not None:
            return Functions(info, function, runs_dir=runs_dir, leaving=leaving).perform
        check_program(info)
        return Programs(
            info,
            runs_dir=runs_dir,
            environ=read_environ(),
            patience=patience,
            leaving=leaving,
        ).perform

    perform = _by_sweep(queue, performer) if isinstance(queue, SeveralQueues) else performer(info)
    worker = Agent(queue, info, perform, count=count, patience=patience, leaving=leaving)
    _say_beginning(info)
    with hear_signals(leaving):
        outcome = worker.run()
    return exit_code_of(outcome, leaving, failed=worker.tally.failed, is_counted=count is not None)


def _by_sweep(queue: SeveralQueues, performer: Callable[[SweepInfo], Perform]) -> Perform:
    """Each run is performed as its own sweep says."""
    performers = {info.path: performer(info) for info in queue.infos}

    def perform(work: Work, heart: Heart) -> RunState:
        return performers[queue.sweep_of(work.run_name)](work, heart)

    return perform


def exit_code_of(outcome: Outcome, leaving: Leaving, *, failed: int, is_counted: bool) -> int:
    """What the process of an agent says with its end."""
    if outcome == "left":
        return TERMINATED if leaving.is_urgent else INTERRUPTED
    if outcome in ("gone", "gave up"):
        return FAILED
    return FAILED if is_counted and failed else WELL


@contextlib.contextmanager
def hear_signals(leaving: Leaving) -> Iterator[None]:
    """SIGTERM gives the run at work back and ends the agent; so does a second Ctrl-C, while the
    first lets a program end and interrupts a function. In a main thread only; elsewhere the
    process decides.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def leave(number: int, _frame: FrameType | None) -> None:
        # No locks here: the thread that is interrupted may hold them.
        run = get_session().current if leaving.is_interrupting else None
        if run is not None and run.stop_request is not None:
            raise KeyboardInterrupt  # the run has not heard of its stop in time
        is_first = leaving.reason is None
        is_term = number == signal.SIGTERM
        leaving.ask("SIGTERM" if is_term else "Ctrl-C", is_urgent=is_term or not is_first)
        if leaving.is_interrupting:
            if run is not None and leaving.is_urgent:
                run.is_preempted = True  # before the function's own `with` ends it
            raise KeyboardInterrupt
        if not leaving.is_urgent:
            terminal.say("Ctrl-C: the run at work ends first; again to give it back at once")

    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        for number in before:
            signal.signal(number, leave)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _check_number(name: str, value: int | None) -> None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
        raise UsageError(f"{name} is a whole number from 1 on, not {value!r:.40}")


def _patience_of(
    settings: ClientSettings, failures_in_a_row_max: int | None, kill_delay_s: float | None
) -> Patience:
    return Patience(
        has_flapping_check=not settings.agent_disable_flapping,
        initial_failures_max=settings.agent_max_initial_failures,
        failures_in_a_row_max=failures_in_a_row_max,
        kill_delay_s=settings.agent_kill_delay if kill_delay_s is None else kill_delay_s,
    )


def _say_beginning(info: SweepInfo) -> None:
    terminal.say(f"working for the sweep {info.path}" + (f": {info.url}" if info.url else ""))
