"""Media of runs: keys, steps, and what there is at a step, with signed URLs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Annotated, Any

import msgspec
from litestar import post
from sqlalchemy.engine import Connection

from steelyard.limits import MEDIA_KEYS_MAX, MEDIA_RUNS_MAX
from steelyard.server.api.media_links import Links, list_paths, with_urls
from steelyard.server.db.interface import Database
from steelyard.server.http.paging import Page, check_limit, decode_cursor, encode_cursor
from steelyard.server.http.signing import Signer
from steelyard.server.rooms.accounts.model import Caller
from steelyard.server.rooms.artifacts.references import resolve_artifact_paths
from steelyard.server.rooms.media.series import (
    MediaKey,
    find_media_at,
    list_class_labels,
    list_media_keys,
    list_runs_with,
)
from steelyard.server.rooms.media.values import MediaKind, MediaValue
from steelyard.server.rooms.projects.model import Project
from steelyard.server.rooms.projects.policy import get_readable_project
from steelyard.server.rooms.runs.index import RunIndex
from steelyard.server.rooms.runs.json_text import without_nonfinite
from steelyard.server.rooms.runs.listing import find_run_ids
from steelyard.server.rooms.runs.queries import list_runs_by_id
from steelyard.server.rooms.tables.sources import Origin
from steelyard.server.settings import ServerSettings

RUNS_DEFAULT = 50
KEYS_DEFAULT = 100

RunNames = Annotated[list[str], msgspec.Meta(max_length=MEDIA_RUNS_MAX)]


class MediaKeyQuery(msgspec.Struct, frozen=True):
    """Which runs (by name, or the newest), and which keys of them (null: all with media)."""

    runs: RunNames | None = None
    keys: Annotated[list[str], msgspec.Meta(max_length=MEDIA_KEYS_MAX)] | None = None
    cursor: str | None = None
    limit: int | None = None


class MediaQuery(msgspec.Struct, frozen=True):
    """One key of several runs at a step; `exact` leaves out runs that have none at that step, else
    each run shows its nearest earlier one. `offset` and `limit` count runs that have one.
    """

    key: str
    step: int
    runs: RunNames | None = None
    exact: bool = False
    offset: Annotated[int, msgspec.Meta(ge=0)] = 0
    limit: int | None = None


class MediaItem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to look at. `url` is null while its file has not arrived.

    `boxes` and `masks` are by name, each with the `url` of its file and its `classes`. A table has
    `table_refs`, to be asked through /tables: the one with its media first. `about` is all else
    that was logged with it, such as the bins of a histogram.
    """

    kind: MediaKind
    type: str
    path: str | None
    url: str | None
    thumbnail_url: str | None
    page_url: str | None
    caption: str | None
    boxes: dict[str, Any]
    masks: dict[str, Any]
    table_refs: list[str]
    about: dict[str, Any]


class RunMedia(msgspec.Struct, frozen=True):
    """What a run shows. `step` is the step at which it was logged."""

    run: str
    step: int
    items: list[MediaItem]


class MediaAt(msgspec.Struct, frozen=True):
    """Runs in the order asked; those that have nothing there are left out. `total` counts the runs
    that have something, also beyond the ones sent.
    """

    key: str
    step: int
    runs: list[RunMedia]
    total: int


@post("/api/v1/{entity:str}/{project:str}/media:query", status_code=200)
async def list_project_media(
    entity: str,
    project: str,
    data: MediaKeyQuery,
    caller: Caller,
    db: Database,
    run_index: RunIndex,
) -> Page[MediaKey]:
    """Keys of runs that hold media, by name, with the steps at which there are some."""
    count = check_limit(data.limit or KEYS_DEFAULT, limit_max=MEDIA_KEYS_MAX)
    after = decode_cursor(data.cursor, tuple[str])[0] if data.cursor else None

    def read(conn: Connection) -> Page[MediaKey]:
        found = get_readable_project(conn, caller, entity, project)
        ids = find_run_ids(conn, run_index, found.id, names=data.runs, newest=RUNS_DEFAULT)
        page = list_media_keys(conn, list(ids), keys=data.keys, after=after, limit=count + 1)
        shown = page.keys[:count]
        following = encode_cursor(shown[-1].key) if len(page.keys) > count else None
        return Page(shown, following, total=page.total)

    return await db.read(read)


