"""`steelyard backup` and `steelyard restore`."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Any, NoReturn

import click

from steelyard.cli.options import with_server_options
from steelyard.cli.users import now_us


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@with_server_options
def backup(file: Path, **flags: Any) -> None:
    """Write everything the server keeps into FILE, a tar. The server may run meanwhile."""
    from steelyard.cli.stores import opened_database
    from steelyard.server.backup.write import write_backup
    from steelyard.server.blobs.open import visit_blobs

    signal.signal(signal.SIGTERM, _leave)  # so that what was begun is removed
    with opened_database(flags) as (db, settings):
        manifest = write_backup(db, visit_blobs(settings), file, now_us=now_us())
    click.echo(
        f"{file}: {manifest.row_count:,} rows, {manifest.blob_count:,} files, "
        f"{file.stat().st_size / 1e6:,.1f} MB"
    )
    if manifest.missing_blobs:
        click.echo(
            f"warning: the content of {len(manifest.missing_blobs)} files was lost before; "
            "see missing_blobs in manifest.json",
            err=True,
        )


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@with_server_options
def restore(file: Path, **flags: Any) -> None:
    """Restore FILE into a new data directory (and, with --database, an empty PostgreSQL)."""
    from steelyard.cli.settings import read_settings
    from steelyard.server.backup.restore import restore_backup

    signal.signal(signal.SIGTERM, _leave)
    settings = read_settings(flags)
    manifest = restore_backup(file, settings)
    directory = settings.data_dir.absolute()
    click.echo(f"{directory}: {manifest.row_count:,} rows, {manifest.blob_count:,} files, verified")
    click.echo("API keys work as before; a new one: steelyard key create --owner-file", err=True)


def _leave(number: int, _frame: object) -> NoReturn:
    sys.exit(128 + number)
