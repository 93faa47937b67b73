"""Accounts as the rest of the server sees them."""

from __future__ import annotations

from typing import Literal

import msgspec

Role = Literal["viewer", "member", "admin"]


class Caller(msgspec.Struct, frozen=True):
    """The user behind a request. Made once per request from a key or a session."""

    user_id: int
    username: str
    name: str
    email: str
    is_admin: bool
    entity_id: int
    """The personal entity, where runs go when no entity is named."""
    default_entity: str
    entity_roles: dict[int, Role]
    """Entity id to role: the personal entity (admin) and every team."""
