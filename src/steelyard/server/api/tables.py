"""Tables: what is in them, rows by filter, order and group, two side by side, a part kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from litestar import get, post
from sqlalchemy.engine import Connection

from steelyard.server.api.media_links import Links, list_paths, list_references, with_urls
from steelyard.server.api.table_shapes import (
    ROWS_DEFAULT,
    CutCell,
    FacetItem,
    FacetQuery,
    JoinedRow,
    JoinedTable,
    JoinQuery,
    Limit,
    Ref,
    SavedVersion,
    TableFacet,
    TableQuery,
    TableRows,
    TableSave,
    TableSchema,
)
from steelyard.server.blobs.interface import BlobStore
from steelyard.server.db.interface import Database
from steelyard.server.http.signing import Signer
from steelyard.server.rooms.accounts.model import Caller
from steelyard.server.rooms.runs.json_text import without_nonfinite
from steelyard.server.rooms.tables import jobs
from steelyard.server.rooms.tables.filters import parse_filter
from steelyard.server.rooms.tables.model import ColumnHead, parse_ref
from steelyard.server.rooms.tables.saving import Target, save_table
from steelyard.server.rooms.tables.table_engine import ExportQuestion, OpenTable, TableEngine
from steelyard.server.settings import ServerSettings


@get("/api/v1/tables/schema")
async def show_table_schema(ref: Ref, caller: Caller, tables: TableEngine) -> TableSchema:
    """The columns of a table with what they hold. A large table is prepared on first sight."""
    table = await asyncio.to_thread(tables.open, caller, parse_ref(ref))
    meta = table.meta
    return TableSchema(str(table.ref), meta.columns, meta.row_count, meta.warnings)


@post("/api/v1/tables:query", status_code=200)
async def query_table(
    data: TableQuery,
    caller: Caller,
    db: Database,
    tables: TableEngine,
    signer: Signer,
    settings: ServerSettings,
    now_us: Callable[[], int],
) -> TableRows:
    """A page of rows, filtered, searched, sorted or grouped."""
    links = Links(signer, settings.public_url, now_us())
    return await _query(data, caller, db, tables, links, is_head=False)


@get("/api/v1/previews/table")
async def preview_table(
    ref: Ref,
    caller: Caller,
    db: Database,
    tables: TableEngine,
    signer: Signer,
    settings: ServerSettings,
    now_us: Callable[[], int],
    limit: Limit = ROWS_DEFAULT,
) -> TableRows:
    """The first rows of a file. Of a large one only the beginning is looked at, and the totals
    count that.
    """
    links = Links(signer, settings.public_url, now_us())
    query = TableQuery(ref=ref, limit=limit)
    return await _query(query, caller, db, tables, links, is_head=True)


@post("/api/v1/tables:facet", status_code=200)
async def query_facet(data: FacetQuery, caller: Caller, tables: TableEngine) -> TableFacet:
    """The values of one column with their counts, or its histogram."""
    where = parse_filter(data.where)

    def question(opened: list[OpenTable]) -> jobs.Job:
        return jobs.Facet(str(opened[0].directory), where, data.search, data.column, data.limit)

    found, _ = await asyncio.to_thread(
        tables.ask_about, caller, [parse_ref(data.ref)], question, jobs.Facets
    )
    items = [FacetItem(without_nonfinite(value), count) for value, count in found.items]
    return TableFacet(found.kind, items, found.null_count, found.other_count)


@post("/api/v1/tables:join", status_code=200)
async def join_tables(
    data: JoinQuery,
    caller: Caller,
    db: Database,
    tables: TableEngine,
    signer: Signer,
    settings: ServerSettings,
    now_us: Callable[[], int],
) -> JoinedTable:
    """Rows of two tables with the same keys beside each other, and who is better how often."""
    where = parse_filter(data.where)
    links = Links(signer, settings.public_url, now_us())

    def question(opened: list[OpenTable]) -> jobs.Job:
        return jobs.Join(
            left=str(opened[0].directory),
            right=str(opened[1].directory),
            on=data.on,
            compare=data.compare,
            higher_is_better=data.higher_is_better,
            where=where,
            sort=data.sort,
            offset=data.offset,
            limit=data.limit,
            cell_chars=data.cell_chars,
        )

    refs = [parse_ref(data.left), parse_ref(data.right)]
    found, (left, right) = await asyncio.to_thread(
        tables.ask_about, caller, refs, question, jobs.JoinedRows
    )
    lefts = await link_cells(db, caller, links, left, [row[3] or [] for row in found.rows])
    rights = await link_cells(db, caller, links, right, [row[4] or [] for row in found.rows])
    rows = [
        JoinedRow(
            outcome,
            left_row,
            right_row,
            None if left_row is None else lefts[i],
            None if right_row is None else rights[i],
        )
        for i, (outcome, left_row, right_row, _, _) in enumerate(found.rows)
    ]
    return JoinedTable(
        left_columns=heads_of(left),
        right_columns=heads_of(right),
        rows=rows,
        total=found.total,
        warnings=explain_repeats(data.on, left=found.repeated_left, right=found.repeated_right),
        **found.counts,
    )


@post("/api/v1/tables:save", status_code=201)
async def save_table_part(
    data: TableSave,
    caller: Caller,
    db: Database,
    blobs: BlobStore,
    tables: TableEngine,
    now_us: Callable[[], int],
) -> SavedVersion:
    """Keep the rows that pass as a new version of a dataset, with the media they name."""
    target = Target(
        entity=data.entity,
        project=data.project,
        collection=data.collection,
        type=data.type,
        name=data.name,
        description=data.description,
        aliases=data.aliases,
    )
    question = ExportQuestion(
        ref=parse_ref(data.ref),
        where=parse_filter(data.where),
        search=data.search,
        sort=data.sort,
        columns=data.columns,
    )
    saved = await asyncio.to_thread(
        save_table, tables, db, blobs, caller, question=question, target=target, now_us=now_us
    )
    made = saved.artifact
    return SavedVersion(
        id=made.key,
        entity=made.entity,
        project=made.project,
        collection=made.collection,
        version=made.version or "",
        ref=f"artifact:{made.path}/{data.name}.table.json",
        row_count=saved.row_count,
        file_count=saved.file_count,
    )


async def _query(
    query: TableQuery,
    caller: Caller,
    db: Database,
    tables: TableEngine,
    links: Links,
    *,
    is_head: bool,
) -> TableRows:
    where = parse_filter(query.where)

    def question(opened: list[OpenTable]) -> jobs.Job:
        return jobs.Query(
            table=str(opened[0].directory),
            where=where,
            search=query.search,
            sort=query.sort,
            group_by=query.group_by,
            aggregates=query.aggregates,
            columns=query.columns,
            offset=query.offset,
            limit=query.limit,
            cell_chars=query.cell_chars,
        )

    ref = parse_ref(query.ref)
    found, (table,) = await asyncio.to_thread(
        tables.ask_about, caller, [ref], question, jobs.Rows, is_head=is_head
    )
    return TableRows(
        columns=found.columns,
        rows=await link_cells(db, caller, links, table, found.rows),
        row_ids=found.row_ids,
        total=found.total,
        total_unfiltered=found.total_unfiltered,
        cut=[CutCell(*each) for each in found.cut],
    )


async def link_cells(
    db: Database, caller: Caller, links: Links, table: OpenTable, rows: list[list[Any]]
) -> list[list[Any]]:
    """The cells in strict JSON, those that name files with their URLs."""
    paths = list_paths(rows)
    if paths:
        references = list_references(rows)

        def read(conn: Connection) -> dict[str, Any]:
            own = links.urls_of(table.origin, paths, conn, caller)
            return own | links.urls_of_references(references, conn, caller)

        rows = with_urls(rows, await db.read(read))
    strict: list[list[Any]] = without_nonfinite(rows)
    return strict


def heads_of(table: OpenTable) -> list[ColumnHead]:
    return [ColumnHead(c.name, c.type, c.media_type) for c in table.meta.columns]


def explain_repeats(on: list[str], **counts: int) -> list[str]:
    """What to say of keys that are there several times, by the name of the side."""
    return [
        f"{count:,} rows on the {side} have the same {', '.join(on)} as a row before them; they "
        "are paired in the order of the rows"
        for side, count in counts.items()
        if count
    ]


handlers = [
    show_table_schema,
    query_table,
    preview_table,
    query_facet,
    join_tables,
    save_table_part,
]
