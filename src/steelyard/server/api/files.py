"""Files of runs: what there is, and where to get it."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from litestar import get
from sqlalchemy.engine import Connection

from steelyard.server.api.runs import RUN_PATH
from steelyard.server.db.interface import Database
from steelyard.server.http.file_urls import download_url
from steelyard.server.http.paging import Page, check_limit, decode_cursor, encode_cursor
from steelyard.server.http.signing import Signer
from steelyard.server.rooms.accounts.model import Caller
from steelyard.server.rooms.files.queries import count_files, list_files
from steelyard.server.rooms.runs.policy import get_readable_run_named
from steelyard.server.settings import ServerSettings


class FileRow(msgspec.Struct, frozen=True):
    """A file of a run. `url` needs no sign-in and expires after a day."""

    name: str
    size_bytes: int
    mimetype: str
    updated_at_us: int
    url: str


@get(RUN_PATH + "/files")
async def list_run_files(
    entity: str,
    project: str,
    run: str,
    caller: Caller,
    db: Database,
    signer: Signer,
    settings: ServerSettings,
    now_us: Callable[[], int],
    prefix: str = "",
    cursor: str | None = None,
    limit: int | None = None,
) -> Page[FileRow]:
    """List files by name, those below `prefix`, each with a URL to download it."""
    count, moment = check_limit(limit), now_us()
    after = decode_cursor(cursor, tuple[str])[0] if cursor else None

    def read(conn: Connection) -> Page[FileRow]:
        found = get_readable_run_named(conn, caller, entity, project, run)
        files = list_files(conn, found.id, limit=count + 1, after_name=after, prefix=prefix)
        rows = [
            FileRow(
                name=file.name,
                size_bytes=file.size_bytes,
                mimetype=file.mimetype,
                updated_at_us=file.updated_at_us,
                url=download_url(
                    signer, settings.public_url, run_id=found.id, name=file.name, now_us=moment
                ),
            )
            for file in files[:count]
        ]
        following = encode_cursor(rows[-1].name) if len(files) > count else None
        return Page(rows, following, total=count_files(conn, found.id, prefix=prefix))

    return await db.read(read)


handlers = [list_run_files]
