"""The `steelyard` command. Groups import the server inside their bodies only."""

from __future__ import annotations

import sys
import tempfile
import traceback

import click

from steelyard import __version__
from steelyard.cli.backups import backup, restore
from steelyard.cli.doctor import doctor
from steelyard.cli.keys import key
from steelyard.cli.openapi import openapi
from steelyard.cli.settings import settings
from steelyard.cli.up import up
from steelyard.cli.users import user
from steelyard.errors import SteelyardError


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="steelyard")
def commands() -> None:
    """Steelyard: the open, self-hosted home for machine-learning work."""


for command in (up, user, key, settings, doctor, backup, restore, openapi):
    commands.add_command(command)


def main() -> None:
    """Run the command line. What goes wrong is one line on standard error and exit status 1."""
    try:
        commands()
    except SteelyardError as error:
        click.echo(f"steelyard: {error}", err=True)
        sys.exit(1)
    except ModuleNotFoundError as error:
        # Only the light client is installed; a broken installation says which part is missing.
        click.echo(
            f'steelyard: {error.name} is missing; pip install "steelyard[server]" has the server',
            err=True,
        )
        sys.exit(1)
    except Exception as error:  # noqa: BLE001  # the process edge
        click.echo(
            f"steelyard: our mistake: {type(error).__name__}: {str(error).splitlines()[:1]}; "
            f"details for a report: {_keep_traceback()}",
            err=True,
        )
        sys.exit(2)


def _keep_traceback() -> str:
    with tempfile.NamedTemporaryFile(
        "w", prefix="steelyard-error-", suffix=".txt", delete=False
    ) as file:
        traceback.print_exc(file=file)
    return file.name


if __name__ == "__main__":
    main()
