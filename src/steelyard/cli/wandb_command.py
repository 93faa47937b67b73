"""The command `wandb` that `steelyard shim` installs: the official client's commands, by ours."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from steelyard import __version__
from steelyard.cli.agent import agent
from steelyard.cli.artifact import wandb_artifact
from steelyard.cli.controller import controller
from steelyard.cli.login import login, logout
from steelyard.cli.main import run_commands
from steelyard.cli.runs import run, runs
from steelyard.cli.sweep import sweep
from steelyard.cli.sync import sync
from steelyard.errors import UnsupportedError
from steelyard.sdk.as_wandb import WANDB_VERSION

#: Command of wandb 0.31.0 → what to do with Steelyard instead.
INSTEAD: Final = {
    "beta": "beta commands are the wandb package's own; `wandb sync` sends runs",
    "clean": "use `steelyard sync --clean`",
    "docker": "use `docker run` with -e WANDB_API_KEY -e WANDB_BASE_URL",
    "docker-run": "use `docker run` with -e WANDB_API_KEY -e WANDB_BASE_URL",
    "init": "use `wandb login`, and project= in init() or WANDB_PROJECT",
    "job": "jobs are not in this version",
    "launch": "jobs are not in this version",
    "launch-agent": "jobs are not in this version",
    "launch-sweep": "jobs are not in this version",
    "leet": "use `steelyard run show`",
    "local": "use `steelyard up`",
    "purge-cache": "use `steelyard artifact cache clean`",
    "pull": "the files of a run are on its page",
    "restore": "config and code of a run are on its page; in Python: steelyard.restore(NAME, PATH)",
    "scheduler": "jobs are not in this version; agents are started by `steelyard agent`",
    "server": "use `steelyard up`",
    "sweep-scheduler": "the server suggests; for a search of your own: `wandb controller`",
    "verify": "use `steelyard doctor`",
}


class WandbCommands(click.Group):
    """Says of commands we do not have what to do instead."""

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if self.get_command(context, name) is None and name in INSTEAD:
            raise UnsupportedError(f"`wandb {name}` is not here: {INSTEAD[name]}")
        return super().resolve_command(context, args)


@click.group(cls=WandbCommands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(
    WANDB_VERSION,
    prog_name="wandb",
    message=f"%(prog)s, version %(version)s (Steelyard {__version__})",
)
def commands() -> None:
    """Steelyard, for those who type wandb. Everything it can do: steelyard --help."""


for command in (login, logout, sync, run, runs, wandb_artifact, sweep, agent, controller):
    commands.add_command(command)


@commands.command()
def offline() -> None:
    """Keep the runs of scripts started in this directory on disk, until `wandb sync`."""
    _set_mode("offline")


@commands.command()
def online() -> None:
    """Send the runs of scripts started in this directory as they go."""
    _set_mode("online")


@commands.command()
def disabled() -> None:
    """Make scripts started in this directory log nothing."""
    _set_mode("disabled")


@commands.command()
def enabled() -> None:
    """Undo `wandb disabled`."""
    _set_mode("online")


@commands.command()
@click.option("--settings/--no-settings", default=True, help="The settings as well.")
def status(settings: bool) -> None:
    """Show what a script started here would use."""
    from steelyard.cli.client_settings import check_client, print_client_settings

    for verdict, subject, text, advice in check_client():
        click.echo(f"{verdict:<4}  {subject}: {text}{f' → {advice}' if advice else ''}")
    if settings:
        print_client_settings(why=False)


@commands.command()
@click.option("-e", "--entity", help="Of this user or team.")
def projects(entity: str | None) -> None:
    """List projects."""
    context = click.get_current_context()
    context.invoke(runs, path=f"{entity}/" if entity else None, limit=1)


def _set_mode(mode: str) -> None:
    """In the settings file of the directory that wins over the others."""
    from steelyard.sdk.settings_files import directory_files, write_setting

    path = directory_files(Path())[-1]
    write_setting(path, "mode", mode)
    click.echo(f"scripts started in {Path.cwd()} are {mode} now ({path})")


def main() -> None:
    """Run the command line, with errors as those of `steelyard`."""
    run_commands(commands, name="wandb")


if __name__ == "__main__":
    main()
