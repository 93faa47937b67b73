"""What the pages of sweeps are drawn from: the list with its figures, and trials as columns."""

from __future__ import annotations

from typing import Annotated

import msgspec
from litestar import get
from litestar.params import QueryParameter
from sqlalchemy.engine import Connection

from steelyard.limits import SWEEP_COLUMNS_TRIALS_MAX
from steelyard.server.api.sweep_rows import SweepRow, row_of_sweep
from steelyard.server.api.sweeps import SWEEP, SWEEPS
from steelyard.server.db.interface import Database
from steelyard.server.http.paging import Page, check_limit, decode_cursor, encode_cursor
from steelyard.server.rooms.accounts.model import Caller
from steelyard.server.rooms.projects.policy import get_readable_project
from steelyard.server.rooms.runs.filters import EVERYTHING, parse_filter
from steelyard.server.rooms.runs.shown_runs import list_shown_runs
from steelyard.server.rooms.sweeps.dispatch import Dispatcher
from steelyard.server.rooms.sweeps.listing import (
    count_matching,
    find_sweeps,
    parse_sweep_field,
)
from steelyard.server.rooms.sweeps.model import SweepState
from steelyard.server.rooms.sweeps.overview import SweepProgress, count_suggestions, progress_of
from steelyard.server.rooms.sweeps.policy import get_readable_sweep
from steelyard.server.rooms.sweeps.queries import agent_places, list_trials
from steelyard.server.rooms.sweeps.shown_trials import whole_trials
from steelyard.server.rooms.sweeps.trial_columns import TrialColumns, columns_of


class SweepOverview(msgspec.Struct, frozen=True):
    """A sweep of the list and how far it is."""

    sweep: SweepRow
    progress: SweepProgress


@get(SWEEPS + ":overview")
async def list_sweep_overviews(
    entity: str,
    project: str,
    caller: Caller,
    db: Database,
    sweeps: Dispatcher,
    states: Annotated[list[SweepState] | None, QueryParameter(name="state")] = None,
    limit: int | None = None,
    cursor: str | None = None,
) -> Page[SweepOverview]:
    """Sweeps of a project, newest first, each with its counts, its best value and its limits."""
    count = check_limit(limit)
    before_id = None if cursor is None else decode_cursor(cursor, tuple[int])[0]
    chosen = parse_filter({"state": {"$in": states}}, parse_sweep_field) if states else EVERYTHING

    def read(conn: Connection) -> Page[SweepOverview]:
        found = get_readable_project(conn, caller, entity, project)
        page = find_sweeps(conn, found.id, filter=chosen, limit=count, before_id=before_id)
        progress = progress_of(conn, sweeps.problems, page.sweeps)
        return Page(
            [
                SweepOverview(row_of_sweep(sweep), done)
                for sweep, done in zip(page.sweeps, progress, strict=True)
            ],
            encode_cursor(page.sweeps[-1].id) if page.has_more else None,
            count_matching(conn, found.id, chosen),
        )

    return await db.read(read)


@get(SWEEP + "/columns")
async def list_sweep_columns(
    entity: str,
    project: str,
    sweep: str,
    caller: Caller,
    db: Database,
    sweeps: Dispatcher,
    limit: int = SWEEP_COLUMNS_TRIALS_MAX,
    cursor: str | None = None,
) -> TrialColumns:
    """Trials in the order in which they were suggested, as columns: one list per fact.

    Without `limit` as many as one answer may hold, which is all of most sweeps; with `next_cursor`
    in the answer there are more. Trials at work have the values that they logged so far.
    """
    count = check_limit(limit, limit_max=SWEEP_COLUMNS_TRIALS_MAX)
    after = -1 if cursor is None else decode_cursor(cursor, tuple[int])[0]

    def read(conn: Connection) -> TrialColumns:
        found = get_readable_sweep(conn, caller, entity, project, sweep)
        problem = sweeps.problems.get(found)
        trials = list_trials(conn, found.id, limit=count + 1, after_index=after)
        has_more = len(trials) > count
        page = whole_trials(trials[:count], has_more=has_more)
        return columns_of(
            found,
            problem,
            page,
            list_shown_runs(conn, found.project_id, [trial.run_name for trial in page]),
            agent_places(conn, sorted({t.agent_id for t in page if t.agent_id is not None})),
            total=count_suggestions(conn, found),
            next_cursor=encode_cursor(page[-1].index) if has_more else None,
        )

    return await db.read(read)


handlers = [list_sweep_overviews, list_sweep_columns]
