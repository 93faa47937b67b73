"""Who sends a request: an API key (Basic or Bearer), or the cookie of a session.

Official clients send `Basic base64("api:KEY")`; the user part is ignored, netrc writes "user".
A request without a known key is answered 401 at once: clients do not repeat that.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import time
from collections.abc import Callable
from typing import Any

from litestar import Request

from steelyard.errors import Unauthenticated, Unavailable
from steelyard.limits import CALLER_CACHE_S
from steelyard.server.db.interface import Database
from steelyard.server.http.sessions import read_session_cookie, refuse_foreign_origin
from steelyard.server.rooms.accounts.commands import KEY_USE_RESOLUTION_US, record_key_use
from steelyard.server.rooms.accounts.model import Caller, KeyHolder
from steelyard.server.rooms.accounts.queries import (
    find_key_holder,
    find_represented_caller,
    find_session_caller,
    hash_secret,
)
from steelyard.server.settings import ServerSettings

CACHED_CALLERS_MAX = 10_000
ACT_FOR_HEADER = "x-wandb-username"

AnyRequest = Request[Any, Any, Any]


class Authenticator:
    """Finds callers, and remembers those with keys for CALLER_CACHE_S seconds.

    Handlers that change users, keys or members call `forget_callers`, so that a change works at
    once in this process (and after CALLER_CACHE_S seconds in the others on the same database).
    """

    def __init__(self, db: Database, settings: ServerSettings, now_us: Callable[[], int]) -> None:
        self._db = db
        self._settings = settings
        self._now_us = now_us
        self._known: dict[bytes, tuple[float, KeyHolder]] = {}
        self._recorded_at_us: dict[int, int] = {}
        self._generation = 0

    async def provide_caller(self, request: AnyRequest) -> Caller:
        """The caller of a request; Unauthenticated when there is none."""
        header = request.headers.get("authorization")
        if header:
            return await self._caller_with_key(parse_key(header), request)
        token = read_session_cookie(request)
        if token:
            caller = await self._db.read(find_session_caller, token, self._now_us())
            if caller is not None:
                refuse_foreign_origin(request, self._settings)
                return caller
            raise Unauthenticated("your session has ended; sign in again")
        raise Unauthenticated(
            "this needs an API key; create one on the page /authorize of this server, "
            "then run: wandb login"
        )

    def forget_callers(self) -> None:
        """Ask the database again from now on."""
        self._generation += 1
        self._known.clear()

    async def _caller_with_key(self, key: str, request: AnyRequest) -> Caller:
        holder = await self._find_holder(key)
        if holder is None:
            raise Unauthenticated(_why_unknown(key))
        acts_for = request.headers.get(ACT_FOR_HEADER)
        if acts_for and holder.is_service:
            represented = await self._db.read(find_represented_caller, holder.caller, acts_for)
            if represented is None:
                raise Unauthenticated(
                    f"the service account {holder.caller.username!r} may not act for "
                    f"{acts_for!r}: they share no team; check WANDB_USERNAME"
                )
            return represented
        return holder.caller

    async def _find_holder(self, key: str) -> KeyHolder | None:
        digest, now = hash_secret(key), time.monotonic()
        known = self._known.get(digest)
        if known is not None and known[0] > now:
            return known[1]
        generation = self._generation
        holder = await self._db.read(find_key_holder, key)
        if holder is None:
            self._known.pop(digest, None)
            return None
        await self._record_use(holder.key_id)
        if generation == self._generation:  # else: what was read may be what was just changed
            if len(self._known) >= CACHED_CALLERS_MAX:
                self._known.clear()
            self._known[digest] = (now + CALLER_CACHE_S, holder)
        return holder

    async def _record_use(self, key_id: int) -> None:
        """Note that a key is in use, now and then. A full disk must not keep readers out."""
        now_us = self._now_us()
        if now_us < self._recorded_at_us.get(key_id, 0) + KEY_USE_RESOLUTION_US:
            return
        if len(self._recorded_at_us) >= CACHED_CALLERS_MAX:
            self._recorded_at_us.clear()
        self._recorded_at_us[key_id] = now_us
        with contextlib.suppress(Unavailable):
            await self._db.write(record_key_use, key_id, now_us)


def parse_key(header: str) -> str:
    """The API key of an Authorization header; Unauthenticated when there is none in it."""
    scheme, _, value = header.strip().partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic":
        try:
            text = base64.b64decode(value.strip(), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise Unauthenticated("the Basic credentials are not base64 of 'api:KEY'") from None
        return text.partition(":")[2]
    raise Unauthenticated(f"unknown kind of credentials {scheme!r}; send the API key as Bearer")


def _why_unknown(key: str) -> str:
    if not key:
        return "the API key is empty; set WANDB_API_KEY, or run: wandb login --relogin"
    return (
        f"this server does not know the API key ending in {key[-4:]!r}; it may have been revoked "
        "or belong to another server. Create one on the page /authorize, then run: "
        "wandb login --relogin"
        if len(key) >= 40
        else f"the API key has {len(key)} characters, keys of this server have 40; copy it again "
        "from the page /authorize"
    )
