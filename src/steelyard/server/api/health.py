"""Is the server alive, and can it work."""

from __future__ import annotations

from litestar import get

from steelyard.server.db.interface import Database
from steelyard.server.rooms.accounts.queries import count_users


@get("/healthz", include_in_schema=False)
async def is_alive() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@get("/ready", include_in_schema=False)
async def is_ready(db: Database) -> dict[str, str]:
    """The database answers as well; 503 otherwise."""
    await db.read(count_users)
    return {"status": "ready", "database": db.kind}


handlers = [is_alive, is_ready]
