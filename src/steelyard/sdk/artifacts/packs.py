"""Small files of an artifact, many in one request: [16 bytes MD5 · uint32 length · bytes] each.

What arrives damaged or not at all is not an error here: it is asked for by itself afterwards, and
that says what is wrong.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

from steelyard.errors import SteelyardError, Unavailable
from steelyard.limits import (
    ARTIFACT_CONTENTS_ASKED_AT_ONCE,
    ARTIFACT_PACK_SENT_BYTES,
    ARTIFACT_PACKED_FILE_BYTES_MAX,
)
from steelyard.sdk.artifacts.digest import MANIFEST_MD5
from steelyard.sdk.artifacts.entry import ArtifactManifestEntry

if TYPE_CHECKING:
    from steelyard.sdk.artifacts.remote import Remote

MD5_BYTES: Final = 16
HEAD_BYTES: Final = MD5_BYTES + 4


def is_packable(entry: ArtifactManifestEntry) -> bool:
    """Whether a file travels together with others."""
    size = entry.size
    return (
        size is not None
        and size < ARTIFACT_PACKED_FILE_BYTES_MAX
        and entry.ref is None
        and entry.digest_algorithm() == MANIFEST_MD5
    )


def split_into_packs(
    entries: Iterable[ArtifactManifestEntry],
) -> Iterator[list[ArtifactManifestEntry]]:
    """The entries in their order, each list for one request."""
    pack: list[ArtifactManifestEntry] = []
    pack_bytes = 0
    for entry in entries:
        size = (entry.size or 0) + HEAD_BYTES
        is_full = pack_bytes + size > ARTIFACT_PACK_SENT_BYTES
        if pack and (is_full or len(pack) == ARTIFACT_CONTENTS_ASKED_AT_ONCE):
            yield pack
            pack, pack_bytes = [], 0
        pack.append(entry)
        pack_bytes += size
    if pack:
        yield pack


def fetch_pack(
    remote: Remote, artifact_id: str, entries: list[ArtifactManifestEntry]
) -> dict[str, bytes]:
    """Contents by their digests, which they have been checked by: those that came.

    What was cut off is asked for again, as long as something comes.
    """
    found: dict[str, bytes] = {}
    left = entries
    while left:
        body, is_whole = _ask(remote, artifact_id, [entry.path for entry in left])
        before = len(found)
        found.update(read_pack(body))
        if is_whole or len(found) == before:
            break
        left = [entry for entry in left if entry.digest not in found]
    return found


def read_pack(body: bytes) -> Iterator[tuple[str, bytes]]:
    """(digest, content) of every content of a pack, or of its beginning, that is undamaged."""
    view, at = memoryview(body), 0
    while at + HEAD_BYTES <= len(body):
        start = at + HEAD_BYTES
        size = int.from_bytes(view[at + MD5_BYTES : start], "little")
        content = bytes(view[start : start + size])
        if len(content) < size:
            return
        md5 = hashlib.md5(content, usedforsecurity=False).digest()
        if md5 == view[at : at + MD5_BYTES]:
            yield b64encode(md5).decode(), content
        at = start + size


def _ask(remote: Remote, artifact_id: str, paths: list[str]) -> tuple[bytes, bool]:
    """(what came, whether that is the whole answer). A refusal is an empty whole one."""
    pieces: list[bytes] = []
    try:
        pieces.extend(remote.open_pack(artifact_id, paths))
    except Unavailable:
        return b"".join(pieces), False
    except SteelyardError:  # an earlier server, a version that was deleted, …
        return b"", True
    return b"".join(pieces), True
