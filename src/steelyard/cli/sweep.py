"""`steelyard sweep`: check the configuration of a sweep, make a sweep of it, change its state."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from steelyard.cli.launch import EmitOptions, plan_emission, with_emit_options, write_emission
from steelyard.errors import UsageError


@click.command()
@click.argument("config", metavar="CONFIG.yaml|SWEEP|DIR")
@click.option("-p", "--project", help="Project of the sweep and its runs.")
@click.option("-e", "--entity", help="User or team whose sweep it is.")
@click.option("--name", help="Name that people see.")
@click.option("--program", help="Program that agents run, instead of the configuration's.")
@click.option("--controller", is_flag=True, help="Choose the configurations here, and stay.")
@click.option("--verbose", is_flag=True, help="Print more of what the controller does.")
@click.option(
    "-R",
    "--prior-run",
    "--prior_run",
    "prior_runs",
    multiple=True,
    metavar="RUN",
    help="Run of the project that the search learns from; may be repeated.",
)
@click.option("--update", metavar="SWEEP", help="Give this sweep the configuration instead.")
@click.option(
    "--directory",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Make the sweep in this directory, which its agents share: no server is needed.",
)
@click.option("--show", is_flag=True, help="Print the trials of a sweep in a directory.")
@click.option("--pause", "wishes", flag_value="pause", multiple=True, help="Begin no new runs.")
@click.option("--resume", "wishes", flag_value="resume", multiple=True, help="Go on.")
@click.option(
    "--stop", "wishes", flag_value="stop", multiple=True, help="Let running runs end, and finish."
)
@click.option("--cancel", "wishes", flag_value="cancel", multiple=True, help="Stop its runs, too.")
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
    "--estimate",
    is_flag=True,
    help="Print what it would take: runs, times time and money of the project's latest runs.",
)
@click.option(
    "--run-minutes", type=click.FloatRange(min=0), help="What one run takes, for the estimate."
)
@click.option(
    "--run-usd", type=click.FloatRange(min=0), help="What one run costs, for the estimate."
)
@with_emit_options
def sweep(
    config: str,
    project: str | None,
    entity: str | None,
    name: str | None,
    program: str | None,
    controller: bool,
    verbose: bool,
    prior_runs: tuple[str, ...],
    update: str | None,
    directory: Path | None,
    show: bool,
    wishes: tuple[str, ...],
    check: bool,
    fix: bool,
    estimate: bool,
    run_minutes: float | None,
    run_usd: float | None,
    emission: EmitOptions,
) -> None:
    """Make a sweep of a configuration; with --pause, --resume, --stop or --cancel, change one.

    Prints the sweep's id, its page, and the command that works for it. ${NAME} in the
    configuration is replaced from the environment, and its program is looked for beside it. A
    configuration that cannot be searched makes nothing, and the exit status is 1; --check says the
    same without a server.

    With --directory the sweep is in a directory that its agents share, without any server; --show
    prints it, and `steelyard sync DIR` brings it to a server later.

    With --emit slurm a script is written as well: sbatch starts the agents with it.
    """
    from steelyard.cli.sweep_create import Voice, change_state, create_from_file, prepare_file

    voice = Voice(click.get_current_context().find_root().info_name or "steelyard")
    from steelyard.cli.sweep_directory import (
        change_directory_state,
        is_directory_sweep,
        show_directory_sweep,
    )

    planned = plan_emission(emission)
    if planned is not None and (show or wishes or check or fix or estimate):
        raise UsageError("--emit goes with making a sweep, which --check and the like do not")
    if show:
        show_directory_sweep(config)
        return
    if wishes:
        if is_directory_sweep(config):
            change_directory_state(voice, _one_of(wishes), config)
        else:
            change_state(voice, _one_of(wishes), config, entity=entity, project=project)
        return
    if check or fix:
        if not _check(config, fix=fix, run_minutes=run_minutes, run_usd=run_usd):
            sys.exit(1)
        return
    prepared = prepare_file(config, name=name, program=program, is_local=controller)
    if estimate:
        from steelyard.cli.sweep_estimate import estimate_from_file

        estimate_from_file(
            prepared, entity=entity, project=project, run_minutes=run_minutes, run_usd=run_usd
        )
        return
    if directory is not None:
        from steelyard.cli.sweep_directory import create_in_directory

        if update is not None or controller or prior_runs:
            raise UsageError(
                "--update, --controller and --prior-run need a server; a directory has none"
            )
        create_in_directory(voice, config, prepared, directory, entity=entity, project=project)
        write_emission(planned, str(directory.absolute()), is_on_server=False)
        return
    made = create_from_file(
        voice,
        config,
        prepared,
        entity=entity,
        project=project,
        prior_runs=prior_runs,
        update=update,
    )
    write_emission(planned, str(made.path), is_on_server=True)
    if controller:
        from steelyard.sdk.sweeps.controller import Controller

        voice.say(
            "The controller chooses configurations until the sweep has an end; Ctrl-C ends it"
        )
        Controller(str(made.path)).run(verbose=verbose)


def _one_of(wishes: tuple[str, ...]) -> str:
    if len(set(wishes)) > 1:
        raise UsageError(
            f"--{wishes[0]} and --{wishes[1]} exclude each other: give one of "
            "--pause, --resume, --stop, --cancel"
        )
    return wishes[0]


def _check(config: str, *, fix: bool, run_minutes: float | None, run_usd: float | None) -> bool:
    from steelyard.cli.sweep_check import check_sweep
    from steelyard.sdk.settings import read_environ

    return check_sweep(
        config,
        fix=fix,
        environment=dict(read_environ()),
        run_minutes=run_minutes,
        run_usd=run_usd,
    )
