"""Writes to accounts. Secrets are made by the caller's machine and stored as hashes only."""

from __future__ import annotations

import secrets

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from steelyard.errors import Conflict, Invalid, NotFound
from steelyard.limits import (
    API_KEY_SECRET_CHARS_MIN,
    LOGIN_TOKEN_MINUTES,
    NAME_CHARS_MAX,
    SESSION_DAYS,
)
from steelyard.server.db.dialect import insert
from steelyard.server.rooms.accounts.model import (
    Entity,
    EntityKind,
    NewApiKey,
    Organization,
    Role,
    User,
)
from steelyard.server.rooms.accounts.names import check_entity_name
from steelyard.server.rooms.accounts.queries import (
    count_users,
    find_entity,
    find_secret,
    get_user,
    get_user_by_id,
    hash_secret,
)
from steelyard.server.rooms.accounts.tables import (
    api_keys,
    entities,
    login_tokens,
    members,
    organization_members,
    organizations,
    server_secrets,
    sessions,
    users,
)

MINUTE_US = 60_000_000
DAY_US = 24 * 60 * MINUTE_US
KEY_USE_RESOLUTION_US = 10 * MINUTE_US
_CHOSEN_KEY_CHARS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")


# ---- users


def create_user(
    conn: Connection,
    *,
    username: str,
    now_us: int,
    name: str = "",
    email: str = "",
    password_hash: str | None = None,
    is_admin: bool = False,
    is_service: bool = False,
) -> User:
    """A user and the personal entity of the same name. Conflict when the name is taken."""
    entity = create_entity(conn, name=username, kind="user", now_us=now_us)
    user_id = conn.execute(
        insert(conn, users)
        .values(
            username=username,
            name=name or username,
            email=email,
            password_hash=password_hash,
            is_admin=is_admin,
            is_service=is_service,
            entity_id=entity.id,
            created_at_us=now_us,
        )
        .returning(users.c.id)
    ).scalar_one()
    return get_user_by_id(conn, user_id)


def create_owner(conn: Connection, *, username: str, now_us: int) -> NewApiKey | None:
    """The first user, an admin, and its key; None when there is any user already."""
    if count_users(conn):
        return None
    user = create_user(conn, username=username, now_us=now_us, is_admin=True)
    return create_api_key(conn, user_id=user.id, name="owner.key", now_us=now_us)


def update_user(
    conn: Connection,
    username: str,
    *,
    password_hash: str | None = None,
    is_admin: bool | None = None,
) -> User:
    """Change what is not None. A new password ends the sessions of the user."""
    user = get_user(conn, username)
    if is_admin is False:
        require_other_admin(conn, user)
    changes: dict[str, object] = {}
    if password_hash is not None:
        changes["password_hash"] = password_hash
        conn.execute(sa.delete(sessions).where(sessions.c.user_id == user.id))
    if is_admin is not None:
        changes["is_admin"] = is_admin
    if changes:
        conn.execute(sa.update(users).where(users.c.id == user.id).values(changes))
    return get_user_by_id(conn, user.id)


def delete_user_row(conn: Connection, user: User) -> None:
    """The user and the personal entity, which must be empty by now (see offboarding)."""
    for table in (api_keys, sessions, login_tokens, members, organization_members):
        conn.execute(sa.delete(table).where(table.c.user_id == user.id))
    conn.execute(sa.delete(users).where(users.c.id == user.id))
    conn.execute(sa.delete(entities).where(entities.c.id == user.entity_id))


def require_other_admin(conn: Connection, user: User) -> None:
    """Conflict when the server would be left without any admin."""
    other = sa.exists().where(users.c.is_admin.is_(True), users.c.id != user.id)
    if user.is_admin and not conn.execute(sa.select(other)).scalar_one():
        raise Conflict(f"{user.username!r} is the last admin; make another user an admin first")


# ---- entities, teams, organisations


def create_entity(
    conn: Connection,
    *,
    name: str,
    kind: EntityKind,
    now_us: int,
    organization_id: int | None = None,
) -> Entity:
    """An owner of projects; Conflict when any user, team or organisation has the name."""
    check_entity_name(name)
    entity_id = conn.execute(
        insert(conn, entities)
        .values(name=name, kind=kind, organization_id=organization_id, created_at_us=now_us)
        .on_conflict_do_nothing(index_elements=["name"])
        .returning(entities.c.id)
    ).scalar()
    if entity_id is None:
        taken = find_entity(conn, name)
        raise Conflict(f"the name {name!r} is taken by a {taken.kind if taken else 'user'}")
    return Entity(id=entity_id, name=name, kind=kind, organization_id=organization_id)


