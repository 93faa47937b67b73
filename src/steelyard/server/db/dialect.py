"""The few places where SQLite and PostgreSQL differ, and the metadata that all tables share."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

#: 64-bit key that counts up by itself: SQLite only does so for INTEGER.
BIGID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def insert(conn: Connection, table: sa.Table) -> Any:
    """INSERT that knows `.on_conflict_do_update` and `.on_conflict_do_nothing` of its dialect."""
    if conn.dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)


def matches_like(
    conn: Connection, column: sa.ColumnElement[str], pattern: str
) -> sa.ColumnElement[bool]:
    """SQL's LIKE without an escape character, where case matters: SQLite's own ignores it."""
    if conn.dialect.name == "postgresql":
        return column.like(pattern, escape="")
    wildcards = {"%": "*", "_": "?", "*": "[*]", "?": "[?]", "[": "[[]"}
    return column.op("GLOB", is_comparison=True)("".join(wildcards.get(c, c) for c in pattern))


def database_bytes(conn: Connection) -> int:
    """What the database takes on its disk, with indexes and free pages."""
    if conn.dialect.name == "postgresql":
        asked = sa.select(sa.func.pg_database_size(sa.func.current_database()))
        return int(conn.execute(asked).scalar_one())
    pages = conn.execute(sa.text("PRAGMA page_count")).scalar_one()
    return int(pages) * int(conn.execute(sa.text("PRAGMA page_size")).scalar_one())
