"""Live updates of a project, as server-sent events.

One task per project with listeners asks the database once a second what changed, however many
listeners there are; nobody listening, nobody asks. A listener that is slow gets fewer, fuller
messages. All connections end when the server begins to stop.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

import msgspec
from litestar import get
from litestar.response import Stream
from sqlalchemy.engine import Connection

from steelyard.errors import Unavailable
from steelyard.limits import LIVE_PING_S, LIVE_POLL_S, LIVE_RUNS_MAX
from steelyard.server.db.interface import Database
from steelyard.server.rooms.accounts.model import Caller
from steelyard.server.rooms.projects.changes import get_change_counts
from steelyard.server.rooms.projects.policy import get_readable_project
from steelyard.server.rooms.runs.queries import list_changed_names

#: Changed runs; None: too many to name, or some were deleted.
Names = frozenset[str] | None

EVENT_HEADERS = {
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",  # nginx would hold events back
}


class RunsChanged(msgspec.Struct, frozen=True):
    """Names of runs that changed, or null: read everything shown again. `cursor`: when, in µs."""

    runs: list[str] | None
    cursor: int


class Listener:
    """What one connection has not been told yet."""

    def __init__(self) -> None:
        self.news = asyncio.Event()
        self._names: Names = frozenset()

    def add(self, names: Names) -> None:
        """Note changes until they are taken."""
        self._names = None if names is None or self._names is None else self._names | names
        self.news.set()

    def take(self) -> Names:
        """The changes so far, which are then forgotten."""
        names, self._names = self._names, frozenset()
        self.news.clear()
        return names


class LiveHub:
    """Who listens to which project. Lives in the event loop; one per server."""

    def __init__(self, db: Database, *, poll_s: float = LIVE_POLL_S) -> None:
        self._db = db
        self._poll_s = poll_s
        self._listeners: dict[int, set[Listener]] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}

    def open(self, project_id: int) -> Listener:
        """A new listener; the first of a project starts the asking."""
        listener = Listener()
        self._listeners.setdefault(project_id, set()).add(listener)
        if project_id not in self._tasks:
            self._tasks[project_id] = asyncio.create_task(self._watch(project_id))
        return listener

    def close(self, project_id: int, listener: Listener) -> None:
        """Forget a listener; the last of a project ends the asking."""
        listeners = self._listeners.get(project_id, set())
        listeners.discard(listener)
        if not listeners:
            self._listeners.pop(project_id, None)
            task = self._tasks.pop(project_id, None)
            if task is not None:
                task.cancel()

    async def _watch(self, project_id: int) -> None:
        since: tuple[int, int] | None = None
        while True:
            with suppress(Unavailable):  # the next turn tells what was missed
                since = await self._tell(project_id, since)
            await asyncio.sleep(self._poll_s)

    async def _tell(self, project_id: int, since: tuple[int, int] | None) -> tuple[int, int]:
        counts, names = await self._db.read(_read_changes, project_id, since)
        if since is not None and counts != since:
            for listener in self._listeners.get(project_id, ()):
                listener.add(names)
        return counts


def _read_changes(
    conn: Connection, project_id: int, since: tuple[int, int] | None
) -> tuple[tuple[int, int], Names]:
    counts = get_change_counts(conn, project_id)
    if since is None or counts == since:
        return counts, frozenset()
    if counts[1] != since[1]:
        return counts, None
    names = list_changed_names(conn, project_id, since_seq=since[0], limit=LIVE_RUNS_MAX + 1)
    return counts, None if len(names) > LIVE_RUNS_MAX else frozenset(names)


@get("/api/v1/{entity:str}/{project:str}/live", media_type="text/event-stream")
async def follow_project(
    entity: str,
    project: str,
    caller: Caller,
    db: Database,
    live_hub: LiveHub,
    stopping: asyncio.Event,
    now_us: Callable[[], int],
    run: str | None = None,
) -> Stream:
    """Server-sent events `runs` with {"runs": [names] or null, "cursor": µs}, one a second at most.

    With `run` only changes of that run. A comment every LIVE_PING_S seconds keeps the line open.
    """
    found = await db.read(get_readable_project, caller, entity, project)
    events = _send_events(live_hub, found.id, run, stopping, now_us)
    return Stream(events, media_type="text/event-stream", headers=EVENT_HEADERS)


async def _send_events(
    hub: LiveHub,
    project_id: int,
    run: str | None,
    stopping: asyncio.Event,
    now_us: Callable[[], int],
) -> AsyncIterator[bytes]:
    listener = hub.open(project_id)
    stop = asyncio.create_task(stopping.wait())
    try:
        yield b": connected\n\n"
        while True:
            news = asyncio.create_task(listener.news.wait())
            try:
                await asyncio.wait(
                    {news, stop}, timeout=LIVE_PING_S, return_when=asyncio.FIRST_COMPLETED
                )
            finally:
                news.cancel()
            if stopping.is_set():
                return
            if not listener.news.is_set():
                yield b": ping\n\n"
                continue
            names = listener.take()
            if run is None or names is None or run in names:
                yield _encode_event(names if run is None or names is None else {run}, now_us())
    finally:
        stop.cancel()
        hub.close(project_id, listener)


def _encode_event(names: frozenset[str] | set[str] | None, moment_us: int) -> bytes:
    changed = RunsChanged(None if names is None else sorted(names), moment_us)
    return b"event: runs\ndata: " + msgspec.json.encode(changed) + b"\n\n"


handlers = [follow_project]
