"""What a deletion would free: contents that nothing else of the project names.

What other projects hold is left out of account: whether they have the same bytes is theirs to know.
"""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from steelyard.limits import ARTIFACT_FREED_PAGES_MAX
from steelyard.server.rooms.artifacts.files import contents_by_md5, iter_digests
from steelyard.server.rooms.artifacts.model import COMMITTED, IN_TRASH, Artifact
from steelyard.server.rooms.artifacts.queries import in_steps
from steelyard.server.rooms.artifacts.tables import artifact_contents, artifacts


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
    mine, others = artifact_contents.alias("mine"), artifact_contents.alias("others")
    elsewhere = sa.exists().where(
        others.c.project_id == mine.c.project_id,
        others.c.md5 == mine.c.md5,
        others.c.collection_id != mine.c.collection_id,
    )
    total = sa.select(sa.func.coalesce(sa.func.sum(mine.c.size_bytes), 0)).where(
        mine.c.collection_id == collection_id, ~elsewhere
    )
    return int(conn.execute(total).scalar_one())


def born_bytes(conn: Connection, artifact: Artifact) -> int:
    """Bytes of contents that came with this version; later ones may name them too."""
    born = artifact_contents.c.birth_artifact_id == artifact.id
    total = sa.select(sa.func.coalesce(sa.func.sum(artifact_contents.c.size_bytes), 0))
    return int(conn.execute(total.where(born)).scalar_one())


def _sum(conn: Connection, artifact: Artifact, md5s: Iterable[bytes]) -> int:
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
