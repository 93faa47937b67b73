"""Who may do what with users, teams and organisations. Every edge asks here."""

from __future__ import annotations

from steelyard.errors import EntityNotFound, Forbidden
from steelyard.server.rooms.accounts.model import Caller, Entity, Role

WRITING_ROLES: frozenset[Role] = frozenset({"member", "admin"})


def may_read_entity(caller: Caller, entity_id: int) -> bool:
    """Members of any role, and admins of the server."""
    return caller.is_admin or entity_id in caller.entity_roles


def may_write_entity(caller: Caller, entity_id: int) -> bool:
    """Members that are more than viewers, and admins of the server."""
    return caller.is_admin or caller.entity_roles.get(entity_id) in WRITING_ROLES


def may_administer_entity(caller: Caller, entity_id: int) -> bool:
    """Admins of the team (one's own entity: oneself), and admins of the server."""
    return caller.is_admin or caller.entity_roles.get(entity_id) == "admin"


def require_readable(caller: Caller, entity: Entity | None, name: str) -> Entity:
    """The entity when the caller may see it; the same EntityNotFound when absent or foreign."""
    if entity is None or not may_read_entity(caller, entity.id):
        raise EntityNotFound(name)
    return entity


def require_writable(caller: Caller, entity: Entity | None, name: str) -> Entity:
    """The entity when the caller may put projects and runs there."""
    readable = require_readable(caller, entity, name)
    if not may_write_entity(caller, readable.id):
        raise Forbidden(f"you are a viewer in {name!r} and may not write; ask one of its admins")
    return readable


def require_administered(caller: Caller, entity: Entity | None, name: str) -> Entity:
    """The entity when the caller may change its members."""
    readable = require_readable(caller, entity, name)
    if not may_administer_entity(caller, readable.id):
        raise Forbidden(f"only admins of {name!r} may do this")
    return readable


def require_server_admin(caller: Caller) -> None:
    """Forbidden unless the caller runs the server."""
    if not caller.is_admin:
        raise Forbidden("only admins of this server may do this")
