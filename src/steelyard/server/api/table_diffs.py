"""What changed between two tables, row by row: two versions of a dataset, two evaluations."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from litestar import post

from steelyard.server.api.media_links import Links
from steelyard.server.api.table_shapes import ChangedRow, DiffQuery, TableDiff
from steelyard.server.api.tables import explain_repeats, heads_of, link_cells
from steelyard.server.db.interface import Database
from steelyard.server.http.signing import Signer
from steelyard.server.rooms.accounts.model import Caller
from steelyard.server.rooms.tables import jobs
from steelyard.server.rooms.tables.model import parse_ref
from steelyard.server.rooms.tables.table_engine import OpenTable, TableEngine
from steelyard.server.settings import ServerSettings


@post("/api/v1/tables:diff", status_code=200)
async def diff_tables(
    data: DiffQuery,
    caller: Caller,
    db: Database,
    tables: TableEngine,
    signer: Signer,
    settings: ServerSettings,
    now_us: Callable[[], int],
) -> TableDiff:
    """Rows that were added, removed or changed from one table to the other."""
    links = Links(signer, settings.public_url, now_us())

    def question(opened: list[OpenTable]) -> jobs.Job:
        return jobs.Diff(
            before=str(opened[0].directory),
            after=str(opened[1].directory),
            on=data.on,
            change=data.change,
            offset=data.offset,
            limit=data.limit,
            cell_chars=data.cell_chars,
        )

    refs = [parse_ref(data.before), parse_ref(data.after)]
    found, (before, after) = await asyncio.to_thread(
        tables.ask_about, caller, refs, question, jobs.DiffRows
    )
    befores = await link_cells(db, caller, links, before, [row.before or [] for row in found.rows])
    afters = await link_cells(db, caller, links, after, [row.after or [] for row in found.rows])
    rows = [
        ChangedRow(
            row.change,
            row.before_row,
            row.after_row,
            None if row.before is None else befores[i],
            None if row.after is None else afters[i],
            row.columns,
        )
        for i, row in enumerate(found.rows)
    ]
    return TableDiff(
        on=found.on,
        before_columns=heads_of(before),
        after_columns=heads_of(after),
        columns_added=found.columns_added,
        columns_removed=found.columns_removed,
        rows=rows,
        total=found.total,
        warnings=explain_repeats(
            found.on, before=found.repeated_before, after=found.repeated_after
        ),
        **found.counts,
    )


handlers = [diff_tables]
