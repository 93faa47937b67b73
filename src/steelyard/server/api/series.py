"""Numbers of runs: charts as binary frames, the point under the pointer, and rows as logged."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any

import msgspec
from litestar import get, post
from litestar.response import Stream
from sqlalchemy.engine import Connection

from steelyard.errors import Invalid, SteelyardError
from steelyard.limits import (
    CHART_PANELS_MAX,
    CHART_PIXELS_MAX,
    CHART_SERIES_MAX,
    HISTORY_PAGE_ROWS_MAX,
)
from steelyard.server.api.runs import RUN_PATH
from steelyard.server.api.stream_names import StreamName
from steelyard.server.columns.read import read_rows
from steelyard.server.db.interface import Database
from steelyard.server.http.frames import (
    MEDIA_TYPE,
    Panel,
    Scale,
    encode_failed_panel,
    encode_panel,
)
from steelyard.server.http.paging import check_limit
from steelyard.server.rooms.accounts.model import Caller
from steelyard.server.rooms.projects.policy import get_readable_project
from steelyard.server.rooms.runs.charts import Axis, ChartQuery, find_nearest, read_chart
from steelyard.server.rooms.runs.index import RunIndex
from steelyard.server.rooms.runs.json_text import without_nonfinite
from steelyard.server.rooms.runs.listing import find_run_ids
from steelyard.server.rooms.runs.policy import get_readable_run_named

TOP_RUNS = 50
ROWS_DEFAULT = 500


class XAxis(msgspec.Struct, frozen=True):
    """What runs along the x axis: `key` names the metric where `axis` is "metric"."""

    axis: Axis = "step"
    key: str | None = None


class PanelQuery(msgspec.Struct, frozen=True):
    """One panel: a metric, drawn `px` pixels wide, over all of x or a range of it."""

    id: str
    key: str
    px: Annotated[int, msgspec.Meta(ge=1, le=CHART_PIXELS_MAX)] = 480
    range: tuple[float, float] | None = None
    y: Annotated[
        Scale, msgspec.Meta(description='"log" spreads 16-bit levels evenly over log(y).')
    ] = "linear"


class SeriesQuery(msgspec.Struct, frozen=True):
    """Which runs (by name, or the `top` newest), and which panels, first wanted first."""

    panels: Annotated[list[PanelQuery], msgspec.Meta(max_length=CHART_PANELS_MAX)]
    runs: Annotated[list[str], msgspec.Meta(max_length=CHART_SERIES_MAX)] | None = None
    top: Annotated[int, msgspec.Meta(ge=1, le=CHART_SERIES_MAX)] = TOP_RUNS
    stream: StreamName = "history"
    x: XAxis = XAxis()


class SeriesPoint(msgspec.Struct, frozen=True):
    """One logged point. NaN and infinities are strings."""

    step: int
    x: float
    value: float | str


class RowPage(msgspec.Struct, frozen=True):
    """Rows as logged, by step; go on with `from_step` = `next_step`."""

    items: list[dict[str, Any]]
    next_step: int | None


@post(
    "/api/v1/{entity:str}/{project:str}/series:query",
    status_code=200,
    media_type=MEDIA_TYPE,
)
async def query_series(
    entity: str,
    project: str,
    data: SeriesQuery,
    caller: Caller,
    db: Database,
    run_index: RunIndex,
) -> Stream:
    """Charts of many runs: one binary frame per panel, in the order asked, each sent when ready.

    Buckets hold the last, lowest and highest value of all their points. A panel that cannot be
    drawn is a frame whose meta says why.
    """
    if data.x.axis == "metric" and not data.x.key:
        raise Invalid('x.key must name a metric when x.axis is "metric"')
    for panel in data.panels:
        if panel.range is not None and not panel.range[0] < panel.range[1]:
            raise Invalid(f"the range of panel {panel.id!r} must rise, not {panel.range}")

    def find(conn: Connection) -> dict[int, str]:
        found = get_readable_project(conn, caller, entity, project)
        return find_run_ids(conn, run_index, found.id, names=data.runs, newest=data.top)

    names = await db.read(find)
    return Stream(_send_panels(db, data, names), media_type=MEDIA_TYPE, status_code=200)


@get(RUN_PATH + "/series:at")
async def show_point(
    entity: str,
    project: str,
    run: str,
    key: str,
    x: float,
    caller: Caller,
    db: Database,
    stream: StreamName = "history",
    axis: Axis = "step",
    x_key: str | None = None,
) -> SeriesPoint:
    """The logged point of a metric that is nearest to `x` on the given axis, exactly."""
    query = ChartQuery(stream=stream, key=key, axis=axis, x_key=x_key, px=1)

    def read(conn: Connection) -> SeriesPoint:
        found = get_readable_run_named(conn, caller, entity, project, run)
        step, at, value = find_nearest(conn, found.id, query, x)
        return SeriesPoint(step, at, without_nonfinite(value))

    return await db.read(read)


@get(RUN_PATH + "/history")
async def list_history(
    entity: str,
    project: str,
    run: str,
    caller: Caller,
    db: Database,
    stream: StreamName = "history",
    keys: str | None = None,
    from_step: int = 0,
    limit: int | None = None,
) -> RowPage:
    """Rows as they were logged, whole, by step; with `keys=a,b` only rows that have all of them.

    NaN and infinities are strings. Steps of the system stream are line numbers.
    """
    count = check_limit(limit or ROWS_DEFAULT, limit_max=HISTORY_PAGE_ROWS_MAX)
    wanted = [key for key in (keys or "").split(",") if key]

    def read(conn: Connection) -> RowPage:
        found = get_readable_run_named(conn, caller, entity, project, run)
        rows = read_rows(
            conn, found.id, stream, min_step=from_step, limit=count, keys=wanted or None
        )
        return RowPage(without_nonfinite(rows), _next_step(rows, from_step, count))

    return await db.read(read)


def _next_step(rows: Sequence[dict[str, Any]], from_step: int, limit: int) -> int | None:
    if len(rows) < limit:
        return None
    return int(rows[-1].get("_step", from_step + limit - 1)) + 1


async def _send_panels(
    db: Database, query: SeriesQuery, names: dict[int, str]
) -> AsyncIterator[bytes]:
    for index, panel in enumerate(query.panels):
        try:
            yield await db.read(_encode_one, query, index, panel, names)
        except SteelyardError as error:  # the answer has begun: say it in the frame
            yield encode_failed_panel(
                index,
                panel.id,
                key=panel.key,
                stream=query.stream,
                axis=query.x.axis,
                x_key=query.x.key,
                error=str(error),
            )


def _encode_one(
    conn: Connection, query: SeriesQuery, index: int, panel: PanelQuery, names: dict[int, str]
) -> bytes:
    chart = read_chart(
        conn,
        list(names),
        ChartQuery(
            stream=query.stream,
            key=panel.key,
            axis=query.x.axis,
            x_key=query.x.key,
            px=panel.px,
            x_range=panel.range,
        ),
    )
    return encode_panel(
        Panel(
            index=index,
            panel=panel.id,
            key=panel.key,
            stream=query.stream,
            axis=query.x.axis,
            x_key=query.x.key,
            series=[(names[run_id], points) for run_id, points in chart.series],
            grid=chart.grid,
            line=chart.line,
            lo=chart.lo,
            hi=chart.hi,
            nonfinite=chart.nonfinite,
            warnings=chart.warnings,
            error=chart.error,
            scale=panel.y,
            approximate=chart.is_approximate,
        )
    )


handlers = [query_series, show_point, list_history]
