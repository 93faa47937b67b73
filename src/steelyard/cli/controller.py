"""`wandb controller`: choose what a sweep runs, here."""

from __future__ import annotations

import click


@click.command()
@click.argument("sweep", metavar="[ENTITY/][PROJECT/]SWEEP")
@click.option("--verbose", is_flag=True, help="Print what is scheduled and stopped, and why.")
def controller(sweep: str, verbose: bool) -> None:
    """Choose what a sweep with a local controller runs, until it has an end."""
    from steelyard.sdk.sweeps.controller import Controller

    Controller(sweep).run(verbose=verbose)
