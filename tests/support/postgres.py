"""A real PostgreSQL for the tests: a cluster in a temporary directory."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import psycopg

START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 30
SUPERUSER = "steelyard"
SYSTEM_USER = "postgres"  # the server refuses to run as root


class PostgresNotInstalled(RuntimeError):
    pass


class PostgresCluster:
    """One server on a Unix socket, durable as in production (fsync stays on).

    Start it before use; `start` after `stop` or `kill` goes on with the same data.
    """

    def __init__(self) -> None:
        self._bin = _find_binaries()
        # Not pytest's own directory: a socket path may have 107 characters at most.
        self.directory = Path(tempfile.mkdtemp(prefix="steelyard-pg-", dir="/tmp"))
        self._log = self.directory / "log"
        self._names = itertools.count()
        self._process: subprocess.Popen[bytes] | None = None
        self._as_user: dict[str, Any] = {}
        if os.geteuid() == 0:
            shutil.chown(self.directory, SYSTEM_USER, SYSTEM_USER)
            self._as_user = {"user": SYSTEM_USER, "group": SYSTEM_USER, "extra_groups": []}
        self._run(
            "initdb",
            *("--pgdata", str(self.directory / "data"), "--username", SUPERUSER),
            *("--auth", "trust", "--encoding", "UTF8", "--locale", "C", "--no-sync"),
        )

    def start(self) -> None:
        """Start the server and wait until it answers."""
        assert self._process is None
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    str(self._bin / "postgres"),
                    *("-D", str(self.directory / "data"), "-k", str(self.directory), "-h", ""),
                    *("-c", "fsync=on", "-c", "synchronous_commit=on"),
                    *("-c", "max_connections=200", "-c", "shared_buffers=64MB"),
                ],
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={"LC_ALL": "C", "PATH": os.defpath},
                **self._as_user,
            )
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            try:
                psycopg.connect(self.url("postgres"), connect_timeout=2).close()
                return
            except psycopg.OperationalError as error:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(
                        f"PostgreSQL does not start: {self._log.read_text()[-2000:]}"
                    ) from error
                time.sleep(0.05)

    def stop(self) -> None:
        """Cut every connection and stop; nothing happens when it is not running."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """Stop at once, as in a power cut: the next start recovers from the log."""
        self._end(signal.SIGQUIT)

    def remove(self) -> None:
        """Stop and delete everything."""
        self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def url(self, database: str) -> str:
        return f"postgresql://{SUPERUSER}@/{database}?host={self.directory}"

    def create_database(self, *, template: str = "template0") -> str:
        """A new database, copied from `template` (which nobody may be connected to). Its name."""
        name = f"test_{next(self._names)}"
        self._execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def drop_database(self, name: str) -> None:
        """Delete a database and cut those who are still connected to it."""
        self._execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def _execute(self, statement: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as conn:
            conn.execute(statement)

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(self._bin / program), *arguments],
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
            **self._as_user,
        )
        if done.returncode:
            raise RuntimeError(f"{program} failed: {done.stderr[-2000:]}")

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(how)
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None


def _find_binaries() -> Path:
    """The newest installed server's `bin` directory."""
    places = [
        *Path("/usr/lib/postgresql").glob("*/bin"),
        *Path("/opt/homebrew/opt").glob("postgresql*/bin"),
    ]
    if on_path := shutil.which("initdb"):
        places.append(Path(on_path).resolve().parent)
    found = [place for place in places if (place / "initdb").exists()]
    if not found:
        raise PostgresNotInstalled(
            "the tests need PostgreSQL's server programs; `make setup` installs them on Debian, "
            "elsewhere put initdb and postgres on PATH"
        )
    return max(found, key=lambda place: [int(part) for part in place.parts if part.isdigit()])
