"""Entities, their members, and organisations."""

from __future__ import annotations

from typing import Any

from steelyard.server.gateway.context import Context, Fields
from steelyard.server.gateway.ids import encode_id
from steelyard.server.rooms.accounts.model import (
    Entity,
    EntityRole,
    Member,
    Organization,
    User,
)
from steelyard.server.rooms.accounts.policy import may_administer_entity, may_write_entity
from steelyard.server.rooms.accounts.queries import (
    find_entity,
    find_organization_by_id,
    find_user,
    list_members,
)

AnyEntity = Entity | EntityRole

_TYPES = {"user": "USER", "team": "TEAM", "organization": "ORGANIZATION"}


def entity_id(entity: AnyEntity, _context: Context) -> str:
    return encode_id("Entity", entity.id)


def available(_entity: AnyEntity, _context: Context) -> bool:
    return False  # the name is taken


def read_only(entity: AnyEntity, context: Context) -> bool:
    return not may_write_entity(context.caller, entity.id)


def read_only_admin(entity: AnyEntity, context: Context) -> bool:
    return not may_administer_entity(context.caller, entity.id)


def is_team(entity: AnyEntity, _context: Context) -> bool:
    return entity.kind == "team"


def entity_type(entity: AnyEntity, _context: Context) -> str:
    # wandb 0.28.2 tests/system_tests/test_api: the type of an organisation's entity.
    return "organization" if entity.kind == "organization" else _TYPES[entity.kind]


def no(_entity: AnyEntity, _context: Context) -> bool:
    return False


def yes(_entity: AnyEntity, _context: Context) -> bool:
    return True


def zero(_entity: AnyEntity, _context: Context) -> int:
    return 0


def default_access(_entity: AnyEntity, _context: Context) -> str:
    return "PRIVATE"


def nothing(_source: Any, _context: Context) -> None:
    return None


def members(entity: AnyEntity, context: Context) -> list[Member | User]:
    """Members of a team; of a personal entity its one user."""
    if entity.kind == "user":
        owner = find_user(context.conn, entity.name)
        return [owner] if owner else []
    return list(list_members(context.conn, entity.id))


def organization(entity: AnyEntity, context: Context) -> Organization | None:
    found = find_entity(context.conn, entity.name)
    if found is None or found.organization_id is None:
        return None
    return find_organization_by_id(context.conn, found.organization_id)


def user(entity: AnyEntity, context: Context) -> User | None:
    return find_user(context.conn, entity.name) if entity.kind == "user" else None


def member_id(member: Member | User, _context: Context) -> str:
    return encode_id("User", member.id if isinstance(member, User) else member.user_id)


def is_member_admin(member: Member | User, _context: Context) -> bool:
    return isinstance(member, User) or member.role == "admin"


def account_type(member: Member | User, _context: Context) -> str:
    return "USER" if isinstance(member, User) else member.role.upper()


def organization_id(found: Organization, _context: Context) -> str:
    return encode_id("Organization", found.id)


def org_entity(found: Organization, context: Context) -> Entity | None:
    return find_entity(context.conn, found.name) or find_entity(context.conn, f"{found.name}_org")


def feature_flags(_found: Organization, _context: Context, **_arguments: Any) -> list[Any]:
    return []


ENTITY: Fields = {
    "id": entity_id,
    "available": available,
    "photoUrl": nothing,
    "readOnly": read_only,
    "readOnlyAdmin": read_only_admin,
    "isTeam": is_team,
    "entityType": entity_type,
    "privateOnly": no,
    "storageBytes": zero,
    "codeSavingEnabled": yes,
    "defaultAccess": default_access,
    "isPaid": no,
    "limits": nothing,
    "members": members,
    "organization": organization,
    "user": user,
    "xxhashDigestsEnabled": no,
}
MEMBER: Fields = {
    "id": member_id,
    "admin": is_member_admin,
    "pending": no,
    "photoUrl": nothing,
    "accountType": account_type,
    "apiKey": nothing,
}
ORGANIZATION: Fields = {
    "id": organization_id,
    "orgEntity": org_entity,
    "coreWeaveOrganizationId": nothing,
    "featureFlags": feature_flags,
}
