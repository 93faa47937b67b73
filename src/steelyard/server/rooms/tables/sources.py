"""From a reference to the contents behind it, for a caller who may read them."""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy.engine import Connection

from steelyard.errors import FileMissing, Invalid
from steelyard.limits import SQL_LIST_ITEMS_MAX, TABLE_PARTS_MAX, TABLE_SOURCE_BYTES_MAX
from steelyard.server.rooms.accounts.model import Caller
from steelyard.server.rooms.artifacts.files import contents_by_md5, find_entries, list_entries
from steelyard.server.rooms.artifacts.model import Artifact, Content
from steelyard.server.rooms.artifacts.pages import Entry
from steelyard.server.rooms.artifacts.policy import get_readable_member
from steelyard.server.rooms.artifacts.queries import get_artifact
from steelyard.server.rooms.artifacts.references import follow_references
from steelyard.server.rooms.files.policy import get_readable_file
from steelyard.server.rooms.files.queries import list_files
from steelyard.server.rooms.tables.model import (
    FORMATS,
    JOINED_SUFFIX,
    PARTITIONED_SUFFIX,
    Format,
    TableRef,
    find_format,
)

#: Bump when the converted form changes: what is in the caches is then made again.
FORM = 1
# wandb 0.31.0 sdk/data_types/table.py: an incremental table is all of
# "{increment}-{milliseconds}.{key}.table.json" of its artifact, where the first is "None-…"
# (sdk/internal/incremental_table_util.py takes the number before it is set).
INCREMENTAL_TYPE = "wandb-run-incremental-table"
_INCREMENT = re.compile(r"(\d+|None)(?:-(\d+))?\..*\.table\.json")


class Origin(msgspec.Struct, frozen=True):
    """Where files that a table mentions are looked for: in the same run or artifact."""

    run_id: int | None = None
    artifact: Artifact | None = None


class Blob(msgspec.Struct, frozen=True):
    """A file with its content."""

    name: str
    sha256: bytes
    md5: bytes
    size_bytes: int


class Source(msgspec.Struct, frozen=True):
    """What has to be read to have the table: files with the same columns, in this order."""

    origin: Origin
    blobs: list[Blob]
    format: Format
    form: str = "whole"
    """`head` for the beginning of a single file."""

    @property
    def key(self) -> str:
        """Equal for equal contents read the same way."""
        digest = hashlib.sha256(f"{FORM} {self.format} {self.form}".encode())
        for blob in self.blobs:
            digest.update(blob.sha256)
        if _mentions_files(self.format):  # arrays beside it are found by its place
            digest.update(repr(self._place()).encode())
        return digest.hexdigest()

    def _place(self) -> tuple[int | None, int | None]:
        artifact = self.origin.artifact
        return self.origin.run_id, None if artifact is None else artifact.id


class Document(msgspec.Struct, frozen=True):
    """A small file that says which tables are meant: partitioned or joined."""

    origin: Origin
    blob: Blob


def find_source(conn: Connection, caller: Caller, ref: TableRef) -> Source | Document:
    """The contents behind a reference.

    Raises Invalid for a file that is no table, TooLarge for one that is too large, and the errors
    of the policies, the same for absent and foreign.
    """
    if ref.version is None:
        file = get_readable_file(
            conn,
            caller,
            entity=ref.entity,
            project=ref.project,
            run=ref.name,
            name=ref.path,
        )
        origin = Origin(run_id=file.run_id)
        blob = Blob(file.name, file.sha256, file.md5, file.size_bytes)
    else:
        member = get_readable_member(conn, caller, ref.entity, ref.project, ref.name, ref.version)
        artifact = get_artifact(conn, member.artifact_id)
        origin, blob = _find_file(conn, caller, artifact, ref.path)
    return source_of(conn, origin, blob)


def _find_file(
    conn: Connection, caller: Caller, artifact: Artifact, path: str
) -> tuple[Origin, Blob]:
    """A file of a version, or the file of another version that it refers to."""
    entry = find_entries(conn, artifact.id, [path]).get(path)
    if entry is not None and entry.ref is not None:
        followed = follow_references(conn, caller, [entry.ref]).get(entry.ref)
        if followed is None:
            raise Invalid(
                f"{path!r} refers to {entry.ref}, which is not on this server, or not yours to see"
            )
        artifact, entry = followed
    blobs = {} if entry is None else contents_of(conn, artifact, [entry])
    if entry is None or entry.path not in blobs:
        raise FileMissing(path)
    return Origin(artifact=artifact), blobs[entry.path]


def source_of(conn: Connection, origin: Origin, blob: Blob) -> Source | Document:
    """The source that a file is, with its further increments where it is one of several."""
    if blob.name.lower().endswith((PARTITIONED_SUFFIX, JOINED_SUFFIX)):
        return Document(origin, blob)
    form = find_format(blob.name)
    if form is None:
        raise Invalid(
            f"{blob.name!r} is no table; tables are files that end in {', '.join(FORMATS)}"
        )
    blobs = [blob]
    artifact = origin.artifact
    if artifact is not None and artifact.type == INCREMENTAL_TYPE and form == "table":
        blobs = _list_increments(conn, origin, artifact) or blobs
    return Source(origin, blobs, form)


