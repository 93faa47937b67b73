"""What the two edges that receive rows share: the file stream and journals."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from steelyard.server.blobs.interface import BlobStore
from steelyard.server.columns.interface import Appended, Stream
from steelyard.server.columns.sealer import Sealer
from steelyard.server.db.interface import Database
from steelyard.server.http.auth import Authenticator
from steelyard.server.http.metrics import Metrics


class Ingest(msgspec.Struct, frozen=True):
    """What an upload needs of the server.

    One dependency, because Litestar starts a task group for several: 0.2 ms of each request.
    """

    db: Database
    blobs: BlobStore
    sealer: Sealer
    authenticator: Authenticator
    metrics: Metrics
    now_us: Callable[[], int]
    server_id: str


def ask_for_seal(
    sealer: Sealer, run_id: int, streams: Mapping[Stream, Appended | None], *, has_ended: bool
) -> None:
    """Tell the sealer of rows that came; of an ended run it packs what is left."""
    for stream, appended in streams.items():
        if has_ended:
            sealer.request(run_id, stream)
        elif appended is not None:
            sealer.consider(run_id, stream, appended)
