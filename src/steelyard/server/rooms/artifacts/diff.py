"""What differs between two versions: their files, and documents such as metadata."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from steelyard.limits import ARTIFACT_DIFF_PATHS_MAX
from steelyard.server.rooms.artifacts.pages import Entry, unpack_page
from steelyard.server.rooms.artifacts.tables import artifact_manifest_pages
from steelyard.server.rooms.runs.json_text import without_nonfinite
from steelyard.wire.artifacts import ChangeCounts, FileChange, FileChanges, ValueChange

_pages = artifact_manifest_pages
DEPTH_MAX = 8  # levels of a document that are compared key by key
Row = tuple[bytes, bytes, int]


class EntryStream:
    """Entries of one version in order, which can jump over whole rows that are equal."""

    def __init__(self, conn: Connection, artifact_id: int) -> None:
        self._rows: Iterator[Any] = iter(
            conn.execute(
                sa.select(_pages.c.digests, _pages.c.data, _pages.c.entry_count)
                .where(_pages.c.artifact_id == artifact_id)
                .order_by(_pages.c.page)
                .execution_options(yield_per=8)
            )
        )
        self._entries: list[Entry] = []
        self._at = 0
        self._row = self._read_row()

    def peek(self) -> Entry | None:
        """The next entry; None at the end."""
        if self._at >= len(self._entries):
            if self._row is None:
                return None
            self._entries, self._at = unpack_page(self._row[0], self._row[1]), 0
            self._row = self._read_row()
        return self._entries[self._at]

    def advance(self) -> None:
        """Step over the entry that `peek` gave."""
        self._at += 1

    def skip_equal(self, other: EntryStream) -> int:
        """Step over rows that both streams begin with; how many entries they hold."""
        count = 0
        while (
            self._at >= len(self._entries)
            and other._at >= len(other._entries)
            and self._row is not None
            and self._row == other._row
        ):
            count += self._row[2]
            self._row, other._row = self._read_row(), other._read_row()
        return count

    def _read_row(self) -> Row | None:
        row = next(self._rows, None)
        return None if row is None else (bytes(row.digests), bytes(row.data), row.entry_count)


def diff_files(conn: Connection, before_id: int, after_id: int) -> FileChanges:
    """Files that differ from one version to another: both manifests are read once, in order."""
    before, after = EntryStream(conn, before_id), EntryStream(conn, after_id)
    named: dict[str, list[FileChange]] = {"added": [], "removed": [], "changed": []}
    counts = dict.fromkeys(("added", "removed", "changed", "same"), 0)
    bytes_added = bytes_removed = 0
    while True:
        counts["same"] += before.skip_equal(after)
        old, new = before.peek(), after.peek()
        if old is None and new is None:
            break
        is_old = old is not None and (new is None or old.path <= new.path)
        is_new = new is not None and (old is None or new.path <= old.path)
        old, new = old if is_old else None, new if is_new else None
        if old is not None:
            before.advance()
        if new is not None:
            after.advance()
        if old is not None and new is not None and _is_same(old, new):
            counts["same"] += 1
            continue
        kind = "added" if old is None else "removed" if new is None else "changed"
        counts[kind] += 1
        size_before = None if old is None else old.size_bytes
        size_after = None if new is None else new.size_bytes
        bytes_removed += size_before or 0
        bytes_added += size_after or 0
        if len(named[kind]) < ARTIFACT_DIFF_PATHS_MAX:
            present = old or new
            assert present is not None
            named[kind].append(FileChange(present.path, size_before, size_after))
    return FileChanges(
        **named,
        counts=ChangeCounts(**counts),
        bytes_added=bytes_added,
        bytes_removed=bytes_removed,
    )


def _is_same(old: Entry, new: Entry) -> bool:
    return (old.digest, old.size_bytes, old.ref) == (new.digest, new.size_bytes, new.ref)


def diff_documents(before: dict[str, Any], after: dict[str, Any]) -> list[ValueChange]:
    """Keys whose values differ, nested ones joined by dots, in order; the first 1,000.

    A key that is null is like one that is not there.
    """
    old, new = flatten(before), flatten(after)
    changes = [
        ValueChange(key, old.get(key), new.get(key))
        for key in sorted(old.keys() | new.keys())
        if not _is_equal(old.get(key), new.get(key))
    ]
    return changes[:ARTIFACT_DIFF_PATHS_MAX]


def flatten(document: dict[str, Any], *, depth: int = 0) -> dict[str, Any]:
    """Nested objects as one, keys joined by dots; NaN and infinities as strings."""
    flat: dict[str, Any] = {}
    for key, value in document.items():
        if isinstance(value, dict) and value and depth < DEPTH_MAX:
            nested = flatten(value, depth=depth + 1)
            flat |= {f"{key}.{name}": item for name, item in nested.items()}
        else:
            flat[str(key)] = without_nonfinite(value)
    return flat


def _is_equal(old: Any, new: Any) -> bool:
    """1 and 1.0 are equal, 1 and True are not."""
    return isinstance(old, bool) == isinstance(new, bool) and bool(old == new)
