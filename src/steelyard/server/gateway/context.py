"""What resolvers have besides their arguments: one per request."""

from __future__ import annotations

from collections.abc import Callable, Hashable
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
        self._listed_run_ids: list[int] = []

    def begin(self, conn: Connection) -> None:
        """Start on a transaction: also again, when the database asks for a second try."""
        self.conn = conn
        self._kept = {}
        self._listed_run_ids = []

    def keep(self, key: Hashable, read: Callable[[], T]) -> T:
        """What `read` gives, read once per request for each `key`."""
        if key not in self._kept:
            self._kept[key] = read()
        value: T = self._kept[key]
        return value

    def note_listed(self, run_ids: list[int]) -> None:
        """Runs of a list: what is asked of one of them will be asked of all."""
        self._listed_run_ids += run_ids

    def of_run(self, what: str, run_id: int, read: Callable[[list[int]], dict[int, T]]) -> T | None:
        """`read` of this run, asked once for all runs listed so far."""
        kept: dict[int, T | None] = self._kept.setdefault(("of_run", what), {})
        if run_id not in kept:
            wanted = [i for i in dict.fromkeys([*self._listed_run_ids, run_id]) if i not in kept]
            found = read(wanted)
            kept.update((each, found.get(each)) for each in wanted)
        return kept[run_id]
