"""How the process ends, and finishing its runs before it does.

`atexit` runs after `sys.exit`, after an uncaught exception and at the end of the script, but does
not say which it was; the two hooks here listen in for the exit code. `os._exit` and signals that
kill run nothing at all: then the sender reports what it sees.
"""

from __future__ import annotations

import builtins
import sys
import threading
from types import TracebackType
from typing import Any, NoReturn, Protocol

from steelyard.sdk import terminal

EXIT_CODE_EXCEPTION = 1
EXIT_CODE_INTERRUPT = 255  # as wandb 0.31.0 sdk/lib/exit_hooks.py reports Ctrl-C


class Finishes(Protocol):
    def finish(self, exit_code: int | None = None) -> None: ...

    def abandon(self) -> None:
        """Close what is open, and say nothing."""


class _Ending:
    """What is known of the end of this process."""

    def __init__(self) -> None:
        self.exit_code = 0
        self.runs: list[Finishes] = []
        self.is_installed = False


_ending = _Ending()


def finish_at_exit(run: Finishes) -> None:
    """Have the run finished when the process ends, with the process's exit code."""
    _install()
    _ending.runs.append(run)


def forget(run: Finishes) -> None:
    """The run has been finished; nothing is left to do at the end."""
    if run in _ending.runs:
        _ending.runs.remove(run)


def list_runs() -> tuple[Finishes, ...]:
    """The runs of this process that have not been finished."""
    return tuple(_ending.runs)


def exit_code() -> int:
    """The code the process is ending with, as far as it is known yet; else 0."""
    return _ending.exit_code


def exit_code_of(problem: BaseException | None) -> int:
    """The exit code of a process that this exception ends."""
    if problem is None:
        return 0
    if isinstance(problem, KeyboardInterrupt):
        return EXIT_CODE_INTERRUPT
    if isinstance(problem, SystemExit):
        return _code_of_exit(problem.code)
    return EXIT_CODE_EXCEPTION


def _code_of_exit(code: Any) -> int:
    """What the shell sees of `sys.exit(code)`."""
    if code is None:
        return 0
    return code & 0xFF if isinstance(code, int) else EXIT_CODE_EXCEPTION


def _install() -> None:
    if _ending.is_installed:
        return
    import atexit

    _ending.is_installed = True
    atexit.register(_finish_all)
    before_exit, before_hook = sys.exit, sys.excepthook

    def steelyard_exit(code: Any = None, /) -> NoReturn:
        # In another thread it ends the thread only.
        if threading.current_thread() is threading.main_thread():
            _ending.exit_code = _code_of_exit(code)
        before_exit(code)

    def steelyard_excepthook(
        kind: type[BaseException], problem: BaseException, trace: TracebackType | None
    ) -> None:
        _ending.exit_code = exit_code_of(problem)
        before_hook(kind, problem, trace)

    # `exit()` and `quit()` of the site module do not go by sys.exit. What raises SystemExit
    # itself cannot be seen from Python: such a run ends with 0.
    quitter: Any = type(getattr(builtins, "exit", None))
    if quitter.__module__ == "_sitebuiltins":
        before_quit = quitter.__call__

        def steelyard_quit(self: object, code: Any = None) -> None:
            if threading.current_thread() is threading.main_thread():
                _ending.exit_code = _code_of_exit(code)
            before_quit(self, code)

        quitter.__call__ = steelyard_quit
    sys.exit = steelyard_exit
    sys.excepthook = steelyard_excepthook


def _finish_all() -> None:
    """The newest first, as they may lie inside each other."""
    for run in reversed(list(_ending.runs)):
        try:
            run.finish(_ending.exit_code)
        except Exception as problem:  # noqa: BLE001  the edge: the other runs must end, too
            terminal.termerror(f"at the end: {type(problem).__name__}: {problem}")
