"""Reads of accounts."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from steelyard.errors import EntityNotFound, NotFound
from steelyard.server.rooms.accounts.model import (
    ApiKey,
    Caller,
    Entity,
    EntityRole,
    KeyHolder,
    Member,
    Organization,
    Role,
    User,
)
from steelyard.server.rooms.accounts.tables import (
    api_keys,
    entities,
    members,
    organization_members,
    organizations,
    server_secrets,
    sessions,
    users,
)


def hash_secret(secret: str) -> bytes:
    """How keys and tokens are stored. They are random, so nothing slow is needed."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


# ---- callers


def find_key_holder(conn: Connection, key: str) -> KeyHolder | None:
    """Whose key this is; None for a key that does not exist (any more)."""
    found = conn.execute(
        sa.select(api_keys.c.id, api_keys.c.user_id).where(
            api_keys.c.key_sha256 == hash_secret(key)
        )
    ).first()
    if found is None:
        return None
    user = get_user_by_id(conn, found.user_id)
    return KeyHolder(key_id=found.id, is_service=user.is_service, caller=_caller_of(conn, user))


def find_session_caller(conn: Connection, token: str, now_us: int) -> Caller | None:
    """Who is signed in with this session token; None when it expired or was ended."""
    user_id = conn.execute(
        sa.select(sessions.c.user_id).where(
            sessions.c.token_sha256 == hash_secret(token), sessions.c.expires_at_us > now_us
        )
    ).scalar()
    return None if user_id is None else get_caller(conn, user_id)


def get_caller(conn: Connection, user_id: int) -> Caller:
    """The user as a caller, with every role."""
    return _caller_of(conn, get_user_by_id(conn, user_id))


def find_represented_caller(conn: Connection, service: Caller, username: str) -> Caller | None:
    """The user a service account acts for: roles of the service, name of the user.

    None unless the user shares a team with the service account.
    """
    user = find_user(conn, username)
    if user is None:
        return None
    roles = _roles_of(conn, user)
    if not set(roles) & set(service.entity_roles):
        return None
    return Caller(
        user_id=user.id,
        username=user.username,
        name=user.name,
        email=user.email,
        is_admin=service.is_admin,
        entity_id=service.entity_id,
        default_entity=service.default_entity,
        entity_roles=service.entity_roles,
    )


def _caller_of(conn: Connection, user: User) -> Caller:
    entity = conn.execute(
        sa.select(entities.c.name).where(entities.c.id == user.entity_id)
    ).scalar_one()
    return Caller(
        user_id=user.id,
        username=user.username,
        name=user.name,
        email=user.email,
        is_admin=user.is_admin,
        entity_id=user.entity_id,
        default_entity=entity,
        entity_roles=_roles_of(conn, user),
    )


def _roles_of(conn: Connection, user: User) -> dict[int, Role]:
    teams = sa.select(members.c.entity_id, members.c.role).where(members.c.user_id == user.id)
    in_organizations = (
        sa.select(entities.c.id, organization_members.c.role)
        .join(entities, entities.c.organization_id == organization_members.c.organization_id)
        .where(organization_members.c.user_id == user.id, entities.c.kind == "organization")
    )
    rows = conn.execute(teams.union_all(in_organizations)).all()
    roles: dict[int, Role] = {user.entity_id: "admin"}
    roles.update((entity_id, cast("Role", role)) for entity_id, role in rows)
    return roles


# ---- users

_USER = sa.select(
    users.c.id,
    users.c.username,
    users.c.name,
    users.c.email,
    users.c.is_admin,
    users.c.is_service,
    users.c.password_hash.is_not(None).label("has_password"),
    users.c.entity_id,
    users.c.created_at_us,
)


def _user(row: Row[Any]) -> User:
    values = dict(row._mapping)
    values["has_password"] = bool(values["has_password"])
    return User(**values)


def find_user(conn: Connection, username: str) -> User | None:
    """The user of that name."""
    row = conn.execute(_USER.where(users.c.username == username)).first()
    return None if row is None else _user(row)


def get_user(conn: Connection, username: str) -> User:
    """The user of that name; NotFound otherwise."""
    user = find_user(conn, username)
    if user is None:
        raise NotFound(f"no user {username!r}; list them: steelyard user list")
    return user


def get_user_by_id(conn: Connection, user_id: int) -> User:
    """The user with that id, which must exist."""
    return _user(conn.execute(_USER.where(users.c.id == user_id)).one())


def get_first_admin(conn: Connection) -> User:
    """The admin who was there first: the owner, on most servers; NotFound when there is none."""
    first = _USER.where(users.c.is_admin.is_(True)).order_by(users.c.id).limit(1)
    row = conn.execute(first).first()
    if row is None:
        raise NotFound("there is no user yet; the first start makes one: steelyard up")
    return _user(row)


def find_user_by_email(conn: Connection, email: str) -> User | None:
    """The first user with that address."""
    row = conn.execute(_USER.where(users.c.email == email).order_by(users.c.id)).first()
    return None if row is None else _user(row)


def list_users(conn: Connection, *, after: str = "", limit: int) -> list[User]:
    """Users in order of their names, those after `after`."""
    page = _USER.where(users.c.username > after).order_by(users.c.username).limit(limit)
    return [_user(row) for row in conn.execute(page)]


def count_users(conn: Connection) -> int:
    return int(conn.execute(sa.select(sa.func.count()).select_from(users)).scalar_one())


