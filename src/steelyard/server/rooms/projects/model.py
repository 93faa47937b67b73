"""Projects as the rest of the server sees them."""

from __future__ import annotations

import msgspec


class Project(msgspec.Struct, frozen=True):
    """One project; `entity` is the name of the entity that owns it."""

    id: int
    entity_id: int
    entity: str
    name: str
    description: str | None
    access: str
    created_at_us: int
    last_activity_us: int
