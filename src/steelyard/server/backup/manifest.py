"""What is in a backup: a tar file that any tar can read.

tables/NAME/000000.msgpack.zst   rows of a table, some hundreds per member
blobs/SHA256                     content of files, named by its own digest
manifest.json                    last: version, schema, counts, digests of every member
"""

from __future__ import annotations

import msgspec

FORMAT = 1
MANIFEST_NAME = "manifest.json"


class TablePage(msgspec.Struct, frozen=True):
    """Rows of a table, as msgpack holds them."""

    columns: list[str]
    rows: list[list[object]]


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """The table of contents. `sha256` is by member name, blobs left out: their name is theirs."""

    format: int
    version: str
    schema: str
    made_at_us: int
    row_counts: dict[str, int]
    blob_count: int
    blob_bytes: int
    sha256: dict[str, str]
    missing_blobs: list[str] = []
    """Digests of content that the store had lost already when the backup was made."""

    @property
    def row_count(self) -> int:
        return sum(self.row_counts.values())
