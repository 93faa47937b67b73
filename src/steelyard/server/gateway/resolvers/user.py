"""Users and their keys."""

from __future__ import annotations

from typing import Any

from steelyard.server.gateway.context import Context, Fields
from steelyard.server.gateway.ids import encode_id
from steelyard.server.rooms.accounts.model import ApiKey, NewApiKey, Organization, User
from steelyard.server.rooms.accounts.queries import (
    get_caller,
    list_api_keys,
    list_entity_roles,
    list_organizations,
)


def user_id(user: User, _context: Context) -> str:
    return encode_id("User", user.id)


def admin(user: User, _context: Context) -> bool:
    return user.is_admin


def flags(_user: User, _context: Context) -> str:
    # wandb 0.31.0 parses it: code saving is the only switch it reads.
    return '{"code_saving_enabled":true}'


def entity(user: User, _context: Context) -> str:
    return user.username  # every user has an entity of the same name


def nothing(_user: User, _context: Context) -> None:
    return None


def api_keys(user: User, context: Context) -> dict[str, Any]:
    is_own = user.id == context.caller.user_id
    keys = list_api_keys(context.conn, user.id) if is_own else []
    return {"edges": [{"node": key} for key in keys]}


def teams(user: User, context: Context) -> dict[str, Any]:
    """Entities of the user that the caller may know of."""
    theirs = get_caller(context.conn, user.id)
    found = [
        role
        for role in list_entity_roles(context.conn, theirs)
        if role.kind != "organization"
        and (context.caller.is_admin or role.id in context.caller.entity_roles)
    ]
    return {"edges": [{"node": role} for role in found]}


def organizations(user: User, context: Context) -> list[Organization]:
    if user.id != context.caller.user_id and not context.caller.is_admin:
        return []
    return list_organizations(context.conn, user.id)


def key_id(key: ApiKey | NewApiKey, _context: Context) -> str:
    return encode_id("ApiKey", key.id)


def key_name(key: ApiKey | NewApiKey, _context: Context) -> str:
    # wandb 0.31.0 apis/public/users.py: the name of a key that was just made is the key; later it
    # is how the key begins.
    return key.key if isinstance(key, NewApiKey) else key.prefix


def key_description(key: ApiKey | NewApiKey, _context: Context) -> str:
    return key.name


USER: Fields = {
    "id": user_id,
    "admin": admin,
    "flags": flags,
    "entity": entity,
    "deletedAt": nothing,
    "photoUrl": nothing,
    "apiKeys": api_keys,
    "teams": teams,
    "organizations": organizations,
}
API_KEY: Fields = {"id": key_id, "name": key_name, "description": key_description}
