"""`steelyard sweep CONFIG.yaml`: make a sweep, give one another configuration, change its state."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from steelyard.sdk.sweeps.create import Prepared, State, SweepMade

#: Option → (state that is asked for, what is said while it is).
STATES: Final[dict[str, tuple[State, str]]] = {
    "pause": ("paused", "Pausing"),
    "resume": ("running", "Resuming"),
    "stop": ("finished", "Stopping"),
    "cancel": ("canceled", "Cancelling"),
}


class Voice:
    """Where lines go: to standard output as they are, or as those of the command `wandb`."""

    def __init__(self, command: str) -> None:
        self.command: str = command
        self._is_ours = command != "wandb"

    def say(self, text: str) -> None:
        """wandb 0.31.0 sdk/lib termlog: each line on standard error, behind the name."""
        if self._is_ours:
            click.echo(text)
        else:
            click.echo(f"{self.command}: {text}", err=True)

    def warn(self, text: str) -> None:
        """On standard error, so that what is printed on standard output stays as it is."""
        click.secho(f"{self.command}: WARNING {text}", fg="yellow", err=True)


def prepare_file(config: str, *, name: str | None, program: str | None, is_local: bool) -> Prepared:
    """The configuration of a file, checked, with what the options say. Raises SweepInvalid."""
    from steelyard.cli.sweep_check import read_config_file
    from steelyard.sdk.sweeps.create import prepare_config

    overrides: dict[str, Any] = {}
    if name is not None:
        overrides["name"] = name
    if program is not None:
        overrides["program"] = program
    if is_local:
        overrides["controller"] = {"type": "local"}
    file = Path(config)
    directory = file.parent if program is None else None
    return prepare_config(read_config_file(file), overrides=overrides, directory=directory)


def create_from_file(
    voice: Voice,
    config: str,
    prepared: Prepared,
    *,
    entity: str | None,
    project: str | None,
    prior_runs: Sequence[str],
    update: str | None,
) -> SweepMade:
    """Make the sweep, or give it another configuration, and say its four lines."""
    from steelyard.sdk.sweeps.create import create_sweep, update_sweep
    from steelyard.sdk.sweeps.places import parse_sweep_path

    action = "Creating" if update is None else "Updating"
    voice.say(f"{action} sweep from: {config}")
    if update is None:
        made = create_sweep(prepared, entity=entity, project=project, prior_runs=prior_runs)
    else:
        made = update_sweep(prepared, parse_sweep_path(update, entity=entity, project=project))
    for warning in made.warnings:
        voice.warn(warning)
    voice.say(f"{action} sweep with ID: {made.path.sweep}")
    voice.say(f"View sweep at: {made.url}")
    voice.say(f"Run sweep agent with: {voice.command} agent {_quote(str(made.path))}")
    return made


def change_state(
    voice: Voice, option: str, path: str, *, entity: str | None, project: str | None
) -> None:
    """Pause, resume, stop or cancel a sweep."""
    from steelyard.sdk.sweeps.create import set_sweep_state
    from steelyard.sdk.sweeps.places import parse_sweep_path

    state, doing = STATES[option]
    found = parse_sweep_path(path, entity=entity, project=project)
    voice.say(f"{doing} sweep {found}")
    made = set_sweep_state(found, state)
    voice.say(f"Done: the sweep {made.path} is {state}.")


def _quote(text: str) -> str:
    import shlex

    return shlex.quote(text)
