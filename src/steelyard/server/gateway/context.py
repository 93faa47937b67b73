"""What resolvers have besides their arguments: one per request."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any, TypeVar

from sqlalchemy.engine import Connection

from steelyard.server.blobs.interface import BlobStore
from steelyard.server.db.interface import Database
from steelyard.server.http.signing import Signer
from steelyard.server.rooms.accounts.model import Caller
from steelyard.server.rooms.runs.index import RunIndex
from steelyard.server.rooms.sweeps.dispatch import Dispatcher

T = TypeVar("T")
#: Work that cannot happen inside the transaction of a request: it blocks, and may have its own.
Work = Callable[[], Any]
#: Resolvers of one type: field name -> function of (source, context, **arguments).
Fields = dict[str, Callable[..., Any]]


class NotYet(Exception):
    """A resolver needs the result of `work` first: roll back, do it, and begin again."""

    def __init__(self, key: Hashable, work: Work) -> None:
        super().__init__(f"{key!r} has to be done outside the transaction")
        self.key, self.work = key, work


class Context:
    """The connection of the request, who asks, and what was read already."""

    conn: Connection

    def __init__(
        self,
        caller: Caller,
        *,
        now_us: int,
        signer: Signer,
        base_url: str,
        run_index: RunIndex,
        db: Database,
        blobs: BlobStore,
        sweeps: Dispatcher,
    ) -> None:
        self.caller = caller
        self.run_index = run_index
        self.now_us = now_us
        self.signer = signer
        self.base_url = base_url
        self.are_accounts_changed = False
        self.db = db
        self.blobs = blobs
        self.sweeps = sweeps
        self._done: dict[Hashable, Any] = {}
        self._kept: dict[Hashable, Any] = {}
        self._listed: dict[str, list[int]] = {}

    def begin(self, conn: Connection) -> None:
        """Start on a transaction: also again, when the database asks for a second try."""
        self.conn = conn
        self._kept = {}
        self._listed = {}

    def keep(self, key: Hashable, read: Callable[[], T]) -> T:
        """What `read` gives, read once per request for each `key`."""
        if key not in self._kept:
            self._kept[key] = read()
        value: T = self._kept[key]
        return value

    def note_listed(self, kind: str, ids: Iterable[int]) -> None:
        """Items of a list: what is asked of one of them will be asked of all."""
        self._listed.setdefault(kind, []).extend(ids)

    def of_each(
        self, kind: str, what: str, id: int, read: Callable[[list[int]], Mapping[int, T]]
    ) -> T | None:
        """`read` of this item, asked once for all of its kind listed so far."""
        kept: dict[int, T | None] = self._kept.setdefault(("of_each", kind, what), {})
        if id not in kept:
            wanted = [i for i in dict.fromkeys([*self._listed.get(kind, ()), id]) if i not in kept]
            found = read(wanted)
            kept.update((each, found.get(each)) for each in wanted)
        return kept[id]

    def forget(self) -> None:
        """What was read is no longer so: something was written."""
        self._kept = {}

    def after(self, key: Hashable, work: Work) -> Any:
        """What `work` gives, which is done once per request and outside its transaction.

        The transaction is rolled back and begun again, so ask before anything is written.
        """
        if key not in self._done:
            raise NotYet(key, work)
        return self._done[key]

    def do(self, pending: NotYet) -> None:
        """Do what a resolver waits for."""
        self._done[pending.key] = pending.work()
