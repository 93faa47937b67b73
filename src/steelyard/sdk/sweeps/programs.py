"""Runs of an agent that are programs: started with a configuration, watched, ended when told."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from steelyard.errors import UsageError
from steelyard.limits import SWEEP_PREEMPT_GRACE_S
from steelyard.sdk import terminal
from steelyard.sdk.stopping import EARLY, KILLED
from steelyard.sdk.sweeps.command_line import make_command, needs_json_file, read_command
from steelyard.sdk.sweeps.loop import Heart, Leaving, Patience, Work, find_stop
from steelyard.sdk.sweeps.parameters import RunFiles, hidden_variables, run_variables
from steelyard.sdk.sweeps.queue import BEAT_S, Resume, RunState, Stop, SweepInfo

STEP_S: Final = 0.1
#: How the shell and Python say that SIGTERM ended a process.
TERMINATED: Final = (-signal.SIGTERM, 128 + signal.SIGTERM)


class Programs:
    """Performs runs of one sweep as processes of the program that its configuration names."""

    def __init__(
        self,
        info: SweepInfo,
        *,
        runs_dir: Path,
        environ: Mapping[str, str],
        patience: Patience,
        leaving: Leaving,
    ) -> None:
        """Raises Invalid for a `command:` that is none."""
        self._info = info
        self._runs_dir = runs_dir
        self._environ = environ
        self._patience = patience
        self._leaving = leaving
        self._words = read_command(info.config)

    def perform(self, work: Work, heart: Heart) -> RunState:
        """Run one configuration to its end. Raises UsageError where there is no program."""
        files = RunFiles(self._runs_dir, self._info.name, work.run_name)
        files.write(work.config)
        command = self._command_of(work, files)
        verb = "goes on with" if isinstance(work, Resume) else "begins"
        terminal.say(f"the agent {verb} run {work.run_name}:")
        for name, value in work.config.items():
            terminal.say(f"    {name}: {value}")
        variables = run_variables(self._info, work, files)
        environ = {**self._environ, **variables}
        for name in hidden_variables(variables):
            environ.pop(name, None)
        try:
            process = start(command, environ)
        except OSError as error:
            terminal.say(f"{command[0]} cannot be started: {error.strerror}", level="error")
            return "failed"
        state = self._watch(process, work, heart, files)
        files.remove()
        return state

    def _command_of(self, work: Work, files: RunFiles) -> list[str]:
        if not needs_json_file(self._words):
            files.json.unlink(missing_ok=True)
        return make_command(
            self._words,
            work.config,
            program=self._find_program(work.program),
            interpreter=find_interpreter(self._environ),
            environ=self._environ,
            json_file=str(files.json),
        )

    def _find_program(self, program: str | None) -> str | None:
        """The program, below the directory that the sweep names where it names one."""
        named = program or self._info.config.get("program")
        if named is None:
            return None
        directory = self._info.program_directory
        if directory is not None and (Path(directory) / str(named)).is_file():
            return str(Path(directory) / str(named))
        return str(named)

    def _watch(
        self, process: subprocess.Popen[bytes], work: Work, heart: Heart, files: RunFiles
    ) -> RunState:
        """Beat while it runs; end it when it is to stop, or when the agent is to go at once."""
        ending = _Ending(process)
        stop: Stop | None = None
        next_beat = 0.0
        while (code := poll(process)) is None:
            now = time.monotonic()
            if now >= next_beat:
                found = find_stop(heart.beat(wants_work=False), work.run_name)
                next_beat = time.monotonic() + BEAT_S
                if found is not None and stop is None:
                    stop = found
                    terminal.say(f"run {work.run_name} is stopped: {found.reason}")
                    files.ask_to_stop(found.reason, EARLY if found.is_early else KILLED)
                    ending.begin(self._patience.kill_delay_s)
            if self._leaving.is_urgent:
                ending.begin(min(self._patience.kill_delay_s, SWEEP_PREEMPT_GRACE_S))
            ending.follow()
            time.sleep(STEP_S)
        if stop is not None or files.was_stopped:
            return "stopped"
        if self._leaving.is_urgent and code != 0:
            terminal.say(f"run {work.run_name} is given back")
            return "preempted"
        if code in TERMINATED:
            terminal.say(f"run {work.run_name} was told to go (SIGTERM), and is given back")
            return "preempted"
        return "failed" if code else "finished"


class _Ending:
    """The end of a process: SIGTERM, and SIGKILL for its group when it takes too long."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._kill_at: float | None = None

    def begin(self, delay_s: float) -> None:
        """Ask it to end. A second call only shortens the delay."""
        deadline = time.monotonic() + delay_s
        if self._kill_at is None:
            self._kill_at = deadline
            with contextlib.suppress(OSError):
                self._process.terminate()
        self._kill_at = min(self._kill_at, deadline)

    def follow(self) -> None:
        if self._kill_at is not None and time.monotonic() > self._kill_at:
            with contextlib.suppress(OSError):
                os.killpg(self._process.pid, signal.SIGKILL)


def start(command: list[str], environ: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start a program in a process group of its own, so that Ctrl-C reaches the agent alone.

    It gets no standard input: one that asks gets an end of file instead of being stopped.
    """
    return subprocess.Popen(  # noqa: S603  # the user's own command
        command, env=dict(environ), stdin=subprocess.DEVNULL, process_group=0
    )


def poll(process: subprocess.Popen[bytes]) -> int | None:
    """The exit code once it has ended; negative for the signal that ended it."""
    return process.poll()


def find_interpreter(environ: Mapping[str, str]) -> str:
    """`python` of the environment that is active, as wandb has it; else the one we run in.

    An agent that is started by its full path, as in jobs, has another `python` on its path, or
    none.
    """
    is_active = any(environ.get(name) for name in ("VIRTUAL_ENV", "CONDA_PREFIX"))
    found = shutil.which("python", path=environ.get("PATH"))
    if is_active and found is not None:
        return "python"
    own = str(Path(sys.executable).parent)
    if found is not None and str(Path(found).parent) == own:
        return "python"
    return sys.executable or "python"


def check_program(info: SweepInfo) -> None:
    """Raises UsageError when the sweep's program is not there: before a run is handed out."""
    words = read_command(info.config)
    if "${program}" not in words:  # inside of a longer word somebody else looks for it
        return
    named = info.config.get("program")
    if not isinstance(named, str):
        raise UsageError(
            f"the sweep {info.path} names no program; add program: train.py to its configuration, "
            "or call steelyard.agent(SWEEP, function=...)"
        )
    places = [Path(named)]
    if info.program_directory is not None:
        places.insert(0, Path(info.program_directory) / named)
    if not any(place.is_file() for place in places) and named.endswith(".py"):
        raise UsageError(
            f"the sweep's program {named} is not here ({Path.cwd()}); start the agent in the "
            "directory that it is in"
        )
