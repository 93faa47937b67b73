"""What is done between the cells of a notebook."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

_hooks: list[Callable[[], None]] = []


def call_after_cells(hook: Callable[[], None]) -> None:
    """Have `hook` called whenever a cell has ended; outside of IPython, nothing happens.

    IPython 9 replaces the `write` of the standard streams while a cell runs, and puts back what
    was there when it began: whoever replaces it within a cell loses that at its end
    (IPython 9.18 core/interactiveshell.py InteractiveShell._tee).
    """
    shell = find_shell()
    if shell is None or hook in _hooks:
        return
    _hooks.append(hook)
    if len(_hooks) == 1:
        shell.events.register("post_run_cell", _after_cell)
        shell.events.register("pre_run_cell", _before_cell)


def find_shell() -> Any:
    """IPython's shell, of a notebook or a terminal; None in other programs."""
    module = sys.modules.get("IPython")
    get_ipython = getattr(module, "get_ipython", None)
    shell = get_ipython() if callable(get_ipython) else None
    return shell if hasattr(shell, "events") else None


_is_pending = False


def _after_cell(result: Any = None) -> None:
    """IPython calls this while its own `write` is still in place: wait for the event loop."""
    global _is_pending
    from asyncio import get_running_loop  # a notebook has it loaded

    try:
        get_running_loop().call_soon(_run_hooks)
    except RuntimeError:  # no loop runs: IPython in a terminal
        _is_pending = True


def _before_cell(info: Any = None) -> None:
    global _is_pending
    if _is_pending:
        _is_pending = False
        _run_hooks()


def _run_hooks() -> None:
    for hook in _hooks:
        with suppress(Exception):
            hook()
