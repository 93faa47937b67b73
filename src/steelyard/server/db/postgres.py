"""PostgreSQL through psycopg 3: a pool of connections behind worker threads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Concatenate, ParamSpec, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DBAPIError

from steelyard.errors import DatabaseUnavailable, MissingExtra, StorageFull
from steelyard.server.db.interface import Kind

P = ParamSpec("P")
T = TypeVar("T")

WRITER_COUNT = 8
ATTEMPTS_MAX = 6  # of a write that lost a deadlock or a serialisation race
CONNECT_TIMEOUT_S = 5
RETRIED_STATES = frozenset({"40001", "40P01"})  # serialization_failure, deadlock_detected
FULL_STATES = frozenset({"53100"})  # disk_full


class PostgresDatabase:
    """One PostgreSQL database. Threads: `WRITER_COUNT` writers, `reader_count` readers."""

    kind: Kind = "postgresql"

    def __init__(self, url: str, *, reader_count: int = 4) -> None:
        self.url = url
        self._engine = make_engine(url, WRITER_COUNT + reader_count)
        self._reading = self._engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        self._writers = ThreadPoolExecutor(WRITER_COUNT, thread_name_prefix="postgres-write")
        self._readers = ThreadPoolExecutor(reader_count, thread_name_prefix="postgres-read")

    async def read(
        self, fn: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        future = self._readers.submit(self._run_read, lambda conn: fn(conn, *args, **kwargs))
        return await asyncio.wrap_future(future)

    async def write(
        self, fn: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        future = self._writers.submit(self._run_write, lambda conn: fn(conn, *args, **kwargs))
        return await asyncio.shield(asyncio.wrap_future(future))

    def read_now(
        self, fn: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        return self._run_read(lambda conn: fn(conn, *args, **kwargs))

    def write_now(
        self, fn: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        return self._run_write(lambda conn: fn(conn, *args, **kwargs))

    def close(self) -> None:
        self._writers.shutdown(wait=True)
        self._readers.shutdown(wait=True)
        self._engine.dispose()

    def _run_read(self, fn: Callable[[Connection], T]) -> T:
        try:
            with self._reading.begin() as conn:
                return fn(conn)
        except DBAPIError as error:
            raise translate_error(error) from error

    def _run_write(self, fn: Callable[[Connection], T]) -> T:
        for attempt in range(1, ATTEMPTS_MAX + 1):
            try:
                with self._engine.begin() as conn:
                    return fn(conn)
            except DBAPIError as error:
                if _state(error) in RETRIED_STATES and attempt < ATTEMPTS_MAX:
                    continue
                raise translate_error(error) from error
        raise AssertionError("unreachable")


def make_engine(url: str, connection_count: int) -> Engine:
    """Up to that many connections, made when they are needed. Raises MissingExtra."""
    try:
        return sa.create_engine(
            sa.make_url(url).set(drivername="postgresql+psycopg"),
            pool_size=connection_count,
            max_overflow=0,
            pool_pre_ping=True,
            connect_args={"connect_timeout": CONNECT_TIMEOUT_S},
        )
    except ModuleNotFoundError as error:
        raise MissingExtra("postgres") from error


def _state(error: DBAPIError) -> Any:
    return getattr(error.orig, "sqlstate", None)


def translate_error(error: DBAPIError) -> Exception:
    """What to raise for it: DatabaseUnavailable, StorageFull, or the error itself."""
    state = _state(error)
    if state in FULL_STATES:
        return StorageFull(
            f"the disk of the database is full ({error.orig}); nothing of this request was kept"
        )
    gone = error.connection_invalidated or isinstance(error, sa.exc.OperationalError)
    if gone and (state is None or str(state).startswith(("08", "57", "53"))):
        reason = str(error.orig).strip().splitlines()[0] if str(error.orig).strip() else "no answer"
        return DatabaseUnavailable(f"the database does not answer ({reason}); try again")
    return error
