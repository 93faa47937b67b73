"""`steelyard settings`, and settings as commands see them: environment, file, flags."""

from __future__ import annotations

import os
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from steelyard.cli.options import with_listen_options, with_server_options
from steelyard.errors import Invalid

if TYPE_CHECKING:
    from steelyard.server.settings import ServerSettings

SETTINGS_FILE_VARIABLE = "STEELYARD_SETTINGS_FILE"


@click.command()
@click.option("--why", is_flag=True, help="Say where each value comes from and what it means.")
@click.option("--client", is_flag=True, help="Those of scripts, not of the server.")
@with_listen_options
@with_server_options
def settings(why: bool, client: bool, **flags: Any) -> None:
    """Print the settings that `steelyard up` would use here, or a script with --client."""
    if client:
        from steelyard.cli.client_settings import print_client_settings

        return print_client_settings(why=why)
    from steelyard.server.settings import explain_settings

    environ = read_environ()
    explained = explain_settings(environ, settings_file(environ, flags), flags)
    width = max(len(setting.name) for setting in explained)
    for setting in explained:
        value = setting.value or "(empty)"
        if not why:
            click.echo(f"{setting.name:<{width}}  {value}")
            continue
        click.echo(f"{setting.name} = {value}")
        click.echo(f"    from: {setting.source}; set it with {setting.environment_name}")
        click.echo(textwrap.fill(setting.doc, 96, initial_indent="    ", subsequent_indent="    "))


def read_settings(flags: Mapping[str, Any]) -> ServerSettings:
    """Settings of the server for a command with these flags."""
    from steelyard.server.settings import load_settings

    environ = read_environ()
    return load_settings(environ, settings_file(environ, flags), flags)


def settings_file(environ: Mapping[str, str], flags: Mapping[str, Any]) -> str | None:
    """Text of DATA_DIR/steelyard.toml, or of the file that STEELYARD_SETTINGS_FILE names."""
    from steelyard.server.settings import SETTINGS_FILE_NAME, load_settings

    named = environ.get(SETTINGS_FILE_VARIABLE)
    path = (
        Path(named) if named else load_settings(environ, None, flags).data_dir / SETTINGS_FILE_NAME
    )
    try:
        return path.read_text() if named or path.is_file() else None
    except OSError as error:
        raise Invalid(f"cannot read the settings file {path}: {error.strerror}") from error


def read_environ() -> dict[str, str]:
    """The environment, read here and nowhere else."""
    return dict(os.environ)  # noqa: TID251  # the one place


def has_display() -> bool:
    """A browser opened from here would be seen by the user."""
    if not sys.stdout.isatty():
        return False
    environ = read_environ()
    return sys.platform in ("darwin", "win32") or bool(
        environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY")
    )
