"""Files of a version, read from the rows of its manifest: flat, by directory, by path.

The places of all rows (one to a thousand files) are read at once, rows only where they are needed,
so the first page of a million files costs what the first of a thousand costs.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TypeVar

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from steelyard.limits import SQL_LIST_ITEMS_MAX
from steelyard.server.rooms.artifacts.model import Content
from steelyard.server.rooms.artifacts.pages import (
    Entry,
    Place,
    SplitPage,
    split_digests,
    split_page,
    unpack_page,
    unpack_places,
)
from steelyard.server.rooms.artifacts.tables import artifact_contents, artifact_manifest_pages

_pages = artifact_manifest_pages
T = TypeVar("T")
PAGES_KEPT = 8  # unpacked, per reader
ROWS_AT_ONCE = 31  # read ahead, where it is known which will be needed
END_OF_DIRECTORY = chr(ord("/") + 1)  # "a0" is the first path behind all of "a/…"


class Directory(msgspec.Struct, frozen=True):
    """A directory of a version with all that is below it."""

    path: str
    size_bytes: int
    file_count: int


class PageReader:
    """The entries of one version within one transaction."""

    def __init__(self, conn: Connection, artifact_id: int) -> None:
        self._conn = conn
        self._artifact_id = artifact_id
        rows = conn.execute(
            sa.select(
                _pages.c.page, _pages.c.first_path, _pages.c.entries_before, _pages.c.bytes_before
            )
            .where(_pages.c.artifact_id == artifact_id)
            .order_by(_pages.c.page)
        ).all()
        self.first_paths = [bytes(row.first_path) for row in rows]
        self._before = [(row.entries_before, row.bytes_before) for row in rows]
        self._expected: list[int] = []
        self._rows: dict[int, tuple[bytes, bytes]] = {}
        self._places: dict[int, list[Place]] = {}
        self._parts: dict[int, SplitPage] = {}
        self._kept: dict[int, list[Entry]] = {}

    @property
    def page_count(self) -> int:
        return len(self.first_paths)

    def expect(self, pages: list[int]) -> None:
        """Rows that will be asked for, in this order: they are then read several at a time."""
        self._expected = pages

    def read_page(self, page: int) -> list[Entry]:
        """Entries of a row; the last few stay in memory."""
        kept = self._kept.get(page)
        if kept is None:
            kept = _keep(self._kept, page, unpack_page(*self._read_row(page)))
        return kept

    def read_places(self, page: int) -> list[Place]:
        """Paths and sizes of the entries of a row, for half the work."""
        places = self._places.get(page)
        if places is None:
            places = _keep(self._places, page, unpack_places(self._read_row(page)[1]))
        return places

    def find_entry(self, path: str) -> Entry | None:
        """The entry at that path; of its row nothing else is unpacked where that is possible."""
        page, at = self.seek(path)
        places = self.read_places(page)
        if at >= len(places) or places[at].path != path:
            return None
        parts = self._parts.get(page)
        if parts is None:
            parts = _keep(self._parts, page, split_page(*self._read_row(page)))
        return parts.entry(at)

    def seek(self, path: str) -> tuple[int, int]:
        """(page, place in it) of the first entry that is not before `path`."""
        page = self.page_of(path)
        if page < 0:
            return 0, 0
        places = self.read_places(page)
        return page, bisect.bisect_left(places, path, key=lambda place: place.path)

    def page_of(self, path: str) -> int:
        """The row that has `path`, if any has; -1 when it is before all of them."""
        return bisect.bisect_right(self.first_paths, path.encode("utf-8", "replace")) - 1

    def peek(self, path: str) -> str | None:
        """The path of the first entry that is not before `path`; None when there is none."""
        page, at = self.seek(path)
        places = self.read_places(page)
        if at < len(places):
            return places[at].path
        return None if page + 1 >= self.page_count else self.first_paths[page + 1].decode()

    def count_before(self, path: str) -> tuple[int, int]:
        """(entries, bytes) of everything before `path`."""
        if not self.first_paths:
            return 0, 0
        page, at = self.seek(path)
        entries_before, bytes_before = self._before[page]
        if at:
            some = self.read_places(page)[:at]
            return entries_before + at, bytes_before + sum([each.size_bytes for each in some])
        return entries_before, bytes_before

    def count_all(self) -> tuple[int, int]:
        """(entries, bytes) of the version."""
        if not self.first_paths:
            return 0, 0
        entries_before, bytes_before = self._before[-1]
        last = self.read_places(self.page_count - 1)
        return entries_before + len(last), bytes_before + sum([e.size_bytes for e in last])

    def entries_from(self, path: str) -> Iterator[Entry]:
        """Entries from `path` on, in order."""
        if not self.first_paths:
            return
        page, at = self.seek(path)
        while page < self.page_count:
            entries = self.read_page(page)
            yield from entries[at:] if at else entries
            page, at = page + 1, 0

    def _read_row(self, page: int) -> tuple[bytes, bytes]:
        """Digests and data of a row, and those of the rows that are expected after it."""
        row = self._rows.get(page)
        if row is not None:
            return row
        at = bisect.bisect_left(self._expected, page)
        wanted = [page, *self._expected[at : at + ROWS_AT_ONCE]]
        rows = self._conn.execute(
            sa.select(_pages.c.page, _pages.c.digests, _pages.c.data).where(
                _pages.c.artifact_id == self._artifact_id, _pages.c.page.in_(dict.fromkeys(wanted))
            )
        )
        self._rows = {row.page: (bytes(row.digests), bytes(row.data)) for row in rows}
        return self._rows[page]


def _keep(kept: dict[int, T], page: int, unpacked: T) -> T:
    if len(kept) >= PAGES_KEPT:
        del kept[next(iter(kept))]
    kept[page] = unpacked
    return unpacked


def list_entries(
    conn: Connection, artifact_id: int, *, prefix: str = "", after: str | None = None, limit: int
) -> list[Entry]:
    """Entries whose path starts with `prefix`, those after the path `after`, in order."""
    found: list[Entry] = []
    start = prefix if after is None or after < prefix else after
    for entry in PageReader(conn, artifact_id).entries_from(start):
        if after is not None and entry.path <= after:
            continue
        if not entry.path.startswith(prefix):
            break
        found.append(entry)
        if len(found) >= limit:
            break
    return found


def iter_entries(conn: Connection, artifact_id: int) -> Iterator[Entry]:
    """All entries of a version, in order; a row at a time in memory."""
    rows = conn.execute(
        sa.select(_pages.c.digests, _pages.c.data)
        .where(_pages.c.artifact_id == artifact_id)
        .order_by(_pages.c.page)
        .execution_options(yield_per=4)
    )
    for row in rows:
        yield from unpack_page(bytes(row.digests), bytes(row.data))


def iter_digests(conn: Connection, artifact_id: int) -> Iterator[list[bytes]]:
    """MD5s of the stored contents of a version, a row at a time; nothing is unpacked."""
    rows = conn.execute(
        sa.select(_pages.c.digests)
        .where(_pages.c.artifact_id == artifact_id)
        .order_by(_pages.c.page)
        .execution_options(yield_per=32)
    )
    for (digests,) in rows:
        yield split_digests(bytes(digests))


def find_entries(conn: Connection, artifact_id: int, paths: Sequence[str]) -> dict[str, Entry]:
    """The entries at these paths that exist."""
    reader = PageReader(conn, artifact_id)
    found: dict[str, Entry] = {}
    if not reader.page_count:
        return found
    for path in sorted(set(paths)):  # in order, so that each row is unpacked once
        entry = reader.find_entry(path)
        if entry is not None:
            found[path] = entry
    return found


def count_entries(conn: Connection, artifact_id: int, *, prefix: str = "") -> tuple[int, int]:
    """(entries, bytes) whose path starts with `prefix`."""
    reader = PageReader(conn, artifact_id)
    first, first_bytes = reader.count_before(prefix) if prefix else (0, 0)
    end = _end_of(prefix)
    last, last_bytes = reader.count_all() if end is None else reader.count_before(end)
    return last - first, last_bytes - first_bytes


def list_directory(
    conn: Connection, artifact_id: int, path: str, *, after: str | None = None, limit: int
) -> list[Directory | Entry]:
    """What is directly in a directory (`""` is the top), in order of path.

    `after` is the path of the last item of the page before; that of a directory ends with "/".
    A directory is counted by subtraction, so a big one costs as much as an empty one.
    """
    reader = PageReader(conn, artifact_id)
    prefix = f"{path.strip('/')}/" if path.strip("/") else ""
    found: list[Directory | Entry] = []
    if not reader.page_count:
        return found
    if after is None:
        start = prefix
    elif after.endswith("/"):
        start = after[:-1] + END_OF_DIRECTORY
    else:
        start = after + "\x00"  # no path has it, so this is the next one
    reader.expect(list(islice(_pages_with_ends(reader, prefix, start), limit + 1)))
    while len(found) < limit:
        next_path = reader.peek(start)
        if next_path is None or not next_path.startswith(prefix):
            break
        name, slash, _ = next_path[len(prefix) :].partition("/")
        if not slash:
            entry = reader.find_entry(next_path)
            assert entry is not None  # it was just seen
            found.append(entry)
            start = next_path + "\x00"
            continue
        directory, behind = f"{prefix}{name}/", f"{prefix}{name}{END_OF_DIRECTORY}"
        count, size_bytes = reader.count_before(directory)
        count_end, size_bytes_end = reader.count_before(behind)
        found.append(
            Directory(
                path=directory[:-1],
                size_bytes=size_bytes_end - size_bytes,
                file_count=count_end - count,
            )
        )
        start = behind
    return found


def _pages_with_ends(reader: PageReader, prefix: str, start: str) -> Iterator[int]:
    """The rows in which one item of a directory ends and another begins: the others are skipped."""
    size = len(prefix.encode())
    first_paths = reader.first_paths
    last = reader.page_count - 1
    for page in range(max(reader.page_of(start), 0), last + 1):
        if page < last:
            here, there = first_paths[page], first_paths[page + 1]
            name = here[size:].partition(b"/")[0]
            if here[:size] == there[:size] and there[size:].partition(b"/")[0] == name:
                continue
        yield page


# ---- contents


def find_content(conn: Connection, collection_id: int, md5: bytes) -> Content | None:
    """The content of a collection with that MD5."""
    return contents_by_md5(conn, collection_id, [md5]).get(md5)


def contents_by_md5(
    conn: Connection, collection_id: int, md5s: Sequence[bytes]
) -> dict[bytes, Content]:
    """Contents of a collection by MD5; what it has not is left out."""
    found: dict[bytes, Content] = {}
    columns = artifact_contents.c
    wanted = list(dict.fromkeys(md5s))
    for first in range(0, len(wanted), SQL_LIST_ITEMS_MAX):
        rows = conn.execute(
            sa.select(columns.md5, columns.sha256, columns.size_bytes, columns.birth_artifact_id)
            .where(columns.collection_id == collection_id)
            .where(columns.md5.in_(wanted[first : first + SQL_LIST_ITEMS_MAX]))
        )
        for row in rows:
            md5 = bytes(row.md5)
            found[md5] = Content(
                collection_id=collection_id,
                md5=md5,
                sha256=bytes(row.sha256),
                size_bytes=row.size_bytes,
                birth_artifact_id=row.birth_artifact_id,
            )
    return found


def find_project_content(conn: Connection, project_id: int, md5: bytes) -> Content | None:
    """A content with that MD5 of any collection of the project."""
    columns = artifact_contents.c
    row = conn.execute(
        sa.select(
            columns.collection_id, columns.sha256, columns.size_bytes, columns.birth_artifact_id
        )
        .where(columns.project_id == project_id, columns.md5 == md5)
        .limit(1)
    ).first()
    if row is None:
        return None
    return Content(
        collection_id=row.collection_id,
        md5=md5,
        sha256=bytes(row.sha256),
        size_bytes=row.size_bytes,
        birth_artifact_id=row.birth_artifact_id,
    )


def _end_of(prefix: str) -> str | None:
    """The first text behind all that start with `prefix`; None when nothing is."""
    kept = prefix.rstrip("\U0010ffff")
    if not kept:
        return None
    following = ord(kept[-1]) + 1
    return kept[:-1] + chr(0xE000 if following == 0xD800 else following)
