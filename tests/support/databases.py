"""Databases for tests: empty ones, and ones with our schema, of either kind, in milliseconds."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from steelyard.server.db.open import open_database
from steelyard.server.migrations import create_schema
from tests.support.postgres import PostgresCluster

Kind = Literal["sqlite", "postgresql"]


class DatabaseMaker:
    """Makes databases of both kinds; starts PostgreSQL when the first one of it is asked for."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._names = itertools.count()
        self._cluster: PostgresCluster | None = None
        self._templates: dict[Kind, str] = {}

    @property
    def cluster(self) -> PostgresCluster:
        if self._cluster is None:
            self._cluster = PostgresCluster()
            self._cluster.start()
        return self._cluster

    def make_empty(self, kind: Kind) -> tuple[str, Callable[[], None]]:
        """URL of a new database without tables, and the function that deletes it."""
        if kind == "sqlite":
            path = self._new_path()
            return f"sqlite:///{path}", lambda: _remove_sqlite(path)
        name = self.cluster.create_database()
        return self.cluster.url(name), lambda: self.cluster.drop_database(name)

    def make_with_schema(self, kind: Kind) -> tuple[str, Callable[[], None]]:
        """The same with the newest schema: a copy of one that was migrated once."""
        if kind not in self._templates:
            self._templates[kind] = self._make_template(kind)
        template = self._templates[kind]
        if kind == "sqlite":
            path = self._new_path()
            shutil.copyfile(template, path)
            return f"sqlite:///{path}", lambda: _remove_sqlite(path)
        name = self.cluster.create_database(template=template)
        return self.cluster.url(name), lambda: self.cluster.drop_database(name)

    def close(self) -> None:
        if self._cluster is not None:
            self._cluster.remove()

    def _make_template(self, kind: Kind) -> str:
        url, _ = self.make_empty(kind)
        db = open_database(url)
        try:
            create_schema(db)
        finally:
            db.close()
        return url.removeprefix("sqlite:///") if kind == "sqlite" else _database_name(url)

    def _new_path(self) -> Path:
        return self._directory / f"test_{next(self._names)}.db"


def _database_name(url: str) -> str:
    return urlsplit(url).path.strip("/")


def _remove_sqlite(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
