"""The early end of a run: asked for by its sweep or by somebody, given at the next `log`."""

from __future__ import annotations

import _thread
import os
import signal
import sys
import threading
from types import FrameType
from typing import TYPE_CHECKING, Final

from steelyard.sdk import terminal

if TYPE_CHECKING:
    from steelyard.sdk.run import Run

#: The judgement of a sweep: the run has done what it should, and what it has counts.
EARLY: Final = 0
#: By hand, or with its sweep: as Ctrl-C, see `exit_hooks.EXIT_CODE_INTERRUPT`.
KILLED: Final = 255
PREEMPTED: Final = 128 + 15  # as shells say of SIGTERM
BY_HAND: Final = "somebody asked it to stop"


class StoppedEarly(SystemExit):
    """Raised by `log` in a run that is to end: it ends the script, or the function of an agent.

    A SystemExit, so that `except Exception` around a training loop does not keep it.
    """

    def __init__(self, reason: str, code: int) -> None:
        super().__init__(code)
        self.reason = reason

    def __str__(self) -> str:
        return self.reason


class StopRequest:
    """What a run was asked."""

    __slots__ = ("code", "reason")

    def __init__(self, reason: str, code: int) -> None:
        self.reason: str = reason
        self.code: int = code

    def error(self) -> StoppedEarly:
        return StoppedEarly(self.reason, self.code)


def interrupt_later(run: Run, delay_s: float) -> None:
    """Raise KeyboardInterrupt in the main thread if the run has not ended by then: a script that
    logs nothing does not hear of a stop otherwise."""

    def interrupt() -> None:
        if not run._is_finished:
            _thread.interrupt_main()

    timer = threading.Timer(delay_s, interrupt)
    timer.daemon = True
    timer.start()
    run.add_end_hook(lambda _code: timer.cancel())


def hear_sigterm(run: Run) -> None:
    """End a run of a sweep well when its process gets SIGTERM: as stopped where the agent left word
    of that, else as preempted, so that the next agent goes on with it.

    Only in a main thread, and only where nobody else listens to SIGTERM.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    if signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        return

    owner = os.getpid()

    def end(number: int, _frame: FrameType | None) -> None:
        if run._is_finished or os.getpid() != owner:  # over, or a worker that was forked
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        elif not run.is_ending:
            _end_now(run)

    signal.signal(signal.SIGTERM, end)


def _end_now(run: Run) -> None:
    from steelyard.sdk.sweeps.parameters import read_stop

    found = read_stop(run.settings.sweep_param_path)
    if found is not None:
        run.ask_to_stop(*found)
    if run.stop_request is not None:
        run.is_ending = True
        raise run.stop_request.error()
    terminal.say(f"run {run.id} was told to go (SIGTERM): it is given back to its sweep")
    run.is_ending = run.is_preempted = True
    sys.exit(PREEMPTED)
