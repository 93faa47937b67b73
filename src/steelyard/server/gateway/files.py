"""Run files over HTTP: signed uploads and downloads, and downloads with a key.

wandb 0.31.0 sends a PUT to a signed URL without any key, so the URL alone must carry the
# permission; it fetches `url` with Basic auth and `directUrl` without.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from litestar import HttpMethod, Request, Response, put, route

from steelyard.server.blobs.interface import BlobStore
from steelyard.server.db.interface import Database
from steelyard.server.http.downloads import (
    CORS_HEADERS,
    PREFLIGHT_HEADERS,
    answer_download,
)
from steelyard.server.http.file_urls import STORAGE_PREFIX, SignedLink, check_link
from steelyard.server.http.run_files import describe_file, name_in_url
from steelyard.server.http.signing import Signer
from steelyard.server.http.uploads import receive_blob
from steelyard.server.rooms.accounts.model import Caller
from steelyard.server.rooms.files.commands import put_file
from steelyard.server.rooms.files.model import check_file_name
from steelyard.server.rooms.files.policy import get_readable_file
from steelyard.server.rooms.files.queries import get_file

SIGNED_PATH = STORAGE_PREFIX + "{run_id:int}/{path:path}"
KEYED_PATH = "/files/{entity:str}/{project:str}/{run:str}/{path:path}"

AnyRequest = Request[Any, Any, Any]


@put(SIGNED_PATH, status_code=200, request_max_body_size=None, include_in_schema=False)
async def upload_run_file(
    request: AnyRequest,
    db: Database,
    blobs: BlobStore,
    signer: Signer,
    now_us: Callable[[], int],
    run_id: int,
    expires: int = 0,
    signature: str = "",
) -> Response[bytes]:
    """Store the body as the file; the one that was there stays until the new one is whole."""
    name = name_in_url(request, segments_before=3)
    check_link(
        signer, "upload", SignedLink(expires, signature), run_id=run_id, name=name, now_us=now_us()
    )
    check_file_name(name)
    blob = await receive_blob(request, blobs, name=name)
    await db.write(put_file, run_id=run_id, name=name, blob=blob, now_us=now_us())
    return Response(
        b"", headers=CORS_HEADERS | {"ETag": f'"{blob.sha256.hex()}"'}, media_type="text/plain"
    )


@route(
    SIGNED_PATH,
    http_method=[HttpMethod.GET, HttpMethod.HEAD],
    status_code=200,
    include_in_schema=False,
)
async def download_signed_run_file(
    request: AnyRequest,
    db: Database,
    blobs: BlobStore,
    signer: Signer,
    now_us: Callable[[], int],
    run_id: int,
    expires: int = 0,
    signature: str = "",
) -> Response[Any]:
    """Send the file to whoever has the link."""
    name = name_in_url(request, segments_before=3)
    check_link(
        signer,
        "download",
        SignedLink(expires, signature),
        run_id=run_id,
        name=name,
        now_us=now_us(),
    )
    file = await db.read(get_file, run_id, name)
    return await answer_download(request, blobs, describe_file(file), may_redirect=True)


@route(
    KEYED_PATH,
    http_method=[HttpMethod.GET, HttpMethod.HEAD],
    status_code=200,
    include_in_schema=False,
)
async def download_run_file(
    request: AnyRequest,
    caller: Caller,
    db: Database,
    blobs: BlobStore,
    entity: str,
    project: str,
    run: str,
) -> Response[Any]:
    """Send the file to whoever may see the run."""
    name = name_in_url(request, segments_before=4)
    file = await db.read(
        get_readable_file, caller, entity=entity, project=project, run=run, name=name
    )
    return await answer_download(request, blobs, describe_file(file))


@route(
    [SIGNED_PATH, KEYED_PATH],
    http_method=[HttpMethod.OPTIONS],
    status_code=204,
    include_in_schema=False,
)
async def answer_preflight() -> Response[None]:
    """Let pages of other origins read files: the link or the key is the permission."""
    return Response(None, headers=PREFLIGHT_HEADERS)


# Preflight first: Litestar makes up its own answer to OPTIONS with the first handler of a path.
handlers = [answer_preflight, upload_run_file, download_signed_run_file, download_run_file]
