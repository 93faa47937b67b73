"""What sweeps have taught: importance, slices and contours, fronts, brackets, comparisons."""

from __future__ import annotations

import asyncio
from typing import Annotated

from litestar import get
from litestar.params import QueryParameter
from sqlalchemy.engine import Connection

from steelyard.errors import Invalid
from steelyard.limits import SWEEPS_COMPARED_MAX
from steelyard.search.problem import Goal
from steelyard.server.api.sweeps import SWEEP
from steelyard.server.db.interface import Database
from steelyard.server.rooms.accounts.model import Caller
from steelyard.server.rooms.sweeps.analysis import (
    Analyses,
    ImportanceAnswer,
    LoggedValues,
    SurfaceAnswer,
    list_logged,
)
from steelyard.server.rooms.sweeps.brackets import BracketsAnswer, show_brackets
from steelyard.server.rooms.sweeps.dispatch import Dispatcher
from steelyard.server.rooms.sweeps.fronts import (
    ComparisonAnswer,
    ParetoAnswer,
    compare_sweeps,
    find_front,
)
from steelyard.server.rooms.sweeps.model import Sweep
from steelyard.server.rooms.sweeps.policy import get_readable_sweep

COMPARISON = "/api/v1/{entity:str}/{project:str}/sweep-comparison"
Names = Annotated[list[str] | None, QueryParameter(name="metric")]
Goals = Annotated[list[Goal] | None, QueryParameter(name="goal")]


@get(SWEEP + "/importance")
async def show_sweep_importance(
    entity: str,
    project: str,
    sweep: str,
    caller: Caller,
    db: Database,
    analyses: Analyses,
    metric: str | None = None,
) -> ImportanceAnswer:
    """How much each parameter decides a metric, with 90 % intervals, beside its correlation.

    The metric is the first of the configuration unless one is named; what constraints and the cost
    name can be asked for, too, and `seconds`.
    """
    found = await db.read(get_readable_sweep, caller, entity, project, sweep)
    return await asyncio.to_thread(analyses.importance, found, metric)


@get(SWEEP + "/surface")
async def show_sweep_surface(
    entity: str,
    project: str,
    sweep: str,
    caller: Caller,
    db: Database,
    analyses: Analyses,
    x: str,
    y: str | None = None,
    metric: str | None = None,
) -> SurfaceAnswer:
    """A metric along the parameter `x`, or over `x` and `y`, by a model of all parameters."""
    found = await db.read(get_readable_sweep, caller, entity, project, sweep)
    return await asyncio.to_thread(analyses.surface, found, metric, x, y)


@get(SWEEP + "/pareto")
async def show_sweep_front(
    entity: str,
    project: str,
    sweep: str,
    caller: Caller,
    db: Database,
    analyses: Analyses,
    metric_names: Names = None,
    metric_goals: Goals = None,
    feasible: bool = True,
) -> ParetoAnswer:
    """The runs that no other beats, by up to three metrics, and the volume below them.

    Runs that broke a constraint on outcomes count only with `feasible=false`. Goals are those of
    the configuration, or one `goal` for each `metric`.
    """
    found = await db.read(get_readable_sweep, caller, entity, project, sweep)
    return await asyncio.to_thread(
        find_front, analyses, found, metric_names or [], metric_goals or [], feasible_only=feasible
    )


@get(SWEEP + "/brackets")
async def show_sweep_brackets(
    entity: str,
    project: str,
    sweep: str,
    caller: Caller,
    db: Database,
    analyses: Analyses,
    sweeps: Dispatcher,
) -> BracketsAnswer:
    """Where early termination compares runs, and which it stopped with what reason."""
    found = await db.read(get_readable_sweep, caller, entity, project, sweep)
    return await asyncio.to_thread(show_brackets, db, sweeps.problems, analyses, found)


@get(SWEEP + "/logged")
async def show_sweep_logged(
    entity: str,
    project: str,
    sweep: str,
    caller: Caller,
    db: Database,
    logged_names: Annotated[list[str] | None, QueryParameter(name="name")] = None,
) -> LoggedValues:
    """What runs logged under some names, for a composite metric that is weighed anew in the page.

    Without names it says which there are.
    """

    def read(conn: Connection) -> LoggedValues:
        found = get_readable_sweep(conn, caller, entity, project, sweep)
        return list_logged(conn, found, logged_names or [])

    return await db.read(read)


@get(COMPARISON)
async def compare_project_sweeps(
    entity: str,
    project: str,
    caller: Caller,
    db: Database,
    analyses: Analyses,
    sweep_names: Annotated[list[str], QueryParameter(name="sweep")],
    metric_names: Names = None,
    metric_goals: Goals = None,
) -> ComparisonAnswer:
    """Several sweeps: their fronts from one reference point, and the best of each over time."""
    if not 1 <= len(sweep_names) <= SWEEPS_COMPARED_MAX:
        raise Invalid(f"name 1…{SWEEPS_COMPARED_MAX} sweeps to compare, not {len(sweep_names)}")
    if len(set(sweep_names)) < len(sweep_names):
        raise Invalid(f"a sweep was named twice: {', '.join(sweep_names)}")

    def read(conn: Connection) -> list[Sweep]:
        return [get_readable_sweep(conn, caller, entity, project, name) for name in sweep_names]

    found = await db.read(read)
    return await asyncio.to_thread(
        compare_sweeps, analyses, found, metric_names or [], metric_goals or []
    )


handlers = [
    show_sweep_importance,
    show_sweep_surface,
    show_sweep_front,
    show_sweep_brackets,
    show_sweep_logged,
    compare_project_sweeps,
]
