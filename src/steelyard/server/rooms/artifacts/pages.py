"""Manifests as rows: entries in order of path, about a thousand to a row, each row on its own.

A row holds the MD5s of its stored contents as plain bytes (nothing packs them, and sweeps read
nothing else) and the rest as zstd-compressed msgpack.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import msgspec
import zstandard

from steelyard.errors import Invalid
from steelyard.limits import MANIFEST_PAGE_BYTES, MANIFEST_PAGE_ENTRIES
from steelyard.server.rooms.artifacts.manifest import SortedManifest
from steelyard.server.rooms.artifacts.names import format_md5, parse_md5

MD5_BYTES = 16
ENTRY_BYTES_ABOUT = 40  # of an entry beside its texts
UNPACKED_BYTES_MAX = 64 * 1024 * 1024  # far above what one row ever holds


class Entry(msgspec.Struct, array_like=True):
    """An entry of a version. `digest` is base64 MD5 of a content, any text of a reference."""

    path: str
    size_bytes: int
    digest: str | None
    birth_id: str | None = None
    ref: str | None = None
    extra: dict[str, Any] | None = None

    @property
    def is_content(self) -> bool:
        """The bytes are stored here, not elsewhere."""
        return self.ref is None

    @property
    def checked_digest(self) -> str:
        assert self.digest is not None  # filled in by unpack_page
        return self.digest

    @property
    def md5(self) -> bytes:
        """Of a content."""
        return parse_md5(self.checked_digest)


class PackedPage(msgspec.Struct, frozen=True):
    """A row of `artifact_manifest_pages` without its artifact."""

    page: int
    first_path: bytes
    entry_count: int
    entries_before: int
    bytes_before: int
    size_bytes: int
    digests: bytes
    sizes: list[int]
    """Of the contents, in the order of `digests`; not kept."""
    data: bytes


_ENTRIES = msgspec.msgpack.Decoder(list[Entry])
_local = threading.local()


def pack_pages(manifest: SortedManifest) -> Iterator[PackedPage]:
    """The rows of a manifest, in order."""
    page, entries_before, bytes_before = 0, 0, 0
    waiting: list[Entry] = []
    waiting_bytes = 0
    contents = manifest.document.contents
    for path in manifest.paths:
        entry = contents[path]
        waiting.append(
            Entry(
                path,
                entry.size or 0,
                entry.digest,
                entry.birth_artifact_id,
                entry.ref,
                entry.extra or None,
            )
        )
        waiting_bytes += ENTRY_BYTES_ABOUT + len(path) + len(entry.ref or "")
        if entry.extra:
            waiting_bytes += len(msgspec.msgpack.encode(entry.extra))
        if len(waiting) >= MANIFEST_PAGE_ENTRIES or waiting_bytes >= MANIFEST_PAGE_BYTES:
            packed = _pack(waiting, page, entries_before, bytes_before)
            yield packed
            page += 1
            entries_before += packed.entry_count
            bytes_before += packed.size_bytes
            waiting, waiting_bytes = [], 0
    if waiting:
        yield _pack(waiting, page, entries_before, bytes_before)


def unpack_page(digests: bytes, data: bytes) -> list[Entry]:
    """The entries of a row, in order of path."""
    decompressor = getattr(_local, "decompressor", None)
    if decompressor is None:
        decompressor = _local.decompressor = zstandard.ZstdDecompressor()
    raw = decompressor.decompress(data, max_output_size=UNPACKED_BYTES_MAX)
    entries = _ENTRIES.decode(raw)
    at = 0
    for entry in entries:
        if entry.digest is None:
            entry.digest = format_md5(digests[at : at + MD5_BYTES])
            at += MD5_BYTES
    return entries


def split_digests(digests: bytes) -> list[bytes]:
    """The MD5s in a row's `digests`."""
    return [digests[at : at + MD5_BYTES] for at in range(0, len(digests), MD5_BYTES)]


def _pack(entries: list[Entry], page: int, entries_before: int, bytes_before: int) -> PackedPage:
    digests, sizes = bytearray(), []
    for entry in entries:
        if entry.is_content:
            digests += entry.md5
            sizes.append(entry.size_bytes)
            entry.digest = None
    compressor = getattr(_local, "compressor", None)
    if compressor is None:
        compressor = _local.compressor = zstandard.ZstdCompressor(level=1)
    try:
        raw = msgspec.msgpack.encode(entries)
    except OverflowError as error:  # integers beyond 64 bits in `extra`
        raise Invalid(f"a number in the manifest is too large: {error}") from error
    return PackedPage(
        page=page,
        first_path=entries[0].path.encode(),
        entry_count=len(entries),
        entries_before=entries_before,
        bytes_before=bytes_before,
        size_bytes=sum(entry.size_bytes for entry in entries),
        digests=bytes(digests),
        sizes=sizes,
        data=bytes(compressor.compress(raw)),
    )
