"""What the server asks of the process that holds polars, and what that answers, as msgpack.

Paths are of this machine. Everything the process needs to know is in the job: it has no settings,
no database and no key.
"""

from __future__ import annotations

from pathlib import Path
from typing import IO, Any

import msgspec

from steelyard import errors
from steelyard.server.rooms.tables.model import (
    Aggregate,
    ColumnHead,
    Filter,
    Format,
    Sort,
    TableMeta,
)

META_FILE = "meta.msgpack"
_LENGTH_BYTES = 8
_META = msgspec.msgpack.Decoder(TableMeta)


class SourceFile(msgspec.Struct, frozen=True):
    """A file to read; `name` is for messages."""

    path: str
    format: Format
    name: str


class Convert(msgspec.Struct, frozen=True, tag="convert"):
    """Read files with the same columns, one after the other, into the directory `out`.

    `arrays` are the files that ndarray columns were saved in, by their path in the manifest.
    """

    files: list[SourceFile]
    out: str
    arrays: dict[str, str] = {}
    rows_max: int | None = None


class ConvertJoined(msgspec.Struct, frozen=True, tag="convert-joined"):
    """Put two converted tables side by side into `out`, on equal values of `on` (left, right)."""

    left: str
    right: str
    on: tuple[str, str]
    out: str


class Query(msgspec.Struct, frozen=True, tag="query"):
    """Rows of the converted table in the directory `table`; of groups with `group_by`."""

    table: str
    where: Filter | None
    search: str | None
    sort: list[Sort]
    group_by: list[str]
    aggregates: list[Aggregate]
    columns: list[str] | None
    offset: int
    limit: int
    cell_chars: int


class Facet(msgspec.Struct, frozen=True, tag="facet"):
    """The values of one column and how often each is there."""

    table: str
    where: Filter | None
    search: str | None
    column: str
    limit: int


class Join(msgspec.Struct, frozen=True, tag="join"):
    """Rows of two tables side by side, and which of them has the better `compare`."""

    left: str
    right: str
    on: list[str]
    compare: str | None
    higher_is_better: bool
    where: Filter | None
    sort: list[Sort]
    offset: int
    limit: int
    cell_chars: int


class Diff(msgspec.Struct, frozen=True, tag="diff"):
    """Rows of two tables that are not the same. `on` tells rows apart: no column compares whole
    rows, null takes the first column that has another value in every row of both.
    """

    before: str
    after: str
    on: list[str] | None
    change: str | None
    offset: int
    limit: int
    cell_chars: int


class Export(msgspec.Struct, frozen=True, tag="export"):
    """Write the rows that pass as a `.table.json` file, in their order or sorted."""

    table: str
    where: Filter | None
    search: str | None
    sort: list[Sort]
    columns: list[str] | None
    out: str


class CsvRows(msgspec.Struct, frozen=True, tag="csv"):
    """Rows, or groups, from `offset` on as CSV, up to about `bytes_max`."""

    table: str
    where: Filter | None
    search: str | None
    sort: list[Sort]
    group_by: list[str]
    aggregates: list[Aggregate]
    columns: list[str] | None
    offset: int
    bytes_max: int


class Thumbnail(msgspec.Struct, frozen=True, tag="thumbnail"):
    """Write a picture no larger than `size` pixels on either side, as WebP."""

    path: str
    out: str
    size: int


class Converted(msgspec.Struct, frozen=True, tag="converted"):
    """Done when `wants` is empty; else the files that are needed first (see Convert.arrays)."""

    meta: TableMeta
    wants: list[str] = []


class Rows(msgspec.Struct, frozen=True, tag="rows"):
    """Rows of cells. `cut` lists cells that are longer: (row, column, length in characters)."""

    columns: list[ColumnHead]
    rows: list[list[Any]]
    row_ids: list[int]
    total: int
    total_unfiltered: int
    cut: list[tuple[int, int, int]] = []


class Facets(msgspec.Struct, frozen=True, tag="facets"):
    """`values`: [value, count], most frequent first; `histogram`: [[low, high], count]."""

    kind: str
    items: list[tuple[Any, int]]
    null_count: int
    other_count: int
    """Rows whose values are not in `items`: NaN, infinities and values beyond the limit."""


class JoinedRows(msgspec.Struct, frozen=True, tag="joined-rows"):
    """`rows`: (outcome, left row, right row, left cells, right cells), null for a missing side."""

    rows: list[tuple[str, int | None, int | None, list[Any] | None, list[Any] | None]]
    total: int
    counts: dict[str, int]
    repeated_left: int
    repeated_right: int


class DiffRow(msgspec.Struct, frozen=True, array_like=True):
    """A row that came, went or changed; `columns` are those with another value."""

    change: str
    before_row: int | None
    after_row: int | None
    before: list[Any] | None
    after: list[Any] | None
    columns: list[str]


class DiffRows(msgspec.Struct, frozen=True, tag="diff-rows"):
    """`counts` has added, removed, changed and same; `on` what told the rows apart."""

    on: list[str]
    rows: list[DiffRow]
    total: int
    counts: dict[str, int]
    columns_added: list[str]
    columns_removed: list[str]
    repeated_before: int
    repeated_after: int


class Written(msgspec.Struct, frozen=True, tag="written"):
    """What an export or a thumbnail wrote; `media` are paths that its cells refer to."""

    row_count: int
    media: list[str] = []


class CsvPart(msgspec.Struct, frozen=True, tag="csv-part"):
    """Some whole lines: `row_count` of `total` rows. Of the first part, the names come before."""

    data: bytes
    row_count: int
    total: int


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """The job cannot be done as it is; `code` tells errors of the tree apart."""

    code: str
    message: str


Job = Convert | ConvertJoined | Query | Facet | Join | Diff | Export | CsvRows | Thumbnail
Answer = Converted | Rows | Facets | JoinedRows | DiffRows | Written | CsvPart | Refused
JOBS: msgspec.msgpack.Decoder[Job] = msgspec.msgpack.Decoder(Job)
ANSWERS: msgspec.msgpack.Decoder[Answer] = msgspec.msgpack.Decoder(Answer)


class TableGone(errors.Unavailable):
    """The converted table was dropped from the cache before it was opened: convert it again."""

    code = "table_gone"


class TooMuch(errors.Invalid):
    """As TooLarge, with a message from the other process."""

    code = "too_large"


REFUSALS: dict[str, type[errors.SteelyardError]] = {
    "invalid": errors.Invalid,
    "too_large": TooMuch,
    "table_gone": TableGone,
}


def read_meta(directory: Path) -> TableMeta:
    """What is known of the converted table in the directory. Raises TableGone."""
    try:
        return _META.decode((directory / META_FILE).read_bytes())
    except FileNotFoundError as error:
        raise TableGone(f"{directory.name} was dropped from the cache") from error


def encode(message: Job | Answer) -> bytes:
    return msgspec.msgpack.encode(message)


def write_message(stream: IO[bytes], message: bytes) -> None:
    stream.write(len(message).to_bytes(_LENGTH_BYTES, "little"))
    stream.write(message)
    stream.flush()


def read_message(stream: IO[bytes]) -> bytes | None:
    """The next message; None at the end, also in the middle of a message."""
    head = stream.read(_LENGTH_BYTES)
    length = int.from_bytes(head, "little")
    if len(head) < _LENGTH_BYTES:
        return None
    message = stream.read(length)
    return message if len(message) == length else None
