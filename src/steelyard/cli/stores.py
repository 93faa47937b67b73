"""Opening the server's database from a command, whether or not the server runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from steelyard.server.db.interface import Database
    from steelyard.server.settings import ServerSettings


@contextmanager
def opened_database(
    flags: Mapping[str, Any], *, create: bool = False
) -> Iterator[tuple[Database, ServerSettings]]:
    """(database, settings) for a command with these flags.

    `create`: make what is absent, as the first start of the server would; otherwise an absent
    database is a CannotStart that says so.
    """
    from steelyard.cli.settings import read_settings
    from steelyard.errors import CannotStart
    from steelyard.server.data_dir import make_data_dir
    from steelyard.server.db.open import open_database
    from steelyard.server.migrations import create_schema

    settings = read_settings(flags)
    if create:
        make_data_dir(settings.data_dir)
    elif not settings.database_url and not (settings.data_dir / "steelyard.db").exists():
        raise CannotStart(
            f"there is no Steelyard data in {settings.data_dir.absolute()}; "
            "name the directory with --data-dir, or start a server: steelyard up"
        )
    db = open_database(settings.effective_database_url)
    try:
        if create:
            create_schema(db)
        else:
            require_current_schema(db)
        yield db, settings
    finally:
        db.close()


def require_current_schema(db: Database) -> None:
    """CannotStart unless this version works with the database as it is. Changes nothing."""
    from steelyard.errors import CannotStart
    from steelyard.server.migrations import current_revision, head_revision

    revision = db.read_now(current_revision)
    if revision != head_revision():
        found = f"schema {revision}" if revision else "no tables"
        raise CannotStart(
            f"the database has {found}, this version works with schema {head_revision()}; start "
            "this version's server on it once (steelyard up), or use the version that made it"
        )
