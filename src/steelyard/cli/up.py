"""`steelyard up`: start the server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click


@click.command()
@click.option("--host", help="Address to listen on (127.0.0.1).")
@click.option("--port", type=int, help="Port to listen on (8080).")
@click.option("--data-dir", type=click.Path(path_type=Path), help="Where everything is kept.")
@click.option("--database", "database_url", metavar="URL", help="postgresql://… for teams.")
@click.option("--base-url", metavar="URL", help="URL under which clients reach the server.")
@click.option(
    "--allow-chosen-api-keys", is_flag=True, default=None, help="Tests only: see the reference."
)
@click.option("--no-browser", is_flag=True, help="Do not open the browser.")
def up(no_browser: bool, **flags: Any) -> None:
    """Start the server. The first start makes the data directory, you as its owner, and a key."""
    from steelyard.cli.settings import read_settings
    from steelyard.server.serve import serve

    serve(read_settings(flags), open_browser=not no_browser)
