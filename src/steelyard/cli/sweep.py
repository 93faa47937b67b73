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
@click.option(
    "--run-minutes", type=click.FloatRange(min=0), help="What one run takes, for the estimate."
)
@click.option(
    "--run-usd", type=click.FloatRange(min=0), help="What one run costs, for the estimate."
)
def sweep(
    config: str, check: bool, fix: bool, run_minutes: float | None, run_usd: float | None
) -> None:
    """Check the configuration of a sweep; the exit status is 1 when no sweep can be made of it."""
    from steelyard.cli.sweep_check import check_sweep
    from steelyard.sdk.settings import read_environ

    if not (check or fix):
        raise UsageError(
            f"what is to be done with {config}? steelyard sweep --check {config} says what it will "
            "do; wandb sweep creates it"
        )
    is_good = check_sweep(
        config,
        fix=fix,
        environment=dict(read_environ()),
        run_minutes=run_minutes,
        run_usd=run_usd,
    )
    if not is_good:
        sys.exit(1)
