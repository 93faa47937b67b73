"""Sweeps in a directory for tests: agents whose runs are written here, and clocks set by hand."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from steelyard.sdk.journal.folder import create_run_folder, make_writer_name
from steelyard.sdk.journal.writer import JournalWriter
from steelyard.sdk.sweeps.directory.making import create_directory_sweep
from steelyard.sdk.sweeps.directory.model import Sweep
from steelyard.sdk.sweeps.directory.queue import DirectoryQueue
from steelyard.sdk.sweeps.directory.store import Store
from steelyard.sdk.sweeps.queue import Exit, Resume, Run, RunState
from steelyard.wire import journal as wire

GRID: dict[str, Any] = {
    "method": "grid",
    "metric": {"name": "loss", "goal": "minimize"},
    "parameters": {"a": {"values": [1, 2, 3]}},
    "program": "train.py",
}


class Clock:
    """Seconds that pass when a test says so, on two clocks at once."""

    def __init__(self) -> None:
        self.seconds = time.time()

    def now_us(self) -> int:
        return round(self.seconds * 1e6)

    def monotonic(self) -> float:
        return self.seconds


class WrittenRun:
    """An offline run of a sweep, whose rows a test writes."""

    def __init__(self, directory: Path, run_name: str, sweep: str = "s") -> None:
        writer = make_writer_name()
        folder = create_run_folder(
            directory,
            run=run_name,
            entity=None,
            project="p",
            base_url=None,
            mode="offline",
            writer=writer,
            started_at_us=time.time_ns() // 1000,
        )
        start = {
            "v": wire.VERSION,
            "role": "process",
            "writer": writer,
            "run": run_name,
            "project": "p",
            "sweep": sweep,
            "updates_finish_state": True,
        }
        self.folder = folder
        self.journal = JournalWriter.create(folder.path, writer=writer, start=start)
        self._step = 0

    def log(self, **row: Any) -> None:
        self.journal.append_history(self._step, True, row)
        self._step += 1

    def finish(self, exit_code: int = 0) -> None:
        self.journal.append(wire.FINISH, {"exit_code": exit_code})
        self.journal.close()


class Worker:
    """An agent that does what it is told, one beat at a time."""

    def __init__(self, directory: Path, clock: Clock | None = None, **options: Any) -> None:
        clock = clock or Clock()
        self.directory = directory
        self.queue = DirectoryQueue(
            directory, now_us=clock.now_us, monotonic=clock.monotonic, **options
        )
        self.name = self.queue.register("host")

    def ask(self, states: Mapping[str, RunState] = {}, *, wants_work: bool = True) -> list[Any]:
        return list(self.queue.heartbeat(self.name, states, wants_work=wants_work))

    def take(self) -> Run | Resume | None:
        """The next configuration, None when there is nothing more."""
        for command in self.ask():
            if isinstance(command, Run | Resume):
                return command
            assert isinstance(command, Exit), command
        return None

    def work(self, command: Run | Resume, *losses: float, state: RunState = "finished") -> None:
        """Run a configuration from its beginning to its end."""
        self.ask({command.run_name: "running"})
        run = WrittenRun(self.directory, command.run_name)
        for loss in losses:
            run.log(loss=loss)
        run.finish(int(state == "failed"))
        self.ask({command.run_name: state}, wants_work=False)


def make_sweep(directory: Path, config: Mapping[str, Any] = GRID, **options: Any) -> Sweep:
    return create_directory_sweep(directory, config, **options)[0]


def look(directory: Path) -> Sweep:
    """The sweep as somebody else sees it who reads the log from its beginning."""
    return Store(directory).refresh()


def list_states(directory: Path) -> list[str]:
    trials = look(directory).trials
    return [trials[index].state for index in sorted(trials)]


def list_configs(directory: Path) -> Sequence[dict[str, Any]]:
    trials = look(directory).trials
    return [trials[index].config for index in sorted(trials)]
