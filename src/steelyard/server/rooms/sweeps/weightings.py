"""Named weightings: what matters, said after the fact.

A weighting ranks the trials that there are. Only the default one changes what the search optimises,
from the next suggestion on; what was tried is judged by it, too.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from steelyard.errors import Invalid, NotFound, TooLarge
from steelyard.limits import (
    DISPLAY_NAME_CHARS_MAX,
    SWEEP_TRIALS_MAX,
    SWEEP_WEIGHTINGS_MAX,
)
from steelyard.search.composite import compose
from steelyard.search.expression import parse
from steelyard.search.objective import Weighting, logged_names, resolve
from steelyard.search.problem import Goal, Metric, Problem
from steelyard.server.db.dialect import insert
from steelyard.server.rooms.accounts.model import Caller
from steelyard.server.rooms.runs.joins import user_names
from steelyard.server.rooms.runs.json_text import dump_json
from steelyard.server.rooms.runs.of_sweeps import list_outcomes
from steelyard.server.rooms.sweeps.commands import write_sweep
from steelyard.server.rooms.sweeps.events import record_event
from steelyard.server.rooms.sweeps.model import ENDED, Sweep, SweepTrial
from steelyard.server.rooms.sweeps.overlay import encode_overlay, objective, overlay_of
from steelyard.server.rooms.sweeps.queries import list_trials
from steelyard.server.rooms.sweeps.results import results_of
from steelyard.server.rooms.sweeps.scoring import (
    Scored,
    breaks_outcome,
    reread_results,
    score_trials,
)
from steelyard.server.rooms.sweeps.tables import sweep_weightings


class StoredWeighting(msgspec.Struct, frozen=True, kw_only=True):
    """A weighting as it is kept. `metric` is the formula and goal that it stands for; None where
    the configuration was edited since, so that it fits no longer."""

    weighting: Weighting
    is_default: bool
    metric: Metric | None
    username: str | None
    updated_at_us: int


def list_weightings(conn: Connection, sweep: Sweep, problem: Problem) -> list[StoredWeighting]:
    """The weightings of a sweep, by name."""
    c = sweep_weightings.c
    rows = conn.execute(
        sa.select(c.name, c.expression, c.weights, c.goal, c.updated_at_us, user_names.c.username)
        .outerjoin(user_names, user_names.c.id == c.user_id)
        .where(c.sweep_id == sweep.id)
        .order_by(c.name)
        .limit(SWEEP_WEIGHTINGS_MAX)
    )
    return [_from_row(row, sweep, problem) for row in rows]


def _from_row(
    row: sa.Row[Any, Any, Any, Any, Any, Any], sweep: Sweep, problem: Problem
) -> StoredWeighting:
    weighting = Weighting(
        name=row.name, expression=row.expression, weights=json.loads(row.weights), goal=row.goal
    )
    try:
        metric: Metric | None = resolve(problem, weighting)
    except Invalid:
        metric = None
    default = overlay_of(sweep).weighting
    return StoredWeighting(
        weighting=weighting,
        is_default=default is not None and default.name == row.name,
        metric=metric,
        username=row.username,
        updated_at_us=row.updated_at_us,
    )


def get_weighting(conn: Connection, sweep: Sweep, problem: Problem, name: str) -> StoredWeighting:
    """The weighting of that name. Raises NotFound."""
    for each in list_weightings(conn, sweep, problem):
        if each.weighting.name == name:
            return each
    raise NotFound(f"the sweep {sweep.path} has no weighting {name!r}")


def put_weighting(
    conn: Connection,
    sweep: Sweep,
    problem: Problem,
    weighting: Weighting,
    *,
    is_default: bool,
    caller: Caller,
    now_us: int,
) -> Sweep:
    """Keep a weighting, and follow it or no longer. The sweep must be locked. Idempotent.

    Raises Invalid for one that does not fit the sweep, TooLarge beyond SWEEP_WEIGHTINGS_MAX.
    """
    if not weighting.name.strip() or len(weighting.name) > DISPLAY_NAME_CHARS_MAX:
        raise Invalid(
            f"a weighting needs a name of 1 to {DISPLAY_NAME_CHARS_MAX} characters, "
            f"not {weighting.name!r:.80}"
        )
    resolve(problem, weighting)
    names = {each.weighting.name for each in list_weightings(conn, sweep, problem)}
    if weighting.name not in names and len(names) >= SWEEP_WEIGHTINGS_MAX:
        raise TooLarge(
            "the list of weightings of a sweep",
            size=len(names) + 1,
            limit=SWEEP_WEIGHTINGS_MAX,
            limit_name="SWEEP_WEIGHTINGS_MAX",
        )
    values = {
        "expression": weighting.expression,
        "weights": dump_json(weighting.weights),
        "goal": weighting.goal,
        "user_id": caller.user_id,
        "updated_at_us": now_us,
    }
    conn.execute(
        insert(conn, sweep_weightings)
        .values(sweep_id=sweep.id, name=weighting.name, **values)
        .on_conflict_do_update(index_elements=["sweep_id", "name"], set_=values)
    )
    followed = overlay_of(sweep).weighting
    if is_default:
        return _follow(conn, sweep, problem, weighting, now_us)
    if followed is not None and followed.name == weighting.name:
        return _follow(conn, sweep, problem, None, now_us)
    return sweep


def delete_weighting(
    conn: Connection, sweep: Sweep, problem: Problem, name: str, *, now_us: int
) -> Sweep:
    """Forget a weighting; a search that follows it goes back to what its configuration says.

    The sweep must be locked. Raises NotFound.
    """
    get_weighting(conn, sweep, problem, name)
    c = sweep_weightings.c
    conn.execute(sa.delete(sweep_weightings).where(c.sweep_id == sweep.id, c.name == name))
    followed = overlay_of(sweep).weighting
    if followed is not None and followed.name == name:
        return _follow(conn, sweep, problem, None, now_us)
    return sweep


def _follow(
    conn: Connection, sweep: Sweep, problem: Problem, weighting: Weighting | None, now_us: int
) -> Sweep:
    """From now on this is what is optimised; every trial is judged by it."""
    overlay = overlay_of(sweep)
    if overlay.weighting == weighting:
        return sweep
    after = msgspec.structs.replace(overlay, weighting=weighting)
    sweep = write_sweep(conn, sweep, {"overlay": encode_overlay(after)}, now_us=now_us)
    reread_results(conn, sweep, problem)
    [first, *_] = (*objective(problem, after), None)
    details = {
        "name": None if weighting is None else weighting.name,
        "expression": None if first is None else first.expression,
    }
    record_event(conn, sweep.id, "weighting", details, now_us=now_us)
    return sweep


# ---- the order of trials


class Placed(msgspec.Struct, frozen=True):
    """A trial in the order of a weighting; `value` is None where it has none, or may not win."""

    scored: Scored
    value: float | None


class Ranking(msgspec.Struct, frozen=True):
    """All ended trials, best first, by one metric; sentences about those without a value."""

    metric: Metric
    placed: list[Placed]
    warnings: list[str]


def rank_trials(conn: Connection, sweep: Sweep, problem: Problem, metric: Metric) -> Ranking:
    """The trials of a sweep as `metric` orders them. Nothing is written.

    Reads the summaries of all runs where results lack what the formula names.
    """
    rows = _with_parts(conn, sweep, problem, metric)
    scored = [
        each
        for each in score_trials(problem, [metric], rows)
        if all(row.state in ENDED for row in each.rows)
    ]
    placed = [
        Placed(each, None if breaks_outcome(problem, each.rows) else each.value) for each in scored
    ]
    sign = -1.0 if metric.goal == "maximize" else 1.0
    placed.sort(key=lambda each: (each.value is None, sign * (each.value or 0.0)))
    warnings: list[str] = []
    if metric.expression is not None:
        ended = [row.results.parts for row in rows if row.results is not None]
        warnings += compose(parse(metric.expression, across_runs=True), ended).warnings
    return Ranking(metric, placed, warnings)


def _with_parts(
    conn: Connection, sweep: Sweep, problem: Problem, metric: Metric
) -> list[SweepTrial]:
    """The rows of a sweep, whose results have what the formula names as far as runs logged it."""
    rows = list_trials(conn, sweep.id, limit=SWEEP_TRIALS_MAX)
    names = logged_names([metric])
    lacking = [
        row.run_name
        for row in rows
        if row.state in ENDED and row.results is not None and names - row.results.parts.keys()
    ]
    outcomes = list_outcomes(conn, sweep.project_id, lacking)
    found = []
    for row in rows:
        run = outcomes.get(row.run_name)
        if run is not None and row.results is not None:
            parts = results_of(problem, run, parts=names).parts
            results = msgspec.structs.replace(row.results, parts=row.results.parts | parts)
            row = msgspec.structs.replace(row, results=results)
        found.append(row)
    return found


def goal_of(problem: Problem, sweep: Sweep) -> Goal:
    """Whether the value that the sweep's trials are ranked by is to be large or small."""
    metrics = objective(problem, overlay_of(sweep))
    return metrics[0].goal if metrics else "minimize"
