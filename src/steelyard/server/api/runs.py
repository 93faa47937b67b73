"""Runs: lists with search and sort, one run, and changes to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

import msgspec
from litestar import delete, get, patch, post
from sqlalchemy.engine import Connection

from steelyard.errors import Invalid
from steelyard.limits import COLUMNS_PER_ROW_MAX, PAGE_ITEMS_DEFAULT
from steelyard.server.api.run_rows import RunCounts, RunDetail, RunRow, detail_of_run, row_of_run
from steelyard.server.columns import console
from steelyard.server.columns.read import count_overwritten_values, count_rows
from steelyard.server.db.interface import Database
from steelyard.server.http.paging import Page, check_limit
from steelyard.server.rooms.accounts.model import Caller
from steelyard.server.rooms.projects.policy import get_readable_project
from steelyard.server.rooms.runs.commands import delete_run as forget_run
from steelyard.server.rooms.runs.commands import lock_run, request_stop, update_run
from steelyard.server.rooms.runs.fields import Field, parse_field
from steelyard.server.rooms.runs.filters import parse_filter
from steelyard.server.rooms.runs.index import RunIndex
from steelyard.server.rooms.runs.listing import list_runs
from steelyard.server.rooms.runs.model import RunChanges, RunState
from steelyard.server.rooms.runs.order import NEWEST_FIRST, OrderBy, parse_order
from steelyard.server.rooms.runs.policy import get_readable_run_named, get_writable_run_named

RUN_PATH = "/api/v1/{entity:str}/{project:str}/runs/{run:str}"


class SortBy(msgspec.Struct, frozen=True):
    """A field, such as `created_at`, `config.lr` or `summary.acc`."""

    key: str
    dir: Literal["asc", "desc"] = "asc"


class RunsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which runs, in which order, and which of their values."""

    search: Annotated[
        str | None,
        msgspec.Meta(description="Part of a name, in any case; or /regex/, or /regex/i."),
    ] = None
    state: list[RunState] | None = None
    filter: Annotated[
        dict[str, object] | None,
        msgspec.Meta(
            description=(
                'A filter like {"config.lr": {"$gt": 0.1}, "$or": [{"tags": "best"}, …]} with $and '
                "$or $nor $not $eq $ne $gt $gte $lt $lte $in $nin $exists $regex."
            )
        ),
    ] = None
    sort: Annotated[
        list[SortBy] | None,
        msgspec.Meta(description="Newest first when empty. Runs without the field come last."),
    ] = None
    columns: Annotated[
        list[str] | None,
        msgspec.Meta(description="Values to return with each run: config.KEY and summary.KEY."),
    ] = None
    limit: int = PAGE_ITEMS_DEFAULT
    cursor: str | None = None


class RunPatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Changes to a run; what is left out or null stays."""

    display_name: str | None = None
    notes: str | None = None
    tags: list[str] | None = None
    group: str | None = None


class StopAnswer(msgspec.Struct, frozen=True):
    """`is_stopping` is false for a run that had ended already."""

    is_stopping: bool


@post("/api/v1/{entity:str}/{project:str}/runs:query", status_code=200)
async def query_runs(
    entity: str, project: str, data: RunsQuery, caller: Caller, db: Database, run_index: RunIndex
) -> Page[RunRow]:
    """List runs of a project: filtered, searched, sorted, page by page.

    Pages go on from where the last one ended, so runs that come or change in between shift no
    others. `total` counts all runs that match.
    """
    limit, order = check_limit(data.limit), _parse_sort(data.sort)
    fields, parsed = _parse_columns(data.columns), parse_filter(data.filter)

    def read(conn: Connection) -> Page[RunRow]:
        found = get_readable_project(conn, caller, entity, project)
        page = list_runs(
            conn,
            run_index,
            found.id,
            filter=parsed,
            search=data.search,
            states=data.state,
            order=order,
            after=data.cursor,
            first=limit,
        )
        rows = [row_of_run(run, fields) for run in page.runs]
        return Page(rows, page.next_cursor, page.total)

    return await db.read(read)


@get(RUN_PATH)
async def show_run(entity: str, project: str, run: str, caller: Caller, db: Database) -> RunDetail:
    """One run in full: config, summary, where it ran, and how much it logged."""
    return await db.read(_read_detail, caller, entity, project, run)


@patch(RUN_PATH)
async def edit_run(
    entity: str,
    project: str,
    run: str,
    data: RunPatch,
    caller: Caller,
    db: Database,
    now_us: Callable[[], int],
) -> RunDetail:
    """Change name, notes, tags or group of a run."""

    def write(conn: Connection) -> RunDetail:
        found = get_writable_run_named(conn, caller, entity, project, run)
        changes = RunChanges(id=found.id, **msgspec.structs.asdict(data))
        update_run(conn, lock_run(conn, found.id), changes, now_us=now_us())
        return _read_detail(conn, caller, entity, project, run)

    return await db.write(write)


@post(RUN_PATH + "/stop", status_code=200)
async def stop_run(
    entity: str,
    project: str,
    run: str,
    caller: Caller,
    db: Database,
    now_us: Callable[[], int],
) -> StopAnswer:
    """Ask a run to stop. Its process hears of it with its next upload, seconds later."""

    def write(conn: Connection) -> StopAnswer:
        found = get_writable_run_named(conn, caller, entity, project, run)
        return StopAnswer(request_stop(conn, found.id, now_us=now_us()))

    return await db.write(write)


@delete(RUN_PATH, status_code=204)
async def delete_run(
    entity: str,
    project: str,
    run: str,
    caller: Caller,
    db: Database,
    now_us: Callable[[], int],
) -> None:
    """Delete a run with all it logged. There is no way back."""

    def write(conn: Connection) -> None:
        found = get_writable_run_named(conn, caller, entity, project, run)
        forget_run(conn, found, now_us=now_us())

    await db.write(write)


def _read_detail(
    conn: Connection, caller: Caller, entity: str, project: str, name: str
) -> RunDetail:
    run = get_readable_run_named(conn, caller, entity, project, name)
    counts = RunCounts(
        history_row_count=count_rows(conn, run.id, "history"),
        system_row_count=count_rows(conn, run.id, "system"),
        log_line_count=console.count_lines(conn, run.id),
        overwritten_value_count=count_overwritten_values(conn, run.id, "history"),
    )
    return detail_of_run(run, counts)


def _parse_sort(sort: list[SortBy] | None) -> tuple[OrderBy, ...]:
    if not sort:
        return NEWEST_FIRST
    return parse_order(",".join(("-" if by.dir == "desc" else "+") + by.key for by in sort))


def _parse_columns(columns: list[str] | None) -> list[Field]:
    if columns and len(columns) > COLUMNS_PER_ROW_MAX:
        raise Invalid(f"a row can have {COLUMNS_PER_ROW_MAX} columns, not {len(columns)}")
    fields = [parse_field(column) for column in columns or ()]
    for column, field in zip(columns or (), fields, strict=True):
        if field.source not in ("config", "summary"):
            raise Invalid(f"{column!r} is no column to ask for; use config.KEY or summary.KEY")
    return fields


handlers = [query_runs, show_run, edit_run, stop_run, delete_run]
