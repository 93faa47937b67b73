"""Sessions and one-time links that no longer work are removed."""

from __future__ import annotations

from collections.abc import Callable

from steelyard.server.db.interface import Database
from steelyard.server.rooms.accounts.commands import delete_expired_secrets
from steelyard.server.tasks.runner import Task


def expired_secrets_task(db: Database, now_us: Callable[[], int]) -> Task:
    """Every hour; they are refused from the moment they expire anyway."""

    async def run() -> None:
        await db.write(delete_expired_secrets, now_us())

    return Task(name="expired secrets", run=run, every_s=3600, first_after_s=60)
