"""What our own client sends of its runs: journals and files; and what it asks before it begins.

The bytes are described in docs/concepts/journal.md. Answered only after everything is durable.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
from litestar import HttpMethod, Request, Response, get, post, put, route
from litestar.response.base import ASGIResponse
from sqlalchemy.engine import Connection

from steelyard.errors import Invalid, Overloaded
from steelyard.limits import JOURNAL_BODY_BYTES_MAX, MIB
from steelyard.server.api.run_rows import plain_config
from steelyard.server.blobs.interface import BlobStore
from steelyard.server.db.interface import Database
from steelyard.server.http.bodies import read_body
from steelyard.server.http.downloads import answer_download
from steelyard.server.http.ingest import Ingest, ask_for_seal
from steelyard.server.http.metrics import Metrics
from steelyard.server.http.run_files import describe_file, name_in_url
from steelyard.server.http.uploads import receive_blob
from steelyard.server.rooms.accounts.model import Caller
from steelyard.server.rooms.files.commands import put_file
from steelyard.server.rooms.files.model import check_file_name
from steelyard.server.rooms.files.policy import get_readable_file
from steelyard.server.rooms.runs.ingest import RunPath
from steelyard.server.rooms.runs.journal_metadata import (
    FileIsStale,
    MetadataFile,
    read_metadata,
    store_metadata,
)
from steelyard.server.rooms.runs.journal_records import Part, split_part
from steelyard.server.rooms.runs.journals import Accepted, accept_journal
from steelyard.server.rooms.runs.json_text import without_nonfinite
from steelyard.server.rooms.runs.model import RunState
from steelyard.server.rooms.runs.policy import get_writable_run_named
from steelyard.server.rooms.runs.resume import find_resume_point
from steelyard.server.rooms.sweeps.endings import find_sweep_stop

RUN = "/api/v1/runs/{entity:str}/{project:str}/{run:str}"
#: In the place of an entity: the caller's own.
OWN_ENTITY = "-"
FILE_SEGMENTS_BEFORE = 7  # of the path of a file in a URL
METADATA_ATTEMPTS = 5  # at a file that another request of the same writer overtakes
SLOW_BODY_BYTES = MIB // 4  # from here on a body is parsed in a thread: others should not wait


class JournalAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far the journal is kept, whether the process shall stop, and what its run is called."""

    acknowledged: int
    stop: bool
    entity: str
    project: str
    run: str
    display_name: str
    had_rows: bool
    """The run had rows before this writer."""
    server: str
    """Id of the server, as in GET /api/v1/me."""
    skipped: int = 0
    """Records of this request that could not be applied; `reason` is of the first."""
    reason: str | None = None
    stop_reason: str | None = None
    """Why the sweep of the run ends it; None when it does not, or somebody did by hand."""
    is_early: bool = False
    """Its curve was judged: the run ends well, with what it has."""


class FileStored(msgspec.Struct, frozen=True):
    """A file of a run as it is kept."""

    name: str
    size_bytes: int
    sha256: str


@post(
    RUN + "/journals/{writer:str}",
    status_code=200,
    request_max_body_size=None,
    include_in_schema=False,
)
async def receive_journal(
    request: Request[Any, Any, Any],
    ingest: Ingest,
    entity: str,
    project: str,
    run: str,
    writer: str,
    offset: int,
) -> ASGIResponse:
    """Keep the records that begin at byte `offset` of a writer's journal."""
    caller = await ingest.authenticator.provide_caller(request)
    if ingest.sealer.is_overloaded():
        ingest.metrics.count("steelyard_ingest_refused_total")
        raise Overloaded("the server is packing what it has received; send this again in a moment")
    if offset < 0:
        raise Invalid(f"the offset of a journal is {offset}; it must be 0 or more")
    body = await read_body(
        request, size_bytes_max=JOURNAL_BODY_BYTES_MAX, limit_name="JOURNAL_BODY_BYTES_MAX"
    )
    if len(body) < SLOW_BODY_BYTES:
        part = split_part(body, writer=writer, offset=offset)
    else:
        part = await asyncio.to_thread(split_part, body, writer=writer, offset=offset)
    path = RunPath("" if entity == OWN_ENTITY else entity, project, run)
    accepted = await _keep(ingest, caller, path, part)
    ask_for_seal(
        ingest.sealer,
        accepted.run_id,
        {"history": accepted.history, "system": accepted.system},
        has_ended=accepted.has_ended,
    )
    _count(ingest.metrics, len(body), accepted)
    answer = _answer(accepted, ingest.server_id)
    if accepted.is_stop_requested:
        stop = await ingest.db.read(find_sweep_stop, accepted.run_id)
        if stop is not None:
            answer = msgspec.structs.replace(answer, stop_reason=stop[0], is_early=stop[1])
    return ASGIResponse(body=msgspec.json.encode(answer))


