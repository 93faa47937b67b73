"""Journals over HTTP: what our own client sends, and what it asks before it begins.

The bytes are described in docs/concepts/journal.md. Answered only after everything is durable.
"""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from litestar import Request, post
from litestar.response.base import ASGIResponse

from steelyard.errors import Invalid, Overloaded
from steelyard.limits import JOURNAL_BODY_BYTES_MAX, MIB
from steelyard.server.http.bodies import read_body
from steelyard.server.http.ingest import Ingest, ask_for_seal
from steelyard.server.http.metrics import Metrics
from steelyard.server.rooms.runs.ingest import RunPath
from steelyard.server.rooms.runs.journal_records import decode_records
from steelyard.server.rooms.runs.journals import Accepted, Upload, accept_journal

RUN = "/api/v1/runs/{entity:str}/{project:str}/{run:str}"
#: In the place of an entity: the caller's own.
OWN_ENTITY = "-"
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
    skipped: int = 0
    """Records of this request that could not be applied; `reason` is of the first."""
    reason: str | None = None


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
        records = decode_records(body, writer=writer, offset=offset)
    else:
        records = await asyncio.to_thread(decode_records, body, writer=writer, offset=offset)
    accepted = await ingest.db.write(
        accept_journal,
        caller=caller,
        path=RunPath("" if entity == OWN_ENTITY else entity, project, run),
        upload=Upload(writer=writer, offset=offset, records=records),
        now_us=ingest.now_us(),
    )
    ask_for_seal(
        ingest.sealer,
        accepted.run_id,
        {"history": accepted.history, "system": accepted.system},
        has_ended=accepted.has_ended,
    )
    _count(ingest.metrics, len(body), accepted)
    return ASGIResponse(body=msgspec.json.encode(_answer(accepted)))


def _answer(accepted: Accepted) -> JournalAnswer:
    return JournalAnswer(
        acknowledged=accepted.acknowledged,
        stop=accepted.is_stop_requested,
        entity=accepted.entity,
        project=accepted.project,
        run=accepted.run,
        display_name=accepted.display_name,
        had_rows=accepted.had_rows,
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


handlers = [receive_journal]
