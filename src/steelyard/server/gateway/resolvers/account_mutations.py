"""Changes of projects, keys, users and teams."""

from __future__ import annotations

import secrets
from typing import Any

from steelyard.errors import Invalid, NotFound
from steelyard.server.gateway.context import Context, Fields
from steelyard.server.gateway.ids import decode_id, encode_id
from steelyard.server.rooms.accounts import commands
from steelyard.server.rooms.accounts.model import Role, User
from steelyard.server.rooms.accounts.policy import require_administered, require_server_admin
from steelyard.server.rooms.accounts.queries import (
    find_entity,
    find_user,
    find_user_by_email,
    get_user,
)
from steelyard.server.rooms.projects.commands import ensure_project, update_project
from steelyard.server.rooms.projects.policy import get_readable_project


def upsert_model(_source: Any, context: Context, input: dict[str, Any]) -> dict[str, Any]:
    project, is_inserted = ensure_project(
        context.conn,
        caller=context.caller,
        entity=input.get("entity_name") or "",
        name=input.get("name") or "",
        now_us=context.now_us,
    )
    update_project(
        context.conn,
        project,
        description=input.get("description"),
        access=input.get("access"),
    )
    changed = get_readable_project(context.conn, context.caller, project.entity, project.name)
    return {"project": changed, "model": changed, "inserted": is_inserted}


def generate_api_key(_source: Any, context: Context, input: dict[str, Any]) -> dict[str, Any]:
    key = commands.create_api_key(
        context.conn,
        user_id=context.caller.user_id,
        name=input.get("description") or "",
        now_us=context.now_us,
    )
    return {"api_key": key}


def delete_api_key(_source: Any, context: Context, input: dict[str, Any]) -> dict[str, Any]:
    key_id = decode_id("ApiKey", input["id"])
    commands.delete_api_key(context.conn, user_id=context.caller.user_id, key_id=key_id)
    context.are_accounts_changed = True
    return {"success": True}


def create_user(_source: Any, context: Context, input: dict[str, Any]) -> dict[str, Any]:
    require_server_admin(context.caller)
    email = input["email"]
    user = commands.create_user(
        context.conn,
        username=email.partition("@")[0],
        email=email,
        now_us=context.now_us,
        is_admin=bool(input.get("admin")),
    )
    return {"user": user}


def create_team(_source: Any, context: Context, input: dict[str, Any]) -> dict[str, Any]:
    owner_name = input.get("team_admin_user_name") or context.caller.username
    if owner_name != context.caller.username:
        require_server_admin(context.caller)
    team = commands.create_team(
        context.conn,
        name=input["team_name"],
        owner=get_user(context.conn, owner_name),
        organization=None,
        now_us=context.now_us,
    )
    context.are_accounts_changed = True
    return {"entity": team}


def create_invite(_source: Any, context: Context, input: dict[str, Any]) -> dict[str, Any]:
    """Make a user a member at once: there are no invitations to accept."""
    team = require_administered(
        context.caller, find_entity(context.conn, input["entity_name"]), input["entity_name"]
    )
    user = _find_invited(context, input)
    role: Role = "admin" if input.get("admin") else "member"
    commands.set_member(context.conn, entity_id=team.id, user_id=user.id, role=role)
    context.are_accounts_changed = True
    invite = {
        "id": encode_id("User", user.id),
        "name": user.name,
        "email": user.email,
        "created_at": context.now_us,
        "to_user": user,
    }
    return {"invite": invite}


def _find_invited(context: Context, given: dict[str, Any]) -> User:
    name = given.get("username") or given.get("email")
    if not name:
        raise Invalid("an invite needs a username or an email address")
    user = find_user(context.conn, name) or find_user_by_email(context.conn, name)
    if user is None:
        raise NotFound(f"no user {name!r}; an admin can make one: steelyard user add {name}")
    return user


def delete_invite(_source: Any, context: Context, input: dict[str, Any]) -> dict[str, Any]:
    name = input.get("entity_name") or ""
    team = require_administered(context.caller, find_entity(context.conn, name), name)
    user_id = decode_id("User", input.get("id") or "")
    commands.delete_member(context.conn, entity_id=team.id, user_id=user_id)
    context.are_accounts_changed = True
    return {"success": True}


def create_service_account(
    _source: Any,
    context: Context,
    input: dict[str, Any],
) -> dict[str, Any]:
    """A user without a password in the team. Its key is made with `steelyard key create`."""
    name = input["entity_name"]
    team = require_administered(context.caller, find_entity(context.conn, name), name)
    user = commands.create_user(
        context.conn,
        username=f"service-{secrets.token_hex(6)}",
        name=input["description"],
        now_us=context.now_us,
        is_service=True,
    )
    commands.set_member(context.conn, entity_id=team.id, user_id=user.id, role="member")
    context.are_accounts_changed = True
    return {"user": user}


MUTATION: Fields = {
    "upsertModel": upsert_model,
    "generateApiKey": generate_api_key,
    "deleteApiKey": delete_api_key,
    "createUser": create_user,
    "createTeam": create_team,
    "createInvite": create_invite,
    "deleteInvite": delete_invite,
    "createServiceAccount": create_service_account,
}
