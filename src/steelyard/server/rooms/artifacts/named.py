"""Which contents a version names, for those who may see it and not its whole collection.

A manifest of a million entries would be read for each file of a download. Its MD5s are therefore
kept sorted, 16 bytes each; a committed manifest never changes, so what is kept stays true.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from steelyard.limits import VERSION_DIGESTS_KEPT_BYTES_MAX
from steelyard.server.rooms.artifacts.model import Artifact
from steelyard.server.rooms.artifacts.pages import MD5_BYTES
from steelyard.server.rooms.artifacts.tables import artifact_manifest_pages

HALF_BYTES = MD5_BYTES // 2


class SortedDigests:
    """MD5s as two sorted columns of their halves."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        """`pieces` are MD5s one after the other, in any order."""
        halves = np.frombuffer(b"".join(pieces), dtype=">u8").astype(np.uint64).reshape(-1, 2)
        order = np.lexsort((halves[:, 1], halves[:, 0]))
        self._first: npt.NDArray[np.uint64] = halves[order, 0]
        self._second: npt.NDArray[np.uint64] = halves[order, 1]

    @property
    def size_bytes(self) -> int:
        return self._first.nbytes + self._second.nbytes

    def has(self, md5: bytes) -> bool:
        first = np.uint64(int.from_bytes(md5[:HALF_BYTES], "big"))
        second = np.uint64(int.from_bytes(md5[HALF_BYTES:], "big"))
        low, high = (int(np.searchsorted(self._first, first, side)) for side in ("left", "right"))
        at = low + int(np.searchsorted(self._second[low:high], second))
        return at < high and bool(self._second[at] == second)


class VersionDigests:
    """The MD5s of versions that were asked for lately. Threads may share it."""

    def __init__(self, *, bytes_max: int = VERSION_DIGESTS_KEPT_BYTES_MAX) -> None:
        self._bytes_max = bytes_max
        self._lock = threading.Lock()
        self._kept: OrderedDict[int, SortedDigests] = OrderedDict()
        self._kept_bytes = 0

    @property
    def kept_bytes(self) -> int:
        return self._kept_bytes

    def names(self, conn: Connection, artifact: Artifact, md5: bytes) -> bool:
        """The manifest of the version has a content with that MD5."""
        if not artifact.is_committed:  # what it will name is not known yet
            return False
        with self._lock:
            found = self._kept.get(artifact.id)
            if found is not None:
                self._kept.move_to_end(artifact.id)
        if found is None:
            found = SortedDigests(_read(conn, artifact.id))
            self._keep(artifact.id, found)
        return found.has(md5)

    def _keep(self, artifact_id: int, digests: SortedDigests) -> None:
        with self._lock:
            if artifact_id in self._kept:  # another thread was faster
                return
            self._kept[artifact_id] = digests
            self._kept_bytes += digests.size_bytes
            while self._kept_bytes > self._bytes_max and len(self._kept) > 1:
                _, oldest = self._kept.popitem(last=False)
                self._kept_bytes -= oldest.size_bytes


def _read(conn: Connection, artifact_id: int) -> Iterable[bytes]:
    pages = artifact_manifest_pages.c
    rows = conn.execute(
        sa.select(pages.digests)
        .where(pages.artifact_id == artifact_id)
        .execution_options(yield_per=32)
    )
    return (bytes(digests) for (digests,) in rows)
