"""`steelyard sweep` on a directory: made, shown, paused, resumed, stopped and canceled."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from steelyard.errors import SteelyardError

if TYPE_CHECKING:
    from steelyard.cli.sweep_create import Voice
    from steelyard.sdk.sweeps.create import Prepared
    from steelyard.sdk.sweeps.directory.model import Trial
    from steelyard.sdk.sweeps.directory.steering import SweepView

#: Between two looks of `steelyard sync --watch` at a sweep that was sent, or could not be.
WATCH_PAUSE_S: Final = 10.0


def is_directory_sweep(path: str) -> bool:
    """Whether a path that was typed is that of a directory with a sweep in it."""
    from steelyard.sdk.sweeps.directory.store import is_sweep_directory

    return is_sweep_directory(Path(path))


def find_directory_sweeps(paths: Iterable[Path]) -> list[Path]:
    """Those of these directories that have a sweep in them."""
    return [path for path in paths if is_directory_sweep(str(path))]


class WatchedSweeps:
    """Sweeps in directories that are followed: sent again whenever something was decided."""

    def __init__(self, send: Callable[[Path], bool]) -> None:
        self._send = send
        self._sent: dict[Path, int] = {}
        self._not_before: dict[Path, float] = {}

    def look(self, paths: Iterable[Path]) -> None:
        """Send those that have changed since; one that cannot be sent is tried again later."""
        from steelyard.sdk.sweeps.directory.store import Store

        for path in find_directory_sweeps(paths):
            if time.monotonic() < self._not_before.get(path, 0.0):
                continue
            try:
                number = Store(path).refresh().number
            except SteelyardError:
                continue  # it says so when it is sent by hand
            if self._sent.get(path) == number:
                continue
            if self._send(path):
                self._sent[path] = number
            self._not_before[path] = time.monotonic() + WATCH_PAUSE_S


def create_in_directory(
    voice: Voice,
    config: str,
    prepared: Prepared,
    directory: Path,
    *,
    entity: str | None = None,
    project: str | None = None,
) -> None:
    """Make the sweep of a configuration file, and say what it is and how to work for it."""
    from steelyard.sdk.sweeps.create import find_place
    from steelyard.sdk.sweeps.directory.making import create_directory_sweep

    place = find_place(prepared.raw, entity=entity, project=project)
    voice.say(f"Creating sweep from: {config}")
    sweep, warnings = create_directory_sweep(
        directory,
        prepared.config,
        entity=place.entity,
        project=place.project,
        # A program that lies beside its configuration is named from here.
        program_directory=Path.cwd(),
    )
    assert sweep.head is not None
    for warning in dict.fromkeys([*prepared.warnings, *warnings]):
        voice.warn(warning)
    voice.say(f"Creating sweep with ID: {sweep.head.name}")
    voice.say(f"The sweep is in: {directory.resolve()}")
    voice.say(f"Run sweep agent with: {voice.command} agent {shlex.quote(str(directory))}")


def change_directory_state(voice: Voice, option: str, directory: str) -> None:
    """Pause, resume, stop or cancel, and say what holds now."""
    from steelyard.cli.sweep_create import STATES
    from steelyard.sdk.sweeps.directory.steering import set_directory_state

    state, doing = STATES[option]
    voice.say(f"{doing} sweep {directory}")
    set_directory_state(Path(directory), state)
    voice.say(f"Done: the sweep {directory} is {state}.")


def show_directory_sweep(directory: str) -> None:
    """Print the sweep: what it is at, its best trial, and every trial."""
    from steelyard.cli.tables import print_table
    from steelyard.sdk.sweeps.directory.steering import view_directory_sweep

    view = view_directory_sweep(Path(directory))
    for line in describe_view(view):
        click.echo(line)
    if not view.trials:
        return
    metrics = [metric.name for metric in view.problem.metrics]
    heads = ["#", "RUN", "STATE", *metrics, "SECONDS", "CONFIG", ""]
    rows = [_row_of(trial, len(metrics)) for trial in view.trials]
    numbers = {0, *range(3, 4 + len(metrics))}
    print_table(heads, rows, state_at=2, right=numbers)


def describe_view(view: SweepView) -> list[str]:
    """A few lines: state and counts, the best, and what needs somebody's attention."""
    sweep, problem = view.sweep, view.problem
    head = sweep.head
    assert head is not None
    counts: dict[str, int] = {}
    for trial in view.trials:
        counts[trial.state] = counts.get(trial.state, 0) + 1
    said = ", ".join(f"{count:,} {state}" for state, count in counts.items()) or "none yet"
    lines = [
        f"sweep {head.name}: {sweep.state}, {problem.method}, "
        f"{view.heard_agents:,} agent{'s' * (view.heard_agents != 1)} at work",
        f"trials: {said}",
    ]
    if sweep.exhausted_reason is not None:
        lines.append(f"nothing left to hand out: {sweep.exhausted_reason}")
    if view.best is not None:
        metric = problem.metrics[0]
        value = _number(view.best.values[0])
        lines.append(f"best {metric.name} ({metric.goal}): {value}, run {view.best.run_name}")
    for number in sweep.damaged:
        lines.append(f"entry {number} of its log is damaged and was passed over")
    return lines


def _row_of(trial: Trial, metric_count: int) -> list[str]:
    values: list[Any] = [*trial.values, *[None] * metric_count][:metric_count]
    config = " ".join(f"{name}={value}" for name, value in trial.config.items())
    again = f"attempt {trial.attempts}" if trial.attempts > 1 else ""
    note = "; ".join(part for part in (again, trial.stop_reason) if part)
    return [
        str(trial.index + 1),
        trial.run_name,
        trial.state,
        *map(_number, values),
        "" if trial.seconds is None else f"{trial.seconds:,.0f}",
        config,
        note,
    ]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"
