"""Tables: what is in them, rows by filter, order and group, two side by side, a part kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, Any

import msgspec
from litestar import get, post
from sqlalchemy.engine import Connection

from steelyard.limits import (
    ORDER_FIELDS_MAX,
    TABLE_AGGREGATES_MAX,
    TABLE_CELL_CHARS_DEFAULT,
    TABLE_CELL_CHARS_MAX,
    TABLE_COLUMNS_MAX,
    TABLE_FACET_ITEMS_MAX,
    TABLE_GROUP_COLUMNS_MAX,
    TABLE_PAGE_ROWS_MAX,
)
from steelyard.server.api.media_links import Links, list_paths, with_urls
from steelyard.server.blobs.interface import BlobStore
from steelyard.server.db.interface import Database
from steelyard.server.http.signing import Signer
from steelyard.server.rooms.accounts.model import Caller
from steelyard.server.rooms.runs.json_text import without_nonfinite
from steelyard.server.rooms.tables import jobs
from steelyard.server.rooms.tables.filters import parse_filter
from steelyard.server.rooms.tables.model import Aggregate, Column, ColumnHead, Sort, parse_ref
from steelyard.server.rooms.tables.saving import Target, save_table
from steelyard.server.rooms.tables.table_engine import ExportQuestion, OpenTable, TableEngine
from steelyard.server.settings import ServerSettings

ROWS_DEFAULT = 100
FACET_ITEMS_DEFAULT = 20

Ref = Annotated[
    str,
    msgspec.Meta(
        max_length=8192,
        description="`run:ENTITY/PROJECT/RUN/PATH` or `artifact:ENTITY/PROJECT/NAME:VERSION/PATH`",
    ),
]
Where = Annotated[
    dict[str, Any] | None,
    msgspec.Meta(
        description='`{"and": […]}`, `{"or": […]}`, `{"not": …}` or `{"column", "op", "value"}`; '
        "op is one of = != < <= > >= in contains regex is_null"
    ),
]
Sorts = Annotated[list[Sort], msgspec.Meta(max_length=ORDER_FIELDS_MAX)]
Names = Annotated[list[str], msgspec.Meta(max_length=TABLE_COLUMNS_MAX)]
Search = Annotated[str, msgspec.Meta(max_length=1000)] | None
Offset = Annotated[int, msgspec.Meta(ge=0, le=2**40)]
Limit = Annotated[int, msgspec.Meta(ge=1, le=TABLE_PAGE_ROWS_MAX)]
CellChars = Annotated[
    int,
    msgspec.Meta(
        ge=1, le=TABLE_CELL_CHARS_MAX, description="Longer texts are cut, and listed in `cut`."
    ),
]


class TableSchema(msgspec.Struct, frozen=True):
    """The columns of a table. `warnings` say what was changed while it was read."""

    ref: str
    columns: list[Column]
    row_count: int
    warnings: list[str]


class TableQuery(msgspec.Struct, frozen=True):
    """Which rows. With `group_by` the rows are groups: its columns, `count`, the aggregates."""

    ref: Ref
    where: Where = None
    search: Search = None
    sort: Sorts = []
    group_by: Annotated[list[str], msgspec.Meta(max_length=TABLE_GROUP_COLUMNS_MAX)] = []
    aggregates: Annotated[list[Aggregate], msgspec.Meta(max_length=TABLE_AGGREGATES_MAX)] = []
    columns: Names | None = None
    offset: Offset = 0
    limit: Limit = ROWS_DEFAULT
    cell_chars: CellChars = TABLE_CELL_CHARS_DEFAULT


class CutCell(msgspec.Struct, frozen=True):
    """A cell of which only the beginning is here, as text: `chars` is its full length."""

    row: int
    column: int
    chars: int


class TableRows(msgspec.Struct, frozen=True):
    """Rows of cells in the order of `columns`. `row_ids` are row numbers of the whole table.

    `total` counts the rows (or groups) that pass, `total_unfiltered` all rows. NaN and infinities
    are strings; times are ISO 8601 in UTC. A media cell has a signed `url` beside its `path`, and
    where it can be shown small or in a frame, `thumbnail_url` and `page_url`. Of a group, `row_ids`
    has its first row.
    """

    columns: list[ColumnHead]
    rows: list[list[Any]]
    row_ids: list[int]
    total: int
    total_unfiltered: int
    cut: list[CutCell]


class FacetQuery(msgspec.Struct, frozen=True):
    """Which column, over which rows."""

    ref: Ref
    column: str
    where: Where = None
    search: Search = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=TABLE_FACET_ITEMS_MAX)] = FACET_ITEMS_DEFAULT


class FacetItem(msgspec.Struct, frozen=True):
    """A value, or the [low, high] of a bin, and how many rows have it."""

    value: Any
    count: int


class TableFacet(msgspec.Struct, frozen=True):
    """The most frequent values, or a histogram of numbers that are too many to list.

    `other_count` are rows with further values, NaN or infinities.
    """

    kind: str
    items: list[FacetItem]
    null_count: int
    other_count: int


class JoinQuery(msgspec.Struct, frozen=True):
    """Two tables side by side on equal values of the columns `on`.

    A row wins where the left side has the better `compare`. `where` and `sort` name the columns of
    the sides `left.NAME` and `right.NAME`, those of `on` by themselves, and `outcome` and
    `difference` (left minus right).
    """

    left: Ref
    right: Ref
    on: Annotated[list[str], msgspec.Meta(min_length=1, max_length=TABLE_GROUP_COLUMNS_MAX)]
    compare: str | None = None
    higher_is_better: bool = True
    where: Where = None
    sort: Sorts = []
    offset: Offset = 0
    limit: Limit = ROWS_DEFAULT
    cell_chars: CellChars = TABLE_CELL_CHARS_DEFAULT


class JoinedRow(msgspec.Struct, frozen=True):
    """The cells of both sides, null where a side has no such key.

    `outcome` is win, lose, tie, differs (texts that are not equal), incomparable (null or NaN on a
    side, or nothing to compare), left_only or right_only.
    """

    outcome: str
    left_row: int | None
    right_row: int | None
    left: list[Any] | None
    right: list[Any] | None


class JoinedTable(msgspec.Struct, frozen=True):
    """The page, and how all pairs turned out, whatever `where` says.

    Every row of both tables is in exactly one pair: a key that several rows have is paired in the
    order of the rows, and `warnings` says how often that was.
    """

    left_columns: list[ColumnHead]
    right_columns: list[ColumnHead]
    rows: list[JoinedRow]
    total: int
    win: int
    lose: int
    tie: int
    differs: int
    incomparable: int
    left_only: int
    right_only: int
    warnings: list[str]


class TableSave(msgspec.Struct, frozen=True):
    """Which rows (as for a query), and the collection that gets a new version with them.

    `entity` "-" is the caller's own. `name` is the file in the version, without `.table.json`.
    """

    ref: Ref
    entity: str
    project: str
    collection: str
    type: str = "dataset"
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=128)] = "table"
    where: Where = None
    search: Search = None
    sort: Sorts = []
    columns: Names | None = None
    description: str | None = None
    aliases: list[str] = []


class SavedVersion(msgspec.Struct, frozen=True):
    """The version that holds the rows, and its table. Equal rows are the version that was there."""

    id: str
    entity: str
    project: str
    collection: str
    version: str
    ref: str
    row_count: int
    file_count: int


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
    """The first rows of a file. Of a large CSV or JSONL only the beginning is read, and the totals
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
    lefts = await _link(db, links, left, [row[3] or [] for row in found.rows])
    rights = await _link(db, links, right, [row[4] or [] for row in found.rows])
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
        left_columns=_heads(left),
        right_columns=_heads(right),
        rows=rows,
        total=found.total,
        warnings=_explain_repeats(found, data.on),
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
        entity="" if data.entity == "-" else data.entity,
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
        rows=await _link(db, links, table, found.rows),
        row_ids=found.row_ids,
        total=found.total,
        total_unfiltered=found.total_unfiltered,
        cut=[CutCell(*each) for each in found.cut],
    )


async def _link(
    db: Database, links: Links, table: OpenTable, rows: list[list[Any]]
) -> list[list[Any]]:
    """The cells in strict JSON, those that name files with their URLs."""
    paths = list_paths(rows)
    if paths:

        def read(conn: Connection) -> dict[str, Any]:
            return links.urls_of(table.origin, paths, conn)

        rows = with_urls(rows, await db.read(read))
    strict: list[list[Any]] = without_nonfinite(rows)
    return strict


def _heads(table: OpenTable) -> list[ColumnHead]:
    return [ColumnHead(c.name, c.type, c.media_type) for c in table.meta.columns]


def _explain_repeats(found: jobs.JoinedRows, on: list[str]) -> list[str]:
    return [
        f"{count:,} rows on the {side} have the same {', '.join(on)} as a row before them; they "
        "are paired in the order of the rows"
        for side, count in (("left", found.repeated_left), ("right", found.repeated_right))
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
