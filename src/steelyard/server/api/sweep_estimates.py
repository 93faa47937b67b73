"""What a sweep would use up, asked before it is made."""

from __future__ import annotations

import asyncio

from litestar import post
from sqlalchemy.engine import Connection

from steelyard.server.api.sweep_edits import ConfigText
from steelyard.server.api.sweeps import SWEEPS
from steelyard.server.db.interface import Database
from steelyard.server.rooms.accounts.model import Caller
from steelyard.server.rooms.projects.policy import get_readable_project
from steelyard.server.rooms.sweeps.configuration import parse_sweep_config
from steelyard.server.rooms.sweeps.forecast import Forecast, forecast


@post(SWEEPS + ":estimate", status_code=200)
async def estimate_sweep(
    entity: str, project: str, data: ConfigText, caller: Caller, db: Database
) -> Forecast:
    """Runs, hours, GPU hours and dollars of a configuration, from the project's latest runs.

    Makes nothing. A configuration that cannot be searched is refused with its `diagnostics`.
    """
    config = await asyncio.to_thread(parse_sweep_config, data.config)

    def read(conn: Connection) -> Forecast:
        place = get_readable_project(conn, caller, entity, project)
        return forecast(conn, place.id, config.problem)

    return await db.read(read)


handlers = [estimate_sweep]