@post("/api/v1/{entity:str}/{project:str}/media:at", status_code=200)
async def show_media(
    entity: str,
    project: str,
    data: MediaQuery,
    caller: Caller,
    db: Database,
    run_index: RunIndex,
    signer: Signer,
    settings: ServerSettings,
    now_us: Callable[[], int],
) -> MediaAt:
    """The media of a key at a step, of each run, with links that need no sign-in for a day."""
    links = Links(signer, settings.public_url, now_us())
    count = check_limit(data.limit or MEDIA_RUNS_MAX, limit_max=MEDIA_RUNS_MAX)

    def read(conn: Connection) -> MediaAt:
        found = get_readable_project(conn, caller, entity, project)
        ids = find_run_ids(conn, run_index, found.id, names=data.runs, newest=RUNS_DEFAULT)
        holders = list_runs_with(conn, list(ids), data.key, data.step, exactly=data.exact)
        sent = holders[data.offset : data.offset + count]
        by_run = find_media_at(conn, sent, data.key, data.step, exactly=data.exact)
        maker = _ItemMaker(conn, caller, links, found, data.key)
        runs = [
            RunMedia(ids[run_id], by_run[run_id][0], maker.make(run_id, ids[run_id], values))
            for run_id in sent
            if (values := by_run[run_id][1] if run_id in by_run else [])
        ]
        return MediaAt(data.key, data.step, runs, len(holders))

    return await db.read(read)


class _ItemMaker:
    """Values to items: looks up links, tables and class names."""

    def __init__(
        self, conn: Connection, caller: Caller, links: Links, project: Project, key: str
    ) -> None:
        self._conn, self._caller, self._links = conn, caller, links
        self._project, self._key = project, key

    def make(self, run_id: int, run: str, values: list[MediaValue]) -> list[MediaItem]:
        conn, links = self._conn, self._links
        elsewhere = resolve_artifact_paths(
            conn, self._caller, (v.artifact_path for v in values if v.artifact_path)
        )
        paths = [value.path for value in values if value.path]
        paths += list_paths([value.boxes for value in values] + [value.masks for value in values])
        urls = links.urls_of(Origin(run_id=run_id), paths, conn, self._caller)
        labels = self._find_labels(run_id, values)
        items: list[MediaItem] = []
        for value in values:
            own = urls.get(value.path or "", {})
            refs = []
            if value.artifact_path in elsewhere:
                artifact, path = elsewhere[value.artifact_path]
                refs.append(f"artifact:{artifact.path}/{path}")
                if not own:
                    there = Origin(artifact=artifact)
                    own = links.urls_of(there, [path], conn, self._caller).get(path, {})
            if value.path:
                place = f"{self._project.entity}/{self._project.name}/{run}"
                refs.append(f"run:{place}/{value.path}")
            items.append(
                MediaItem(
                    kind=value.kind,
                    type=value.type,
                    path=value.path,
                    url=own.get("url"),
                    thumbnail_url=own.get("thumbnail_url"),
                    page_url=own.get("page_url"),
                    caption=value.caption,
                    boxes=self._layers(value.boxes, urls, labels),
                    masks=self._layers(value.masks, urls, labels),
                    table_refs=refs if value.kind == "table" else [],
                    about=without_nonfinite(value.about),
                )
            )
        return items

    def _layers(
        self, layers: dict[str, Any], urls: dict[str, Any], labels: dict[str, dict[str, Any]]
    ) -> dict[str, Any]:
        shown: dict[str, Any] = {}
        for name, layer in layers.items():
            linked = without_nonfinite(with_urls(layer, urls))
            classes = labels.get(f"{self._key}/{name}")
            if isinstance(linked, dict) and classes is not None:
                linked["classes"] = classes
            shown[name] = linked
        return shown

    def _find_labels(self, run_id: int, values: Iterable[MediaValue]) -> dict[str, dict[str, Any]]:
        if not any(value.masks or value.boxes for value in values):
            return {}
        runs = list_runs_by_id(self._conn, [run_id])
        return list_class_labels(runs[0].parse_config()) if runs else {}


handlers = [list_project_media, show_media]
