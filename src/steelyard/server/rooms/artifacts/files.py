"""Files of a version, read from the rows of its manifest: flat, by directory, by path.

The places of all rows (one to a thousand files) are read at once, rows only where they are needed,
so the first page of a million files costs what the first of a thousand costs.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Sequence

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from steelyard.limits import SQL_LIST_ITEMS_MAX
from steelyard.server.rooms.artifacts.model import Content
from steelyard.server.rooms.artifacts.pages import Entry, split_digests, unpack_page
from steelyard.server.rooms.artifacts.tables import artifact_contents, artifact_manifest_pages

_pages = artifact_manifest_pages
PAGES_KEPT = 8  # unpacked, per reader
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
        self._first_paths = [bytes(row.first_path) for row in rows]
        self._before = [(row.entries_before, row.bytes_before) for row in rows]
        self._kept: dict[int, list[Entry]] = {}

    @property
    def page_count(self) -> int:
        return len(self._first_paths)

    def read_page(self, page: int) -> list[Entry]:
        """Entries of a row; the last few stay in memory."""
        kept = self._kept.get(page)
        if kept is not None:
            return kept
        row = self._conn.execute(
            sa.select(_pages.c.digests, _pages.c.data).where(
                _pages.c.artifact_id == self._artifact_id, _pages.c.page == page
            )
        ).one()
        entries = unpack_page(bytes(row.digests), bytes(row.data))
        if len(self._kept) >= PAGES_KEPT:
            del self._kept[next(iter(self._kept))]
        self._kept[page] = entries
        return entries

    def seek(self, path: str) -> tuple[int, int]:
        """(page, place in it) of the first entry that is not before `path`."""
        page = bisect.bisect_right(self._first_paths, path.encode("utf-8", "replace")) - 1
        if page < 0:
            return 0, 0
        entries = self.read_page(page)
        return page, bisect.bisect_left(entries, path, key=lambda entry: entry.path)

    def count_before(self, path: str) -> tuple[int, int]:
        """(entries, bytes) of everything before `path`."""
        if not self._first_paths:
            return 0, 0
        page, place = self.seek(path)
        entries_before, bytes_before = self._before[page]
        if place:
            some = self.read_page(page)[:place]
            return entries_before + place, bytes_before + sum(e.size_bytes for e in some)
        return entries_before, bytes_before

    def count_all(self) -> tuple[int, int]:
        """(entries, bytes) of the version."""
        if not self._first_paths:
            return 0, 0
        entries_before, bytes_before = self._before[-1]
        last = self.read_page(self.page_count - 1)
        return entries_before + len(last), bytes_before + sum(e.size_bytes for e in last)

    def entries_from(self, path: str) -> Iterator[Entry]:
        """Entries from `path` on, in order."""
        if not self._first_paths:
            return
        page, place = self.seek(path)
        while page < self.page_count:
            entries = self.read_page(page)
            yield from entries[place:] if place else entries
            page, place = page + 1, 0


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
        page, place = reader.seek(path)
        entries = reader.read_page(page)
        if place < len(entries) and entries[place].path == path:
            found[path] = entries[place]
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
    while len(found) < limit:
        entry = next(reader.entries_from(start), None)
        if entry is None or not entry.path.startswith(prefix):
            break
        name, slash, _ = entry.path[len(prefix) :].partition("/")
        if not slash:
            found.append(entry)
            start = entry.path + "\x00"
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
