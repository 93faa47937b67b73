"""How much the files of runs hold, for whoever adds it up with what other rooms hold."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from steelyard.server.rooms.files.tables import run_files

_runs = sa.table("runs", sa.column("id"), sa.column("project_id"))


def select_references(
    *, projects: sa.Select[Any] | None = None, digests: sa.Select[Any] | None = None
) -> list[sa.Select[Any]]:
    """Statements of (project_id, owner_id, sha256, size_bytes): the files of runs, their owners.

    Only of these projects and of contents with these digests, where they are given.
    """
    found = sa.select(
        _runs.c.project_id,
        run_files.c.run_id.label("owner_id"),
        run_files.c.sha256,
        run_files.c.size_bytes,
    ).join_from(run_files, _runs, _runs.c.id == run_files.c.run_id)
    if projects is not None:
        found = found.where(_runs.c.project_id.in_(projects))
    if digests is not None:
        found = found.where(run_files.c.sha256.in_(digests))
    return [found]
