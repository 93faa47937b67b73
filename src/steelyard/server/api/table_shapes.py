"""What the REST API of tables takes and gives. Limits of the arguments are in their types."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

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
from steelyard.server.rooms.tables.model import Aggregate, Column, ColumnHead, Sort

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


class CsvQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """As a TableQuery, of all rows."""

    ref: Ref
    where: Where = None
    search: Search = None
    sort: Sorts = []
    group_by: Annotated[list[str], msgspec.Meta(max_length=TABLE_GROUP_COLUMNS_MAX)] = []
    aggregates: Annotated[list[Aggregate], msgspec.Meta(max_length=TABLE_AGGREGATES_MAX)] = []
    columns: Names | None = None


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


class DiffQuery(msgspec.Struct, frozen=True):
    """Two states of a table, and which of their rows.

    `on` are the columns that tell rows apart; with none whole rows are compared, so that they only
    come and go. Without `on` it is the first column that has another value in each row of both.
    """

    before: Ref
    after: Ref
    on: Annotated[list[str], msgspec.Meta(max_length=TABLE_GROUP_COLUMNS_MAX)] | None = None
    change: Literal["added", "removed", "changed"] | None = None
    offset: Offset = 0
    limit: Limit = ROWS_DEFAULT
    cell_chars: CellChars = TABLE_CELL_CHARS_DEFAULT


class ChangedRow(msgspec.Struct, frozen=True):
    """A row that was added, removed or changed; null on the side that has it not.

    `columns` are those of a changed row that have another value.
    """

    change: str
    before_row: int | None
    after_row: int | None
    before: list[Any] | None
    after: list[Any] | None
    columns: list[str]


class TableDiff(msgspec.Struct, frozen=True):
    """The page, in the order of the table before and then that after, and all counts.

    Columns that only one of the tables has are not compared. A key that several rows have is
    paired in the order of the rows, and `warnings` says how often that was.
    """

    on: list[str]
    before_columns: list[ColumnHead]
    after_columns: list[ColumnHead]
    columns_added: list[str]
    columns_removed: list[str]
    rows: list[ChangedRow]
    total: int
    added: int
    removed: int
    changed: int
    same: int
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
