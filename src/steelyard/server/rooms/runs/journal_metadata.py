"""METADATA: facts of the processes of a run. They stand in its config, one entry per writer, in a
few columns of its row, and in its file `wandb-metadata.json`, where the official API looks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy.engine import Connection

from steelyard.errors import Unavailable
from steelyard.server.blobs.interface import BlobStore, StoredBlob
from steelyard.server.rooms.accounts.model import Caller
from steelyard.server.rooms.projects.policy import find_readable_project
from steelyard.server.rooms.runs.journal_config import Config
from steelyard.server.rooms.runs.journal_records import (
    Part,
    SkippedRecord,
    check_map,
    decode_record,
    is_metadata,
    read_start,
)
from steelyard.server.rooms.runs.journal_writers import find_writer
from steelyard.server.rooms.runs.model import RunChanges
from steelyard.server.rooms.runs.queries import find_run

FILE_NAME = "wandb-metadata.json"


class MetadataFile(msgspec.Struct, frozen=True):
    """The file as it will be when a journal kept up to byte `acknowledged` takes an upload."""

    acknowledged: int
    blob: StoredBlob


class FileIsStale(Unavailable):
    """The journal went on while its metadata file was being written: make the file anew."""


def properties_of(facts: Mapping[str, Any]) -> RunChanges:
    """The columns of a run that facts tell. Names as in the official client's metadata."""
    git = facts.get("git")
    git = git if isinstance(git, dict) else {}
    told = {
        "host": facts.get("host"),
        "program": facts.get("program") or facts.get("codePath"),
        "commit": git.get("commit"),
        "repo": git.get("remote"),
    }
    texts: dict[str, Any] = {key: value for key, value in told.items() if isinstance(value, str)}
    return RunChanges(**texts)


def read_metadata(
    conn: Connection,
    *,
    caller: Caller,
    entity: str,
    project: str,
    run: str,
    part: Part,
) -> tuple[int, bytes | None]:
    """(acknowledged bytes, content of the file once the records are applied).

    No content when the writer is not the one to write it. For a project that the caller may not
    see, what is true of one that does not exist.
    """
    place = find_readable_project(conn, caller, entity, project)
    found = None if place is None else find_run(conn, place.id, run)
    held = None if found is None else find_writer(conn, found.id, part.writer)
    acknowledged = 0 if held is None else held.acknowledged_bytes
    if held is not None:
        is_primary = bool(held.is_primary)
    else:
        is_primary = part.offset == 0 and read_start(next(part.list_bodies()))[0].is_primary
    if not is_primary:
        return acknowledged, None
    config = Config("{}" if found is None else found.config)
    merged: dict[str, Any] | None = None
    for end, encoded in zip(part.ends[1:], part.list_bodies(), strict=True):
        if end > acknowledged and is_metadata(encoded):
            try:
                _, _, payload = decode_record(encoded)
                merged = config.merge_metadata(part.writer, check_map(payload, "metadata"))
            except SkippedRecord:  # noted when the record is applied
                continue
    if merged is None:
        return acknowledged, None
    return acknowledged, json.dumps(merged, indent=2).encode()


def store_metadata(blobs: BlobStore, acknowledged: int, content: bytes) -> MetadataFile:
    """Put the content in the blob store. Blocks."""
    writer = blobs.create_writer()
    try:
        writer.write(content)
        return MetadataFile(acknowledged, writer.commit())
    except BaseException:
        writer.abort()
        raise
