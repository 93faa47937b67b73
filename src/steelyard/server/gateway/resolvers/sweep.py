"""Sweeps and their agents, as clients read them."""

from __future__ import annotations

from typing import Any

from steelyard.errors import Invalid, NotFound
from steelyard.limits import GATEWAY_PAGE_ITEMS_MAX
from steelyard.server.gateway.context import Context, Fields
from steelyard.server.gateway.ids import decode_cursor, decode_id, encode_id
from steelyard.server.gateway.resolvers.paging import connection, page_size
from steelyard.server.rooms.accounts.model import User
from steelyard.server.rooms.accounts.queries import get_user_by_id
from steelyard.server.rooms.projects.model import Project
from steelyard.server.rooms.projects.queries import find_project_by_id
from steelyard.server.rooms.runs.filters import Filter, parse_filter
from steelyard.server.rooms.runs.json_text import parse_json
from steelyard.server.rooms.runs.model import Run
from steelyard.server.rooms.runs.of_sweeps import count_runs_of_sweeps, list_runs_of_sweep
from steelyard.server.rooms.runs.queries import find_ids_by_name, list_runs_by_id
from steelyard.server.rooms.sweeps.controller import scheduler_of
from steelyard.server.rooms.sweeps.listing import count_matching, find_sweeps, parse_sweep_field
from steelyard.server.rooms.sweeps.model import Sweep, SweepAgent
from steelyard.server.rooms.sweeps.overlay import objective, overlay_of
from steelyard.server.rooms.sweeps.queries import (
    best_values,
    find_agent,
    find_agent_by_id,
    find_sweep,
    get_sweep_by_id,
    last_heartbeat_us,
    list_agents,
    list_run_names_of_agent,
)

# ---- of a project


def total_sweeps(project: Project, context: Context) -> int:
    return count_matching(context.conn, project.id)


def sweeps(
    project: Project,
    context: Context,
    filters: str | None = None,
    after: str | None = None,
    first: int | None = None,
) -> dict[str, Any]:
    page = find_sweeps(
        context.conn,
        project.id,
        filter=_parse_filters(filters),
        limit=page_size(first),
        before_id=_parse_number(after),
    )
    context.note_listed("sweep", [each.id for each in page.sweeps])
    found = connection(page.sweeps, lambda each: str(each.id), limit=len(page.sweeps))
    found["page_info"]["has_next_page"] = page.has_more
    return found


def _parse_filters(text: str | None) -> Filter:
    return parse_filter(parse_json(text) if text else None, parse_sweep_field)


def _parse_number(cursor: str | None) -> int | None:
    place = decode_cursor(cursor)
    if place is None:
        return None
    if not place.isdecimal():
        raise Invalid("this is no cursor of this list; start from the first page")
    return int(place)


def sweep(project: Project, context: Context, sweep_name: str) -> Sweep | None:
    return find_sweep(context.conn, project.id, sweep_name)


# ---- of a sweep


def sweep_id(sweep: Sweep, _context: Context) -> str:
    return encode_id("Sweep", sweep.id)


def state(sweep: Sweep, _context: Context) -> str:
    return sweep.state.upper()


def best_loss(sweep: Sweep, context: Context) -> float | None:
    metrics = objective(context.sweeps.problems.get(sweep), overlay_of(sweep))
    if not metrics:
        return None
    least, greatest = best_values(context.conn, sweep.id)
    return greatest if metrics[0].goal == "maximize" else least


def created_at(sweep: Sweep, _context: Context) -> int:
    return sweep.created_at_us


def updated_at(sweep: Sweep, _context: Context) -> int:
    return sweep.updated_at_us


def heartbeat_at(sweep: Sweep, context: Context) -> int | None:
    return last_heartbeat_us(context.conn, sweep.id)


def run_count(sweep: Sweep, context: Context) -> int:
    def count(sweep_ids: list[int]) -> dict[int, int]:
        names = {
            each: sweep.name if each == sweep.id else get_sweep_by_id(context.conn, each).name
            for each in sweep_ids
        }
        counts = count_runs_of_sweeps(context.conn, sweep.project_id, list(names.values()))
        return {each: counts.get(name, 0) for each, name in names.items()}

    return context.of_each("sweep", "runs", sweep.id, count) or 0


def early_stop_job_running(sweep: Sweep, _context: Context) -> bool:
    return sweep.is_judged and sweep.state in ("running", "paused")


def scheduler(sweep: Sweep, context: Context) -> str:
    return scheduler_of(context.conn, sweep)


