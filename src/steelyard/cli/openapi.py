"""`steelyard openapi`: the description of the REST API, for generated clients and docs."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), required=False)
def openapi(file: Path | None) -> None:
    """Write the OpenAPI document of the REST API to FILE, or print it."""
    from steelyard.server.openapi import describe_api

    text = describe_api()
    if file is None:
        click.echo(text, nl=False)
    else:
        file.write_text(text, encoding="utf-8")
