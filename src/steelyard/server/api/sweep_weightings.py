"""What a sweep optimises: named weightings, and the order of its trials by one of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from litestar import delete, get, put
from sqlalchemy.engine import Connection

from steelyard.errors import Conflict
from steelyard.search.crossval import Aggregate
from steelyard.search.objective import Weighting
from steelyard.search.problem import Goal
from steelyard.server.api.sweeps import SWEEP
from steelyard.server.db.interface import Database
from steelyard.server.http.paging import Page, check_limit
from steelyard.server.rooms.accounts.model import Caller
from steelyard.server.rooms.sweeps.commands import lock_sweep
from steelyard.server.rooms.sweeps.dispatch import Dispatcher
from steelyard.server.rooms.sweeps.overlay import objective, overlay_of
from steelyard.server.rooms.sweeps.policy import get_readable_sweep, get_writable_sweep
from steelyard.server.rooms.sweeps.weightings import (
    Placed,
    StoredWeighting,
    delete_weighting,
    get_weighting,
    list_weightings,
    put_weighting,
    rank_trials,
)

WEIGHTINGS = SWEEP + "/weightings"
Clock = Callable[[], int]


class WeightingRow(msgspec.Struct, frozen=True, kw_only=True):
    """A named weighting. `formula` is what it stands for, over the keys that runs log; null where
    an edit of the configuration has made it meaningless."""

    name: str
    expression: str | None
    weights: dict[str, float]
    goal: Goal | None
    is_default: bool
    """The search optimises it."""
    formula: str | None
    username: str | None
    updated_at_us: int


class WeightingBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A formula over what runs log, weights, or both.

    `weights` alone is by metric of the sweep: the sum of weight times zscore, negative for metrics
    that are minimized, is maximized. With `expression` it is by summand of it, as written.
    """

    expression: str | None = None
    weights: dict[str, float] = {}
    goal: Goal | None = None
    is_default: bool = False


class LeaderboardRow(msgspec.Struct, frozen=True, kw_only=True):
    """One configuration in the order of a weighting."""

    rank: int | None
    """From 1; null without a value."""
    index: int
    """Of the trial's first run."""
    runs: list[str]
    config: dict[str, Any]
    value: float | None
    mean: float | None
    std: float | None
    """Over folds and seeds; null where it is one run."""
    n: int
    accepted: bool
    reason: str


class Leaderboard(msgspec.Struct, frozen=True, kw_only=True):
    """The best trials by one weighting, and why others have no value."""

    metric: str
    formula: str | None
    goal: Goal
    rows: list[LeaderboardRow]
    total: int
    warnings: list[str]


@get(WEIGHTINGS)
async def list_sweep_weightings(
    entity: str, project: str, sweep: str, caller: Caller, db: Database, sweeps: Dispatcher
) -> Page[WeightingRow]:
    """Weightings of a sweep, by name."""

    def read(conn: Connection) -> Page[WeightingRow]:
        found = get_readable_sweep(conn, caller, entity, project, sweep)
        rows = list_weightings(conn, found, sweeps.problems.get(found))
        return Page([_row_of(each) for each in rows], None, len(rows))

    return await db.read(read)


@get(WEIGHTINGS + "/{weighting:str}")
async def show_sweep_weighting(
    entity: str,
    project: str,
    sweep: str,
    weighting: str,
    caller: Caller,
    db: Database,
    sweeps: Dispatcher,
) -> WeightingRow:
    """One weighting."""

    def read(conn: Connection) -> WeightingRow:
        found = get_readable_sweep(conn, caller, entity, project, sweep)
        return _row_of(get_weighting(conn, found, sweeps.problems.get(found), weighting))

    return await db.read(read)


@put(WEIGHTINGS + "/{weighting:str}", status_code=200)
async def put_sweep_weighting(
    entity: str,
    project: str,
    sweep: str,
    weighting: str,
    data: WeightingBody,
    caller: Caller,
    db: Database,
    sweeps: Dispatcher,
    now_us: Clock,
) -> WeightingRow:
    """Keep a weighting under a name. `is_default`: the search optimises it from now on."""

    def write(conn: Connection) -> WeightingRow:
        found = get_writable_sweep(conn, caller, entity, project, sweep)
        held = lock_sweep(conn, found.id)
        problem = sweeps.problems.get(held)
        held = put_weighting(
            conn,
            held,
            problem,
            Weighting(
                name=weighting,
                expression=data.expression,
                weights=data.weights,
                goal=data.goal,
            ),
            is_default=data.is_default,
            caller=caller,
            now_us=now_us(),
        )
        return _row_of(get_weighting(conn, held, problem, weighting))

    return await db.write(write)


@delete(WEIGHTINGS + "/{weighting:str}", status_code=204)
async def delete_sweep_weighting(
    entity: str,
    project: str,
    sweep: str,
    weighting: str,
    caller: Caller,
    db: Database,
    sweeps: Dispatcher,
    now_us: Clock,
) -> None:
    """Forget a weighting. A search that follows it goes back to what the configuration says."""

    def write(conn: Connection) -> None:
        found = get_writable_sweep(conn, caller, entity, project, sweep)
        held = lock_sweep(conn, found.id)
        delete_weighting(conn, held, sweeps.problems.get(held), weighting, now_us=now_us())

    await db.write(write)


@get(SWEEP + "/leaderboard")
async def show_leaderboard(
    entity: str,
    project: str,
    sweep: str,
    caller: Caller,
    db: Database,
    sweeps: Dispatcher,
    weighting: str | None = None,
    limit: int | None = None,
) -> Leaderboard:
    """The best trials by what the sweep optimises, or by a named weighting; best first."""
    count = check_limit(limit)

    def read(conn: Connection) -> Leaderboard:
        found = get_readable_sweep(conn, caller, entity, project, sweep)
        problem = sweeps.problems.get(found)
        metrics = objective(problem, overlay_of(found))
        chosen = metrics[0] if metrics else None
        if weighting is not None:
            chosen = get_weighting(conn, found, problem, weighting).metric
        if chosen is None:
            raise Conflict(
                f"nothing ranks the trials of {found.path}: it has no metric, or its configuration "
                "was edited so that the weighting fits no longer"
            )
        ranking = rank_trials(conn, found, problem, chosen)
        return Leaderboard(
            metric=chosen.name,
            formula=chosen.expression,
            goal=chosen.goal,
            rows=[_place_of(at, each) for at, each in enumerate(ranking.placed[:count])],
            total=len(ranking.placed),
            warnings=ranking.warnings,
        )

    return await db.read(read)


def _row_of(stored: StoredWeighting) -> WeightingRow:
    return WeightingRow(
        name=stored.weighting.name,
        expression=stored.weighting.expression,
        weights=stored.weighting.weights,
        goal=stored.weighting.goal if stored.metric is None else stored.metric.goal,
        is_default=stored.is_default,
        formula=None if stored.metric is None else stored.metric.expression,
        username=stored.username,
        updated_at_us=stored.updated_at_us,
    )


def _place_of(at: int, placed: Placed) -> LeaderboardRow:
    first = placed.scored.rows[0]
    score: Aggregate = placed.scored.scores[0]
    return LeaderboardRow(
        rank=None if placed.value is None else at + 1,
        index=first.index,
        runs=[row.run_name for row in placed.scored.rows],
        config=first.config,
        value=placed.value,
        mean=score.mean,
        std=score.std,
        n=score.n,
        accepted=score.accepted,
        reason=score.reason,
    )


handlers = [
    list_sweep_weightings,
    show_sweep_weighting,
    put_sweep_weighting,
    delete_sweep_weighting,
    show_leaderboard,
]
