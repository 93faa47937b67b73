"""Finding other users. Only those with whom the caller shares an entity can be found."""

from __future__ import annotations

from sqlalchemy.engine import Connection

from steelyard.server.rooms.accounts.model import Caller, User
from steelyard.server.rooms.accounts.queries import (
    find_user,
    find_user_by_email,
    get_caller,
    get_user_by_id,
    list_users,
)


def list_known_users(
    conn: Connection, caller: Caller, query: str | None, *, after: str, limit: int
) -> list[User]:
    """Users named `query` (username or address), or without a query all, by username.

    Admins of the server find everybody; others themselves and those they share a team with, and
    without a query only themselves.
    """
    if query:
        found = find_user(conn, query) or find_user_by_email(conn, query)
        is_known = found is not None and (caller.is_admin or _share_entity(conn, caller, found))
        return [found] if found is not None and is_known and found.username > after else []
    if caller.is_admin:
        return list_users(conn, after=after, limit=limit)
    return [] if caller.username <= after else [get_user_by_id(conn, caller.user_id)]


def _share_entity(conn: Connection, caller: Caller, user: User) -> bool:
    return bool(set(get_caller(conn, user.id).entity_roles) & set(caller.entity_roles))
