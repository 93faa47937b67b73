"""Files that the cells of a table name, wherever they are kept, for a caller who may read them."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy.engine import Connection

from steelyard.server.rooms.accounts.model import Caller
from steelyard.server.rooms.artifacts.files import find_entries
from steelyard.server.rooms.artifacts.model import Artifact
from steelyard.server.rooms.artifacts.pages import Entry
from steelyard.server.rooms.artifacts.references import BY_ID, follow_references
from steelyard.server.rooms.tables.sources import Blob, Origin, contents_of, find_blobs


class Mentioned(msgspec.Struct, frozen=True):
    """By the path that the table has for them. `references` lead out of this server."""

    blobs: dict[str, Blob]
    references: dict[str, Entry]


def find_mentioned(
    conn: Connection, caller: Caller, origin: Origin, paths: Sequence[str]
) -> Mentioned:
    """What is there of the files: contents, also those of versions that are referred to.

    What is nowhere, or not the caller's to see, is left out.
    """
    artifact = origin.artifact
    if artifact is None:
        return Mentioned(find_blobs(conn, origin, paths), {})
    entries = find_entries(conn, artifact.id, paths)
    refs = {path: entry.ref for path, entry in entries.items() if entry.ref is not None}
    followed = follow_references(conn, caller, [r for r in refs.values() if r.startswith(BY_ID)])
    ends = {path: (artifact, entry) for path, entry in entries.items() if path not in refs}
    ends |= {path: followed[ref] for path, ref in refs.items() if ref in followed}
    references = {path: entries[path] for path, ref in refs.items() if not ref.startswith(BY_ID)}
    references |= {path: entry for path, (_, entry) in ends.items() if not entry.is_content}
    return Mentioned(_contents(conn, ends), references)


def _contents(conn: Connection, ends: dict[str, tuple[Artifact, Entry]]) -> dict[str, Blob]:
    """One question for each version that has some of them."""
    by_artifact: dict[int, tuple[Artifact, dict[str, list[str]], list[Entry]]] = {}
    for path, (artifact, entry) in ends.items():
        _, names, entries = by_artifact.setdefault(artifact.id, (artifact, {}, []))
        names.setdefault(entry.path, []).append(path)
        entries.append(entry)
    found: dict[str, Blob] = {}
    for artifact, names, entries in by_artifact.values():
        for there, blob in contents_of(conn, artifact, entries).items():
            for path in names[there]:
                found[path] = msgspec.structs.replace(blob, name=path)
    return found
