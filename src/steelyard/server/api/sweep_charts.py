"""All trials of a sweep as columns, for the charts of its page."""

from __future__ import annotations

from litestar import get
from sqlalchemy.engine import Connection

from steelyard.limits import SWEEP_COLUMNS_TRIALS_MAX
from steelyard.server.api.sweeps import SWEEP
from steelyard.server.db.interface import Database
from steelyard.server.http.paging import check_limit, decode_cursor, encode_cursor
from steelyard.server.rooms.accounts.model import Caller
from steelyard.server.rooms.runs.shown_runs import list_shown_runs
from steelyard.server.rooms.sweeps.dispatch import Dispatcher
from steelyard.server.rooms.sweeps.policy import get_readable_sweep
from steelyard.server.rooms.sweeps.queries import agent_places, list_trials
from steelyard.server.rooms.sweeps.trial_columns import TrialColumns, columns_of


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
        page = trials[:count]
        return columns_of(
            found,
            problem,
            page,
            list_shown_runs(conn, found.project_id, [trial.run_name for trial in page]),
            agent_places(conn, sorted({t.agent_id for t in page if t.agent_id is not None})),
            next_cursor=encode_cursor(page[-1].index) if len(trials) > count else None,
        )

    return await db.read(read)


handlers = [list_sweep_columns]
