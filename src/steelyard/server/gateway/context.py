"""What resolvers have besides their arguments: one per request."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any, TypeVar

from sqlalchemy.engine import Connection

from steelyard.server.http.signing import Signer
from steelyard.server.rooms.accounts.model import Caller
from steelyard.server.rooms.runs.index import RunIndex

T = TypeVar("T")
#: Resolvers of one type: field name -> function of (source, context, **arguments).
Fields = dict[str, Callable[..., Any]]


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
    ) -> None:
        self.caller = caller
        self.run_index = run_index
        self.now_us = now_us
        self.signer = signer
        self.base_url = base_url
        self.are_accounts_changed = False
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