def user(sweep: Sweep, context: Context) -> User | None:
    author = sweep.user_id
    if author is None:
        return None
    return context.keep(("user", author), lambda: get_user_by_id(context.conn, author))


def project(sweep: Sweep, context: Context) -> Project | None:
    return context.keep(
        ("project", sweep.project_id),
        lambda: find_project_by_id(context.conn, sweep.project_id, sweep.entity),
    )


def runs(
    sweep: Sweep, context: Context, after: str | None = None, first: int | None = None
) -> dict[str, Any]:
    # wandb 0.31.0 SweepWithRuns asks for no number: a controller wants all of them.
    limit = GATEWAY_PAGE_ITEMS_MAX if first is None else page_size(first)
    found = list_runs_of_sweep(
        context.conn,
        sweep.project_id,
        sweep.name,
        limit=limit + 1,
        after_id=_parse_number(after) or 0,
    )
    return _runs_page(context, found, limit)


def prior_runs(
    sweep: Sweep, context: Context, after: str | None = None, first: int | None = None
) -> dict[str, Any]:
    limit = page_size(first)
    ids = find_ids_by_name(context.conn, sweep.project_id, sweep.prior_runs).values()
    behind = _parse_number(after) or 0
    wanted = sorted(each for each in ids if each > behind)[: limit + 1]
    return _runs_page(context, list_runs_by_id(context.conn, wanted), limit)


def _runs_page(context: Context, found: list[Run], limit: int) -> dict[str, Any]:
    context.note_listed("run", [run.id for run in found[:limit]])
    return connection(found, lambda run: str(run.id), limit=limit)


def agents(
    sweep: Sweep, context: Context, after: str | None = None, first: int | None = None
) -> dict[str, Any]:
    limit = GATEWAY_PAGE_ITEMS_MAX if first is None else page_size(first)
    found = list_agents(context.conn, sweep.id, limit=limit + 1, after_id=_parse_number(after) or 0)
    return connection(found, lambda agent: str(agent.id), limit=limit)


def agent(sweep: Sweep, context: Context, agent_name: str) -> SweepAgent | None:
    named = find_agent(context.conn, sweep.id, agent_name)
    if named is not None:
        return named
    try:
        found = find_agent_by_id(context.conn, decode_id("Agent", agent_name))
    except NotFound:
        return None
    return found if found is not None and found.sweep_id == sweep.id else None


# ---- of an agent


def agent_id(agent: SweepAgent, _context: Context) -> str:
    return encode_id("Agent", agent.id)


def agent_state(agent: SweepAgent, context: Context) -> str:
    return agent.state_at(context.now_us).upper()


def total_runs(agent: SweepAgent, _context: Context) -> int:
    return agent.run_count


def agent_created_at(agent: SweepAgent, _context: Context) -> int:
    return agent.created_at_us


def agent_heartbeat_at(agent: SweepAgent, _context: Context) -> int:
    return agent.heartbeat_at_us


def agent_runs(
    agent: SweepAgent,
    context: Context,
    after: str | None = None,
    first: int | None = None,
    order: str | None = None,
    **_unused: Any,
) -> dict[str, Any]:
    if order not in (None, "", "+created_at", "created_at", "-created_at"):
        raise Invalid(f"runs of an agent are ordered by created_at, not by {order!r}")
    is_descending = order == "-created_at"
    limit, place = page_size(first), _parse_number(after)
    sweep = get_sweep_by_id(context.conn, agent.sweep_id)
    names = list_run_names_of_agent(context.conn, agent.id)
    ids = sorted(
        find_ids_by_name(context.conn, sweep.project_id, names).values(), reverse=is_descending
    )
    if place is not None:
        ids = [each for each in ids if (each < place if is_descending else each > place)]
    return _runs_page(context, list_runs_by_id(context.conn, ids[: limit + 1]), limit)


PROJECT: Fields = {"totalSweeps": total_sweeps, "sweeps": sweeps, "sweep": sweep}
SWEEP: Fields = {
    "id": sweep_id,
    "state": state,
    "bestLoss": best_loss,
    "createdAt": created_at,
    "updatedAt": updated_at,
    "heartbeatAt": heartbeat_at,
    "runCount": run_count,
    "earlyStopJobRunning": early_stop_job_running,
    "scheduler": scheduler,
    "user": user,
    "project": project,
    "runs": runs,
    "priorRuns": prior_runs,
    "agents": agents,
    "agent": agent,
}
AGENT: Fields = {
    "id": agent_id,
    "state": agent_state,
    "totalRuns": total_runs,
    "createdAt": agent_created_at,
    "heartbeatAt": agent_heartbeat_at,
    "runs": agent_runs,
}
