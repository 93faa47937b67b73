"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def with_listen_options(command: F) -> F:
    """Where the server listens: `--host` and `--port`."""
    for option in (
        click.option("--port", type=int, help="Port to listen on (8080); 0 takes a free one."),
        click.option("--host", help="Address to listen on (127.0.0.1)."),
    ):
        command = option(command)
    return command


def with_server_options(command: F) -> F:
    """Which server's data: `--data-dir` and `--database`."""
    for option in (
        click.option(
            "--database",
            "database_url",
            metavar="URL",
            help="postgresql://user:password@host/name; SQLite in the data directory by default.",
        ),
        click.option(
            "--data-dir",
            type=click.Path(path_type=Path, file_okay=False),
            help="Directory of everything the server keeps (./steelyard-data).",
        ),
    ):
        command = option(command)
    return command
