"""Signing in and out, who am I, and API keys."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, delete, get, post
from litestar.response import Redirect
from sqlalchemy.engine import Connection

from steelyard import __version__
from steelyard.errors import Unauthenticated
from steelyard.limits import NAME_CHARS_MAX
from steelyard.server.db.interface import Database
from steelyard.server.http.auth import Authenticator
from steelyard.server.http.sessions import (
    expired_cookie,
    read_session_cookie,
    refuse_foreign_origin,
    session_cookie,
)
from steelyard.server.http.signing import Signer
from steelyard.server.http.throttle import LoginThrottle
from steelyard.server.rooms.accounts.commands import (
    create_api_key,
    create_session,
    delete_api_key,
    delete_session,
    redeem_login_token,
)
from steelyard.server.rooms.accounts.model import ApiKey, Caller, EntityKind, NewApiKey, Role
from steelyard.server.rooms.accounts.passwords import is_password_right
from steelyard.server.rooms.accounts.queries import (
    find_password_hash,
    list_api_keys,
    list_entity_roles,
)
from steelyard.server.settings import ServerSettings

AnyRequest = Request[Any, Any, Any]


class MyEntity(msgspec.Struct, frozen=True):
    """An entity that the caller is a member of."""

    name: str
    kind: EntityKind
    role: Role


class ServerFacts(msgspec.Struct, frozen=True):
    """What a page needs to know of the server."""

    id: str
    """The same as long as the database is: clients know by it what they sent to this one."""
    version: str
    base_url: str


class Me(msgspec.Struct, frozen=True):
    """The caller."""

    username: str
    name: str
    email: str
    is_admin: bool
    default_entity: str
    entities: list[MyEntity]
    server: ServerFacts


class Credentials(msgspec.Struct, frozen=True):
    """A user name (or address) and a password."""

    username: str
    password: str


class KeyRequest(msgspec.Struct, frozen=True):
    """What the new key is for."""

    name: Annotated[str, msgspec.Meta(max_length=NAME_CHARS_MAX)] = ""


class ApiKeys(msgspec.Struct, frozen=True):
    """Keys, newest first."""

    items: list[ApiKey]


@get("/api/v1/me")
async def show_me(caller: Caller, db: Database, settings: ServerSettings, signer: Signer) -> Me:
    """Who the caller is and where they may work."""
    roles = await db.read(list_entity_roles, caller)
    return Me(
        username=caller.username,
        name=caller.name,
        email=caller.email,
        is_admin=caller.is_admin,
        default_entity=caller.default_entity,
        entities=[MyEntity(entity.name, entity.kind, entity.role) for entity in roles],
        server=ServerFacts(signer.server_id, __version__, settings.public_url),
    )


@post("/api/v1/login", status_code=204)
async def sign_in(
    data: Credentials,
    request: AnyRequest,
    db: Database,
    settings: ServerSettings,
    throttle: LoginThrottle,
    now_us: Callable[[], int],
) -> Response[None]:
    """Start a browser session with a password."""
    refuse_foreign_origin(request, settings)
    address = request.client.host if request.client else "?"
    subjects = (f"address {address}", f"user {data.username}")
    throttle.check(*subjects)
    found = await db.read(find_password_hash, data.username)
    user_id, password_hash = found or (0, None)
    if not await asyncio.to_thread(is_password_right, password_hash, data.password):
        throttle.record_failure(*subjects)
        raise Unauthenticated(
            "wrong user name or password; an admin can set a new one: steelyard user password NAME"
        )
    token = await db.write(create_session, user_id=user_id, now_us=now_us())
    return Response(None, status_code=204, cookies=[session_cookie(settings, token)])


@post("/api/v1/logout", status_code=204)
async def sign_out(request: AnyRequest, db: Database, settings: ServerSettings) -> Response[None]:
    """End the browser session; nothing happens without one."""
    refuse_foreign_origin(request, settings)
    if token := read_session_cookie(request):
        await db.write(delete_session, token)
    return Response(None, status_code=204, cookies=[expired_cookie(settings)])


@get("/login/once", include_in_schema=False)
async def sign_in_once(
    token: str, db: Database, settings: ServerSettings, now_us: Callable[[], int]
) -> Redirect:
    """Sign in with a link that works once; a used one leads to the login page."""
    session = await db.write(redeem_login_token, token, now_us())
    if session is None:
        return Redirect("/login?problem=link", status_code=302)
    return Redirect("/", status_code=302, cookies=[session_cookie(settings, session)])


@get("/api/v1/keys")
async def list_keys(caller: Caller, db: Database) -> ApiKeys:
    """The caller's API keys. The keys themselves are shown when they are made, never again."""
    return ApiKeys(await db.read(list_api_keys, caller.user_id))


@post("/api/v1/keys", status_code=201)
async def create_key(
    data: KeyRequest, caller: Caller, db: Database, now_us: Callable[[], int]
) -> NewApiKey:
    """Make an API key for the caller. The answer is the only place where it can be read."""

    def create(conn: Connection) -> NewApiKey:
        return create_api_key(conn, user_id=caller.user_id, name=data.name, now_us=now_us())

    return await db.write(create)


@delete("/api/v1/keys/{key_id:int}", status_code=204)
async def revoke_key(
    key_id: int, caller: Caller, db: Database, authenticator: Authenticator
) -> None:
    """Revoke one of the caller's API keys, at once."""
    await db.write(delete_api_key, user_id=caller.user_id, key_id=key_id)
    authenticator.forget_callers()


handlers = [
    show_me,
    sign_in,
    sign_out,
    sign_in_once,
    list_keys,
    create_key,
    revoke_key,
]
