"""From a place to a blob store."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from steelyard.errors import CannotStart, MissingExtra
from steelyard.server.blobs.interface import BlobStore
from steelyard.server.blobs.local import LocalBlobs
from steelyard.server.blobs.place import S3Place, find_s3_place
from steelyard.server.db.locks import ServerLocks
from steelyard.server.settings import ServerSettings

if TYPE_CHECKING:
    from steelyard.server.blobs.s3 import S3Blobs

PLACE_FILE = "s3-place"  # in the spool of a server whose blobs are in S3: where they are


def blobs_directory(settings: ServerSettings) -> Path:
    """Of local blobs, and of uploads on their way to any store."""
    return settings.data_dir / "blobs"


def open_blobs(
    directory: Path,
    place: S3Place | None = None,
    *,
    server_id: str = "",
    server_locks: ServerLocks | None = None,
) -> BlobStore:
    """The blob store for the server `server_id` that owns it, made when absent.

    In `directory`, or in S3 with `directory` as spool; with `server_locks` other servers on the
    same database may use the place in S3, each with a directory of its own. Drops what a killed
    server left half-received. Raises StorageFull, StorageUnavailable, MissingExtra, and CannotStart
    when the blobs of this server are elsewhere or the place is another server's.
    """
    blobs = connect_blobs(directory, place, server_locks)
    claim_blobs(blobs, directory, server_id)
    blobs.remove_unfinished()
    return blobs


def visit_blobs(settings: ServerSettings) -> BlobStore:
    """The blob store of a server that may be running, to read from. Raises as `open_blobs`."""
    return connect_blobs(blobs_directory(settings), find_s3_place(settings))


def connect_blobs(
    directory: Path, place: S3Place | None, server_locks: ServerLocks | None = None
) -> BlobStore:
    """The blob store, whoever owns it. Raises as `open_blobs`."""
    if place is None:
        recorded = _recorded_place(directory)
        if recorded:
            raise CannotStart(
                f"the files of this server are in {recorded}; set blobs_url to it, or bring them "
                "here: steelyard backup, then restore without blobs_url"
            )
        return LocalBlobs(directory)
    if any(directory.glob("??/*")):
        raise CannotStart(
            f"the files of this server are in {directory.absolute()}, and blobs_url says "
            f"{place.url}; to move them: steelyard backup without blobs_url, then restore with it"
        )
    return _connect(place, directory, server_locks)


def claim_blobs(blobs: BlobStore, directory: Path, server_id: str) -> None:
    """Make a place in S3 this server's, and note it in its spool. CannotStart for another's."""
    if isinstance(blobs, LocalBlobs):
        return
    from steelyard.server.blobs.s3 import S3Blobs

    assert isinstance(blobs, S3Blobs)
    recorded, url = _recorded_place(directory), blobs.place.url
    blobs.claim(server_id, may_begin=recorded in ("", url))
    if recorded != url:
        _record_place(directory, url)


def check_s3(place: S3Place, spool: Path) -> None:
    """Raises StorageUnavailable with the reason when the store does not let us in, MissingExtra."""
    _connect(place, spool).check()


def _connect(place: S3Place, spool: Path, server_locks: ServerLocks | None = None) -> S3Blobs:
    try:
        from steelyard.server.blobs.s3 import S3Blobs
    except ModuleNotFoundError as error:
        if error.name != "obstore":
            raise
        raise MissingExtra("s3") from error
    return S3Blobs(place, spool, server_locks)


def _recorded_place(directory: Path) -> str:
    try:
        return (directory / PLACE_FILE).read_text().strip()
    except FileNotFoundError:
        return ""


def _record_place(directory: Path, url: str) -> None:
    part = directory / f"{PLACE_FILE}.part"
    with part.open("w") as file:
        file.write(url + "\n")
        file.flush()
        os.fsync(file.fileno())
    part.rename(directory / PLACE_FILE)
