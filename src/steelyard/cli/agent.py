"""`steelyard agent`: work for a sweep."""

from __future__ import annotations

import sys

import click

from steelyard.cli.launch import (
    launch_agents,
    list_arguments,
    refuse_launch_options,
    with_launch_options,
)


@click.command()
@click.argument("paths", metavar="[ENTITY/][PROJECT/]SWEEP...", nargs=-1, required=True)
@click.option("-p", "--project", help="Of a sweep that is named by its id alone.")
@click.option("-e", "--entity", help="The same.")
@click.option("--count", type=click.IntRange(1), help="End after so many runs.")
@click.option(
    "-f", "--forward-signals", is_flag=True, help="Accepted: programs get SIGTERM as it is."
)
@click.option(
    "-t", "--term-timeout", type=click.IntRange(0), help="Seconds a program has after SIGTERM."
)
@click.option(
    "--max-consecutive-failed-runs",
    type=click.IntRange(1),
    help="End when so many runs in a row have failed.",
)
@with_launch_options
def agent(
    paths: tuple[str, ...],
    project: str | None,
    entity: str | None,
    count: int | None,
    forward_signals: bool,
    term_timeout: int | None,
    max_consecutive_failed_runs: int | None,
    launcher: str | None,
    tasks: int | None,
    parallel: int | None,
    launch_options: tuple[str, ...],
    wait: bool | None,
) -> None:
    """Run what a sweep wants to try, one configuration after the other, until nothing is left.

    The program is started as the configuration of the sweep says, by default
    `python PROGRAM --name=value …`. As many agents as you like share a sweep, on any machine. One
    that is given several sweeps takes its next run from the one with the highest `priority:`.

    Exit status: 0 when nothing is left to try, or when COUNT runs are done; 1 when one of those
    runs failed, or when the agent gave up since everything fails; 143 after SIGTERM, which gives
    the run at work back to the sweep; 130 after Ctrl-C.
    """
    if launcher is not None:
        if len(paths) > 1:
            raise click.UsageError("a launcher starts the agents of one sweep: name one")
        arguments = list_arguments(
            project=project,
            entity=entity,
            term_timeout=term_timeout,
            max_consecutive_failed_runs=max_consecutive_failed_runs,
        )
        status = launch_agents(
            paths[0],
            arguments=arguments,
            launcher=launcher,
            count=count,
            tasks=tasks,
            parallel=parallel,
            launch_options=launch_options,
            wait=wait,
        )
        sys.exit(status)
    refuse_launch_options(tasks, parallel, launch_options, wait)
    from steelyard.sdk.sweeps.agent import work_for_sweep
    from steelyard.sdk.sweeps.open_queue import open_queues

    status = work_for_sweep(
        open_queues(paths, entity=entity, project=project),
        count=count,
        failures_in_a_row_max=max_consecutive_failed_runs,
        kill_delay_s=None if term_timeout is None else float(term_timeout),
    )
    sys.exit(status)