def check_size(source: Source) -> None:
    """Raises Invalid for more bytes than are read for one table."""
    total = sum(blob.size_bytes for blob in source.blobs)
    if total > TABLE_SOURCE_BYTES_MAX:
        raise Invalid(
            f"{source.blobs[0].name} has {total:,} bytes; a table is shown up to "
            f"{TABLE_SOURCE_BYTES_MAX:,} bytes (TABLE_SOURCE_BYTES_MAX): split it, or look at its "
            "beginning in the preview"
        )


def find_blobs(conn: Connection, origin: Origin, paths: Sequence[str]) -> dict[str, Blob]:
    """Those of the files of the run or artifact that are stored here."""
    if origin.run_id is not None:
        found: dict[str, Blob] = {}
        for first in range(0, len(paths), SQL_LIST_ITEMS_MAX):
            some = list(paths[first : first + SQL_LIST_ITEMS_MAX])
            for file in list_files(conn, origin.run_id, limit=len(some), names=some):
                found[file.name] = Blob(file.name, file.sha256, file.md5, file.size_bytes)
        return found
    artifact = origin.artifact
    assert artifact is not None
    return contents_of(conn, artifact, list(find_entries(conn, artifact.id, paths).values()))


def contents_of(conn: Connection, artifact: Artifact, entries: Sequence[Entry]) -> dict[str, Blob]:
    """The contents of entries by path; references to other places are left out."""
    md5s = {entry.path: entry.md5 for entry in entries if entry.is_content}
    found: dict[bytes, Content] = contents_by_md5(conn, artifact.collection_id, list(md5s.values()))
    return {
        path: Blob(path, found[md5].sha256, md5, found[md5].size_bytes)
        for path, md5 in md5s.items()
        if md5 in found
    }


def parts_of(conn: Connection, document: Document, content: Any) -> Source:
    """The files of a partitioned table: all tables below its directory, by name.

    # wandb 0.31.0 sdk/data_types/table.py: {"_type": "partitioned-table", "parts_path": …}
    """
    name = document.blob.name
    path = content.get("parts_path") if isinstance(content, dict) else None
    if not isinstance(path, str):
        raise Invalid(f"{name} names no parts: it has no text parts_path")
    prefix = posixpath.normpath(path).strip("/") + "/"
    blobs = [
        blob
        for blob in _list_below(conn, document.origin, "" if prefix == "./" else prefix)
        if find_format(blob.name) is not None
    ]
    forms = {find_format(blob.name) for blob in blobs}
    form = forms.pop() if forms else None
    if form is None or forms:
        raise Invalid(
            f"{name}: below {prefix!r} there are "
            + ("tables of different kinds" if forms else "no tables")
        )
    return Source(document.origin, blobs, form)


def sides_of(
    conn: Connection, document: Document, content: Any
) -> tuple[Source | Document, Source | Document, tuple[str, str]]:
    """Both tables of a joined table, and the columns they are joined on.

    # wandb 0.31.0: {"_type": "joined-table", "table1": path, "table2": path, "join_key": …}
    """
    name = document.blob.name
    members = content if isinstance(content, dict) else {}
    paths = [path for path in (members.get("table1"), members.get("table2")) if path]
    key = members.get("join_key")
    keys = [key, key] if isinstance(key, str) else key
    if not isinstance(keys, list) or len(keys) != 2 or not all(isinstance(k, str) for k in keys):
        raise Invalid(f"{name} names no column to join on: join_key is {key!r:.100}")
    if len(paths) != 2 or not all(isinstance(path, str) for path in paths):
        raise Invalid(f"{name} names no two tables: it has {sorted(members)}")
    blobs = find_blobs(conn, document.origin, paths)
    missing = [path for path in paths if path not in blobs]
    if missing:
        raise FileMissing(missing[0])
    left, right = (source_of(conn, document.origin, blobs[path]) for path in paths)
    return left, right, (keys[0], keys[1])


def _list_below(conn: Connection, origin: Origin, prefix: str) -> list[Blob]:
    if origin.run_id is not None:
        files = list_files(conn, origin.run_id, limit=TABLE_PARTS_MAX + 1, prefix=prefix)
        blobs = [Blob(file.name, file.sha256, file.md5, file.size_bytes) for file in files]
    else:
        artifact = origin.artifact
        assert artifact is not None
        entries = list_entries(conn, artifact.id, prefix=prefix, limit=TABLE_PARTS_MAX + 1)
        there = contents_of(conn, artifact, entries)
        far = [entry for entry in entries if entry.ref is not None and find_format(entry.path)]
        if far:
            raise Invalid(
                f"the part {far[0].path!r} refers to {far[0].ref}; parts in other artifacts are "
                "not put together here: open them one by one, or add their files"
            )
        missing = [entry.path for entry in entries if entry.is_content and entry.path not in there]
        if missing:
            raise FileMissing(missing[0])
        blobs = list(there.values())
    if len(blobs) > TABLE_PARTS_MAX:
        raise Invalid(
            f"below {prefix!r} there are more than {TABLE_PARTS_MAX:,} files (TABLE_PARTS_MAX)"
        )
    return sorted(blobs, key=lambda blob: blob.name)


def _list_increments(conn: Connection, origin: Origin, artifact: Artifact) -> list[Blob]:
    found: list[tuple[int, int, Blob]] = []
    for blob in _list_below(conn, origin, ""):
        match = _INCREMENT.fullmatch(blob.name)
        if match is not None:
            number = -1 if match[1] == "None" else int(match[1])
            found.append((number, int(match[2] or 0), blob))
    return [blob for _, _, blob in sorted(found, key=lambda each: each[:2])]


def _mentions_files(form: Format) -> bool:
    return form == "table"
