"""The `steelyard` command. Groups import the server inside their bodies only."""

from __future__ import annotations

import sys
import tempfile
import traceback

import click

from steelyard import __version__
from steelyard.cli.agent import agent
from steelyard.cli.artifact import artifact, diff
from steelyard.cli.backups import backup, restore
from steelyard.cli.disk import disk
from steelyard.cli.doctor import doctor
from steelyard.cli.keys import key
from steelyard.cli.login import login, logout
from steelyard.cli.openapi import openapi
from steelyard.cli.prices import prices
from steelyard.cli.runs import run, runs
from steelyard.cli.settings import settings
from steelyard.cli.shim import shim
from steelyard.cli.sweep import sweep
from steelyard.cli.sync import status, sync
from steelyard.cli.up import up
from steelyard.cli.users import user
from steelyard.errors import SteelyardError


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="steelyard")
def commands() -> None:
    """Steelyard: the open, self-hosted home for machine-learning work."""


for command in (up, login, logout, sync, status, user, key, settings, doctor):
    commands.add_command(command)
for command in (artifact, diff, sweep, agent):
    commands.add_command(command)
for command in (runs, run, disk, prices, shim, backup, restore, openapi):
    commands.add_command(command)


def main() -> None:
    """Run the command line. What goes wrong is one line on standard error and exit status 1."""
    run_commands(commands, name="steelyard")


def run_commands(group: click.Group, *, name: str) -> None:
    """Run a command line of that name, with errors as `main` says."""
    try:
        group(prog_name=name)
    except Exception as error:  # noqa: BLE001  # the process edge
        message, status = _explain(error)
        click.echo(f"{name}: {message}", err=True)
        sys.exit(status)


def _explain(error: Exception) -> tuple[str, int]:
    """(what to print, exit status): 1 for what the user can mend, 2 for what we must."""
    if isinstance(error, SteelyardError):
        return str(error), 1
    name = error.name or "" if isinstance(error, ModuleNotFoundError) else "steelyard"
    if not name.startswith("steelyard"):  # only the light client is installed
        return f'{name} is missing; pip install "steelyard[server]" has the server', 1
    first_line = str(error).partition("\n")[0]
    return (
        f"our mistake: {type(error).__name__}: {first_line}; "
        f"details for a report: {_keep_traceback()}",
        2,
    )


def _keep_traceback() -> str:
    with tempfile.NamedTemporaryFile(
        "w", prefix="steelyard-error-", suffix=".txt", delete=False
    ) as file:
        traceback.print_exc(file=file)
    return file.name


if __name__ == "__main__":
    main()
