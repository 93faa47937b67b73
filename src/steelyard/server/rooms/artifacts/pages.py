"""Manifests as rows: entries in order of path, about a thousand to a row, each row on its own.

A row holds the MD5s of its stored contents as plain bytes (nothing packs them, and sweeps read
nothing else) and the rest as zstd-compressed msgpack.
"""

from __future__ import annotations

import base64
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


class Place(msgspec.Struct, array_like=True, gc=False):
    """The beginning of an entry: enough to find and to count it."""

    path: str
    size_bytes: int


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
_ENTRY = msgspec.msgpack.Decoder(Entry)
_RAWS = msgspec.msgpack.Decoder(list[msgspec.Raw])
_PLACES = msgspec.msgpack.Decoder(list[Place])
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
    entries = _ENTRIES.decode(_decompress(data))
    texts = iter(_format_digests(digests))
    for entry in entries:
        if entry.digest is None:
            entry.digest = next(texts)
    return entries


class SplitPage(msgspec.Struct, frozen=True):
    """The entries of a row, each still packed."""

    digests: bytes
    entries: list[msgspec.Raw]

    def entry(self, at: int) -> Entry:
        """One of them. Where no reference is among them, its digest has the same place."""
        entry = _ENTRY.decode(self.entries[at])
        if entry.digest is None:
            place = at
            if len(self.digests) < MD5_BYTES * len(self.entries):
                before = map(_ENTRY.decode, self.entries[:at])
                place = sum(1 for each in before if each.digest is None)
            entry.digest = format_md5(self.digests[place * MD5_BYTES : (place + 1) * MD5_BYTES])
        return entry


def split_page(digests: bytes, data: bytes) -> SplitPage:
    """A row of which only some entries are wanted."""
    return SplitPage(digests, _RAWS.decode(_decompress(data)))


def unpack_places(data: bytes) -> list[Place]:
    """The paths and sizes of a row, in order of path."""
    return _PLACES.decode(_decompress(data))


def _decompress(data: bytes) -> bytes:
    decompressor = getattr(_local, "decompressor", None)
    if decompressor is None:
        decompressor = _local.decompressor = zstandard.ZstdDecompressor()
    raw: bytes = decompressor.decompress(data, max_output_size=UNPACKED_BYTES_MAX)
    return raw


def _format_digests(digests: bytes) -> list[str]:
    """Each MD5 in base64, encoded all at once: 18 bytes are 24 digits, of which two are padding."""
    padded = b"".join([md5 + b"\x00\x00" for md5 in split_digests(digests)])
    text = base64.b64encode(padded).decode()
    return [text[at : at + 22] + "==" for at in range(0, len(text), 24)]


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
