"""Runs of an agent that are calls of a function in this process, in the caller's thread."""

from __future__ import annotations

import contextlib
import threading
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from steelyard.sdk import terminal
from steelyard.sdk.session import get_session
from steelyard.sdk.settings import change_environ
from steelyard.sdk.stopping import EARLY, KILLED, PREEMPTED, StoppedEarly
from steelyard.sdk.sweeps.loop import Heart, Leaving, Work, find_stop
from steelyard.sdk.sweeps.parameters import RunFiles, hidden_variables, run_variables
from steelyard.sdk.sweeps.queue import BEAT_S, Resume, RunState, Stop, SweepInfo

if TYPE_CHECKING:
    from steelyard.sdk.run import Run

FAILED = 1


class Functions:
    """Performs runs of one sweep by calling a function without arguments."""

    def __init__(
        self, info: SweepInfo, function: Callable[[], Any], *, runs_dir: Path, leaving: Leaving
    ) -> None:
        self._info = info
        self._function = function
        self._runs_dir = runs_dir
        self._leaving = leaving

    def perform(self, work: Work, heart: Heart) -> RunState:
        """Call the function with the configuration as its sweep's. What it raises ends its run."""
        files = RunFiles(self._runs_dir, self._info.name, work.run_name)
        files.write(work.config)
        verb = "goes on with" if isinstance(work, Resume) else "begins"
        values = ", ".join(f"{name}={value}" for name, value in work.config.items())
        terminal.say(f"the agent {verb} run {work.run_name}: {values}")
        variables = run_variables(self._info, work, files)
        session = get_session()
        for run in reversed(session.list_active()):
            run.finish()  # one of before, so that init() begins another
        hidden: dict[str, str | None] = dict.fromkeys(hidden_variables(variables))
        before = change_environ({**hidden, **variables})
        try:
            with _Beats(work, heart, self._leaving) as beats:
                state = self._call(work, beats)
        finally:
            change_environ(before)
        files.remove()
        return state

    def _call(self, work: Work, beats: _Beats) -> RunState:
        try:
            self._leaving.is_interrupting = True
            try:
                self._function()
            finally:
                self._leaving.is_interrupting = False
        except (StoppedEarly, KeyboardInterrupt) as end:
            return self._end_early(work, beats, end)
        except SystemExit as end:
            return self._end(FAILED if end.code not in (None, 0) else 0, None)
        except Exception as problem:  # noqa: BLE001  # the user's function: its run fails
            traceback.print_exception(problem)
            return self._end(FAILED, problem)
        return self._end(0, None)

    def _end_early(self, work: Work, beats: _Beats, end: BaseException) -> RunState:
        """It was stopped by its sweep, or somebody told the agent to go."""
        stop = beats.find_stop_request()
        if stop is not None or isinstance(end, StoppedEarly):
            code = stop.code if stop is not None else KILLED
            self._end(code, None)
            return "stopped"
        if self._leaving.is_urgent:
            for run in get_session().list_active():
                run.is_preempted = True
            self._end(PREEMPTED, None)
            return "preempted"
        # Ctrl-C in the function: its run ends, and so does the agent.
        self._leaving.ask("Ctrl-C", is_urgent=False)
        self._end(KILLED, None)
        return "failed"

    def _end(self, code: int, problem: Exception | None) -> RunState:
        """Finish what the function has left open."""
        for run in reversed(get_session().list_active()):
            if problem is not None:
                run.append_console("stderr", "".join(traceback.format_exception(problem)))
            with contextlib.suppress(TimeoutError):
                run.finish(code)
        return "failed" if code else "finished"


class _Beats:
    """Signs of life from a thread, while the function has the caller's."""

    def __init__(self, work: Work, heart: Heart, leaving: Leaving) -> None:
        self._work = work
        self._heart = heart
        self._leaving = leaving
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True, name="sweep-agent")
        self._request: Any = None

    def __enter__(self) -> _Beats:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    def find_stop_request(self) -> Any:
        """What the run was asked: by the queue here, or by the server in the answer to its rows."""
        for run in self._runs():
            if run.stop_request is not None:
                self._request = run.stop_request
        return self._request

    def _runs(self) -> Iterator[Run]:
        for run in get_session().list_active():
            if run.id == self._work.run_name:
                yield run

    def _beat(self) -> None:
        stop: Stop | None = None
        while not self._is_over.is_set():
            try:
                found = find_stop(self._heart.beat(wants_work=False), self._work.run_name)
            except Exception as error:  # noqa: BLE001  # a thread's edge: the function goes on
                terminal.say(f"the agent cannot say that it lives: {error}", level="warn")
                found = None
            stop = stop or found
            if stop is not None:
                for run in self._runs():
                    run.ask_to_stop(stop.reason, EARLY if stop.is_early else KILLED)
                    self._request = run.stop_request
            self._is_over.wait(BEAT_S)