def create_team(
    conn: Connection, *, name: str, owner: User, organization: Organization | None, now_us: int
) -> Entity:
    """A team with its first member, the owner, as admin."""
    entity = create_entity(
        conn,
        name=name,
        kind="team",
        now_us=now_us,
        organization_id=organization.id if organization else None,
    )
    set_member(conn, entity_id=entity.id, user_id=owner.id, role="admin")
    return entity


def set_member(conn: Connection, *, entity_id: int, user_id: int, role: Role) -> None:
    """Make the user a member of the team with this role."""
    conn.execute(
        insert(conn, members)
        .values(entity_id=entity_id, user_id=user_id, role=role)
        .on_conflict_do_update(index_elements=["entity_id", "user_id"], set_={"role": role})
    )


def delete_member(conn: Connection, *, entity_id: int, user_id: int) -> None:
    """Take the user out of the team; nothing happens when it is no member."""
    conn.execute(
        sa.delete(members).where(members.c.entity_id == entity_id, members.c.user_id == user_id)
    )


def create_organization(conn: Connection, *, name: str, owner: User, now_us: int) -> Organization:
    """An organisation, its entity and its first admin."""
    check_entity_name(name)
    organization_id = conn.execute(
        insert(conn, organizations)
        .values(name=name, created_at_us=now_us)
        .on_conflict_do_nothing(index_elements=["name"])
        .returning(organizations.c.id)
    ).scalar()
    if organization_id is None:
        raise Conflict(f"there is an organisation {name!r} already")
    create_entity(
        conn,
        name=_free_entity_name(conn, name),
        kind="organization",
        now_us=now_us,
        organization_id=organization_id,
    )
    organization = Organization(id=organization_id, name=name)
    set_organization_member(conn, organization=organization, user_id=owner.id, role="admin")
    return organization


def set_organization_member(
    conn: Connection, *, organization: Organization, user_id: int, role: Role
) -> None:
    """Make the user a member of the organisation with this role."""
    conn.execute(
        insert(conn, organization_members)
        .values(organization_id=organization.id, user_id=user_id, role=role)
        .on_conflict_do_update(index_elements=["organization_id", "user_id"], set_={"role": role})
    )


def delete_entity_row(conn: Connection, entity_id: int) -> None:
    """A team or the entity of an organisation, which must be empty by now (see offboarding)."""
    conn.execute(sa.delete(members).where(members.c.entity_id == entity_id))
    conn.execute(sa.delete(entities).where(entities.c.id == entity_id))


def delete_organization_row(conn: Connection, organization_id: int) -> None:
    """The organisation itself, after its entities."""
    conn.execute(
        sa.delete(organization_members).where(
            organization_members.c.organization_id == organization_id
        )
    )
    conn.execute(sa.delete(organizations).where(organizations.c.id == organization_id))


def _free_entity_name(conn: Connection, name: str) -> str:
    """The entity of an organisation has its name, unless a user or a team has it already."""
    return name if find_entity(conn, name) is None else f"{name[: NAME_CHARS_MAX - 4]}_org"


# ---- keys


def create_api_key(
    conn: Connection, *, user_id: int, name: str, now_us: int, chosen: str | None = None
) -> NewApiKey:
    """A new key. `chosen` sets it (tests only): Invalid when clients would refuse it."""
    if len(name) > NAME_CHARS_MAX:
        raise Invalid(f"a key's name may have at most {NAME_CHARS_MAX} characters")
    if chosen is not None:
        check_chosen_key(chosen)
    key = chosen or secrets.token_hex(20)
    key_id = conn.execute(
        insert(conn, api_keys)
        .values(
            user_id=user_id,
            name=name,
            hint=key[-4:],
            prefix=key[:8],
            key_sha256=hash_secret(key),
            created_at_us=now_us,
        )
        .on_conflict_do_nothing(index_elements=["key_sha256"])
        .returning(api_keys.c.id)
    ).scalar()
    if key_id is None:
        raise Conflict("that API key is in use; choose another")
    return NewApiKey(id=key_id, name=name, key=key)


