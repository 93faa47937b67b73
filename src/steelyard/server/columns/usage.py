"""How many bytes of the database the history, system metrics and console output of runs take."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from steelyard.server.columns.tables import console_block, history_segment, history_tail


def select_sizes(runs: sa.Select[Any]) -> list[sa.Select[Any]]:
    """Statements of (run_id, size_bytes) of these runs, packed as they are stored."""
    return [
        sa.select(history_segment.c.run_id, history_segment.c.size_bytes).where(
            history_segment.c.run_id.in_(runs)
        ),
        *(
            sa.select(table.c.run_id, sa.func.length(table.c.data).label("size_bytes")).where(
                table.c.run_id.in_(runs)
            )
            for table in (history_tail, console_block)
        ),
    ]
