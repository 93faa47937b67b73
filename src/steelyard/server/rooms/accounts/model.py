"""Accounts as the rest of the server sees them."""

from __future__ import annotations

from typing import Literal

import msgspec

#: Where a path has to name an entity, this names the caller's own.
OWN_ENTITY = "-"
Role = Literal["viewer", "member", "admin"]
EntityKind = Literal["user", "team", "organization"]


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
    """Entity id to role: the personal entity (admin), every team and every organisation."""

    def entity_named(self, name: str) -> str:
        """The entity that a path means: the caller's own where it says "-" or nothing."""
        return self.default_entity if name in ("", OWN_ENTITY) else name


class User(msgspec.Struct, frozen=True):
    """One person or service account."""

    id: int
    username: str
    name: str
    email: str
    is_admin: bool
    is_service: bool
    has_password: bool
    entity_id: int
    created_at_us: int


class Entity(msgspec.Struct, frozen=True):
    """The owner of projects: a person, a team or an organisation."""

    id: int
    name: str
    kind: EntityKind
    organization_id: int | None


class EntityRole(msgspec.Struct, frozen=True):
    """An entity and what the caller is in it."""

    id: int
    name: str
    kind: EntityKind
    role: Role


class Organization(msgspec.Struct, frozen=True):
    """A set of teams and people; its entity has the same name."""

    id: int
    name: str


class Member(msgspec.Struct, frozen=True):
    """A user in a team."""

    user_id: int
    username: str
    name: str
    email: str
    role: Role


class ApiKey(msgspec.Struct, frozen=True):
    """What is known of a key after it was shown once."""

    id: int
    name: str
    hint: str
    prefix: str
    created_at_us: int
    last_used_at_us: int | None


class NewApiKey(msgspec.Struct, frozen=True):
    """A key on its way to its owner: the only time it can be read."""

    id: int
    name: str
    key: str


class KeyHolder(msgspec.Struct, frozen=True):
    """Whose key it is."""

    key_id: int
    is_service: bool
    caller: Caller