async def _keep(ingest: Ingest, caller: Caller, path: RunPath, part: Part) -> Accepted:
    attempts = METADATA_ATTEMPTS if part.has_metadata else 1
    file: MetadataFile | None = None
    for attempt in range(1, attempts + 1):
        if attempts > 1:
            file = await _make_metadata_file(ingest, caller, path, part)
        try:
            return await ingest.db.write(
                accept_journal,
                caller=caller,
                path=path,
                part=part,
                metadata_file=file,
                now_us=ingest.now_us(),
            )
        except FileIsStale:
            if attempt == attempts:
                raise
    raise AssertionError("the last attempt returns or raises")


async def _make_metadata_file(
    ingest: Ingest, caller: Caller, path: RunPath, part: Part
) -> MetadataFile | None:
    """The bytes of a file go to the blob store before the transaction that refers to them."""
    acknowledged, content = await ingest.db.read(
        read_metadata,
        caller=caller,
        entity=path.entity,
        project=path.project,
        run=path.run,
        part=part,
    )
    if content is None:
        return None
    return await asyncio.to_thread(store_metadata, ingest.blobs, acknowledged, content)


def _answer(accepted: Accepted, server_id: str) -> JournalAnswer:
    return JournalAnswer(
        acknowledged=accepted.acknowledged,
        stop=accepted.is_stop_requested,
        entity=accepted.entity,
        project=accepted.project,
        run=accepted.run,
        display_name=accepted.display_name,
        had_rows=accepted.had_rows,
        server=server_id,
        skipped=accepted.skipped,
        reason=accepted.reason,
    )


def _count(metrics: Metrics, body_bytes: int, accepted: Accepted) -> None:
    rows = sum(part.accepted for part in (accepted.history, accepted.system) if part is not None)
    metrics.count("steelyard_ingest_rows_total", rows)
    metrics.count("steelyard_journal_requests_total")
    metrics.count("steelyard_journal_records_total", accepted.records)
    metrics.count("steelyard_journal_bytes_total", body_bytes)
    metrics.count("steelyard_journal_skipped_total", accepted.skipped)


class ResumePoint(msgspec.Struct, frozen=True):
    """What a process must know of a run that it goes on with. NaN and infinities are strings."""

    entity: str
    project: str
    run: str
    exists: bool
    last_step: int | None = None
    runtime_s: float = 0.0
    display_name: str | None = None
    config: dict[str, Any] = {}
    summary: dict[str, Any] = {}
    tags: list[str] = []
    notes: str | None = None
    state: RunState | None = None


@get(RUN + "/resume")
async def show_resume_point(
    entity: str, project: str, run: str, caller: Caller, db: Database
) -> ResumePoint:
    """Where a run stands, to go on with it. A run that does not exist is no error here."""
    owner = "" if entity == OWN_ENTITY else entity

    def read(conn: Connection) -> ResumePoint:
        point = find_resume_point(conn, caller, owner, project, run)
        if point.run is None:
            return ResumePoint(point.entity, project, run, exists=False)
        config = plain_config(point.run.parse_config())
        return ResumePoint(
            entity=point.entity,
            project=project,
            run=run,
            exists=True,
            last_step=point.last_step,
            runtime_s=point.runtime_s,
            display_name=point.run.display_name,
            config=without_nonfinite(config),
            summary=without_nonfinite(point.run.parse_summary()),
            tags=point.run.tags,
            notes=point.run.notes,
            state=point.run.state,
        )

    return await db.read(read)


@put(
    RUN + "/files/{path:path}",
    status_code=200,
    request_max_body_size=None,
    include_in_schema=False,
)
async def receive_file(
    request: Request[Any, Any, Any],
    caller: Caller,
    db: Database,
    blobs: BlobStore,
    now_us: Callable[[], int],
    entity: str,
    project: str,
    run: str,
) -> FileStored:
    """Store the body as a file; the one that was there stays until the new one is whole."""
    name = name_in_url(request, segments_before=FILE_SEGMENTS_BEFORE)
    check_file_name(name)
    owner = "" if entity == OWN_ENTITY else entity
    found = await db.read(get_writable_run_named, caller, owner, project, run)
    blob = await receive_blob(request, blobs, name=name)
    await db.write(put_file, run_id=found.id, name=name, blob=blob, now_us=now_us())
    return FileStored(name=name, size_bytes=blob.size_bytes, sha256=blob.sha256.hex())


@route(
    RUN + "/files/{path:path}",
    http_method=[HttpMethod.GET, HttpMethod.HEAD],
    status_code=200,
    include_in_schema=False,
)
async def send_file(
    request: Request[Any, Any, Any],
    caller: Caller,
    db: Database,
    blobs: BlobStore,
    entity: str,
    project: str,
    run: str,
) -> Response[Any]:
    """Send a file to whoever may see the run."""
    name = name_in_url(request, segments_before=FILE_SEGMENTS_BEFORE)
    owner = "" if entity == OWN_ENTITY else entity
    file = await db.read(
        get_readable_file, caller, entity=owner, project=project, run=run, name=name
    )
    return await answer_download(request, blobs, describe_file(file))


handlers = [receive_journal, show_resume_point, receive_file, send_file]