def check_chosen_key(key: str) -> None:
    """Invalid unless official clients accept the key: after the first '-', 40 characters."""
    # wandb 0.31.0 sdk/lib/apikey.py: the part after the first dash must match [\w-]+, >= 40 long.
    secret = key.partition("-")[2] or key
    if len(secret) < API_KEY_SECRET_CHARS_MIN or not _CHOSEN_KEY_CHARS.issuperset(key):
        raise Invalid(
            f"a key needs {API_KEY_SECRET_CHARS_MIN} or more letters, digits, '_' or '-' "
            "(after its prefix, if it has one)"
        )


def replace_chosen_key(conn: Connection, *, user_id: int, key: str, now_us: int) -> None:
    """Make `key` the only chosen key of the user."""
    conn.execute(
        sa.delete(api_keys).where(api_keys.c.user_id == user_id, api_keys.c.name == CHOSEN_NAME)
    )
    create_api_key(conn, user_id=user_id, name=CHOSEN_NAME, now_us=now_us, chosen=key)


CHOSEN_NAME = "chosen"


def delete_api_key(conn: Connection, *, user_id: int, key_id: int) -> None:
    """Revoke a key of this user; NotFound when it is not theirs."""
    deleted = conn.execute(
        sa.delete(api_keys)
        .where(api_keys.c.id == key_id, api_keys.c.user_id == user_id)
        .returning(api_keys.c.id)
    ).scalar()
    if deleted is None:
        raise NotFound(f"you have no API key with the id {key_id}")


def record_key_use(conn: Connection, key_id: int, now_us: int) -> None:
    """Note when a key was last used, to ten minutes."""
    stale = sa.or_(
        api_keys.c.last_used_at_us.is_(None),
        api_keys.c.last_used_at_us < now_us - KEY_USE_RESOLUTION_US,
    )
    conn.execute(
        sa.update(api_keys).where(api_keys.c.id == key_id, stale).values(last_used_at_us=now_us)
    )


# ---- signing in


def create_session(conn: Connection, *, user_id: int, now_us: int) -> str:
    """A new session; its token is returned once and stored hashed."""
    token = secrets.token_urlsafe(32)
    conn.execute(
        insert(conn, sessions).values(
            token_sha256=hash_secret(token),
            user_id=user_id,
            created_at_us=now_us,
            expires_at_us=now_us + SESSION_DAYS * DAY_US,
        )
    )
    return token


def delete_session(conn: Connection, token: str) -> None:
    """Sign out. Nothing happens for a session that ended already."""
    conn.execute(sa.delete(sessions).where(sessions.c.token_sha256 == hash_secret(token)))


def create_login_token(conn: Connection, *, username: str, now_us: int) -> str:
    """A token that signs the user in once, within LOGIN_TOKEN_MINUTES."""
    user = get_user(conn, username)
    token = secrets.token_urlsafe(32)
    conn.execute(
        insert(conn, login_tokens).values(
            token_sha256=hash_secret(token),
            user_id=user.id,
            expires_at_us=now_us + LOGIN_TOKEN_MINUTES * MINUTE_US,
        )
    )
    return token


def redeem_login_token(conn: Connection, token: str, now_us: int) -> str | None:
    """Turn a one-time token into a session; None when it was used or expired."""
    row = conn.execute(
        sa.delete(login_tokens)
        .where(login_tokens.c.token_sha256 == hash_secret(token))
        .returning(login_tokens.c.user_id, login_tokens.c.expires_at_us)
    ).first()
    if row is None or row.expires_at_us <= now_us:
        return None
    return create_session(conn, user_id=row.user_id, now_us=now_us)


def delete_expired_secrets(conn: Connection, now_us: int) -> int:
    """Remove sessions and one-time tokens that no longer work; how many there were."""
    return sum(
        conn.execute(sa.delete(table).where(table.c.expires_at_us <= now_us)).rowcount
        for table in (sessions, login_tokens)
    )


def get_or_create_secret(conn: Connection, name: str) -> bytes:
    """32 random bytes under this name, the same for all servers on the database."""
    found = find_secret(conn, name)
    if found is not None:
        return found
    conn.execute(
        insert(conn, server_secrets)
        .values(name=name, value=secrets.token_bytes(32))
        .on_conflict_do_nothing(index_elements=["name"])
    )
    kept = find_secret(conn, name)
    assert kept is not None
    return kept
