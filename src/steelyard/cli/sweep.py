"""`steelyard sweep`: check the configuration of a sweep."""

from __future__ import annotations

import sys

import click

from steelyard.errors import UsageError


@click.command()
@click.argument("config", metavar="CONFIG.yaml")
@click.option(
    "--check",
    is_flag=True,
    help="Print what will be sampled, how many runs there will be, and what is wrong.",
)
@click.option(
    "--fix",
    is_flag=True,
    help="Mend in place what has one safe answer, show the changes, and check again.",
)
def sweep(config: str, check: bool, fix: bool) -> None:
    """Check the configuration of a sweep; the exit status is 1 when no sweep can be made of it."""
    from steelyard.cli.sweep_check import check_sweep
    from steelyard.sdk.settings import read_environ

    if not (check or fix):
        raise UsageError(
            f"what is to be done with {config}? steelyard sweep --check {config} says what it will "
            "do; wandb sweep creates it"
        )
    if not check_sweep(config, fix=fix, environment=dict(read_environ())):
        sys.exit(1)