def is_password_set(conn: Connection) -> bool:
    """Somebody can sign in with a password."""
    return bool(
        conn.execute(sa.select(sa.exists().where(users.c.password_hash.is_not(None)))).scalar_one()
    )


def find_password_hash(conn: Connection, username: str) -> tuple[int, str] | None:
    """(user id, argon2id hash) of a user that has a password; name or address."""
    row = conn.execute(
        sa.select(users.c.id, users.c.password_hash)
        .where(sa.or_(users.c.username == username, users.c.email == username))
        .where(users.c.password_hash.is_not(None))
        .order_by(users.c.username != username, users.c.id)
        .limit(1)
    ).first()
    return None if row is None else (row.id, row.password_hash)


# ---- entities and organisations

_ENTITY = sa.select(entities.c.id, entities.c.name, entities.c.kind, entities.c.organization_id)


def find_entity(conn: Connection, name: str) -> Entity | None:
    """The entity of that name, whoever asks. Policy decides what may be told of it."""
    row = conn.execute(_ENTITY.where(entities.c.name == name)).first()
    return None if row is None else Entity(**row._mapping)


def get_entity(conn: Connection, name: str) -> Entity:
    """The entity of that name; EntityNotFound otherwise."""
    entity = find_entity(conn, name)
    if entity is None:
        raise EntityNotFound(name)
    return entity


def list_entity_names(conn: Connection, entity_ids: Sequence[int]) -> dict[int, str]:
    """Entity id to name; ids that do not exist are left out."""
    chosen = sa.select(entities.c.id, entities.c.name).where(entities.c.id.in_(entity_ids))
    return {row.id: row.name for row in conn.execute(chosen)}


def list_usernames(conn: Connection, user_ids: Sequence[int | None]) -> dict[int, str]:
    """User id to username; ids that do not exist are left out."""
    wanted = sorted({user_id for user_id in user_ids if user_id is not None})
    chosen = sa.select(users.c.id, users.c.username).where(users.c.id.in_(wanted))
    return {row.id: row.username for row in conn.execute(chosen)}


def list_entity_roles(conn: Connection, caller: Caller) -> list[EntityRole]:
    """The entities of the caller: the personal one first, then by name."""
    rows = conn.execute(
        _ENTITY.where(entities.c.id.in_(list(caller.entity_roles))).order_by(
            entities.c.id != caller.entity_id, entities.c.name
        )
    )
    return [
        EntityRole(id=row.id, name=row.name, kind=row.kind, role=caller.entity_roles[row.id])
        for row in rows
    ]


def list_members(conn: Connection, entity_id: int) -> list[Member]:
    """Members of a team by name."""
    rows = conn.execute(
        sa.select(
            users.c.id.label("user_id"),
            users.c.username,
            users.c.name,
            users.c.email,
            members.c.role,
        )
        .join(users, users.c.id == members.c.user_id)
        .where(members.c.entity_id == entity_id)
        .order_by(users.c.username)
    )
    return [Member(**row._mapping) for row in rows]


def find_organization(conn: Connection, name: str) -> Organization | None:
    row = conn.execute(
        sa.select(organizations.c.id, organizations.c.name).where(organizations.c.name == name)
    ).first()
    return None if row is None else Organization(**row._mapping)


def get_organization(conn: Connection, name: str) -> Organization:
    """The organisation of that name; NotFound otherwise."""
    organization = find_organization(conn, name)
    if organization is None:
        raise NotFound(f"no organisation {name!r}")
    return organization


def find_organization_by_id(conn: Connection, organization_id: int) -> Organization | None:
    row = conn.execute(
        sa.select(organizations.c.id, organizations.c.name).where(
            organizations.c.id == organization_id
        )
    ).first()
    return None if row is None else Organization(**row._mapping)


def list_organizations(conn: Connection, user_id: int) -> list[Organization]:
    """Organisations the user is a member of, by name."""
    rows = conn.execute(
        sa.select(organizations.c.id, organizations.c.name)
        .join(organization_members, organization_members.c.organization_id == organizations.c.id)
        .where(organization_members.c.user_id == user_id)
        .order_by(organizations.c.name)
    )
    return [Organization(**row._mapping) for row in rows]


def list_organization_entities(conn: Connection, organization_id: int) -> list[int]:
    """Ids of the teams of an organisation and of its own entity."""
    mine = sa.select(entities.c.id).where(entities.c.organization_id == organization_id)
    return list(conn.execute(mine.order_by(entities.c.id)).scalars())


# ---- keys and secrets


def list_api_keys(conn: Connection, user_id: int) -> list[ApiKey]:
    """Keys of a user, newest first. The keys themselves are nowhere."""
    rows = conn.execute(
        sa.select(
            api_keys.c.id,
            api_keys.c.name,
            api_keys.c.hint,
            api_keys.c.prefix,
            api_keys.c.created_at_us,
            api_keys.c.last_used_at_us,
        )
        .where(api_keys.c.user_id == user_id)
        .order_by(api_keys.c.created_at_us.desc(), api_keys.c.id.desc())
    )
    return [ApiKey(**row._mapping) for row in rows]


def find_secret(conn: Connection, name: str) -> bytes | None:
    """A secret that all servers on this database share."""
    found = conn.execute(
        sa.select(server_secrets.c.value).where(server_secrets.c.name == name)
    ).scalar()
    return None if found is None else bytes(found)
