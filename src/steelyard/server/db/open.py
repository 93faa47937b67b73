"""From a database URL to a Database."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from steelyard.errors import Invalid
from steelyard.server.db.interface import Database
from steelyard.server.db.postgres import PostgresDatabase
from steelyard.server.db.sqlite import SqliteDatabase


def open_database(url: str, *, reader_count: int = 4) -> Database:
    """Open `sqlite:////absolute/path.db` or `postgresql://user:password@host/name`.

    Raises Invalid for another kind of URL, MissingExtra without psycopg.
    """
    try:
        parsed = sa.make_url(url)
    except sa.exc.ArgumentError as error:
        raise Invalid(f"{url!r} is no database URL; {_FORMS}") from error
    backend = parsed.get_backend_name()
    if backend == "sqlite" and parsed.database:
        return SqliteDatabase(Path(parsed.database), reader_count=reader_count)
    if backend in ("postgresql", "postgres"):
        return PostgresDatabase(
            parsed.set(drivername="postgresql").render_as_string(hide_password=False),
            reader_count=reader_count,
        )
    raise Invalid(f"database {backend!r} is not supported; {_FORMS}")


_FORMS = "use sqlite:////absolute/path.db or postgresql://user:password@host/name"
