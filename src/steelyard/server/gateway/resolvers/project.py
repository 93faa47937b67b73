"""Projects and the lists of their runs."""

from __future__ import annotations

from typing import Any

from steelyard.server.gateway.context import Context, Fields
from steelyard.server.gateway.ids import encode_id
from steelyard.server.gateway.resolvers.paging import EMPTY, page_info, page_size
from steelyard.server.rooms.accounts.model import Entity, User
from steelyard.server.rooms.accounts.policy import may_write_entity
from steelyard.server.rooms.accounts.queries import find_user, get_entity
from steelyard.server.rooms.projects.model import Project
from steelyard.server.rooms.runs.filters import Filter, parse_filter
from steelyard.server.rooms.runs.json_text import parse_json
from steelyard.server.rooms.runs.listing import list_runs
from steelyard.server.rooms.runs.model import Run
from steelyard.server.rooms.runs.order import parse_order
from steelyard.server.rooms.runs.queries import find_run


def project_id(project: Project, _context: Context) -> str:
    return encode_id("Project", project.id)


def internal_id(project: Project, _context: Context) -> str:
    return encode_id("ProjectInternalId", project.id)


def entity_name(project: Project, _context: Context) -> str:
    return project.entity


def entity(project: Project, context: Context) -> Entity:
    return context.keep(
        ("entity", project.entity), lambda: get_entity(context.conn, project.entity)
    )


def created_at(project: Project, _context: Context) -> int:
    return project.created_at_us


def no(_project: Project, _context: Context) -> bool:
    return False


def nothing(_project: Project, _context: Context) -> None:
    return None


def read_only(project: Project, context: Context) -> bool:
    return not may_write_entity(context.caller, project.entity_id)


def user(project: Project, context: Context) -> User | None:
    """The person whose project it is; none for a team's."""
    return context.keep(
        ("user named", project.entity), lambda: find_user(context.conn, project.entity)
    )


def run_count(project: Project, context: Context, filters: str | None = None) -> int:
    return context.run_index.count(context.conn, project.id, filter=_parse_filters(filters))


def runs(
    project: Project,
    context: Context,
    filters: str | None = None,
    order: str | None = None,
    after: str | None = None,
    first: int | None = None,
    **_unused: Any,
) -> dict[str, Any]:
    page = list_runs(
        context.conn,
        context.run_index,
        project.id,
        filter=_parse_filters(filters),
        order=parse_order(order),
        after=after or None,
        first=page_size(first),
    )
    context.note_listed("run", [run.id for run in page.runs])
    edges = [
        {"node": run, "cursor": cursor} for run, cursor in zip(page.runs, page.cursors, strict=True)
    ]
    return {"edges": edges, "page_info": page_info(edges, page.has_more)}


def _parse_filters(text: str | None) -> Filter:
    return parse_filter(parse_json(text) if text else None)


def run(project: Project, context: Context, name: str, **_unused: Any) -> Run | None:
    return find_run(context.conn, project.id, name)


def all_views(_project: Project, _context: Context, **_arguments: Any) -> dict[str, Any]:
    return EMPTY  # reports have no place here yet


PROJECT: Fields = {
    "id": project_id,
    "internalId": internal_id,
    "entityName": entity_name,
    "entity": entity,
    "createdAt": created_at,
    "views": nothing,
    "isBenchmark": no,
    "readOnly": read_only,
    "repo": nothing,
    "dockerImage": nothing,
    "user": user,
    "runCount": run_count,
    "runs": runs,
    "run": run,
    "bucket": run,
    "buckets": runs,
    "allViews": all_views,
}
