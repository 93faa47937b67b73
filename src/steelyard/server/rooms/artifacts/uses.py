"""Edges between runs and versions: what a run read, what it logged, who read a version."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from steelyard.errors import Conflict, TooLarge
from steelyard.limits import NAME_CHARS_MAX
from steelyard.server.db.dialect import insert
from steelyard.server.rooms.artifacts.model import COMMITTED, Artifact, Use
from steelyard.server.rooms.artifacts.names import format_version
from steelyard.server.rooms.artifacts.queries import artifacts_by_id, in_steps
from steelyard.server.rooms.artifacts.selects import select_names
from steelyard.server.rooms.artifacts.tables import (
    artifact_collections,
    artifact_outputs,
    artifact_types,
    artifact_uses,
    artifacts,
)


def use_artifact(
    conn: Connection, artifact: Artifact, *, run_id: int, use_as: str | None = None, now_us: int
) -> None:
    """Note that a run reads the version. Again: the same, under the newest name of its own.

    Raises Conflict for what is no version (any more).
    """
    if artifact.state != COMMITTED:
        raise Conflict(f"{artifact.path} is not committed or was deleted, so no run can use it")
    if use_as is not None and len(use_as) > NAME_CHARS_MAX:
        raise TooLarge(
            f"the name {use_as[:40]!r}…",
            size=len(use_as),
            limit=NAME_CHARS_MAX,
            limit_name="NAME_CHARS_MAX",
        )
    put = insert(conn, artifact_uses).values(
        artifact_id=artifact.id, run_id=run_id, use_as=use_as, created_at_us=now_us
    )
    keys = ["artifact_id", "run_id"]
    if use_as is None:
        conn.execute(put.on_conflict_do_nothing(index_elements=keys))
    else:
        conn.execute(put.on_conflict_do_update(index_elements=keys, set_={"use_as": use_as}))


def list_uses(
    conn: Connection, artifact_id: int, *, after: int | None = None, limit: int
) -> list[Use]:
    """Runs that read a version, newest run first, those before the run `after`."""
    page = (
        sa.select(artifact_uses)
        .where(artifact_uses.c.artifact_id == artifact_id)
        .order_by(artifact_uses.c.run_id.desc())
        .limit(limit)
    )
    if after is not None:
        page = page.where(artifact_uses.c.run_id < after)
    return [Use(**row._mapping) for row in conn.execute(page)]


def count_uses(conn: Connection, artifact_ids: Sequence[int]) -> dict[int, int]:
    """How many runs read each of the versions; those that nobody read are left out."""
    table = artifact_uses
    found: dict[int, int] = {}
    for some in in_steps(artifact_ids):
        rows = conn.execute(
            sa.select(table.c.artifact_id, sa.func.count().label("count"))
            .where(table.c.artifact_id.in_(some))
            .group_by(table.c.artifact_id)
        )
        found |= {row[0]: row[1] for row in rows}
    return found


def list_used(
    conn: Connection, run_id: int, *, after: int | None = None, limit: int
) -> list[tuple[Use, Artifact]]:
    """Versions that a run read, by number, those after the number `after`; deleted ones too."""
    page = sa.select(artifact_uses).where(artifact_uses.c.run_id == run_id)
    if after is not None:
        page = page.where(artifact_uses.c.artifact_id > after)
    rows = conn.execute(page.order_by(artifact_uses.c.artifact_id).limit(limit))
    uses = [Use(**row._mapping) for row in rows]
    found = artifacts_by_id(conn, [use.artifact_id for use in uses])
    return [(use, found[use.artifact_id]) for use in uses]


def inputs_by_run(
    conn: Connection, run_ids: Sequence[int], *, limit: int
) -> dict[int, dict[tuple[str, str], str]]:
    """What each run read: {(type, entity/project/collection): version}, `limit` uses of a run."""
    place = (
        sa.func.row_number()
        .over(partition_by=artifact_uses.c.run_id, order_by=artifact_uses.c.artifact_id)
        .label("place")
    )
    found: dict[int, dict[tuple[str, str], str]] = {}
    for some in in_steps(run_ids):
        uses = (
            sa.select(artifact_uses.c.run_id, artifact_uses.c.artifact_id, place)
            .where(artifact_uses.c.run_id.in_(some))
            .subquery()
        )
        rows = conn.execute(
            select_names(uses.c.run_id)
            .join(uses, uses.c.artifact_id == artifacts.c.id)
            .where(uses.c.place <= limit)
            .order_by(uses.c.run_id, uses.c.artifact_id)
        )
        for row in rows:
            version = "draft" if row.version_index is None else format_version(row.version_index)
            name = f"{row.entity}/{row.project}/{row.collection}"
            found.setdefault(row.run_id, {})[row.type, name] = version
    return found


def count_used(conn: Connection, run_ids: Sequence[int]) -> dict[int, int]:
    """How many versions each run read; runs without any are left out."""
    return _count_by_run(conn, artifact_uses, run_ids, None)


def list_logged(
    conn: Connection,
    run_id: int,
    *,
    after: int | None = None,
    limit: int,
    type: str | None = None,
) -> list[Artifact]:
    """Versions that a run logged and that are there, by number, those after the number `after`."""
    page = (
        sa.select(artifact_outputs.c.artifact_id)
        .join(artifacts, artifacts.c.id == artifact_outputs.c.artifact_id)
        .where(artifact_outputs.c.run_id == run_id, artifacts.c.state == COMMITTED)
        .order_by(artifact_outputs.c.artifact_id)
        .limit(limit)
    )
    if after is not None:
        page = page.where(artifact_outputs.c.artifact_id > after)
    if type is not None:
        page = _of_type(page, type)
    ids = list(conn.execute(page).scalars())
    found = artifacts_by_id(conn, ids)
    return [found[artifact_id] for artifact_id in ids]


def count_logged(
    conn: Connection, run_ids: Sequence[int], *, type: str | None = None
) -> dict[int, int]:
    """How many versions that are there each run logged; runs without any are left out."""
    return _count_by_run(conn, artifact_outputs, run_ids, type)


def runs_by_output(conn: Connection, artifact_ids: Sequence[int]) -> dict[int, list[int]]:
    """Numbers of the runs that logged each version, oldest first."""
    found: dict[int, list[int]] = {}
    for some in in_steps(artifact_ids):
        rows = conn.execute(
            sa.select(artifact_outputs.c.artifact_id, artifact_outputs.c.run_id)
            .where(artifact_outputs.c.artifact_id.in_(some))
            .order_by(artifact_outputs.c.created_at_us, artifact_outputs.c.run_id)
        )
        for row in rows:
            found.setdefault(row.artifact_id, []).append(row.run_id)
    return found


def _count_by_run(
    conn: Connection, table: sa.Table, run_ids: Sequence[int], type: str | None
) -> dict[int, int]:
    found: dict[int, int] = {}
    for some in in_steps(run_ids):
        counted: sa.Select[Any] = (
            sa.select(table.c.run_id, sa.func.count())
            .join(artifacts, artifacts.c.id == table.c.artifact_id)
            .where(table.c.run_id.in_(some))
            .group_by(table.c.run_id)
        )
        if table is artifact_outputs:
            counted = counted.where(artifacts.c.state == COMMITTED)
        if type is not None:
            counted = _of_type(counted, type)
        found |= {row[0]: row[1] for row in conn.execute(counted)}
    return found


def _of_type(statement: sa.Select[Any], type: str) -> sa.Select[Any]:
    return (
        statement.join(artifact_collections, artifact_collections.c.id == artifacts.c.collection_id)
        .join(artifact_types, artifact_types.c.id == artifact_collections.c.type_id)
        .where(artifact_types.c.name == type)
    )
