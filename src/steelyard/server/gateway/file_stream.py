"""The file stream: how the official client sends rows, console lines, summary and exit code.

Answered only after everything is durable. Statuses are protocol here:
wandb v0.28.2 core/internal/clients/retry_policy.go: the client sends the same bytes again for days
after 408, 429 and 5xx, but never after 400, 401, 403, 404, 409, 410, 413, 422 and 501: then the
stream of that run is dead and its rows wait for `wandb sync`. So what a proxy or a cable may have
done to a body is 408, and 4xx is only for what can never work.
"""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import msgspec
from litestar import Request, post
from litestar.response.base import ASGIResponse

from steelyard.errors import Invalid, Overloaded, Torn
from steelyard.limits import FILE_STREAM_BODY_BYTES_MAX, MIB
from steelyard.server.columns.tail import encode_lines
from steelyard.server.http.bodies import read_body
from steelyard.server.http.ingest import Ingest, ask_for_seal
from steelyard.server.http.metrics import Metrics
from steelyard.server.rooms.runs.ingest import (
    Accepted,
    RunPath,
    SentConsole,
    SentLines,
    Upload,
    accept_upload,
)

log = logging.getLogger("steelyard.file_stream")

HISTORY_FILE = "wandb-history.jsonl"
SYSTEM_FILE = "wandb-events.jsonl"
SUMMARY_FILE = "wandb-summary.json"
CONSOLE_FILE = "output.log"
KNOWN_FILES = frozenset({HISTORY_FILE, SYSTEM_FILE, SUMMARY_FILE, CONSOLE_FILE})

#: wandb v0.28.2 core/internal/stream/stream_init.go: set when several processes write one run.
WRITER_HEADER = "x-wandb-async-client-id"
SLOW_BODY_BYTES = MIB // 4  # from here on a body is parsed in a thread: others should not wait

GO_ON, STOP = b"{}", b'{"stopped":true}'


class FileLines(msgspec.Struct, frozen=True):
    """Lines of one file: the number of the first, and their texts."""

    content: list[str]
    offset: int = 0


class FileStreamBody(msgspec.Struct, frozen=True):
    """What the client sends; `{}` is a heartbeat. Fields that we do not know are ignored.

    `uploaded` names files that have been stored: their PUT told us already.
    """

    files: dict[str, FileLines] | None = None
    uploaded: list[str] | None = None
    preempting: bool | None = None
    complete: bool | None = None
    exitcode: int | None = None


_decode_body = msgspec.json.Decoder(FileStreamBody).decode


@post(
    "/files/{entity:str}/{project:str}/{run:str}/file_stream",
    status_code=200,
    request_max_body_size=None,
    include_in_schema=False,
)
async def receive_file_stream(
    request: Request[Any, Any, Any], ingest: Ingest, entity: str, project: str, run: str
) -> ASGIResponse:
    """Keep what the process of a run sent, and tell it whether to stop."""
    caller = await ingest.authenticator.provide_caller(request)
    if ingest.sealer.is_overloaded():
        ingest.metrics.count("steelyard_ingest_refused_total")
        raise Overloaded("the server is packing what it has received; send this again in a moment")
    body = await read_body(
        request,
        size_bytes_max=FILE_STREAM_BODY_BYTES_MAX,
        limit_name="FILE_STREAM_BODY_BYTES_MAX",
    )
    writer = request.headers.get(WRITER_HEADER, "")
    if len(body) < SLOW_BODY_BYTES:
        upload = parse_upload(body, writer)
    else:
        upload = await asyncio.to_thread(parse_upload, body, writer)
    accepted = await ingest.db.write(
        accept_upload,
        caller=caller,
        path=RunPath(entity, project, run),
        upload=upload,
        now_us=ingest.now_us(),
    )
    ask_for_seal(
        ingest.sealer,
        accepted.run_id,
        {"history": accepted.history, "system": accepted.system},
        has_ended=accepted.has_ended,
    )
    _count(ingest.metrics, len(body), accepted)
    return ASGIResponse(body=STOP if accepted.is_stop_requested else GO_ON)


def parse_upload(body: bytes, writer: str) -> Upload:
    """The request in our terms. Raises Torn for what is not JSON, Invalid for the wrong shape."""
    sent = _parse_body(body)
    files = sent.files or {}
    if not files.keys() <= KNOWN_FILES:
        unknown = sorted(files.keys() - KNOWN_FILES)
        log.warning("unknown files in a file stream", extra={"files": unknown[:10]})
    console = files.get(CONSOLE_FILE)
    summary = files.get(SUMMARY_FILE)
    return Upload(
        writer=writer,
        history=_encode(files.get(HISTORY_FILE)),
        system=_encode(files.get(SYSTEM_FILE)),
        console=SentConsole(console.offset, console.content) if console else None,
        # Each line is a whole summary, the last one counts.
        summary=summary.content[-1] if summary and summary.content else None,
        is_preempting=bool(sent.preempting),
        exit_code=(sent.exitcode or 0) if sent.complete else None,
    )


def _encode(file: FileLines | None) -> SentLines | None:
    if file is None or not file.content:
        return None
    return SentLines(file.offset, encode_lines(file.content))


def _parse_body(body: bytes) -> FileStreamBody:
    try:
        return _decode_body(body)
    except msgspec.ValidationError as error:
        raise Invalid(f"this is not a file-stream request: {error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return _parse_lenient(body, error)


def _parse_lenient(body: bytes, first_error: Exception) -> FileStreamBody:
    """Python's dialect, from old clients: halves of surrogate pairs; bare NaN, read as null."""
    try:
        value = json.loads(body.decode(), parse_constant=lambda _: None)
        text = json.dumps(value, ensure_ascii=False)
    except (ValueError, RecursionError):
        raise Torn(
            f"the body is not JSON ({first_error}); it may have been cut on its way, send it again"
        ) from first_error
    try:
        return _decode_body(text.encode("utf-8", "replace"))
    except msgspec.ValidationError as error:
        raise Invalid(f"this is not a file-stream request: {error}") from error


def _count(metrics: Metrics, body_bytes: int, accepted: Accepted) -> None:
    rows = sum(part.accepted for part in (accepted.history, accepted.system) if part is not None)
    metrics.count("steelyard_ingest_requests_total")
    metrics.count("steelyard_ingest_bytes_total", body_bytes)
    metrics.count("steelyard_ingest_rows_total", rows)


handlers = [receive_file_stream]
