"""Console output of runs."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec
from litestar import get
from litestar.response import Stream
from sqlalchemy.engine import Connection

from steelyard.limits import LOG_PAGE_LINES_MAX, LOG_SEARCH_HITS_MAX
from steelyard.server.api.runs import RUN_PATH
from steelyard.server.columns import console
from steelyard.server.columns.interface import ConsoleLine
from steelyard.server.db.interface import Database
from steelyard.server.http.paging import check_limit
from steelyard.server.rooms.accounts.model import Caller
from steelyard.server.rooms.runs.policy import get_readable_run_named

RAW_LINES = 5000  # read at a time while a whole log is sent
TEXT_HEADERS = {"X-Content-Type-Options": "nosniff"}


class LogPage(msgspec.Struct, frozen=True):
    """Some lines; `total` is how many the run has."""

    total: int
    items: list[ConsoleLine]


class LogHits(msgspec.Struct, frozen=True):
    """Numbers of lines."""

    items: list[int]


@get(RUN_PATH + "/logs")
async def list_log_lines(
    entity: str,
    project: str,
    run: str,
    caller: Caller,
    db: Database,
    from_line: int = 0,
    limit: int = 500,
) -> LogPage:
    """Console lines from a number on; a negative `from_line` counts from the end."""
    count = check_limit(limit, limit_max=LOG_PAGE_LINES_MAX)

    def read(conn: Connection) -> LogPage:
        found = get_readable_run_named(conn, caller, entity, project, run)
        lines = console.read_lines(conn, found.id, first=from_line, limit=count)
        return LogPage(console.count_lines(conn, found.id), lines)

    return await db.read(read)


@get(RUN_PATH + "/logs:search")
async def search_log(
    entity: str,
    project: str,
    run: str,
    re: str,
    caller: Caller,
    db: Database,
    limit: int = 1000,
) -> LogHits:
    """Numbers of the first lines that match a regular expression."""
    count = check_limit(limit, limit_max=LOG_SEARCH_HITS_MAX)

    def read(conn: Connection) -> LogHits:
        found = get_readable_run_named(conn, caller, entity, project, run)
        return LogHits(console.search_lines(conn, found.id, re, count))

    return await db.read(read)


@get(RUN_PATH + "/logs:raw", media_type="text/plain")
async def send_log(entity: str, project: str, run: str, caller: Caller, db: Database) -> Stream:
    """The whole console output as plain text."""
    found = await db.read(get_readable_run_named, caller, entity, project, run)
    return Stream(
        _send_lines(db, found.id), media_type="text/plain; charset=utf-8", headers=TEXT_HEADERS
    )


async def _send_lines(db: Database, run_id: int) -> AsyncIterator[bytes]:
    first = 0
    while True:
        lines = await db.read(console.read_lines, run_id, first=first, limit=RAW_LINES)
        if not lines:
            return
        yield "".join(f"{line.text}\n" for line in lines).encode("utf-8", "replace")
        first += len(lines)


handlers = [list_log_lines, search_log, send_log]
