"""Locks that hold across the servers of one PostgreSQL. On SQLite there is one server: none.

They are advisory locks of transactions of their own: a server that dies, or loses its database,
holds none any more. Whoever holds one may ask other things than the database meanwhile, so they
have connections of their own, and a lock that was lost on the way is an error at its end.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

from steelyard.errors import Overloaded
from steelyard.limits import SERVER_LOCKS_AT_ONCE
from steelyard.server.db.interface import Database
from steelyard.server.db.postgres import make_engine, translate_error


class ServerLocks:
    """Named locks of all servers on one PostgreSQL. Threads may share it; everything blocks."""

    def __init__(self, url: str) -> None:
        self._engine = make_engine(url, SERVER_LOCKS_AT_ONCE)

    @contextmanager
    def alone(self, name: str) -> Iterator[None]:
        """Wait until nobody has the lock, then have it."""
        with self._transaction() as conn:
            conn.execute(sa.select(sa.func.pg_advisory_xact_lock(_key(name))))
            yield

    @contextmanager
    def alone_if_free(self, name: str) -> Iterator[bool]:
        """Have the lock, unless somebody else has it: False then."""
        with self._transaction() as conn:
            taken = sa.select(sa.func.pg_try_advisory_xact_lock(_key(name)))
            yield bool(conn.execute(taken).scalar())

    @contextmanager
    def storing(self, digests: Iterable[bytes]) -> Iterator[None]:
        """Nobody deletes contents of these SHA-256 digests meanwhile; others may store them, too.

        Waits for a deletion that is under way.
        """
        with self._transaction() as conn:
            keys = sorted({_key(content_lock(digest)) for digest in digests})
            if keys:
                conn.execute(sa.select(sa.func.pg_advisory_xact_lock_shared(_each(keys)))).all()
            yield

    def close(self) -> None:
        """Let go of the connections."""
        self._engine.dispose()

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        try:
            with self._engine.begin() as conn:
                yield conn
        except DBAPIError as error:
            raise translate_error(error) from error
        except sa.exc.TimeoutError as error:
            raise Overloaded(
                f"{SERVER_LOCKS_AT_ONCE} uploads wait for the store of file contents; try again"
            ) from error


def open_locks(db: Database) -> ServerLocks | None:
    """The locks of the servers on this database; None where there can be only one server."""
    return ServerLocks(db.url) if db.kind == "postgresql" else None


def content_lock(sha256: bytes) -> str:
    """The lock of a content. 256 for all: a database has room for some thousands."""
    return f"content {sha256[0]:02x}"


def hold_contents(conn: Connection, digests: Sequence[bytes]) -> set[bytes] | None:
    """Those of the contents that nobody deletes until this transaction ends. Waits for nobody.

    None on SQLite, where nothing is deleted beside a writer. Else read again afterwards what a new
    reference rests on: a reference that was seen before may be gone, and its content with it.
    """
    if conn.dialect.name != "postgresql":
        return None
    keys = {_key(content_lock(digest)) for digest in digests}
    each = _each(sorted(keys))
    take = sa.func.pg_try_advisory_xact_lock_shared(each)
    held = {key for key, is_held in conn.execute(sa.select(each, take)) if is_held}
    return {digest for digest in digests if _key(content_lock(digest)) in held}


def _each(keys: list[int]) -> sa.ColumnElement[int]:
    """One row per key."""
    array = sa.cast(keys, postgresql.ARRAY(sa.BigInteger))
    return sa.func.unnest(array).column_valued("key")


def _key(name: str) -> int:
    digest = hashlib.blake2b(f"steelyard {name}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, signed=True)
