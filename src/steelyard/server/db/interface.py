"""What the server asks of a database: run a function in a transaction, in a worker thread.

A function takes a `sqlalchemy.Connection` first. Reads see one snapshot; writes commit when the
function returns and roll back when it raises. Functions never commit by themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Concatenate, Literal, ParamSpec, Protocol, TypeVar, runtime_checkable

from sqlalchemy.engine import Connection

P = ParamSpec("P")
T = TypeVar("T")
Kind = Literal["sqlite", "postgresql"]


@runtime_checkable
class Database(Protocol):
    """One relational database, SQLite or PostgreSQL."""

    kind: Kind
    url: str

    async def read(
        self, fn: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run `fn` on a read-only snapshot that holds every acknowledged write.

        Raises DatabaseUnavailable when the database is gone.
        """
        ...

    async def write(
        self, fn: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run `fn` in a transaction of its own; durable (fsync) when this returns.

        `fn` may run twice when PostgreSQL reports a deadlock, so it must not have effects outside
        the database. On SQLite it holds the only writer: no slow work inside.
        Raises DatabaseUnavailable or StorageFull; then nothing of `fn` was kept.
        """
        ...

    def read_now(
        self, fn: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """`read`, blocking: for commands, tasks and tests."""
        ...

    def write_now(
        self, fn: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """`write`, blocking: for commands, tasks and tests."""
        ...

    def close(self) -> None:
        """Finish the writes that wait, then close every connection. Idempotent."""
        ...
