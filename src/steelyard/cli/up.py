"""`steelyard up`: start the server."""

from __future__ import annotations

import sys
import webbrowser
from typing import TYPE_CHECKING, Any

import click

from steelyard.cli.options import with_listen_options, with_server_options

if TYPE_CHECKING:
    from steelyard.server.serve import Started


@click.command()
@with_listen_options
@with_server_options
@click.option("--base-url", metavar="URL", help="URL under which clients reach the server.")
@click.option(
    "--allow-chosen-api-keys",
    is_flag=True,
    default=None,
    help="For tests: the admin API may set API keys.",
)
@click.option("--no-browser", is_flag=True, help="Do not open the browser.")
def up(no_browser: bool, **flags: Any) -> None:
    """Start the server. The first start makes the data directory, you as its owner, and a key."""
    from steelyard.cli.settings import has_display, read_settings
    from steelyard.server.serve import serve

    def announce(started: Started) -> None:
        click.echo(describe(started))
        sys.stdout.flush()
        if started.login_url and not no_browser and has_display():
            webbrowser.open(started.login_url)

    serve(read_settings(flags), announce=announce)


def describe(started: Started) -> str:
    """What a person needs after the start, in few lines."""
    from steelyard import __version__

    settings = started.settings
    lines = [f"Steelyard {__version__}", "", f"  Web page  {settings.public_url}"]
    if started.login_url:
        lines.append(f"  Sign in   {started.login_url}  (works once, for 30 minutes)")
    lines.append(f"  Data      {settings.data_dir.absolute()}")
    if settings.database_url:
        lines.append("  Database  PostgreSQL")
    lines += ["", "Point a script at it:", f"  export WANDB_BASE_URL={settings.public_url}"]
    if started.owner_key_path:
        lines.append(f"  export WANDB_API_KEY=$(cat {started.owner_key_path})")
    else:
        lines.append(
            "  export WANDB_API_KEY=…  (no owner.key here; make a key: steelyard key create)"
        )
    return "\n".join([*lines, "", "Ctrl-C stops it."])
