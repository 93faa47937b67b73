"""SQLite: one writer thread that commits waiting writes together, and read-only readers.

WAL with synchronous=FULL: a commit is on disk when it returns. Group commit makes that cheap:
writes that arrive while one fsync runs share the next. Each write runs in a savepoint, so that one
that raises takes nothing else with it.
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import OperationalError

from steelyard.errors import DatabaseUnavailable, SteelyardError, StorageFull
from steelyard.server.db.interface import Kind

P = ParamSpec("P")
T = TypeVar("T")

PAGE_BYTES = 8192
GROUP_WRITES_MAX = 256
GROUP_TIME_S = 0.02
CHECKPOINT_EVERY_S = 1.0
WAL_BYTES_RESTART = 64 * 1024 * 1024  # above it the writer itself makes the log start over
BUSY_TIMEOUT_S = 30.0

_Job = tuple[Callable[[Connection], Any], "Future[Any]"]


class SqliteDatabase:
    """One SQLite file. Threads: one writer, `reader_count` readers, one checkpointer."""

    kind: Kind = "sqlite"

    def __init__(self, path: Path, *, reader_count: int = 4) -> None:
        self.path = path
        self.url = f"sqlite:///{path}"
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._closed = False
        self._log_checked_s = 0.0
        self._stop = threading.Event()
        self._writer_engine = _engine(path, read_only=False)
        self._reader_engine = _engine(path, read_only=True)
        self._conn = self._writer_engine.connect()
        self._conn.rollback()
        self._readers = ThreadPoolExecutor(reader_count, thread_name_prefix="sqlite-read")
        self._local = threading.local()
        self._writer = threading.Thread(target=self._write_loop, name="sqlite-write", daemon=True)
        self._checkpointer = threading.Thread(
            target=self._checkpoint_loop, name="sqlite-checkpoint", daemon=True
        )
        self._writer.start()
        self._checkpointer.start()

    async def read(
        self, fn: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        return await asyncio.wrap_future(self._submit_read(fn, *args, **kwargs))

    async def write(
        self, fn: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        # Shielded: a caller that goes away must not cancel a write that is already running.
        return await asyncio.shield(asyncio.wrap_future(self._submit_write(fn, *args, **kwargs)))

    def read_now(
        self, fn: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        return self._submit_read(fn, *args, **kwargs).result()

    def write_now(
        self, fn: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        return self._submit_write(fn, *args, **kwargs).result()

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._jobs.put(None)
        self._writer.join()
        self._stop.set()
        self._checkpointer.join()
        self._readers.shutdown(wait=True)
        self._conn.close()
        self._reader_engine.dispose()
        self._writer_engine.dispose()

    # ---- reading

    def _submit_read(
        self, fn: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> Future[T]:
        if self._closed:
            raise DatabaseUnavailable("the database is closed: the server is stopping")
        return self._readers.submit(self._run_read, lambda conn: fn(conn, *args, **kwargs))

    def _run_read(self, fn: Callable[[Connection], T]) -> T:
        conn: Connection | None = getattr(self._local, "conn", None)
        if conn is None:
            conn = self._local.conn = self._reader_engine.connect()
        try:
            with conn.begin():
                return fn(conn)
        except OperationalError as error:
            raise _translate(error) from error

    # ---- writing

    def _submit_write(
        self, fn: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> Future[T]:
        if self._closed:
            raise DatabaseUnavailable("the database is closed: the server is stopping")
        future: Future[T] = Future()
        self._jobs.put((lambda conn: fn(conn, *args, **kwargs), future))
        return future

    def _write_loop(self) -> None:
        while (job := self._jobs.get()) is not None:
            if not self._write_group(job):
                return

    def _write_group(self, first: _Job) -> bool:
        """Run the first job and those that wait behind it, commit once. False: asked to stop."""
        taken: list[Future[Any]] = []
        done: list[tuple[Future[Any], Any]] = []
        failed: dict[Future[Any], BaseException] = {}
        go_on, job = True, first
        try:
            with self._conn.begin():
                until = time.monotonic() + GROUP_TIME_S
                while True:
                    taken.append(job[1])
                    self._run_job(job, done, failed)
                    if len(taken) >= GROUP_WRITES_MAX or time.monotonic() > until:
                        break
                    try:
                        waiting = self._jobs.get_nowait()
                    except queue.Empty:
                        break
                    if waiting is None:
                        go_on = False
                        break
                    job = waiting
        except Exception as error:  # noqa: BLE001  # the commit failed: nobody may be told "kept"
            cause, done = _translate(error), []
            failed = {future: failed.get(future, cause) for future in taken}
            if self._conn.in_transaction():
                self._conn.rollback()
        for future, result in done:
            future.set_result(result)
        for future, problem in failed.items():
            if not future.cancelled():
                future.set_exception(problem)
        self._restart_long_log()
        return go_on

    def _run_job(
        self,
        job: _Job,
        done: list[tuple[Future[Any], Any]],
        failed: dict[Future[Any], BaseException],
    ) -> None:
        fn, future = job
        if not future.set_running_or_notify_cancel():
            return
        raw = self._raw()
        raw.execute("SAVEPOINT job")
        try:
            result = fn(self._conn)
        except BaseException as error:  # handed to the caller, never swallowed
            failed[future] = _translate(error)
            if not raw.in_transaction:  # a full disk makes SQLite roll back the whole group
                raise
            raw.execute("ROLLBACK TO job")
            raw.execute("RELEASE job")
        else:
            raw.execute("RELEASE job")
            done.append((future, result))

    def _raw(self) -> sqlite3.Connection:
        raw = self._conn.connection.driver_connection
        assert isinstance(raw, sqlite3.Connection)
        return raw

    # ---- the write-ahead log

    def _restart_long_log(self) -> None:
        now = time.monotonic()
        if now < self._log_checked_s + CHECKPOINT_EVERY_S:
            return
        self._log_checked_s = now
        wal = Path(f"{self.path}-wal")
        if wal.exists() and wal.stat().st_size > WAL_BYTES_RESTART:
            self._raw().execute("PRAGMA wal_checkpoint(RESTART)").fetchall()

    def _checkpoint_loop(self) -> None:
        conn = _connect(self.path, read_only=False)
        try:
            while not self._stop.wait(CHECKPOINT_EVERY_S):
                try:
                    conn.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
                except sqlite3.OperationalError:
                    continue  # full disk or a busy file: the writer reports it to those who write
        finally:
            conn.close()


def _engine(path: Path, *, read_only: bool) -> Engine:
    engine = sa.create_engine(
        "sqlite://",
        creator=lambda: _connect(path, read_only=read_only),
        poolclass=sa.pool.NullPool,
    )
    begin = "BEGIN" if read_only else "BEGIN IMMEDIATE"
    event.listen(engine, "begin", lambda conn: conn.exec_driver_sql(begin) and None)
    return engine


def _connect(path: Path, *, read_only: bool) -> sqlite3.Connection:
    mode = "ro" if read_only else "rwc"
    conn = sqlite3.connect(
        f"file:{quote(str(path))}?mode={mode}",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        timeout=BUSY_TIMEOUT_S,
    )
    if not read_only:
        conn.execute(f"PRAGMA page_size={PAGE_BYTES}")
        conn.execute("PRAGMA journal_mode=WAL")
        conn.execute("PRAGMA synchronous=FULL")
        # The checkpointer empties the log; this is the net below it (128 MiB).
        conn.execute("PRAGMA wal_autocheckpoint=16384")
        conn.execute("PRAGMA cache_size=-16384")
    else:
        conn.execute("PRAGMA query_only=ON")
        conn.execute("PRAGMA cache_size=-4096")
    conn.execute("PRAGMA foreign_keys=ON")
    conn.execute("PRAGMA temp_store=MEMORY")
    return conn


def _translate(error: BaseException) -> BaseException:
    if isinstance(error, SteelyardError):
        return error
    text = str(getattr(error, "orig", None) or error)
    if not isinstance(error, OperationalError | sqlite3.OperationalError):
        return error
    if "disk is full" in text or "disk I/O error" in text:
        return StorageFull(
            f"the disk of the server is full or failing ({text}); nothing of this request was "
            "kept, send it again when there is space"
        )
    if "no such table" in text or "no such column" in text or "syntax error" in text:
        return error
    return DatabaseUnavailable(f"the database does not answer ({text}); try again")
