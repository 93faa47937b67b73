"""Whose storage a caller is told of, and where sharing is looked for."""

from __future__ import annotations

from steelyard.server.rooms.accounts.model import Caller


def visible_entities(caller: Caller) -> list[int] | None:
    """Entities whose contents count for this caller; None: those of the whole server."""
    return None if caller.is_admin else list(caller.entity_roles)
