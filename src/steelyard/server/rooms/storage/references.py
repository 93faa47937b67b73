"""Which contents of the blob store belong to something, asked of every room that refers to any.

A content may be deleted when no room refers to it and nobody stored it for a while. That is safe
beside uploads, because a new reference is written down either after its content was stored (which
renews its time), or in the transaction that saw another reference to it.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Sequence

from sqlalchemy.engine import Connection

from steelyard.server.rooms.artifacts import queries as artifacts
from steelyard.server.rooms.files import queries as files

#: Of the digests, those the room does not refer to.
LIST_UNREFERENCED: tuple[Callable[[Connection, Sequence[bytes]], list[bytes]], ...] = (
    files.list_unreferenced,
    artifacts.list_unreferenced,
)
#: All digests a room refers to, in order.
LIST_DIGESTS: tuple[Callable[[Connection], list[bytes]], ...] = (
    files.list_digests,
    artifacts.list_digests,
)


def list_unreferenced(conn: Connection, digests: Sequence[bytes]) -> list[bytes]:
    """Those of the SHA-256 digests that nothing refers to, as of one snapshot of the database."""
    left = list(digests)
    for list_of_room in LIST_UNREFERENCED:
        left = list_of_room(conn, left) if left else []
    return left


def list_digests(conn: Connection) -> list[bytes]:
    """SHA-256 digests of all content that anything refers to, in order."""
    merged = heapq.merge(*(list_of_room(conn) for list_of_room in LIST_DIGESTS))
    return [digest for digest, _ in itertools.groupby(merged)]
