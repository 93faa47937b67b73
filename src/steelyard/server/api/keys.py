"""The metric catalogue: which keys the runs of a project logged."""

from __future__ import annotations

from typing import Annotated

from litestar import get
from litestar.params import Parameter
from sqlalchemy.engine import Connection

from steelyard.errors import Invalid
from steelyard.limits import CHART_SERIES_MAX, KEY_PAGE_ITEMS_MAX, KEY_RUNS_DEFAULT
from steelyard.patterns import compile_pattern
from steelyard.server.api.stream_names import StreamName
from steelyard.server.columns.interface import KeySummary
from steelyard.server.columns.read import list_key_stats
from steelyard.server.db.interface import Database
from steelyard.server.http.paging import Page, check_limit, decode_cursor, encode_cursor
from steelyard.server.rooms.accounts.model import Caller
from steelyard.server.rooms.projects.policy import get_readable_project
from steelyard.server.rooms.runs.index import RunIndex
from steelyard.server.rooms.runs.listing import find_run_ids


@get("/api/v1/{entity:str}/{project:str}/keys")
async def list_project_keys(
    entity: str,
    project: str,
    caller: Caller,
    db: Database,
    run_index: RunIndex,
    stream: StreamName = "history",
    search: Annotated[
        str | None, Parameter(description="Part of a key, in any case; or /regex/, or /regex/i.")
    ] = None,
    run: Annotated[
        list[str] | None,
        Parameter(description="Names of runs to look at; the newest of the project when absent."),
    ] = None,
    cursor: str | None = None,
    limit: int | None = None,
) -> Page[KeySummary]:
    """List keys by name, with their kind, how many of the runs have them, and their last step.

    Without `run` the newest KEY_RUNS_DEFAULT runs are looked at.
    """
    count = check_limit(limit, limit_max=KEY_PAGE_ITEMS_MAX)
    if run and len(run) > CHART_SERIES_MAX:
        raise Invalid(f"name at most {CHART_SERIES_MAX} runs, not {len(run)}")

    def read(conn: Connection) -> list[KeySummary]:
        found = get_readable_project(conn, caller, entity, project)
        run_ids = find_run_ids(conn, run_index, found.id, names=run, newest=KEY_RUNS_DEFAULT)
        return list_key_stats(conn, list(run_ids), stream)

    found = _search(await db.read(read), search)
    after = decode_cursor(cursor, tuple[str])[0] if cursor else None
    rest = [key for key in found if after is None or key.key > after]
    page = rest[:count]
    following = encode_cursor(page[-1].key) if len(rest) > count else None
    return Page(page, following, total=len(found))


def _search(keys: list[KeySummary], search: str | None) -> list[KeySummary]:
    if not search:
        return keys
    body, slash, flags = search[1:].rpartition("/")
    if search.startswith("/") and slash and flags in ("", "i"):
        pattern = compile_pattern(body, ignore_case=flags == "i")
        return [key for key in keys if pattern.search(key.key)]
    return [key for key in keys if search.lower() in key.key.lower()]


handlers = [list_project_keys]
