"""What a deletion would free: contents that nothing else of the project names.

What other projects hold is left out of account: whether they have the same bytes is theirs to know.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from steelyard.limits import ARTIFACT_FREED_PAGES_MAX
from steelyard.server.rooms.artifacts.files import contents_by_md5, iter_digests
from steelyard.server.rooms.artifacts.model import COMMITTED, IN_TRASH, Artifact
from steelyard.server.rooms.artifacts.queries import in_steps
from steelyard.server.rooms.artifacts.tables import artifact_contents, artifacts

#: Up to here contents are looked up one by one, beyond all of the collection are read.
LOOKED_UP_MAX = 20_000
_mine, _others = artifact_contents.alias("mine"), artifact_contents.alias("others")


def freed_by_version(conn: Connection, artifact: Artifact) -> int:
    """Bytes of contents that only this version names.

    Looks through the other versions, nearest first, and stops when nothing is left to look for;
    after ARTIFACT_FREED_PAGES_MAX rows what is left counts, which is then an upper bound.
    """
    left = {md5 for md5s in iter_digests(conn, artifact.id) for md5 in md5s}
    pages_left = ARTIFACT_FREED_PAGES_MAX
    for other_id, page_count in retained_versions(conn, artifact.collection_id, artifact):
        if not left or pages_left <= 0:
            break
        for md5s in iter_digests(conn, other_id):
            left.difference_update(md5s)
        pages_left -= page_count
    return _sum(conn, artifact, left)


def retained_versions(
    conn: Connection, collection_id: int, besides: Artifact | None = None
) -> list[tuple[int, int]]:
    """(number, rows) of the versions of a collection that are there or in the trash.

    Nearest to `besides` first, which is left out.
    """
    rows = conn.execute(
        sa.select(artifacts.c.id, artifacts.c.page_count, artifacts.c.version_index).where(
            artifacts.c.collection_id == collection_id,
            artifacts.c.state.in_((COMMITTED, IN_TRASH)),
            artifacts.c.page_count > 0,
        )
    ).all()
    if besides is not None:
        place = besides.version_index or 0
        rows = sorted(rows, key=lambda row: abs((row.version_index or 0) - place))
    return [(row.id, row.page_count) for row in rows if besides is None or row.id != besides.id]


def freed_by_collection(conn: Connection, collection_id: int) -> int:
    """Bytes of contents that no other collection of the project has."""
    total = sa.func.coalesce(sa.func.sum(_mine.c.size_bytes), 0)
    return int(conn.execute(_only_here(sa.select(total), collection_id)).scalar_one())


def born_bytes(conn: Connection, artifact: Artifact) -> int:
    """Bytes of contents that came with this version; later ones may name them too."""
    born = artifact_contents.c.birth_artifact_id == artifact.id
    total = sa.select(sa.func.coalesce(sa.func.sum(artifact_contents.c.size_bytes), 0))
    return int(conn.execute(total.where(born)).scalar_one())


def _sum(conn: Connection, artifact: Artifact, md5s: Collection[bytes]) -> int:
    if len(md5s) > LOOKED_UP_MAX:
        return _sum_by_scan(conn, artifact.collection_id, md5s)
    columns = artifact_contents.c
    total = 0
    for some in in_steps(sorted(md5s)):
        elsewhere = conn.execute(
            sa.select(columns.md5)
            .where(columns.project_id == artifact.project_id, columns.md5.in_(some))
            .where(columns.collection_id != artifact.collection_id)
        )
        shared = {bytes(md5) for md5 in elsewhere.scalars()}
        own = contents_by_md5(conn, artifact.collection_id, [m for m in some if m not in shared])
        total += sum(content.size_bytes for content in own.values())
    return total


def _sum_by_scan(conn: Connection, collection_id: int, md5s: Collection[bytes]) -> int:
    """The same for many: a million one by one take half a minute, in one statement seconds."""
    only_here = _only_here(sa.select(_mine.c.md5, _mine.c.size_bytes), collection_id)
    rows = conn.execute(only_here.execution_options(yield_per=10_000))
    return sum(size_bytes for md5, size_bytes in rows if bytes(md5) in md5s)


def _only_here(statement: sa.Select[Any], collection_id: int) -> sa.Select[Any]:
    """Contents of a collection that no other collection of the project has."""
    elsewhere = sa.exists().where(
        _others.c.project_id == _mine.c.project_id,
        _others.c.md5 == _mine.c.md5,
        _others.c.collection_id != _mine.c.collection_id,
    )
    return statement.where(_mine.c.collection_id == collection_id, ~elsewhere)
