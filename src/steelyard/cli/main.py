"""The `steelyard` command. Groups import the server inside their bodies only."""

from __future__ import annotations

import sys

import click

from steelyard import __version__
from steelyard.cli.up import up
from steelyard.errors import SteelyardError


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="steelyard")
def commands() -> None:
    """Steelyard: the open, self-hosted home for machine-learning work."""


commands.add_command(up)


def main() -> None:
    """Run the command line; errors of ours are one line and exit code 1."""
    try:
        commands(standalone_mode=True)
    except SteelyardError as error:
        click.echo(f"steelyard: {error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
