"""Admin API: users, organisations and teams, made by programs (often tests) by the hundred."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import msgspec
from litestar import delete, patch, post
from sqlalchemy.engine import Connection

from steelyard.errors import Forbidden
from steelyard.server.db.interface import Database
from steelyard.server.http.auth import Authenticator
from steelyard.server.rooms.accounts.commands import (
    create_api_key,
    create_organization,
    create_team,
    create_user,
    replace_chosen_key,
    set_organization_member,
    update_user,
)
from steelyard.server.rooms.accounts.model import Caller, Entity, Organization, Role, User
from steelyard.server.rooms.accounts.passwords import hash_password
from steelyard.server.rooms.accounts.policy import require_server_admin
from steelyard.server.rooms.accounts.queries import get_organization, get_user
from steelyard.server.rooms.offboarding.commands import (
    delete_organization,
    delete_some_runs_of,
    delete_user,
    list_entities_of_organization,
    list_entities_of_user,
)
from steelyard.server.settings import ServerSettings

Clock = Callable[[], int]


class NewUser(msgspec.Struct, frozen=True):
    """A user to make. Without `api_key` the server makes one and returns it once."""

    username: str
    email: str = ""
    password: str | None = None
    admin: bool = False
    api_key: str | None = None


class UserChanges(msgspec.Struct, frozen=True):
    """What to change; null leaves it."""

    password: str | None = None
    admin: bool | None = None
    api_key: str | None = None


class UserMade(msgspec.Struct, frozen=True):
    """A user as the admin API answers; `api_key` only when the server made it just now."""

    username: str
    email: str
    admin: bool
    api_key: str | None = None


class NewOrganization(msgspec.Struct, frozen=True):
    """An organisation to make, and the user who becomes its admin."""

    name: str
    owner: str


class OrganizationMember(msgspec.Struct, frozen=True):
    """A user to put into an organisation."""

    username: str
    role: Role = "member"


class NewTeam(msgspec.Struct, frozen=True):
    """A team to make; `plan` is accepted and means nothing here."""

    name: str
    owner: str
    organization: str | None = None
    plan: str | None = None


class Named(msgspec.Struct, frozen=True):
    """The name of what was made or changed."""

    name: str


@post("/api/v1/admin/users", status_code=201)
async def add_user(
    data: NewUser, caller: Caller, db: Database, settings: ServerSettings, now_us: Clock
) -> UserMade:
    """Make a user with a personal entity. 409 when the name is taken."""
    require_server_admin(caller)
    refuse_chosen_key(data.api_key, settings)
    password_hash = await _hash(data.password)

    def create(conn: Connection) -> UserMade:
        user = create_user(
            conn,
            username=data.username,
            email=data.email,
            password_hash=password_hash,
            is_admin=data.admin,
            now_us=now_us(),
        )
        if data.api_key is not None:
            replace_chosen_key(conn, user_id=user.id, key=data.api_key, now_us=now_us())
            return _made(user)
        return _made(user, create_api_key(conn, user_id=user.id, name="first", now_us=now_us()).key)

    return await db.write(create)


@patch("/api/v1/admin/users/{username:str}")
async def change_user(
    username: str,
    data: UserChanges,
    caller: Caller,
    db: Database,
    settings: ServerSettings,
    authenticator: Authenticator,
    now_us: Clock,
) -> UserMade:
    """Change the password, the admin right or the chosen key of a user."""
    require_server_admin(caller)
    refuse_chosen_key(data.api_key, settings)
    password_hash = await _hash(data.password)

    def change(conn: Connection) -> UserMade:
        user = update_user(conn, username, password_hash=password_hash, is_admin=data.admin)
        if data.api_key is not None:
            replace_chosen_key(conn, user_id=user.id, key=data.api_key, now_us=now_us())
        return _made(user)

    changed = await db.write(change)
    authenticator.forget_callers()
    return changed


@delete("/api/v1/admin/users/{username:str}", status_code=204)
async def remove_user(
    username: str, caller: Caller, db: Database, authenticator: Authenticator, now_us: Clock
) -> None:
    """Remove a user with the personal entity and its projects."""
    require_server_admin(caller)
    await _delete_runs(db, await db.read(list_entities_of_user, username), now_us)
    await db.write(delete_user, username, now_us=now_us())
    authenticator.forget_callers()


@post("/api/v1/admin/organizations", status_code=201)
async def add_organization(
    data: NewOrganization,
    caller: Caller,
    db: Database,
    authenticator: Authenticator,
    now_us: Clock,
) -> Named:
    """Make an organisation and its entity; the owner becomes its admin."""
    require_server_admin(caller)

    def create(conn: Connection) -> Organization:
        owner = get_user(conn, data.owner)
        return create_organization(conn, name=data.name, owner=owner, now_us=now_us())

    made = await db.write(create)
    authenticator.forget_callers()
    return Named(made.name)


@delete("/api/v1/admin/organizations/{name:str}", status_code=204)
async def remove_organization(
    name: str, caller: Caller, db: Database, authenticator: Authenticator, now_us: Clock
) -> None:
    """Remove an organisation with its teams and their projects."""
    require_server_admin(caller)
    await _delete_runs(db, await db.read(list_entities_of_organization, name), now_us)
    await db.write(delete_organization, name, now_us=now_us())
    authenticator.forget_callers()


@post("/api/v1/admin/organizations/{name:str}/members", status_code=200)
async def add_organization_member(
    name: str, data: OrganizationMember, caller: Caller, db: Database, authenticator: Authenticator
) -> OrganizationMember:
    """Put a user into an organisation, or change the role there."""
    require_server_admin(caller)

    def add(conn: Connection) -> None:
        organization = get_organization(conn, name)
        user = get_user(conn, data.username)
        set_organization_member(conn, organization=organization, user_id=user.id, role=data.role)

    await db.write(add)
    authenticator.forget_callers()
    return data


@post("/api/v1/admin/teams", status_code=201)
async def add_team(
    data: NewTeam, caller: Caller, db: Database, authenticator: Authenticator, now_us: Clock
) -> Named:
    """Make a team; the owner becomes its admin."""
    require_server_admin(caller)

    def create(conn: Connection) -> Entity:
        organization = get_organization(conn, data.organization) if data.organization else None
        owner = get_user(conn, data.owner)
        return create_team(
            conn, name=data.name, owner=owner, organization=organization, now_us=now_us()
        )

    made = await db.write(create)
    authenticator.forget_callers()
    return Named(made.name)


def refuse_chosen_key(key: str | None, settings: ServerSettings) -> None:
    """Forbidden where keys may not be chosen."""
    if key is not None and not settings.allow_chosen_api_keys:
        raise Forbidden(
            "this server makes API keys itself; leave api_key out, or start it with "
            "--allow-chosen-api-keys (tests only)"
        )


async def _hash(password: str | None) -> str | None:
    if password is None:
        return None
    return await asyncio.to_thread(hash_password, password, in_bulk=True)


async def _delete_runs(db: Database, entity_ids: Sequence[int], now_us: Clock) -> None:
    while await db.write(delete_some_runs_of, entity_ids, now_us=now_us()):
        pass


def _made(user: User, api_key: str | None = None) -> UserMade:
    return UserMade(user.username, user.email, user.is_admin, api_key)


handlers = [
    add_user,
    change_user,
    remove_user,
    add_organization,
    remove_organization,
    add_organization_member,
    add_team,
]
