"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


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
