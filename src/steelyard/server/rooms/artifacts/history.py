"""What happened to collections and versions, and who did it. Only ever added to."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from steelyard.server.db.dialect import insert
from steelyard.server.rooms.artifacts.model import Actor, Event
from steelyard.server.rooms.artifacts.selects import event_from_row, select_events
from steelyard.server.rooms.artifacts.tables import artifact_events
from steelyard.wire.artifacts import EventKind


def add_event(
    conn: Connection,
    kind: EventKind,
    *,
    collection_id: int,
    actor: Actor,
    now_us: int,
    artifact_id: int | None = None,
    version_index: int | None = None,
    from_index: int | None = None,
    alias: str | None = None,
    note: str | None = None,
) -> None:
    """Note what happened; within the transaction that does it."""
    conn.execute(
        insert(conn, artifact_events).values(
            collection_id=collection_id,
            artifact_id=artifact_id,
            kind=kind,
            at_us=now_us,
            user_id=actor.user_id,
            run_id=actor.run_id,
            version_index=version_index,
            from_index=from_index,
            alias=alias,
            note=note,
        )
    )


def list_events(
    conn: Connection,
    *,
    collection_id: int | None = None,
    artifact_id: int | None = None,
    after: int | None = None,
    limit: int,
) -> list[Event]:
    """Events of a collection or of a version, newest first, those before the event `after`."""
    assert (collection_id is None) != (artifact_id is None)
    page = select_events().order_by(artifact_events.c.id.desc()).limit(limit)
    if collection_id is not None:
        page = page.where(artifact_events.c.collection_id == collection_id)
    if artifact_id is not None:
        page = page.where(artifact_events.c.artifact_id == artifact_id)
    if after is not None:
        page = page.where(artifact_events.c.id < after)
    return [event_from_row(row) for row in conn.execute(page)]


def delete_events(conn: Connection, collection_ids: Sequence[int]) -> None:
    """With their collections, when the whole project goes."""
    conn.execute(
        sa.delete(artifact_events).where(artifact_events.c.collection_id.in_(collection_ids))
    )
