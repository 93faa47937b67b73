"""Tables as files: all rows that pass, as CSV."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Annotated

import msgspec
from litestar import get
from litestar.params import Parameter
from litestar.response import Stream

from steelyard.errors import Invalid
from steelyard.limits import TABLE_CSV_QUERY_CHARS_MAX
from steelyard.server.api.table_shapes import CsvQuery
from steelyard.server.http.downloads import describe_disposition
from steelyard.server.rooms.accounts.model import Caller
from steelyard.server.rooms.tables.downloads import iter_csv
from steelyard.server.rooms.tables.filters import parse_filter
from steelyard.server.rooms.tables.model import parse_ref
from steelyard.server.rooms.tables.table_engine import TableEngine

MIMETYPE = "text/csv"
_QUESTION = msgspec.json.Decoder(CsvQuery)


@get("/api/v1/tables/csv", media_type=MIMETYPE)
async def download_table(
    question: Annotated[
        str,
        Parameter(
            max_length=TABLE_CSV_QUERY_CHARS_MAX,
            description='A CsvQuery as JSON: `{"ref": …}` is a whole table',
        ),
    ],
    caller: Caller,
    tables: TableEngine,
    name: Annotated[str, Parameter(max_length=128)] = "table",
) -> Stream:
    """Every row, or group, that passes as a CSV file, however many there are.

    It is sent while it is made; where that fails the connection breaks off.
    """
    try:
        asked = _QUESTION.decode(question)
    except msgspec.DecodeError as error:
        raise Invalid(f"question is no CsvQuery: {error}") from error
    parts = iter_csv(
        tables,
        caller,
        parse_ref(asked.ref),
        where=parse_filter(asked.where),
        search=asked.search,
        sort=asked.sort,
        group_by=asked.group_by,
        aggregates=asked.aggregates,
        columns=asked.columns,
    )
    # What is wrong with the question is said before anything is sent.
    first = await asyncio.to_thread(next, parts, b"")
    return Stream(
        _send(first, parts),
        headers={
            "Cache-Control": "private, no-cache",
            "Content-Disposition": describe_disposition(f"{name}.csv", MIMETYPE),
            "X-Content-Type-Options": "nosniff",
        },
        media_type=f"{MIMETYPE}; charset=utf-8",
    )


async def _send(first: bytes, rest: Iterator[bytes]) -> AsyncIterator[bytes]:
    part = first
    while part:
        yield part
        part = await asyncio.to_thread(next, rest, b"")


handlers = [download_table]
