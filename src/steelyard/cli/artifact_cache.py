"""`steelyard artifact cache …`: what the cache of this machine holds, and making room."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from steelyard.sdk.artifacts.cache import ArtifactCache
    from steelyard.sdk.settings import ClientSettings


@click.group()
def cache() -> None:
    """Contents of artifacts that are kept on this machine."""


@cache.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def size(as_json: bool) -> None:
    """Show how much is kept, where, and how much it may become."""
    from steelyard.sdk.artifacts.progress import describe_bytes

    _, found = _open()
    usage = found.measure()
    if as_json:
        import json

        click.echo(
            json.dumps(
                {
                    "directory": found.root,
                    "size_bytes": usage.size_bytes,
                    "file_count": usage.file_count,
                    "partial_bytes": usage.partial_bytes,
                    "bytes_max": found.bytes_max,
                },
                indent=2,
            )
        )
        return
    click.echo(
        f"{found.root}: {describe_bytes(usage.size_bytes)} in {usage.file_count:,} files, of "
        f"{describe_bytes(found.bytes_max)} at most"
    )
    if usage.partial_bytes:
        click.echo(f"downloads that broke off: {describe_bytes(usage.partial_bytes)}")


@cache.command()
@click.option("--to", "target", default="0", show_default=True, metavar="SIZE", help="Like 10GB.")
@click.option("--partial/--no-partial", default=True, help="Downloads that broke off as well.")
def clean(target: str, partial: bool) -> None:
    """Remove what was not used longest, until SIZE is left; and files of artifacts that were
    never logged, by processes that are gone."""
    from steelyard.sdk.artifacts.context import staging_dir
    from steelyard.sdk.artifacts.staging import list_abandoned

    settings, found = _open()
    _clean(found, target, partial=partial)
    abandoned = list_abandoned(staging_dir(settings))
    for directory in abandoned:
        shutil.rmtree(directory, ignore_errors=True)
    if abandoned:
        click.echo(f"removed the files of {len(abandoned):,} artifacts that were never logged")


@click.group("cache")
def wandb_cache() -> None:
    """Contents of artifacts that are kept on this machine."""


@wandb_cache.command()
@click.argument("target_size")
@click.option("--remove-temp/--no-remove-temp", default=False, help="Downloads that broke off.")
def cleanup(target_size: str, remove_temp: bool) -> None:
    """Remove what was not used longest, until TARGET_SIZE, such as 10GB, is left."""
    _clean(_open()[1], target_size, partial=remove_temp)


def _clean(found: ArtifactCache, target: str, *, partial: bool) -> None:
    from steelyard.errors import UsageError
    from steelyard.sdk.artifacts.progress import describe_bytes, parse_bytes

    try:
        bytes_max = parse_bytes(target)
    except ValueError as error:
        raise UsageError(str(error)) from error
    freed = found.trim(bytes_max, partial_too=partial)
    click.echo(f"freed {describe_bytes(freed)} of {found.root}")


def _open() -> tuple[ClientSettings, ArtifactCache]:
    from steelyard.sdk.artifacts.context import current_settings, open_cache

    settings = current_settings()
    return settings, open_cache(settings)
