"""Numbers of key paths in the database."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from steelyard import limits
from steelyard.server.columns.paths import digest, name_of
from steelyard.server.columns.tables import history_key
from steelyard.server.db.dialect import insert

T = TypeVar("T")

_BY_NAME = sa.select(history_key.c.id, history_key.c.path).where(
    history_key.c.name_digest == sa.bindparam("name_digest")
)
_BY_DIGEST = sa.select(history_key.c.path_digest, history_key.c.id).where(
    history_key.c.path_digest.in_(sa.bindparam("digests", expanding=True))
)
_PATHS = sa.select(history_key.c.id, history_key.c.path).where(
    history_key.c.id.in_(sa.bindparam("ids", expanding=True))
)


def find_key_ids(conn: Connection, name: str) -> list[int]:
    """The keys shown as `name`: more than one when components contain dots."""
    return [row.id for row in conn.execute(_BY_NAME, {"name_digest": digest(name)})]


def list_paths(conn: Connection, ids: Iterable[int]) -> dict[int, str]:
    paths: dict[int, str] = {}
    for some in _batches(sorted(set(ids))):
        paths.update((row.id, row.path) for row in conn.execute(_PATHS, {"ids": some}))
    return paths


def intern_paths(conn: Connection, paths: Sequence[str]) -> dict[str, int]:
    """Number each path, making rows for new ones. Safe against others doing the same."""
    digests = {digest(path): path for path in paths}
    known = _find_digests(conn, list(digests))
    # In order, so that two servers that add the same keys cannot wait for each other.
    missing = sorted(each for each in digests if each not in known)
    if missing:
        rows = [
            {
                "path": digests[each],
                "path_digest": each,
                "name_digest": digest(name_of(digests[each])),
            }
            for each in missing
        ]
        conn.execute(insert(conn, history_key).on_conflict_do_nothing(), rows)
        known |= _find_digests(conn, missing)
    return {path: known[each] for each, path in digests.items()}


def _find_digests(conn: Connection, digests: list[bytes]) -> dict[bytes, int]:
    found: dict[bytes, int] = {}
    for some in _batches(digests):
        for row in conn.execute(_BY_DIGEST, {"digests": some}):
            found[bytes(row.path_digest)] = row.id
    return found


def _batches(items: Sequence[T]) -> Iterable[Sequence[T]]:
    for start in range(0, len(items), limits.SQL_LIST_ITEMS_MAX):
        yield items[start : start + limits.SQL_LIST_ITEMS_MAX]
